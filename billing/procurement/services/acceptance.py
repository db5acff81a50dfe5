# SPDX-License-Identifier: Apache-2.0
"""What becomes of an order: approved by the buyer above a soft cap, accepted by staff, refused or cancelled."""

from datetime import UTC, datetime, time, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import Forbidden, NotFound
from aion.money import MICRO_PER_CENT
from aion.tenancy.roles import Role
from billing.models import Transfer
from billing.procurement.audit import Action
from billing.procurement.errors import AgreementOver, WrongState
from billing.procurement.models import PurchaseOrder
from billing.procurement.services.checks import above_limit, require_person, require_reason
from billing.procurement.services.orders import tell
from billing.procurement.states import OrderState
from billing.services.credits import issue_lot
from billing.services.requests import require_second
from billing.services.takebacks import take_back
from billing.states import Origin

APPROVERS = frozenset({Role.OWNER, Role.ADMIN})


@transaction.atomic
def approve_order(*, actor: Actor, public_id: str, at: datetime) -> PurchaseOrder:
    """Approve an order above a soft cap, as another owner or admin of the buyer than who placed it.

    Raises Forbidden for another role, NotFound, FourEyesNeeded, WrongState.
    """
    if actor.role not in APPROVERS:
        raise Forbidden(_("Only an owner or an admin approves an order above a soft cap."))
    order = _locked(public_id, actor)
    if order.state != OrderState.IN_REVIEW:
        raise WrongState(_("This order does not wait for an approval."))
    placed_by = None if order.by_staff else order.placed_by_id
    require_second(actor, placed_by, _("You placed this order: another owner or admin must approve it."))
    fields = {"approved_by_id": actor.user_id, "approved_by": actor.label, "approved_at": at}
    _move(order, OrderState.SUBMITTED, **fields)
    audit.record(actor=actor, action=Action.ORDER_APPROVED, subject=order, at=at)
    return order


@transaction.atomic
def accept_order(*, actor: Actor, public_id: str, at: datetime) -> PurchaseOrder:
    """Accept an order as staff: its credits can be spent at once. Above the limit the first call only proposes it.

    Who entered an order for the buyer counts as the first person. Accepting twice is once. Raises NotFound, Rejected
    for a machine, WrongState, AgreementOver when its last day has passed, FourEyesNeeded.
    """
    person = require_person(actor)
    order = _locked(public_id)
    if order.state == OrderState.ACCEPTED:
        return order
    if order.state != OrderState.SUBMITTED:
        raise WrongState(_("Only an order that was submitted can be accepted."))
    if order.expires_on is not None and order.expires_on < at.date():
        raise AgreementOver(_("The last day to use this order has passed: refuse it, with that reason."))
    if above_limit(order.amount_cents):
        if order.first_by_id is None and order.by_staff:
            order.first_by_id, order.first_by = order.placed_by_id, order.placed_by
        if order.first_by_id is None:
            order.first_by_id, order.first_by = person, actor.label
            order.save(update_fields=["first_by_id", "first_by"])
            audit.record(actor=actor, action=Action.ORDER_ACCEPTANCE_PROPOSED, subject=order, at=at)
            return order
        require_second(actor, order.first_by_id, _("You proposed this order: another member of staff must accept it."))
    lot = issue_lot(
        actor=actor,
        organisation_id=order.organisation_id,
        amount=order.amount_cents * MICRO_PER_CENT,
        label=f"Order {order.number}",
        origin=Origin.PURCHASE,
        key=key_of(order),
        at=at,
        reason=f"Purchase order {order.number}",
        expires_at=_end(order),
    )
    _move(
        order,
        OrderState.ACCEPTED,
        lot=lot,
        first_by_id=order.first_by_id,
        first_by=order.first_by,
        accepted_by_id=person,
        accepted_by=actor.label,
        accepted_at=at,
    )
    audit.record(actor=actor, action=Action.ORDER_ACCEPTED, subject=order, at=at, changes={"lot": lot.public_id})
    tell(order, "order.accepted", at, lot=lot.public_id, expires_at=lot.expires_at)
    return order


@transaction.atomic
def refuse_order(*, actor: Actor, public_id: str, reason: str, at: datetime) -> PurchaseOrder:
    """Refuse an order that is not accepted yet, as staff. Raises NotFound, Rejected without a reason, WrongState."""
    require_reason(reason)
    order = _locked(public_id)
    if order.state == OrderState.ACCEPTED:
        raise WrongState(_("This order was accepted, refused or cancelled already."))
    _close(order, OrderState.REFUSED, actor, reason, at)
    audit.record(actor=actor, action=Action.ORDER_REFUSED, subject=order, at=at, reason=reason)
    tell(order, "order.refused", at, reason=reason)
    return order


@transaction.atomic
def take_order_back(*, actor: Actor, public_id: str, reason: str, at: datetime) -> PurchaseOrder:
    """Cancel an own order as the buyer, until it is accepted. Raises NotFound, Rejected, WrongState."""
    require_reason(reason)
    order = _locked(public_id, actor)
    if order.state == OrderState.ACCEPTED:
        raise WrongState(_("This order is accepted: ask support to cancel it while nothing of it is spent."))
    _close(order, OrderState.CANCELLED, actor, reason, at)
    audit.record(actor=actor, action=Action.ORDER_CANCELLED, subject=order, at=at, reason=reason)
    return order


@transaction.atomic
def cancel_order(*, actor: Actor, public_id: str, reason: str, at: datetime) -> PurchaseOrder:
    """Cancel an accepted order as staff and take its lot back, while nothing of it is spent or held.

    Above the limit the first call only proposes it. Raises NotFound, Rejected, WrongState, FourEyesNeeded and
    NotReversible.
    """
    require_reason(reason)
    person = require_person(actor)
    order = _locked(public_id)
    if order.state != OrderState.ACCEPTED or order.attested_cents:
        raise WrongState(_("Only an accepted order of which nothing was attested can be cancelled."))
    second = ""
    if above_limit(order.amount_cents):
        if order.cancel_first_by_id is None:
            order.cancel_first_by_id, order.cancel_first_by = person, actor.label
            order.save(update_fields=["cancel_first_by_id", "cancel_first_by"])
            audit.record(actor=actor, action=Action.ORDER_CANCELLATION_PROPOSED, subject=order, at=at, reason=reason)
            return order
        require_second(
            actor, order.cancel_first_by_id, _("You proposed to cancel it: another member of staff must agree.")
        )
        second = order.cancel_first_by
    issued = Transfer.objects.get(idempotency_key=key_of(order))
    take_back(actor=actor, public_id=issued.public_id, reason=reason, at=at, second=second)
    _close(order, OrderState.CANCELLED, actor, reason, at)
    audit.record(actor=actor, action=Action.ORDER_CANCELLED, subject=order, at=at, reason=reason)
    tell(order, "order.cancelled", at, reason=reason)
    return order


def key_of(order: PurchaseOrder) -> str:
    """Return the key under which the credits of an order are issued."""
    return f"purchase-order:{order.public_id}"


def _end(order: PurchaseOrder) -> datetime | None:
    if order.expires_on is None:
        return None
    return datetime.combine(order.expires_on, time.min, tzinfo=UTC) + timedelta(days=1)


def _close(order: PurchaseOrder, to: OrderState, actor: Actor, reason: str, at: datetime) -> None:
    _move(order, to, closed_by=actor.label, closed_at=at, reason=reason.strip()[:400])


def _locked(public_id: str, actor: Actor | None = None) -> PurchaseOrder:
    rows = PurchaseOrder.objects.all() if actor is None else PurchaseOrder.objects.visible_to(actor)
    found: PurchaseOrder | None = rows.select_for_update(no_key=True).filter(public_id=public_id).first()
    if found is None:
        raise NotFound(_("There is no such purchase order."))
    return found


def _move(order: PurchaseOrder, to: OrderState, **fields: object) -> None:
    if not PurchaseOrder.objects.filter(pk=order.pk).move(to, **fields):
        raise WrongState(_("This order was accepted, refused or cancelled already."))
    order.refresh_from_db()
