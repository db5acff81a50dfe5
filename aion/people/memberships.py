# SPDX-License-Identifier: Apache-2.0
"""Roles, removal, leaving and handing over. The organisation's row is locked, so that two owners cannot go at once."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from aion.actor import Actor, Scope
from aion.audit import services as audit
from aion.errors import Conflict, Forbidden, NotFound, Rejected
from aion.events.services.emission import emit
from aion.people import event_types  # noqa: F401 - registers what is emitted here
from aion.people.errors import RoleAboveOwn, SoleOwner, TransferOver
from aion.people.invitations import require_role
from aion.tenancy.audit import Action
from aion.tenancy.models import ApiToken, Membership, Organisation, OrganisationState, OwnershipTransfer, TransferState
from aion.tenancy.roles import Role, rank_of

TRANSFER_LIFE = timedelta(days=7)


@transaction.atomic
def change_role(*, actor: Actor, public_id: str, role: str, at: datetime, reason: str = "") -> Membership:
    """Give a member another role. Raises NotFound, RoleAboveOwn, Rejected, and SoleOwner for the last owner."""
    actor.require(Scope.MEMBERS_WRITE)
    organisation = _locked(actor)
    membership = member(actor, public_id)
    _require_above(actor, membership)
    require_role(actor, organisation, role)
    before = membership.role
    if before == role:
        return membership
    if before == Role.OWNER:
        _require_another_owner(organisation, membership)
    membership.role = role
    membership.save(update_fields=["role"])
    _end_transfers(membership)
    event = audit.record(
        actor=actor,
        action=Action.MEMBER_ROLE_CHANGED,
        subject=membership,
        at=at,
        reason=reason,
        changes={"role": [before, role], "user": membership.user_id},
    )
    emit(
        organisation_id=organisation.pk,
        type="organisation.role_changed",
        data=_data(membership, organisation),
        key=f"role:{membership.public_id}:{event.pk}",
        at=at,
        recipient=membership.user_id,
    )
    return membership


@transaction.atomic
def remove_member(*, actor: Actor, public_id: str, at: datetime, reason: str = "") -> None:
    """Take a member out; their API keys of this organisation end. Raises NotFound, RoleAboveOwn, SoleOwner."""
    actor.require(Scope.MEMBERS_WRITE)
    organisation = _locked(actor)
    membership = member(actor, public_id)
    _require_above(actor, membership)
    _take_out(actor, organisation, membership, Action.MEMBER_REMOVED, at, reason)


@transaction.atomic
def leave(*, actor: Actor, at: datetime) -> None:
    """Take the acting member out of the organisation. Raises SoleOwner for its last owner."""
    actor.require(Scope.ORGANISATION_READ)
    organisation = _locked(actor)
    membership = Membership.objects.visible_to(actor).filter(user_id=actor.user_id).select_related("user").first()
    if membership is None:
        raise NotFound(_("You are not a member of this organisation."))
    _take_out(actor, organisation, membership, Action.MEMBER_LEFT, at)


@transaction.atomic
def offer_ownership(*, actor: Actor, public_id: str, at: datetime) -> OwnershipTransfer:
    """Offer the organisation to a member, who has a week to accept; an earlier offer ends."""
    actor.require(Scope.ORGANISATION_OWN)
    organisation = _locked(actor)
    membership = member(actor, public_id)
    if membership.user_id == actor.user_id or actor.user_id is None:
        raise Rejected(_("Choose another member."), field="member")
    OwnershipTransfer.objects.visible_to(actor).filter(state=TransferState.PENDING).update(
        state=TransferState.WITHDRAWN
    )
    transfer = OwnershipTransfer.objects.create(
        organisation=organisation,
        from_user_id=actor.user_id,
        to_user_id=membership.user_id,
        created_at=at,
        expires_at=at + TRANSFER_LIFE,
    )
    audit.record(
        actor=actor, action=Action.OWNERSHIP_OFFERED, subject=transfer, at=at, changes={"member": membership.public_id}
    )
    emit(
        organisation_id=organisation.pk,
        type="organisation.ownership_offered",
        data={
            "transfer": transfer.public_id,
            "organisation": organisation.name,
            "expires_at": transfer.expires_at,
        },
        key=f"ownership-offered:{transfer.public_id}",
        at=at,
        recipient=membership.user_id,
    )
    return transfer


@transaction.atomic
def withdraw_ownership(*, actor: Actor, public_id: str, at: datetime) -> None:
    """End an open offer of ownership: who made it, or who received it. Raises NotFound, Forbidden."""
    actor.require(Scope.ORGANISATION_READ)
    _locked(actor)
    transfer = _transfer(actor, public_id, Q(from_user_id=actor.user_id) | Q(to_user_id=actor.user_id))
    if not _moved(transfer, TransferState.WITHDRAWN):
        raise TransferOver(_("It was accepted or withdrawn before."))
    audit.record(actor=actor, action=Action.OWNERSHIP_WITHDRAWN, subject=transfer, at=at)


@transaction.atomic
def accept_ownership(*, actor: Actor, public_id: str, at: datetime) -> None:
    """Become owner as offered; the former owner becomes administrator. Raises NotFound, Forbidden, TransferOver."""
    actor.require(Scope.ORGANISATION_READ)
    organisation = _locked(actor)
    transfer = _transfer(actor, public_id, Q(to_user_id=actor.user_id))
    over = _("It was withdrawn or is too old: ask the owner to offer it again.")
    people = (transfer.from_user_id, transfer.to_user_id)
    rows = {one.user_id: one for one in Membership.objects.visible_to(actor).filter(user_id__in=people)}
    giver, taker = rows.get(transfer.from_user_id), rows.get(transfer.to_user_id)
    if transfer.expires_at <= at or giver is None or taker is None or giver.role != Role.OWNER:
        raise TransferOver(over)
    if not _moved(transfer, TransferState.ACCEPTED):
        raise TransferOver(over)
    taker.role, giver.role = Role.OWNER, Role.ADMIN
    taker.save(update_fields=["role"])
    giver.save(update_fields=["role"])
    audit.record(actor=actor, action=Action.OWNERSHIP_ACCEPTED, subject=transfer, at=at)
    emit(
        organisation_id=organisation.pk,
        type="organisation.ownership_changed",
        data={"transfer": transfer.public_id, "organisation": organisation.name},
        key=f"ownership-changed:{transfer.public_id}",
        at=at,
    )


def _take_out(
    actor: Actor, organisation: Organisation, membership: Membership, action: Action, at: datetime, reason: str = ""
) -> None:
    if membership.role == Role.OWNER:
        _require_another_owner(organisation, membership)
    _end_transfers(membership)
    ApiToken.objects.filter(organisation=organisation, user_id=membership.user_id, revoked_at=None).update(
        revoked_at=at
    )
    audit.record(
        actor=actor, action=action, subject=membership, at=at, reason=reason, changes={"user": membership.user_id}
    )
    data = _data(membership, organisation)
    Membership.objects.filter(pk=membership.pk).delete()
    emit(
        organisation_id=organisation.pk,
        type="organisation.member_left",
        data=data,
        key=f"left:{membership.public_id}",
        at=at,
    )


def _locked(actor: Actor) -> Organisation:
    organisation: Organisation | None = Organisation.objects.visible_to(actor).select_for_update().first()
    if organisation is None:
        raise Forbidden(_("Act for an organisation first."))
    if organisation.state == OrganisationState.CLOSED:
        raise Conflict(_("The organisation is closed."))
    return organisation


def member(actor: Actor, public_id: str) -> Membership:
    """Return a member of the actor's organisation with the person. Raises NotFound for a stranger's."""
    mine = Membership.objects.visible_to(actor).select_related("user")
    found: Membership | None = mine.filter(public_id=public_id).first()
    if found is None:
        raise NotFound(_("There is no such member."))
    return found


def _transfer(actor: Actor, public_id: str, part: Q) -> OwnershipTransfer:
    """Return an offer that the actor has this part in; who has it in none learns nothing of any."""
    mine = OwnershipTransfer.objects.visible_to(actor).filter(part)
    if not mine.exists():
        raise Forbidden(_("No offer of ownership is made to you or by you."))
    found: OwnershipTransfer | None = mine.filter(public_id=public_id).first()
    if found is None:
        raise NotFound(_("There is no such offer."))
    return found


def _moved(transfer: OwnershipTransfer, state: TransferState) -> bool:
    waiting = OwnershipTransfer.objects.filter(pk=transfer.pk, state=TransferState.PENDING)
    return bool(waiting.update(state=state))


def _end_transfers(membership: Membership) -> None:
    """An offer by or to somebody whose role changed or who is gone means something else than it did."""
    pending = OwnershipTransfer.objects.filter(organisation_id=membership.organisation_id, state=TransferState.PENDING)
    for side in ("from_user_id", "to_user_id"):
        pending.filter(**{side: membership.user_id}).update(state=TransferState.WITHDRAWN)


def _require_above(actor: Actor, membership: Membership) -> None:
    if rank_of(membership.role) > rank_of(actor.role):
        raise RoleAboveOwn(_("This member's role is above your own: ask an owner to do it."))


def _require_another_owner(organisation: Organisation, membership: Membership) -> None:
    others = Membership.objects.filter(organisation=organisation, role=Role.OWNER).exclude(pk=membership.pk)
    if not others.exists():
        raise SoleOwner(_("Hand the organisation over first, or give another member the role of owner."))


def _data(membership: Membership, organisation: Organisation) -> dict[str, str]:
    return {"member": membership.public_id, "organisation": organisation.name, "role": membership.role}
