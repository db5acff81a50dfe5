# SPDX-License-Identifier: Apache-2.0
"""Inviting people by e-mail. The token is in the mail only; we keep its digest."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from aion.actor import Actor, Scope, Via
from aion.audit import services as audit
from aion.errors import Conflict, Forbidden, NotFound, Rejected
from aion.events.services.emission import emit
from aion.events.services.letters import emit_to_address
from aion.people import event_types  # noqa: F401 - registers what is emitted here
from aion.people.errors import InvitationExpired, InvitationForAnother, InvitationUsed, RoleAboveOwn
from aion.people.verified import has_address
from aion.tenancy.audit import Action
from aion.tenancy.models import (
    Invitation,
    InvitationState,
    Membership,
    Organisation,
    OrganisationKind,
    OrganisationState,
    User,
)
from aion.tenancy.roles import Role, rank_of, scopes_of

LIFE = timedelta(days=7)
MOST_OPEN = 100
MOST_SENT = 5


def digest_of(token: str) -> str:
    """Return the stored form of a token: 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def require_role(actor: Actor, organisation: Organisation, role: str) -> None:
    """Raise RoleAboveOwn or Rejected unless ``actor`` may give ``role`` in ``organisation``."""
    if role not in Role:
        raise Rejected(_("There is no such role."), field="role")
    if rank_of(role) > rank_of(actor.role):
        raise RoleAboveOwn(_("You cannot give a role above your own: ask an owner to do it."), field="role")
    if role == Role.OPERATOR and organisation.kind != OrganisationKind.MEMBER:
        raise Rejected(_("Only members of the consortium have operators."), field="role")


@transaction.atomic
def invite(*, actor: Actor, email: str, role: str, at: datetime) -> Invitation:
    """Invite ``email`` to the actor's organisation as ``role`` and send the mail.

    Raises RoleAboveOwn, Rejected naming the field, and Conflict for a member or an address invited already.
    """
    actor.require(Scope.MEMBERS_WRITE)
    organisation = _own(actor)
    if actor.user_id is None:
        raise Forbidden(_("Only a member can invite."))
    require_role(actor, organisation, role)
    address = _address(email)
    if Membership.objects.visible_to(actor).filter(user__email=address).exists():
        raise Conflict(_("This person is a member already."), field="email")
    if Invitation.objects.visible_to(actor).filter(state=InvitationState.PENDING).count() >= MOST_OPEN:
        raise Conflict(_("Very many invitations are open: revoke some first."), field="email")
    token = secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            invitation = Invitation.objects.create(
                organisation=organisation,
                email=address,
                role=role,
                digest=digest_of(token),
                invited_by_id=actor.user_id,
                created_at=at,
                expires_at=at + LIFE,
            )
    except IntegrityError as error:
        raise Conflict(
            _("This address is invited already: send the invitation again, or revoke it."), field="email"
        ) from error
    audit.record(actor=actor, action=Action.INVITATION_SENT, subject=invitation, at=at, changes={"role": role})
    _send(invitation, token, at)
    return invitation


@transaction.atomic
def resend(*, actor: Actor, public_id: str, at: datetime) -> Invitation:
    """Send an open invitation again with a new link and a new term; the old link ends. Raises NotFound, Conflict."""
    actor.require(Scope.MEMBERS_WRITE)
    organisation = _own(actor)
    invitation = _open(actor, public_id)
    require_role(actor, organisation, invitation.role)
    if invitation.sent >= MOST_SENT:
        raise Conflict(
            _("It was sent %(count)d times: revoke it and ask the person for another address.") % {"count": MOST_SENT}
        )
    token = secrets.token_urlsafe(32)
    invitation.digest, invitation.expires_at = digest_of(token), at + LIFE
    invitation.sent += 1
    invitation.save(update_fields=["digest", "expires_at", "sent"])
    audit.record(
        actor=actor, action=Action.INVITATION_SENT, subject=invitation, at=at, changes={"sent": invitation.sent}
    )
    _send(invitation, token, at)
    return invitation


@transaction.atomic
def revoke(*, actor: Actor, public_id: str, at: datetime) -> Invitation:
    """Take an open invitation back: its link opens nothing. Raises NotFound for a stranger's and a used one."""
    actor.require(Scope.MEMBERS_WRITE)
    _own(actor)
    invitation = _open(actor, public_id)
    Invitation.objects.filter(pk=invitation.pk).update(state=InvitationState.REVOKED)
    audit.record(actor=actor, action=Action.INVITATION_REVOKED, subject=invitation, at=at)
    invitation.refresh_from_db()
    return invitation


def invitation_for(*, user: User, token: str, at: datetime) -> Invitation:
    """Return the invitation behind ``token``, which ``user`` could accept now.

    Raises NotFound, InvitationUsed, InvitationExpired and InvitationForAnother; each says what to do.
    """
    found = Invitation.objects.filter(digest=digest_of(token)).select_related("organisation")
    invitation: Invitation | None = found.first()
    if invitation is None or invitation.organisation.state == OrganisationState.CLOSED:
        raise NotFound(_("There is no such invitation: the link may be cut short, or a newer mail holds another."))
    name = {"organisation": invitation.organisation.name}
    if invitation.state != InvitationState.PENDING:
        raise InvitationUsed(_("It was accepted or taken back: ask %(organisation)s for a new one.") % name)
    if invitation.expired_at(at):
        raise InvitationExpired(_("It was too old: ask %(organisation)s for a new one.") % name)
    if not has_address(user, invitation.email):
        raise InvitationForAnother(
            _("Sign in with the address that the invitation was sent to, and confirm that address.")
        )
    return invitation


@transaction.atomic
def accept_invitation(*, user: User, token: str, at: datetime) -> Membership:
    """Make ``user`` a member as invited. Of two acceptances at once one wins; the other raises InvitationUsed."""
    invitation = invitation_for(user=user, token=token, at=at)
    organisation = invitation.organisation
    if Membership.objects.filter(user=user, organisation=organisation).exists():
        raise Conflict(_("You are a member of %(organisation)s already.") % {"organisation": organisation.name})
    won = Invitation.objects.filter(
        pk=invitation.pk, digest=invitation.digest, state=InvitationState.PENDING, expires_at__gt=at
    ).update(state=InvitationState.ACCEPTED, accepted_by=user, accepted_at=at)
    if not won:
        raise InvitationUsed(
            _("It was accepted or taken back: ask %(organisation)s for a new one.")
            % {"organisation": organisation.name}
        )
    membership, new = Membership.objects.get_or_create(
        user=user, organisation=organisation, defaults={"role": invitation.role}
    )
    actor = Actor(user.pk, organisation.pk, membership.role, scopes_of(membership.role), Via.PORTAL, user.email)
    audit.record(actor=actor, action=Action.INVITATION_ACCEPTED, subject=invitation, at=at)
    if new:
        emit(
            organisation_id=organisation.pk,
            type="organisation.member_joined",
            data={"member": membership.public_id, "organisation": organisation.name, "role": membership.role},
            key=f"joined:{invitation.public_id}",
            at=at,
        )
    return membership


def _own(actor: Actor) -> Organisation:
    organisation: Organisation | None = Organisation.objects.visible_to(actor).first()
    if organisation is None:
        raise Forbidden(_("Act for an organisation first."))
    if organisation.state == OrganisationState.CLOSED:
        raise Conflict(_("The organisation is closed."))
    return organisation


def _open(actor: Actor, public_id: str) -> Invitation:
    mine = Invitation.objects.visible_to(actor).select_for_update()
    invitation: Invitation | None = mine.filter(public_id=public_id, state=InvitationState.PENDING).first()
    if invitation is None:
        raise NotFound(_("There is no such open invitation."))
    return invitation


def _address(email: str) -> str:
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise Rejected(_("This is no e-mail address."), field="email") from error
    return address


def _send(invitation: Invitation, token: str, at: datetime) -> None:
    known = User.objects.filter(email=invitation.email).values_list("language", flat=True).first()
    emit_to_address(
        organisation_id=invitation.organisation_id,
        type="organisation.invitation_sent",
        data={
            "invitation": invitation.public_id,
            "organisation": invitation.organisation.name,
            "role": invitation.role,
            "expires_at": invitation.expires_at,
        },
        address=invitation.email,
        language=known or get_language() or "en-gb",
        path=reverse("portal:invitation", kwargs={"token": token}),
        key=f"invitation:{invitation.public_id}:{invitation.sent}",
        at=at,
    )
