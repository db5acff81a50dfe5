# SPDX-License-Identifier: Apache-2.0
"""Purchase orders, attested services and cost centres."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from aion import clock
from aion.actor import Actor
from aion.figures import plain_euros
from aion.staff import Act, AskedAdmin, AskForm, DecidedAdmin, ReadOnlyAdmin, on_one, staff_actor, state_column
from billing.admin.columns import ByState, WithTables, pending_first, table
from billing.procurement.admin.columns import (
    TransferForm,
    cents,
    euro_column,
    euro_field,
    figures_table,
    transfers_table,
)
from billing.procurement.errors import WrongState
from billing.procurement.models import AgreementLot, CostCentre, PurchaseOrder, ServiceAttestation
from billing.procurement.queries.figures import of_centres, of_orders
from billing.procurement.services import acceptance, orders, transfers
from billing.procurement.states import BankTransferState, OrderState


class OrderForm(AskForm):
    """An order that came on paper."""

    euros = euro_field(_("Amount without VAT (euros)"), _("Above the four-eyes limit another person must accept it."))

    class Meta:
        model = PurchaseOrder
        fields: ClassVar = [
            "organisation", "agreement", "agreement_lot", "cost_centre", "engagement_number", "service_code", "siret",
            "budget_line", "contract_reference", "expires_on",
        ]  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Let what an order may do without be empty."""
        super().__init__(*args, **kwargs)
        for name in ("agreement", "agreement_lot", "cost_centre", "expires_on"):
            if name in self.fields:
                self.fields[name].required = False


def _accept(*, actor: Actor, row: PurchaseOrder, at: datetime) -> None:
    acceptance.accept_order(actor=actor, public_id=row.public_id, at=at)


def _refuse(*, actor: Actor, row: PurchaseOrder, at: datetime, reason: str) -> None:
    acceptance.refuse_order(actor=actor, public_id=row.public_id, reason=reason, at=at)


def _cancel(*, actor: Actor, row: PurchaseOrder, at: datetime, reason: str) -> None:
    acceptance.cancel_order(actor=actor, public_id=row.public_id, reason=reason, at=at)


def _facts(row: PurchaseOrder) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Buyer"), row.organisation),
        (_("Amount (€)"), plain_euros(row.amount_cents)),
        (_("Agreement"), row.agreement or "–"),
        (_("Engagement number"), row.engagement_number or "–"),
        (_("Placed by"), row.placed_by),
        (_("Acceptance proposed by"), row.first_by or "–"),
        (_("Cancellation proposed by"), row.cancel_first_by or "–"),
    )


ACCEPT = Act(
    title=_("Accept"),
    done=_("accepted, or proposed where a second person must agree"),
    call=_accept,
    warning=_(
        "Its credits can be spent at once. Above the four-eyes limit the first person only proposes, and the second "
        "accepts; who entered the order counts as the first."
    ),
    form=forms.Form,
    facts=_facts,
)
REFUSE = Act(
    title=_("Refuse"),
    done=_("refused"),
    call=_refuse,
    warning=_("The buyer is told why. What it committed is free again."),
    danger=True,
    facts=_facts,
)
CANCEL = Act(
    title=_("Cancel"),
    done=_("cancelled, or proposed where a second person must agree"),
    call=_cancel,
    warning=_("Its credits are taken back, whole: it is refused once anything of them is spent or held."),
    danger=True,
    facts=_facts,
)


@admin.register(PurchaseOrder)
class PurchaseOrderAdmin(ByState, WithTables, AskedAdmin):
    """Purchase orders: those that wait for staff come first."""

    form = OrderForm
    list_display: ClassVar = [
        "number", "organisation", "amount", "agreement", "engagement_number", "state_word", "first_by", "placed_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "by_staff", "placed_at"]
    list_select_related: ClassVar = ["organisation", "agreement"]
    search_fields: ClassVar = ["number", "public_id", "engagement_number", "organisation__name"]
    autocomplete_fields: ClassVar = ["organisation", "agreement", "agreement_lot", "cost_centre"]
    ordering: ClassVar = [pending_first(OrderState.SUBMITTED), "-placed_at"]
    show_full_result_count = False
    buttons: ClassVar = {
        OrderState.IN_REVIEW: ("refuse",),
        OrderState.SUBMITTED: ("accept", "refuse"),
        OrderState.ACCEPTED: ("cancel",),
    }
    actions_detail: ClassVar = ["accept_one", "refuse_one", "cancel_one"]
    amount = euro_column("amount_cents", _("amount (€)"))
    attested = euro_column("attested_cents", _("attested (€)"))
    state_word = state_column()
    accept_one, refuse_one, cancel_one = (
        on_one("accept_one", ACCEPT),
        on_one("refuse_one", REFUSE),
        on_one("cancel_one", CANCEL),
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Ask for an order, or show all of one."""
        if obj is None:
            return ["organisation", "euros", *OrderForm.Meta.fields[1:]]
        return [
            "public_id", "number", "organisation", "state", "amount", "attested", "agreement", "agreement_lot",
            "cost_centre", "engagement_number", "service_code", "siret", "budget_line", "contract_reference",
            "placed_on", "expires_on", "placed_by", "placed_at", "by_staff", "approved_by", "approved_at", "first_by",
            "accepted_by", "accepted_at", "cancel_first_by", "closed_by", "closed_at", "reason", "lot",
        ]  # fmt: skip

    def tables(self, row: PurchaseOrder) -> list[dict[str, Any]]:
        """Show the four numbers and what was attested."""
        return [
            figures_table(of_orders([row.pk])[row.pk]),
            table(
                _("Attested services"),
                [_("From"), _("To"), _("Amount (€)"), _("Attested by"), _("Invoice")],
                [
                    (one.period_first, one.period_last, plain_euros(one.amount_cents), one.attested_by, one.document)
                    for one in row.attestations.select_related("document")
                ],
            ),
        ]

    def ask(self, request: HttpRequest, data: dict[str, Any]) -> PurchaseOrder:
        """Enter it through the service."""
        agreement, lot, centre = data["agreement"], data["agreement_lot"], data["cost_centre"]
        wish = orders.OrderWish(
            amount_cents=cents(data["euros"]),
            agreement=agreement.public_id if agreement else "",
            lot=lot.code if lot else "",
            cost_centre=centre.public_id if centre else "",
            engagement_number=data["engagement_number"],
            service_code=data["service_code"],
            siret=data["siret"],
            budget_line=data["budget_line"],
            contract_reference=data["contract_reference"],
            expires_on=data["expires_on"],
        )
        return orders.enter_order(
            actor=staff_actor(request), organisation_id=data["organisation"].pk, wish=wish, at=clock.now()
        )


def _pay(
    *, actor: Actor, row: ServiceAttestation, at: datetime, amount: Decimal, received_on: date, bank_reference: str
) -> None:
    made = transfers.record_invoice_payment(
        actor=actor,
        public_id=row.public_id,
        amount_cents=cents(amount),
        received_on=received_on,
        bank_reference=bank_reference,
        at=at,
    )
    if made.state == BankTransferState.REFUSED:  # it is kept all the same; this is only how the page says so
        raise WrongState(made.refusal)


def _of_attestation(row: ServiceAttestation) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Buyer"), row.organisation),
        (_("Purchase order"), row.order),
        (_("Invoice"), row.document),
        (_("Total with VAT (€)"), plain_euros(row.document.gross_cents)),
    )


PAY = Act(
    title=_("Record a bank transfer"),
    done=_("recorded"),
    call=_pay,
    warning=_("For the invoice of this service. Above the four-eyes limit it waits for a second person."),
    form=TransferForm,
    facts=_of_attestation,
)


@admin.register(ServiceAttestation)
class ServiceAttestationAdmin(WithTables, DecidedAdmin):
    """Attested services and the payment of their invoices."""

    list_display: ClassVar = ["public_id", "organisation", "order", "amount", "period_last", "document", "attested_at"]
    list_filter: ClassVar = ["attested_at"]
    list_select_related: ClassVar = ["organisation", "order", "document"]
    search_fields: ClassVar = ["public_id", "order__number", "organisation__name", "document__number"]
    show_full_result_count = False
    actions_detail: ClassVar = ["pay_one"]
    fields: ClassVar = [
        "public_id", "organisation", "order", "amount", "period_first", "period_last", "attested_by", "attested_at",
        "document",
    ]  # fmt: skip
    amount = euro_column("amount_cents", _("amount (€)"))
    pay_one = on_one("pay_one", PAY)

    def tables(self, row: ServiceAttestation) -> list[dict[str, Any]]:
        """Show what came in."""
        return [transfers_table(list(row.transfers.all()))]


@admin.register(AgreementLot)
class AgreementLotAdmin(ReadOnlyAdmin):
    """Lots of agreements, to be found by orders."""

    list_display: ClassVar = ["code", "title", "agreement", "maximum", "ordered"]
    list_select_related: ClassVar = ["agreement"]
    search_fields: ClassVar = ["code", "title", "agreement__number"]
    fields: ClassVar = ["agreement", "organisation", "code", "title", "maximum", "ordered"]
    show_full_result_count = False
    maximum = euro_column("maximum_cents", _("maximum (€)"))
    ordered = euro_column("ordered_cents", _("ordered (€)"))


@admin.register(CostCentre)
class CostCentreAdmin(WithTables, ReadOnlyAdmin):
    """Cost centres of buyers, who change them themselves."""

    list_display: ClassVar = ["code", "name", "organisation", "parent", "committed", "closed_at"]
    list_select_related: ClassVar = ["organisation", "parent"]
    search_fields: ClassVar = ["code", "name", "public_id", "organisation__name"]
    fields: ClassVar = ["public_id", "organisation", "parent", "code", "name", "soft", "hard", "committed", "closed_at"]
    show_full_result_count = False
    committed = euro_column("committed_cents", _("committed (€)"))

    @admin.display(description=_("soft cap (€)"))
    def soft(self, row: CostCentre) -> str:
        """Write the soft cap."""
        return "–" if row.soft_cap_cents is None else plain_euros(row.soft_cap_cents)

    @admin.display(description=_("hard cap (€)"))
    def hard(self, row: CostCentre) -> str:
        """Write the hard cap."""
        return "–" if row.hard_cap_cents is None else plain_euros(row.hard_cap_cents)

    def tables(self, row: CostCentre) -> list[dict[str, Any]]:
        """Show the four numbers."""
        return [figures_table(of_centres([row.pk])[row.pk])]
