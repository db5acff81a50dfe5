# SPDX-License-Identifier: Apache-2.0
"""Quotes and the money that comes in for them and for invoices of attested services."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextareaWidget

from aion import clock
from aion.actor import Actor
from aion.figures import plain_euros
from aion.staff import Act, AskedAdmin, AskForm, DecidedAdmin, on_one, on_rows, staff_actor, state_column
from billing.admin.columns import ByState, WithTables, credits_text, pending_first, table
from billing.procurement.admin.columns import TransferForm, cents, euro_column, transfers_table
from billing.procurement.errors import WrongState
from billing.procurement.models import BankTransfer, Quote
from billing.procurement.services import quotes, transfers
from billing.procurement.states import BankTransferState, QuoteState
from billing.states import RequestState


class QuoteForm(AskForm):
    """A quote that staff make for an organisation."""

    class Meta:
        model = Quote
        fields: ClassVar = ["organisation", "credits", "note"]
        widgets: ClassVar = {"note": UnfoldAdminTextareaWidget(attrs={"rows": 3})}


class OfferForm(forms.Form):
    """For how long."""

    valid_days = forms.IntegerField(
        label=_("Valid for (days)"),
        min_value=1,
        max_value=quotes.MOST_VALID_DAYS,
        initial=quotes.VALID_DAYS,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("It can be accepted until the end of the last day (UTC)."),
    )


def _offer(*, actor: Actor, row: Quote, at: datetime, valid_days: int) -> None:
    quotes.offer_quote(actor=actor, public_id=row.public_id, at=at, valid_days=valid_days)


def _withdraw(*, actor: Actor, row: Quote, at: datetime, reason: str) -> None:
    quotes.withdraw_quote(actor=actor, public_id=row.public_id, reason=reason, at=at)


def _pay(*, actor: Actor, row: Quote, at: datetime, amount: Decimal, received_on: date, bank_reference: str) -> None:
    made = transfers.record_quote_payment(
        actor=actor,
        public_id=row.public_id,
        amount_cents=cents(amount),
        received_on=received_on,
        bank_reference=bank_reference,
        at=at,
    )
    if made.state == BankTransferState.REFUSED:  # it is kept all the same; this is only how the page says so
        raise WrongState(made.refusal)


def _facts(row: Quote) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Organisation"), row.organisation),
        (_("Credits"), row.credits),
        (_("Total with VAT (€)"), plain_euros(row.gross_cents)),
        (_("Asked by"), row.requested_by),
        (_("Note"), row.note or "–"),
    )


OFFER = Act(
    title=_("Offer"),
    done=_("offered"),
    call=_offer,
    warning=_("It takes the next number, the price list of now and VAT of now. The organisation is told."),
    form=OfferForm,
    facts=_facts,
)
WITHDRAW = Act(
    title=_("Withdraw"),
    done=_("withdrawn"),
    call=_withdraw,
    warning=_("Nobody can accept it any more; the organisation is told why."),
    danger=True,
    facts=_facts,
)
PAY = Act(
    title=_("Record a bank transfer"),
    done=_("recorded"),
    call=_pay,
    warning=_(
        "The exact total, in one part or several, issues the credits and asks for the invoice. Above the four-eyes "
        "limit it waits for a second person. Too much is refused and kept: send it back."
    ),
    form=TransferForm,
    facts=_facts,
)


@admin.register(Quote)
class QuoteAdmin(ByState, WithTables, AskedAdmin):
    """Quotes: those that were asked for come first."""

    form = QuoteForm
    list_display: ClassVar = [
        "__str__", "organisation", "credits", "total", "state_word", "valid_until", "settled_at", "requested_by",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "requested_at"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["number", "public_id", "organisation__name"]
    autocomplete_fields: ClassVar = ["organisation"]
    ordering: ClassVar = [pending_first(QuoteState.DRAFT), "-requested_at"]
    show_full_result_count = False
    buttons: ClassVar = {
        QuoteState.DRAFT: ("offer", "withdraw"),
        QuoteState.OFFERED: ("withdraw",),
        QuoteState.ACCEPTED: ("pay",),
    }
    actions_detail: ClassVar = ["offer_one", "withdraw_one", "pay_one"]
    total = euro_column("gross_cents", _("total with VAT (€)"))
    net = euro_column("net_cents", _("net (€)"))
    vat = euro_column("vat_cents", _("VAT (€)"))
    state_word = state_column()
    offer_one, withdraw_one, pay_one = (
        on_one("offer_one", OFFER),
        on_one("withdraw_one", WITHDRAW),
        on_one("pay_one", PAY),
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Ask for a quote, or show all of one."""
        if obj is None:
            return ["organisation", "credits", "note"]
        return [
            "public_id", "number", "organisation", "state", "credits", "net", "vat", "total", "vat_rule", "note",
            "price_version", "requested_by", "requested_at", "offered_by", "offered_at", "valid_until", "decided_by",
            "decided_at", "reason", "settled_at", "lot", "document",
        ]  # fmt: skip

    def tables(self, row: Quote) -> list[dict[str, Any]]:
        """Show what came in, and the prices."""
        return [
            transfers_table(list(row.transfers.all())),
            table(
                _("Price list"),
                [_("GPU"), _("Credits per GPU-hour"), _("Version")],
                [(one["name"], credits_text(one["micro_per_gpu_hour"]), one["price_id"]) for one in row.price_list],
            ),
        ]

    def ask(self, request: HttpRequest, data: dict[str, Any]) -> Quote:
        """Make a draft through the service."""
        return quotes.request_quote(
            actor=staff_actor(request),
            organisation_id=data["organisation"].pk,
            credits=data["credits"],
            note=data["note"],
            at=clock.now(),
        )


def _approve(*, actor: Actor, row: BankTransfer, at: datetime) -> None:
    made = transfers.approve_transfer(actor=actor, public_id=row.public_id, at=at)
    if made.state == BankTransferState.REFUSED:
        raise WrongState(made.refusal)


def _reject(*, actor: Actor, row: BankTransfer, at: datetime, reason: str) -> None:
    transfers.reject_transfer(actor=actor, public_id=row.public_id, reason=reason, at=at)


def _of_transfer(row: BankTransfer) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Organisation"), row.organisation),
        (_("For"), row.quote or row.attestation),
        (_("Amount (€)"), plain_euros(row.amount_cents)),
        (_("Received"), row.received_on),
        (_("Recorded by"), row.recorded_by),
    )


APPROVE = Act(
    title=_("Book"),
    done=_("booked"),
    call=_approve,
    warning=_("You say as the second person that this money is on our account. It may issue credits at once."),
    form=forms.Form,
    facts=_of_transfer,
)
REJECT = Act(
    title=_("Strike out"),
    done=_("struck out"),
    call=_reject,
    warning=_("For a line that was typed wrongly. Its reference stays used."),
    danger=True,
    facts=_of_transfer,
)


@admin.register(BankTransfer)
class BankTransferAdmin(DecidedAdmin):
    """Money that came in: what waits for a second person comes first."""

    list_display: ClassVar = [
        "bank_reference", "organisation", "quote", "attestation", "amount", "received_on", "state_word", "recorded_by",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "received_on"]
    list_select_related: ClassVar = ["organisation", "quote", "attestation"]
    search_fields: ClassVar = ["bank_reference", "public_id", "organisation__name", "quote__number"]
    ordering: ClassVar = [pending_first(), "-recorded_at"]
    show_full_result_count = False
    waiting: ClassVar = {"state": RequestState.PENDING}
    actions: ClassVar = ["approve", "reject"]
    actions_detail: ClassVar = ["approve_one", "reject_one"]
    fields: ClassVar = [
        "public_id", "organisation", "quote", "attestation", "amount", "received_on", "bank_reference", "state",
        "refusal", "recorded_by", "recorded_at", "decided_by", "decided_at",
    ]  # fmt: skip
    amount = euro_column("amount_cents", _("amount (€)"))
    state_word = state_column()
    approve, reject = on_rows("approve", APPROVE), on_rows("reject", REJECT)
    approve_one, reject_one = on_one("approve_one", APPROVE), on_one("reject_one", REJECT)
