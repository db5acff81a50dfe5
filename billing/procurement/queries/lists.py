# SPDX-License-Identifier: Apache-2.0
"""What an actor may see of quotes, agreements, orders and cost centres."""

from typing import Any

from django.db.models import QuerySet, Sum
from django.utils.translation import gettext as _

from aion.actor import Actor
from aion.errors import NotFound
from billing.procurement.models import (
    BankTransfer,
    BuyerRequirement,
    CostCentre,
    FrameworkAgreement,
    PurchaseOrder,
    Quote,
    ServiceAttestation,
)
from billing.procurement.querysets import AgreementQuerySet, OrderQuerySet, QuoteQuerySet
from billing.procurement.states import BankTransferState


def quotes(actor: Actor) -> QuoteQuerySet:
    """Return the organisation's quotes, newest first."""
    rows: QuoteQuerySet = Quote.objects.visible_to(actor).select_related("document", "lot")
    return rows


def find_quote(actor: Actor, public_id: str) -> Quote:
    """Return one of them. Raises NotFound."""
    row: Quote = _one(quotes(actor), public_id, _("There is no such quote."))
    return row


def agreements(actor: Actor) -> AgreementQuerySet:
    """Return the organisation's framework agreements, newest first; drafts are the staff's."""
    rows: AgreementQuerySet = FrameworkAgreement.objects.visible_to(actor).shown_to_buyers().prefetch_related("lots")
    return rows


def find_agreement(actor: Actor, public_id: str) -> FrameworkAgreement:
    """Return one of them. Raises NotFound."""
    row: FrameworkAgreement = _one(agreements(actor), public_id, _("There is no such agreement."))
    return row


def orders(actor: Actor) -> OrderQuerySet:
    """Return the organisation's purchase orders, newest first."""
    rows: OrderQuerySet = PurchaseOrder.objects.visible_to(actor).select_related(
        "agreement", "agreement_lot", "cost_centre", "lot", "organisation"
    )
    return rows


def find_order(actor: Actor, public_id: str) -> PurchaseOrder:
    """Return one of them. Raises NotFound."""
    row: PurchaseOrder = _one(orders(actor), public_id, _("There is no such purchase order."))
    return row


def attestations(actor: Actor) -> QuerySet[ServiceAttestation]:
    """Return what the organisation has attested, newest first."""
    rows: QuerySet[ServiceAttestation] = ServiceAttestation.objects.visible_to(actor).select_related(
        "order", "document"
    )
    return rows


def centres(actor: Actor) -> QuerySet[CostCentre]:
    """Return the organisation's cost centres, by code."""
    rows: QuerySet[CostCentre] = CostCentre.objects.visible_to(actor).select_related("parent")
    return rows


def find_centre(actor: Actor, public_id: str) -> CostCentre:
    """Return one of them. Raises NotFound."""
    row: CostCentre = _one(centres(actor), public_id, _("There is no such cost centre."))
    return row


def as_tree(rows: list[CostCentre]) -> list[CostCentre]:
    """Return cost centres so that each stands right below the one above it."""
    below: dict[int | None, list[CostCentre]] = {}
    for row in rows:
        below.setdefault(row.parent_id, []).append(row)
    found: list[CostCentre] = []
    waiting = list(reversed(below.get(None, [])))
    while waiting:
        row = waiting.pop()
        found.append(row)
        waiting.extend(reversed(below.get(row.pk, [])))
    return found


def path_of(centre: CostCentre) -> list[int]:
    """Return the keys of a cost centre and all above it. They never hang elsewhere, so no lock is needed to read it."""
    found, above = [centre.pk], centre.parent_id
    while above is not None:
        found.append(above)
        above = CostCentre.objects.values_list("parent_id", flat=True).get(pk=above)
    return found


def missing_references(order: PurchaseOrder) -> list[str]:
    """Return the fields that the buyer's public body wants on its invoices and the order does not have."""
    wanted = BuyerRequirement.objects.filter(siret=order.siret).first() if order.siret else None
    if wanted is None:
        return []
    needs = {"service_code": wanted.needs_service_code, "engagement_number": wanted.needs_engagement}
    return [name for name, needed in needs.items() if needed and not getattr(order, name)]


def received(transfers: Any) -> tuple[int, int]:
    """Return how many cents of ``transfers`` are booked, and how many wait for a second person."""
    sums = dict(transfers.order_by().values_list("state").annotate(total=Sum("amount_cents")))
    return int(sums.get(BankTransferState.APPROVED, 0)), int(sums.get(BankTransferState.PENDING, 0))


def transfers_of(quote: Quote) -> QuerySet[BankTransfer]:
    """Return the money that came in for a quote, oldest first."""
    rows: QuerySet[BankTransfer] = quote.transfers.order_by("pk")
    return rows


def _one(rows: Any, public_id: str, missing: str) -> Any:
    found = rows.filter(public_id=public_id).first()
    if found is None:
        raise NotFound(missing)
    return found
