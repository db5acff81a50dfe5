# SPDX-License-Identifier: Apache-2.0
"""The service fait: the buyer attests what was consumed, and exactly that is invoiced with the buyer's numbers."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import NotFound, Rejected
from aion.figures import plain_euros
from aion.money import MICRO, MICRO_PER_CENT
from billing.invoicing.services.documents import request_document
from billing.invoicing.states import DocumentType, Process
from billing.invoicing.values import Line, Period, References
from billing.procurement.audit import Action
from billing.procurement.errors import KeyUsed, NotConsumed, ReferenceMissing, WrongState
from billing.procurement.models import PurchaseOrder, ServiceAttestation
from billing.procurement.queries.figures import of_orders
from billing.procurement.queries.lists import missing_references
from billing.procurement.services.checks import require_amount, require_past
from billing.procurement.services.orders import tell
from billing.procurement.states import OrderState

DUE = timedelta(days=30)
CREDIT_CENTS = 100
MILLI = 1_000


@dataclass(frozen=True, slots=True)
class AttestationWish:
    """So many net cents were delivered, both days included."""

    amount_cents: int
    period_first: date
    period_last: date


@transaction.atomic
def attest(*, actor: Actor, public_id: str, wish: AttestationWish, at: datetime, key: str = "") -> ServiceAttestation:
    """Attest what was consumed of an accepted order and ask for its invoice; the same ``key`` attests once.

    Raises NotFound, WrongState, InvalidAmount, Rejected for a period that cannot be, NotConsumed for more than was
    consumed and not attested, ReferenceMissing naming what the public body wants, KeyUsed, NoLegalIdentity, NoVatRule.
    """
    require_amount(wish.amount_cents)
    rows = PurchaseOrder.objects.visible_to(actor).select_related("agreement", "agreement_lot", "cost_centre")
    order: PurchaseOrder | None = rows.select_for_update(of=("self",), no_key=True).filter(public_id=public_id).first()
    if order is None:
        raise NotFound(_("There is no such purchase order."))
    if key:
        found: ServiceAttestation | None = order.attestations.filter(key=key).first()
        if found is not None:
            if wish != AttestationWish(found.amount_cents, found.period_first, found.period_last):
                raise KeyUsed(_("This key has attested something else: use a new one."), field="key")
            return found
    if order.state != OrderState.ACCEPTED or order.accepted_at is None:
        raise WrongState(_("Only the service of an accepted order can be attested."))
    _check_period(wish, order.accepted_at.date(), at)
    missing = missing_references(order)
    if missing:
        raise ReferenceMissing(_refusal(missing[0]), field=missing[0])
    left = of_orders([order.pk])[order.pk].attestable
    if wish.amount_cents > left:
        raise NotConsumed(
            _("%(left)s euros were consumed and are not attested yet: attest at most that.")
            % {"left": plain_euros(left)},
            field="amount_cents",
        )
    row = ServiceAttestation(
        organisation_id=order.organisation_id,
        order=order,
        key=key or None,
        period_first=wish.period_first,
        period_last=wish.period_last,
        amount_cents=wish.amount_cents,
        attested_by_id=actor.user_id,
        attested_by=actor.label,
        attested_at=at,
    )
    row.document = request_document(
        actor=actor,
        organisation_id=order.organisation_id,
        type=DocumentType.INVOICE,
        process=Process.TO_PAY,
        lines=[_line(order, wish)],
        key=f"attestation:{row.public_id}",
        at=at,
        references=references_of(order),
        period=Period(wish.period_first, wish.period_last),
        due_on=(at + DUE).date(),
    )
    row.save(force_insert=True)
    audit.record(
        actor=actor,
        action=Action.SERVICE_ATTESTED,
        subject=row,
        at=at,
        changes={"order": order.public_id, "amount_cents": wish.amount_cents},
    )
    tell(
        order,
        "attestation.recorded",
        at,
        key=f":{row.public_id}",
        attestation=row.public_id,
        attested_microcredits=wish.amount_cents * MICRO_PER_CENT,
    )
    return row


def references_of(order: PurchaseOrder) -> References:
    """Return all numbers that the buyer wants to read on the invoice."""
    agreement = order.agreement
    agreed = (agreement.reference or agreement.number) if agreement is not None else ""
    return References(
        buyer_reference=order.service_code,
        purchase_order=order.engagement_number,
        contract=order.contract_reference or agreed,
        sales_order=order.number,
        cost_centre=order.budget_line or (order.cost_centre.code if order.cost_centre is not None else ""),
        lot=order.agreement_lot.code if order.agreement_lot is not None else "",
        buyer_siret=order.siret,
    )


def _line(order: PurchaseOrder, wish: AttestationWish) -> Line:
    return Line(
        name=f"GPU credits consumed, order {order.number}",
        net_cents=wish.amount_cents,
        quantity_milli=wish.amount_cents * MILLI // CREDIT_CENTS,
        unit_price_micro=MICRO,
    )


def _check_period(wish: AttestationWish, accepted_on: date, at: datetime) -> None:
    require_past(wish.period_last, at=at, field="period_last")
    if wish.period_first > wish.period_last:
        raise Rejected(_("The period ends before it begins."), field="period_last")
    if wish.period_first < accepted_on:
        raise Rejected(_("The order was accepted later: nothing was delivered on it then."), field="period_first")


def _refusal(field: str) -> str:
    if field == "service_code":
        return _("This public body wants its service code (BT-10) on invoices: add it to the order first.")
    return _("This public body wants its engagement number (BT-13) on invoices: add it to the order first.")
