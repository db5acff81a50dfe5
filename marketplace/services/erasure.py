# SPDX-License-Identifier: Apache-2.0
"""Deleting a person as the law wants it: what names them goes, what the books need stays under a number."""

from collections.abc import Callable
from datetime import datetime

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils.translation import gettext as _

from aion.actor import Actor, Via
from aion.api.models import IdempotencyRecord
from aion.audit import services as audit
from aion.audit.models import AuditEvent
from aion.errors import Conflict, Rejected
from aion.events.models import Mail, Notification, NotificationPreference
from aion.people.errors import SoleOwner
from aion.tenancy.audit import Action
from aion.tenancy.models import (
    ApiToken,
    Invitation,
    InvitationState,
    Membership,
    Organisation,
    OrganisationState,
    OwnershipTransfer,
    TransferState,
    User,
)
from aion.tenancy.roles import Role
from clusters.services.erasure import forget_author

# What parts of the product keep under a person's address; each writes the label in its place.
FORGETTERS: list[Callable[..., None]] = [forget_author]


@transaction.atomic
def erase_person(*, actor: Actor, user: User, at: datetime, reason: str = "") -> None:
    """Erase what names ``user``: account, addresses, factors, sessions, mails, the labels of the audit log.

    Rows that refer to the person keep the number. Raises SoleOwner while an organisation would be left without
    owner, Conflict for staff, whose acts on credit must keep their name, and Rejected when it was done before.
    """
    locked = User.objects.select_for_update().get(pk=user.pk)
    if locked.erased_at is not None:
        raise Rejected(_("This person is erased already."))
    if locked.is_staff:
        raise Conflict(_("Staff decide on credit, and decisions keep their author: end the staff role first."))
    labelled = _leave_everything(locked, at)
    email, name = locked.email, f"erased-{locked.pk}"
    addresses = {email, *EmailAddress.objects.filter(user=locked).values_list("email", flat=True)}
    _forget_ways_in(locked, addresses, at, name)
    Notification.objects.filter(user=locked).delete()
    NotificationPreference.objects.filter(user=locked).delete()
    Mail.objects.filter(user=locked).delete()
    Mail.objects.filter(address__in=addresses).delete()
    for address in addresses:
        # Answers kept for repeated calls: one may spell the address.
        IdempotencyRecord.objects.filter(body__icontains=address).delete()
        for forget in FORGETTERS:
            forget(address=address, label=name)
    locked.email, locked.name, locked.language = f"{name}@erased.invalid", "", ""
    locked.is_active, locked.is_superuser, locked.erased_at = False, False, at
    locked.set_unusable_password()
    locked.save()
    audit.record(actor=actor, action=Action.PERSON_ERASED, subject=locked, at=at, reason=reason)
    about = AuditEvent.objects.filter(subject_type="tenancy.membership", changes__user=locked.pk)
    labelled += about.values_list("subject_id", flat=True)
    for address in addresses:
        audit.forget_person(user_id=locked.pk, address=address, memberships=labelled)


def _leave_everything(user: User, at: datetime) -> list[str]:
    """End all memberships and return what the log may call them: by public id, and by key in its oldest events."""
    ids = Membership.objects.filter(user=user).values_list("organisation_id", flat=True)
    open_ones = Organisation.objects.exclude(state=OrganisationState.CLOSED).order_by("pk")
    for organisation in open_ones.filter(pk__in=list(ids)).select_for_update():
        owners = Membership.objects.filter(organisation=organisation, role=Role.OWNER)
        if owners.filter(user=user).exists() and not owners.exclude(user=user).exists():
            raise SoleOwner(
                _("You are the only owner of %(organisation)s: hand it over or close it first.")
                % {"organisation": organisation.name}
            )
    for membership in Membership.objects.filter(user=user).select_related("organisation"):
        actor = Actor(user.pk, membership.organisation_id, membership.role, frozenset(), Via.SYSTEM, user.email)
        audit.record(actor=actor, action=Action.MEMBER_LEFT, subject=membership, at=at, changes={"user": user.pk})
    known = [str(one) for pair in Membership.objects.filter(user=user).values_list("public_id", "pk") for one in pair]
    Membership.objects.filter(user=user).delete()
    return known


def _forget_ways_in(user: User, addresses: set[str], at: datetime, name: str) -> None:
    ApiToken.objects.filter(user=user, revoked_at=None).update(revoked_at=at)
    for side in ("from_user", "to_user"):
        OwnershipTransfer.objects.filter(**{side: user}, state=TransferState.PENDING).update(
            state=TransferState.WITHDRAWN
        )
    invited = Invitation.objects.filter(email__in=addresses)
    invited.filter(state=InvitationState.PENDING).update(state=InvitationState.REVOKED)
    invited.update(email=f"{name}@erased.invalid")
    Session.objects.filter(
        pk__in=list(UserSession.objects.filter(user=user).values_list("session_key", flat=True))
    ).delete()
    UserSession.objects.filter(user=user).delete()
    Authenticator.objects.filter(user=user).delete()
    EmailAddress.objects.filter(user=user).delete()
    SocialAccount.objects.filter(user=user).delete()
