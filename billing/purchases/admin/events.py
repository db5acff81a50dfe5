# SPDX-License-Identifier: Apache-2.0
"""What the processor told us, what was refused at the door, and its payouts."""

from datetime import datetime
from typing import ClassVar

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from aion.actor import Actor
from aion.staff import Act, DecidedAdmin, ReadOnlyAdmin, on_one, on_rows, state_column
from billing.purchases.admin.columns import cents
from billing.purchases.models import Payout, ProcessorEvent, RefusedDelivery
from billing.purchases.services.inbox import retry


def _retry(*, actor: Actor, row: ProcessorEvent, at: datetime) -> None:
    del actor
    retry(event=row, at=at)


RETRY = Act(
    title=_("Look at it again"),
    done=_("waiting"),
    call=_retry,
    warning=_("The payment it is about is looked up at the processor; nothing happens twice."),
    form=forms.Form,
    facts=lambda row: ((_("Type"), row.type), (_("Object"), row.object_id), (_("Problem"), row.problem or "–")),
)


@admin.register(ProcessorEvent)
class ProcessorEventAdmin(DecidedAdmin):
    """Events, newest first."""

    list_display: ClassVar = ["event_id", "type", "object_id", "state_word", "swept", "problem", "happened_at"]
    list_filter: ClassVar = ["state", "swept", "type", "happened_at"]
    search_fields: ClassVar = ["event_id", "object_id", "payment_public_id", "intent_id"]
    ordering: ClassVar = ["-pk"]
    show_full_result_count = False
    actions: ClassVar = ["retry"]
    actions_detail: ClassVar = ["retry_one"]
    state_word = state_column()
    retry, retry_one = on_rows("retry", RETRY), on_one("retry_one", RETRY)


@admin.register(RefusedDelivery)
class RefusedDeliveryAdmin(ReadOnlyAdmin):
    """Deliveries that nobody we know has signed, counted by hour."""

    list_display: ClassVar = ["hour", "reason", "count", "last_at"]
    list_filter: ClassVar = ["reason", "hour"]
    ordering: ClassVar = ["-hour"]


@admin.register(Payout)
class PayoutAdmin(ReadOnlyAdmin):
    """Payouts; a difference is an alarm."""

    list_display: ClassVar = ["processor_id", "paid_on", "amount", "charges", "refunds", "disputes", "fees", "wrong"]
    list_filter: ClassVar = ["paid_on"]
    search_fields: ClassVar = ["processor_id"]
    fields: ClassVar = [
        "processor_id", "paid_on", "amount", "charges", "refunds", "disputes", "fees", "wrong", "unknown", "checked_at",
    ]  # fmt: skip
    amount, charges = cents("amount_cents", _("amount")), cents("charges_cents", _("payments"))
    refunds, disputes = cents("refunds_cents", _("refunds")), cents("disputes_cents", _("disputes"))
    fees, wrong = cents("fees_cents", _("fees")), cents("difference_cents", _("difference"))
