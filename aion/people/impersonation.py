# SPDX-License-Identifier: Apache-2.0
"""Staff look at the portal as a member does: reading only, for half an hour, for a reason, each page on the record."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from aion.actor import Actor, Scope, Via
from aion.audit import services as audit
from aion.errors import Conflict, NotFound, Rejected
from aion.people.errors import SecondFactorNeeded
from aion.people.verified import factors_of
from aion.tenancy.audit import Action
from aion.tenancy.models import Impersonation, Membership, User
from aion.tenancy.roles import scopes_of

LIFE = timedelta(minutes=30)
# A member's keys are theirs alone, even to look at.
HIDDEN = frozenset({Scope.TOKENS_READ})


def member_to_look_at(*, staff: User, public_id: str) -> Membership:
    """Return the membership that ``staff`` may look through. Raises NotFound for everybody but staff."""
    if not (staff.is_staff and staff.is_active):
        raise NotFound(_("There is no such page."))
    if not factors_of(staff).exists():
        raise SecondFactorNeeded(_("Set up a second factor first."))
    found: Membership | None = (
        Membership.objects.filter(public_id=public_id).select_related("user", "organisation").first()
    )
    if found is None:
        raise NotFound(_("There is no such member."))
    return found


@transaction.atomic
def begin(*, staff: User, public_id: str, reason: str, at: datetime) -> Impersonation:
    """Begin to look as a member. Raises Rejected without a reason, Conflict for a member who is staff, NotFound."""
    member = member_to_look_at(staff=staff, public_id=public_id)
    if not reason.strip():
        raise Rejected(_("Write why: the organisation reads it in its audit log."), field="reason")
    if member.user.is_staff:
        raise Conflict(_("Staff are not looked at: ask your colleague."))
    looking = Impersonation.objects.create(
        organisation=member.organisation,
        staff=staff,
        user=member.user,
        reason=reason.strip()[:200],
        started_at=at,
        ends_at=at + LIFE,
    )
    audit.record(
        actor=_staff(looking),
        action=Action.IMPERSONATION_BEGUN,
        subject=looking,
        at=at,
        reason=looking.reason,
        changes={"member": member.public_id},
    )
    return looking


@transaction.atomic
def end(*, staff: User, public_id: str, at: datetime) -> None:
    """End it; a second time changes nothing."""
    looking = Impersonation.objects.filter(public_id=public_id, staff=staff).select_related("staff", "user").first()
    if looking is not None and Impersonation.objects.filter(pk=looking.pk, ended_at=None).update(ended_at=at):
        audit.record(actor=_staff(looking), action=Action.IMPERSONATION_ENDED, subject=looking, at=at)


def current(*, staff: User, public_id: str, slug: str, at: datetime) -> Impersonation | None:
    """Return what ``staff`` looks through at ``at`` in the organisation ``slug``, or None when it is over."""
    found: Impersonation | None = (
        Impersonation.objects.filter(
            public_id=public_id,
            staff=staff,
            staff__is_staff=True,
            staff__is_active=True,
            organisation__slug=slug,
            ended_at=None,
            ends_at__gt=at,
        )
        .select_related("staff", "user", "organisation")
        .first()
    )
    return found


def actor_of(looking: Impersonation) -> Actor | None:
    """Return the actor of pages that are looked at: the member's rights to read, less those that are personal."""
    member = Membership.objects.filter(user=looking.user, organisation=looking.organisation).first()
    if member is None:
        return None
    scopes = frozenset(scope for scope in scopes_of(member.role) if scope.endswith(":read")) - HIDDEN
    return Actor(looking.user_id, looking.organisation_id, member.role, scopes, Via.ADMIN, _staff(looking).label)


def viewed(*, looking: Impersonation, path: str, at: datetime) -> None:
    """Write that a page was looked at."""
    audit.record(
        actor=_staff(looking),
        action=Action.IMPERSONATION_VIEWED,
        subject=looking,
        at=at,
        changes={"page": path[:200]},
    )


def _staff(looking: Impersonation) -> Actor:
    label = f"{looking.staff.email} (looking)"
    return Actor(looking.staff_id, looking.organisation_id, "staff", frozenset(), Via.ADMIN, label)
