# SPDX-License-Identifier: Apache-2.0
"""Accounts, entries and holds; a grant or purchase is reversed and unspent purchased credit refunded from here."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from aion.actor import Actor
from aion.money import from_decimal, to_decimal
from aion.staff import Act, DecidedAdmin, ReadOnlyAdmin, ReasonForm, on_one, state_column
from billing.admin.columns import WithTables, credits_text, money, table
from billing.models import Hold, HoldLeg, LedgerAccount, Transfer
from billing.services.takebacks import REVERSIBLE, most_refundable, refund_lot, take_back
from billing.states import PLATFORM_KINDS, AccountKind, Origin


class RefundForm(ReasonForm):
    """How much, why, and a key that makes a second click harmless."""

    credits = forms.DecimalField(
        label=_("Credits"),
        min_value=Decimal("0.000001"),
        max_digits=15,
        decimal_places=6,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=_(
            "At most what is neither spent nor held, within the four-eyes limit. "
            "The payment itself is paid back where it was taken."
        ),
    )
    key = forms.CharField(widget=forms.HiddenInput)
    field_order = ["credits", "reason", "key"]


def _refund(*, actor: Actor, row: LedgerAccount, at: datetime, credits: Decimal, reason: str, key: str) -> None:
    refund_lot(
        actor=actor, public_id=row.public_id, amount=from_decimal(credits), reason=reason, key=f"staff:{key}", at=at
    )


def _lot_facts(lot: LedgerAccount) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Organisation"), lot.organisation),
        (_("Credited"), credits_text(lot.credits)),
        (_("Spent"), credits_text(lot.debits)),
        (_("Held"), credits_text(lot.held)),
        (_("Left"), credits_text(lot.available)),
        (_("One person may refund"), credits_text(most_refundable(lot))),
    )


def _refund_initial(lot: LedgerAccount) -> dict[str, Any]:
    most = most_refundable(lot)
    return {"credits": to_decimal(most) if most else None, "key": uuid.uuid4().hex}


REFUND = Act(
    title=_("Refund unspent credit"),
    done=_("refunded"),
    call=_refund,
    warning=_("The credit leaves the organisation at once. It cannot be undone; a mistake needs a new grant."),
    button=_("Pay back"),
    danger=True,
    form=RefundForm,
    facts=_lot_facts,
    initial=_refund_initial,
)


def _own_money(name: str, title: Any) -> Any:
    @admin.display(description=title, ordering=name)
    def column(_: Any, row: LedgerAccount) -> str:
        return "–" if row.kind in PLATFORM_KINDS else credits_text(getattr(row, name))

    return column


@admin.register(LedgerAccount)
class LedgerAccountAdmin(WithTables, DecidedAdmin):
    """Accounts and lots."""

    list_display: ClassVar = ["label", "organisation", "kind", "origin", "issued", "spent", "on_hold", "expires_at"]
    list_filter: ClassVar = ["kind", "origin", "restricted"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["label", "public_id", "organisation__name"]
    show_full_result_count = False
    fields: ClassVar = [
        "public_id", "label", "organisation", "kind", "origin", "issued", "spent", "on_hold", "sku_codes",
        "site_codes", "programme_codes", "min_level", "starts_at", "expires_at", "created_at",
    ]  # fmt: skip
    waiting: ClassVar = {"kind": AccountKind.LOT, "origin": Origin.PURCHASE}
    actions_detail: ClassVar = ["refund_one"]
    issued = _own_money("credits", _("credited"))
    spent = _own_money("debits", _("debited"))
    on_hold = _own_money("held", _("held"))
    refund_one = on_one("refund_one", REFUND)

    def tables(self, row: LedgerAccount) -> list[dict[str, Any]]:
        """Sum an account of the platform, whose row is never written to."""
        return [_sums(row)] if row.kind in PLATFORM_KINDS else []


def _sums(account: LedgerAccount) -> dict[str, Any]:
    sides = [
        Transfer.objects.filter(**{side: account}).aggregate(total=Sum("amount", default=0))["total"]
        for side in ("credit_account", "debit_account")
    ]
    row = [credits_text(int(value)) for value in (*sides, sides[0] - sides[1])]
    note = _("An account of the platform is summed when asked for: its row would be written by every transfer.")
    return table(_("Sums of all entries"), [_("Credited"), _("Debited"), _("Balance")], [row], note)


def _take_back(*, actor: Actor, row: Transfer, at: datetime, reason: str) -> None:
    take_back(actor=actor, public_id=row.public_id, reason=reason, at=at)


def _transfer_facts(transfer: Transfer) -> Sequence[tuple[Any, Any]]:
    lot = transfer.credit_account
    return (
        (_("Organisation"), transfer.organisation),
        (_("Amount"), credits_text(transfer.amount)),
        (_("Lot"), lot),
        (_("Left on the lot"), credits_text(lot.available)),
    )


REVERSE = Act(
    title=_("Reverse"),
    done=_("reversed"),
    call=_take_back,
    warning=_(
        "All of the credit goes back to where it came from, or nothing if part of it is spent or held. "
        "It cannot be undone."
    ),
    danger=True,
    facts=_transfer_facts,
)


@admin.register(Transfer)
class TransferAdmin(DecidedAdmin):
    """Ledger entries."""

    list_display: ClassVar = [
        "public_id", "organisation", "kind", "amount_credits", "description", "effective_at", "created_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["kind", "effective_at"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["public_id", "organisation__name", "description"]
    show_full_result_count = False
    fields: ClassVar = [
        "public_id", "organisation", "kind", "amount_credits", "debit_account", "credit_account", "description",
        "sku", "usage_day", "effective_at", "created_at", "batch", "reverses", "idempotency_key",
    ]  # fmt: skip
    waiting: ClassVar = {"kind__in": REVERSIBLE, "reversed_by": None}
    actions_detail: ClassVar = ["reverse_one"]
    amount_credits = money("amount", _("credits"))
    reverse_one = on_one("reverse_one", REVERSE)


@admin.register(Hold)
class HoldAdmin(WithTables, ReadOnlyAdmin):
    """Holds, each with its legs."""

    list_display: ClassVar = [
        "public_id", "organisation", "project", "amount_credits", "state_word", "created_at", "closed_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "created_at"]
    list_select_related: ClassVar = ["organisation", "project"]
    search_fields: ClassVar = ["public_id", "reference", "organisation__name"]
    show_full_result_count = False
    amount_credits = money("amount", _("credits"))
    state_word = state_column()

    def tables(self, row: Hold) -> list[dict[str, Any]]:
        """Show the legs."""
        headers = [_("Lot"), _("Reserved"), _("Captured"), _("Released")]
        return [table(_("From these lots, in this order"), headers, _legs(row))]


def _legs(hold: Hold) -> list[list[str]]:
    return [
        [str(leg.lot), *(credits_text(amount) for amount in (leg.amount, leg.captured, leg.released))]
        for leg in HoldLeg.objects.filter(hold=hold).select_related("lot").order_by("position")
    ]
