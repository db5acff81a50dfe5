# SPDX-License-Identifier: Apache-2.0
"""Payments and disputes: looked up at the processor, and paid back, from here."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.utils.translation import gettext as _text
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from aion.actor import Actor
from aion.figures import credits, euros
from aion.staff import Act, DecidedAdmin, ReadOnlyAdmin, ReasonForm, on_one, state_column
from billing.purchases.admin.columns import cents
from billing.purchases.errors import ProcessorUnavailable
from billing.purchases.models import AutoRecharge, Dispute, Payment
from billing.purchases.payments.gateway import GatewayDown, GatewayRefused
from billing.purchases.services.refunds import request_refund
from billing.purchases.services.syncing import sync_payment
from billing.purchases.words import problem_of


class RefundForm(ReasonForm):
    """How much is paid back."""

    credits = forms.IntegerField(
        label=_("Credits"),
        min_value=1,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("Whole credits that are neither spent nor held; VAT goes back with them."),
    )
    field_order = ["credits", "reason"]


def _refund(*, actor: Actor, row: Payment, at: datetime, credits: int, reason: str) -> None:
    request_refund(actor=actor, payment_id=row.pk, credits_=credits, reason=reason, at=at)


def _look_up(*, actor: Actor, row: Payment, at: datetime) -> None:
    del actor
    try:
        sync_payment(payment_id=row.pk, at=at)
    except (GatewayDown, GatewayRefused) as error:
        raise ProcessorUnavailable(_text("The payment processor does not answer: try again in a minute.")) from error


def _facts(row: Payment) -> Sequence[tuple[Any, Any]]:
    left = row.lot.available if row.lot is not None else 0
    return (
        (_("Organisation"), row.organisation),
        (_("Total"), euros(row.gross_cents)),
        (_("Received"), euros(row.captured_cents)),
        (_("Unspent credits"), credits(left)),
        (_("Problem"), problem_of(row.problem) or "–"),
    )


REFUND = Act(
    title=_("Pay back"),
    done=_("on its way, or waiting for a second person"),
    call=_refund,
    warning=_("The credit leaves its lot at once and the money goes back on the way it came."),
    danger=True,
    form=RefundForm,
    facts=_facts,
)
LOOK_UP = Act(
    title=_("Look up at the processor"),
    done=_("looked up"),
    call=_look_up,
    warning=_("What the processor says is applied; nothing happens twice."),
    form=forms.Form,
    facts=_facts,
)


@admin.register(Payment)
class PaymentAdmin(DecidedAdmin):
    """Payments, newest first."""

    list_display: ClassVar = [
        "public_id", "organisation", "state_word", "method", "gross", "captured", "fee", "created_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "method", "kind", "created_at"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["public_id", "organisation__name", "intent_id", "charge_id", "session_id"]
    ordering: ClassVar = ["-pk"]
    show_full_result_count = False
    actions_detail: ClassVar = ["refund_one", "look_up_one"]
    fields: ClassVar = [
        "public_id", "organisation", "kind", "method", "state", "net", "vat", "gross", "captured", "fee", "problem",
        "lot", "document", "payout", "session_id", "intent_id", "charge_id", "requested_by", "created_at", "paid_at",
        "checked_at",
    ]  # fmt: skip
    state_word = state_column()
    net, vat, gross = cents("net_cents", _("net")), cents("vat_cents", _("VAT")), cents("gross_cents", _("total"))
    captured, fee = cents("captured_cents", _("received")), cents("fee_cents", _("fee"))
    refund_one, look_up_one = on_one("refund_one", REFUND), on_one("look_up_one", LOOK_UP)


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin):
    """Disputes; they are answered at the processor's desk, and followed here."""

    list_display: ClassVar = ["public_id", "organisation", "payment", "state_word", "gross", "reason", "opened_at"]
    list_filter: ClassVar = ["state", "opened_at"]
    list_select_related: ClassVar = ["organisation", "payment"]
    search_fields: ClassVar = ["public_id", "organisation__name", "payment__public_id", "processor_id"]
    ordering: ClassVar = ["-pk"]
    fields: ClassVar = [
        "public_id", "organisation", "payment", "state", "net", "gross", "reason", "processor_id", "opened_at",
        "closed_at",
    ]  # fmt: skip
    state_word = state_column()
    net, gross = cents("net_cents", _("net")), cents("gross_cents", _("total"))


@admin.register(AutoRecharge)
class AutoRechargeAdmin(ReadOnlyAdmin):
    """Automatic recharges; customers set them."""

    list_display: ClassVar = ["organisation", "enabled", "amount", "cap", "failures", "stopped_reason", "set_at"]
    list_filter: ClassVar = ["enabled"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["organisation__name"]
    fields: ClassVar = [
        "organisation", "enabled", "amount", "cap", "method_label", "failures", "stopped_reason", "set_by", "set_at",
    ]  # fmt: skip
    amount, cap = cents("net_cents", _("amount")), cents("monthly_cap_cents", _("at most a month"))
