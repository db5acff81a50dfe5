# SPDX-License-Identifier: Apache-2.0
"""The queue of settlements: checked and approved by two people, rejected with a reason, paid by reference."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from aion.actor import Actor
from aion.figures import NBSP, gpu_hours, percent
from aion.staff import Act, DecidedAdmin, Queue, on_one, on_rows, register_queues, state_column
from billing.admin.columns import ByState, WithTables, credits_text, gpu_hours_column, money, table
from billing.settlement.models import SettlementLine, SettlementStatement
from billing.settlement.services import approvals, payouts
from billing.settlement.states import WAITING, SettlementState

SHOWN = 500


class PayoutForm(forms.Form):
    """The bank's reference."""

    bank_reference = forms.CharField(
        label=_("Bank reference"),
        max_length=70,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("As the bank's statement names the transfer. One reference pays once."),
    )


def _approve(*, actor: Actor, row: SettlementStatement, at: datetime) -> None:
    approvals.approve_settlement(actor=actor, public_id=row.public_id, at=at)


def _reject(*, actor: Actor, row: SettlementStatement, at: datetime, reason: str) -> None:
    approvals.reject_settlement(actor=actor, public_id=row.public_id, reason=reason, at=at)


def _pay(*, actor: Actor, row: SettlementStatement, at: datetime, bank_reference: str) -> None:
    payouts.record_payout(actor=actor, organisation_id=row.organisation_id, bank_reference=bank_reference, at=at)


def _facts(row: SettlementStatement) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Operator"), row.organisation),
        (_("Month"), f"{row.month:%Y-%m}"),
        (_("Charged"), f"{credits_text(row.charged)}{NBSP}€"),
        (_("Operator's share"), f"{credits_text(row.share)}{NBSP}€"),
        (_("Commission"), f"{credits_text(row.commission)}{NBSP}€"),
        (_("Prepared by"), row.prepared_by),
        (_("First checked by"), row.first_by or "–"),
    )


def _owed_facts(row: SettlementStatement) -> Sequence[tuple[Any, Any]]:
    owed = SettlementStatement.objects.payable().filter(organisation_id=row.organisation_id).order_by("month")
    return (
        (_("Operator"), row.organisation),
        *((f"{one.month:%Y-%m}", f"{credits_text(one.share)}{NBSP}€") for one in owed),
        (_("Bank transfer"), f"{credits_text(sum(one.share for one in owed))}{NBSP}€"),
    )


APPROVE = Act(
    title=_("Approve"),
    done=_("approved"),
    call=_approve,
    warning=_(
        "A draft needs two people: the first approval checks it, the second makes the share payable and books the "
        "commission. That cannot be undone, only corrected by the next settlement. Who prepared or checked it cannot "
        "be the second."
    ),
    form=forms.Form,
    facts=_facts,
)
REJECT = Act(
    title=_("Reject"),
    done=_("rejected and computed anew"),
    call=_reject,
    warning=_("The month is computed anew as a draft, and later drafts of this operator with it."),
    danger=True,
    facts=_facts,
)
PAY = Act(
    title=_("Record a payout"),
    done=_("payout recorded: another member of staff confirms it"),
    call=_pay,
    warning=_("One bank transfer pays all that is approved and not paid. Another member of staff confirms it."),
    form=PayoutForm,
    facts=_owed_facts,
)
register_queues(
    Queue(_("Settlements"), SettlementStatement, {"state__in": sorted(WAITING)}, "state__in=checked,draft"),
    Queue(
        _("Settlements to pay"),
        SettlementStatement,
        {"state": SettlementState.APPROVED, "payout": None},
        "state__exact=approved",
    ),
)


@admin.register(SettlementStatement)
class SettlementStatementAdmin(WithTables, ByState, DecidedAdmin):
    """Settlements."""

    list_display: ClassVar = [
        "public_id", "month_text", "organisation", "revision", "gpu_hours", "charged_text", "share_text",
        "commission_text", "state_word", "first_by", "decided_by",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "month"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["public_id", "organisation__name"]
    ordering: ClassVar = ["-month", "organisation__name", "-revision"]
    show_full_result_count = False
    fields: ClassVar = [
        "public_id", "month_text", "organisation", "revision", "gpu_hours", "charged_text", "share_text",
        "commission_text", "state", "prepared_at", "prepared_by", "first_by", "first_at", "decided_by", "decided_at",
        "reason", "payout",
    ]  # fmt: skip
    waiting: ClassVar = {"state__in": [*sorted(WAITING), SettlementState.APPROVED]}
    buttons: ClassVar = {
        SettlementState.DRAFT: ["approve", "reject"],
        SettlementState.CHECKED: ["approve", "reject"],
        SettlementState.APPROVED: ["pay"],
    }
    actions: ClassVar = ["approve"]
    actions_detail: ClassVar = ["approve_one", "reject_one", "pay_one"]
    gpu_hours = gpu_hours_column()
    charged_text = money("charged", _("charged (€)"))
    share_text = money("share", _("operator's share (€)"))
    commission_text = money("commission", _("commission (€)"))
    state_word = state_column()
    approve = on_rows("approve", APPROVE)
    approve_one, reject_one = on_one("approve_one", APPROVE), on_one("reject_one", REJECT)
    pay_one = on_one("pay_one", PAY)

    @admin.display(description=_("month"), ordering="month")
    def month_text(self, row: SettlementStatement) -> str:
        """Write the month."""
        return f"{row.month:%Y-%m}"

    def tables(self, row: SettlementStatement) -> list[dict[str, Any]]:
        """Show the lines."""
        return [_lines(row)]


def _lines(statement: SettlementStatement) -> dict[str, Any]:
    found = SettlementLine.objects.filter(statement=statement).select_related("sku")[: SHOWN + 1]
    rows = [
        [
            line.kind,
            f"{line.usage_month:%Y-%m}",
            line.site_code,
            line.sku,
            credits_text(line.micro_per_gpu_hour),
            gpu_hours(line.milli_gpu_seconds),
            credits_text(line.charged),
            percent(line.share_percent, 2),
            credits_text(line.share),
        ]
        for line in found
    ]
    headers = [
        _("Kind"), _("Month of usage"), _("Site"), _("GPU"), _("Credits per GPU-hour"), _("GPU-hours"), _("Charged"),
        _("Share"), _("Operator's share"),
    ]  # fmt: skip
    note = _("Only the first 500 lines are shown.") if len(rows) > SHOWN else ""
    return table(_("Lines"), headers, rows[:SHOWN], note)
