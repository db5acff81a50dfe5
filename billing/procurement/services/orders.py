# SPDX-License-Identifier: Apache-2.0
"""Placing purchase orders: within the agreement, its maximum and its days, and within the caps of the cost centre."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext as _

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import NotFound, Rejected
from aion.events.services.emission import emit
from aion.figures import day as day_words
from aion.figures import plain_euros
from aion.horizon import require_near
from aion.money import MICRO_PER_CENT
from billing.procurement.audit import Action
from billing.procurement.errors import AgreementOver, HardCapExceeded, KeyUsed, MaximumExceeded, WrongState
from billing.procurement.models import AgreementLot, CostCentre, FrameworkAgreement, PurchaseOrder
from billing.procurement.queries.lists import path_of
from billing.procurement.services.checks import require_amount, siret_of, take_number, wait_for_key
from billing.procurement.states import AgreementState, OrderState, Series


@dataclass(frozen=True, slots=True)
class OrderWish:
    """What is ordered, net cents, and what the buyer wants to read on the invoice. Things are named by public id."""

    amount_cents: int
    agreement: str = ""
    lot: str = ""
    cost_centre: str = ""
    engagement_number: str = ""
    service_code: str = ""
    siret: str = ""
    budget_line: str = ""
    contract_reference: str = ""
    expires_on: date | None = None


def place_order(*, actor: Actor, wish: OrderWish, at: datetime, key: str = "") -> PurchaseOrder:
    """Place an order as the buyer; the same ``key`` places once. See ``_place`` for what is refused."""
    if actor.organisation_id is None:
        raise NotFound(_("There is no such organisation."))
    return _place(actor, actor.organisation_id, wish, at, key, by_staff=False)


def enter_order(*, actor: Actor, organisation_id: int, wish: OrderWish, at: datetime, key: str = "") -> PurchaseOrder:
    """Enter an order that came on paper, as staff for ``organisation_id``. See ``_place`` for what is refused."""
    return _place(actor, organisation_id, wish, at, key, by_staff=True)


@transaction.atomic
def _place(
    actor: Actor, organisation_id: int, wish: OrderWish, at: datetime, key: str, *, by_staff: bool
) -> PurchaseOrder:
    """Check everything under lock and write the order down.

    Raises InvalidAmount, Rejected for a SIRET or day that cannot be, NotFound for a foreign agreement, lot or cost
    centre, AgreementOver, MaximumExceeded, HardCapExceeded, KeyUsed for the same key with another content.
    """
    require_amount(wish.amount_cents)
    siret = siret_of(wish.siret, organisation_id=organisation_id)
    if key:
        wait_for_key("order", organisation_id, key)
        found: PurchaseOrder | None = PurchaseOrder.objects.filter(organisation_id=organisation_id, key=key).first()
        if found is not None:
            return _same(found, wish, siret)
    # The order in which the trigger locks them too: agreement, lot, cost centres from the root down.
    agreement = _agreement(organisation_id, wish, at)
    lot = _lot(agreement, wish)
    centres = _centres(organisation_id, wish)
    expires_on = _expiry(wish, agreement, at)
    over_soft = [
        one
        for one in centres
        if one.soft_cap_cents is not None and one.committed_cents + wish.amount_cents > one.soft_cap_cents
    ]
    texts = {name: str(value).strip() for name, value in asdict(wish).items() if name in _TEXTS}
    order = PurchaseOrder.objects.create(
        organisation_id=organisation_id,
        agreement=agreement,
        agreement_lot=lot,
        cost_centre=centres[-1] if centres else None,
        number=take_number(Series.ORDER, at=at),
        key=key or None,
        state=OrderState.IN_REVIEW if over_soft else OrderState.SUBMITTED,
        amount_cents=wish.amount_cents,
        siret=siret,
        placed_on=at.date(),
        expires_on=expires_on,
        placed_by_id=actor.user_id,
        placed_by=actor.label,
        placed_at=at,
        by_staff=by_staff,
        **texts,
    )
    audit.record(
        actor=actor,
        action=Action.ORDER_PLACED,
        subject=order,
        at=at,
        changes={"amount_cents": wish.amount_cents, "agreement": wish.agreement, "cost_centre": wish.cost_centre},
    )
    if over_soft:
        tell(order, "order.approval_needed", at, centre=str(over_soft[0]))
    return order


_TEXTS = frozenset({"engagement_number", "service_code", "budget_line", "contract_reference"})


@transaction.atomic
def complete_references(
    *, actor: Actor, order: PurchaseOrder, engagement_number: str, service_code: str, at: datetime
) -> PurchaseOrder:
    """Fill in numbers that the order was placed without; what stands stays. Raises WrongState, Rejected for nothing."""
    row: PurchaseOrder = PurchaseOrder.objects.select_for_update(no_key=True).get(pk=order.pk)
    given = {"engagement_number": engagement_number.strip(), "service_code": service_code.strip()}
    changed = {name: value for name, value in given.items() if value and value != getattr(row, name)}
    if not changed:
        raise Rejected(_("Write the number that is missing."), field="engagement_number")
    for name in changed:
        if getattr(row, name):
            raise WrongState(_("This number stands on the order already and stays."), field=name)
    for name, value in changed.items():
        setattr(row, name, value)
    row.save(update_fields=list(changed))
    audit.record(actor=actor, action=Action.ORDER_COMPLETED, subject=row, at=at, changes=changed)
    return row


def tell(order: PurchaseOrder, event: str, at: datetime, *, key: str = "", **more: object) -> None:
    """Emit an event of an order."""
    emit(
        organisation_id=order.organisation_id,
        type=event,
        data={
            "order": order.public_id,
            "number": order.number,
            "amount_microcredits": order.amount_cents * MICRO_PER_CENT,
            **more,
        },
        key=f"{event}:{order.public_id}{key}",
        at=at,
    )


def _same(found: PurchaseOrder, wish: OrderWish, siret: str) -> PurchaseOrder:
    there = (
        found.amount_cents,
        found.agreement.public_id if found.agreement else "",
        found.agreement_lot.code if found.agreement_lot else "",
        found.cost_centre.public_id if found.cost_centre else "",
        found.siret,
    )
    if there != (wish.amount_cents, wish.agreement, wish.lot, wish.cost_centre, siret):
        raise KeyUsed(_("This key has placed another order: use a new key for a new order."), field="key")
    return found


def _agreement(organisation_id: int, wish: OrderWish, at: datetime) -> FrameworkAgreement | None:
    if not wish.agreement:
        return None
    rows = FrameworkAgreement.objects.filter(organisation_id=organisation_id).shown_to_buyers()
    agreement: FrameworkAgreement | None = rows.select_for_update(no_key=True).filter(public_id=wish.agreement).first()
    if agreement is None:
        raise NotFound(_("There is no such agreement."), field="agreement")
    if agreement.state != AgreementState.ACTIVE or not agreement.starts_on <= at.date() <= agreement.ends_on:
        raise AgreementOver(
            _("Orders under this agreement were possible from %(first)s to %(last)s, or it was ended earlier.")
            % {"first": day_words(agreement.starts_on), "last": day_words(agreement.ends_on)},
            field="agreement",
        )
    _require_room(agreement.maximum_cents - agreement.ordered_cents, wish.amount_cents)
    return agreement


def _lot(agreement: FrameworkAgreement | None, wish: OrderWish) -> AgreementLot | None:
    if agreement is None:
        if wish.lot:
            raise Rejected(_("A lot belongs to an agreement: name the agreement too."), field="lot")
        return None
    lots = AgreementLot.objects.filter(agreement=agreement)
    if not wish.lot:
        if lots.exists():
            raise Rejected(_("This agreement has lots: say of which one you order."), field="lot")
        return None
    lot: AgreementLot | None = lots.select_for_update(no_key=True).filter(code=wish.lot).first()
    if lot is None:
        raise NotFound(_("The agreement has no such lot."), field="lot")
    _require_room(lot.maximum_cents - lot.ordered_cents, wish.amount_cents)
    return lot


def _require_room(left: int, amount: int) -> None:
    if amount > left:
        raise MaximumExceeded(
            _("%(left)s euros are left of the maximum: an order beyond it needs a new agreement.")
            % {"left": plain_euros(left)},
            field="amount_cents",
        )


def _centres(organisation_id: int, wish: OrderWish) -> Sequence[CostCentre]:
    """Return the cost centre and all above it, locked, the root first. None of them may pass its hard cap."""
    if not wish.cost_centre:
        return ()
    named: CostCentre | None = CostCentre.objects.filter(
        organisation_id=organisation_id, public_id=wish.cost_centre
    ).first()
    if named is None:
        raise NotFound(_("There is no such cost centre."), field="cost_centre")
    rows = CostCentre.objects.filter(pk__in=path_of(named)).order_by("depth")
    centres = list(rows.select_for_update(no_key=True))
    if centres[-1].closed_at is not None:
        raise Rejected(_("This cost centre is closed: choose another."), field="cost_centre")
    for one in centres:
        if one.hard_cap_cents is not None and one.committed_cents + wish.amount_cents > one.hard_cap_cents:
            raise HardCapExceeded(
                _("%(left)s euros are left below the hard cap of %(centre)s.")
                % {"left": plain_euros(one.hard_cap_cents - one.committed_cents), "centre": one},
                field="amount_cents",
            )
    return centres


def _expiry(wish: OrderWish, agreement: FrameworkAgreement | None, at: datetime) -> date | None:
    require_near(at=at, expires_on=wish.expires_on)
    if wish.expires_on is not None and wish.expires_on < at.date():
        raise Rejected(_("The last day to use it lies in the past."), field="expires_on")
    if agreement is None:
        return wish.expires_on
    if wish.expires_on is not None and wish.expires_on > agreement.ends_on:
        raise Rejected(
            _("The agreement ends on %(day)s: an order under it ends then at the latest.")
            % {"day": day_words(agreement.ends_on)},
            field="expires_on",
        )
    return wish.expires_on or agreement.ends_on
