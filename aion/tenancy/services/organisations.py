# SPDX-License-Identifier: Apache-2.0
"""Creating and freezing organisations."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import Conflict, Rejected
from aion.tenancy.audit import Action
from aion.tenancy.models import Membership, Organisation, OrganisationState, User


@transaction.atomic
def create_organisation(
    *, actor: Actor, name: str, slug: str, kind: str, country: str, milli_gpu_quota: int, at: datetime
) -> Organisation:
    """Create a tenant. The address (slug) is unique for ever."""
    organisation = Organisation.objects.create(
        name=name, slug=slug, kind=kind, country_id=country, milli_gpu_quota=milli_gpu_quota
    )
    audit.record(actor=actor, action=Action.ORGANISATION_CREATED, subject=organisation, at=at)
    return organisation


@transaction.atomic
def add_member(
    *, actor: Actor, organisation: Organisation, user: User, role: str, at: datetime, reason: str = ""
) -> Membership:
    """Give ``user`` a role in ``organisation``."""
    membership = Membership.objects.create(organisation=organisation, user=user, role=role)
    changes = {"role": role, "user": user.pk}
    audit.record(actor=actor, action=Action.MEMBER_ADDED, subject=membership, at=at, reason=reason, changes=changes)
    return membership


@transaction.atomic
def appoint(
    *, actor: Actor, organisation: Organisation, email: str, role: str, reason: str, at: datetime
) -> Membership:
    """Make a known person a member, by staff. Raises Rejected for an unknown address, Conflict for a member."""
    if not reason.strip():
        raise Rejected(gettext("Write why: the organisation's owners will read it."), field="reason")
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None:
        raise Rejected(gettext("Nobody has signed up with this address: ask the person to."), field="email")
    if Membership.objects.filter(organisation=organisation, user=user).exists():
        raise Conflict(gettext("This person is a member already."), field="email")
    return add_member(actor=actor, organisation=organisation, user=user, role=role, at=at, reason=reason)


@transaction.atomic
def freeze_organisation(*, actor: Actor, organisation: Organisation, reason: str, at: datetime) -> None:
    """Stop everything new and let the reconciler drain what runs. Raises Rejected without a reason."""
    if not reason.strip():
        raise Rejected(gettext("Write why: the organisation's owners will read it."), field="reason")
    moved = Organisation.objects.filter(pk=organisation.pk, state=OrganisationState.ACTIVE).update(
        state=OrganisationState.FROZEN, frozen_reason=reason[:200]
    )
    if moved:
        audit.record(actor=actor, action=Action.ORGANISATION_FROZEN, subject=organisation, at=at, reason=reason)


@transaction.atomic
def unfreeze_organisation(*, actor: Actor, organisation: Organisation, reason: str, at: datetime) -> None:
    """Let the organisation start work again. Raises Rejected without a reason."""
    if not reason.strip():
        raise Rejected(gettext("Write why: it goes on the record."), field="reason")
    moved = Organisation.objects.filter(pk=organisation.pk, state=OrganisationState.FROZEN).update(
        state=OrganisationState.ACTIVE, frozen_reason=""
    )
    if moved:
        audit.record(actor=actor, action=Action.ORGANISATION_UNFROZEN, subject=organisation, at=at, reason=reason)
