# SPDX-License-Identifier: Apache-2.0
"""Payouts: recorded from a settlement by one person, confirmed here by another."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from aion.actor import Actor
from aion.figures import NBSP
from aion.staff import Act, DecidedAdmin, Queue, on_one, on_rows, register_queues, state_column
from billing.admin.columns import WithTables, credits_text, money, pending_first, table
from billing.settlement.models import Payout
from billing.settlement.services import payouts
from billing.states import RequestState


def _confirm(*, actor: Actor, row: Payout, at: datetime) -> None:
    payouts.confirm_payout(actor=actor, public_id=row.public_id, at=at)


def _reject(*, actor: Actor, row: Payout, at: datetime, reason: str) -> None:
    payouts.reject_payout(actor=actor, public_id=row.public_id, reason=reason, at=at)


def _facts(row: Payout) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Operator"), row.organisation),
        (_("Amount"), f"{credits_text(row.amount)}{NBSP}€"),
        (_("Bank reference"), row.bank_reference),
        (_("Recorded by"), row.requested_by),
    )


CONFIRM = Act(
    title=_("Confirm"),
    done=_("confirmed"),
    call=_confirm,
    warning=_(
        "Compare with the bank's statement first. What was owed leaves the ledger and the operator is told. It cannot "
        "be undone. You confirm as the second person; both names go on the record."
    ),
    form=forms.Form,
    facts=_facts,
)
REJECT = Act(
    title=_("Reject"),
    done=_("rejected"),
    call=_reject,
    warning=_("Its settlements are owed as before, and the reference is free again."),
    danger=True,
    facts=_facts,
)
register_queues(Queue(_("Payouts"), Payout, {"state": RequestState.PENDING}, "state__exact=pending"))


@admin.register(Payout)
class PayoutAdmin(WithTables, DecidedAdmin):
    """Payouts to operators."""

    list_display: ClassVar = [
        "public_id", "organisation", "amount_text", "bank_reference", "state_word", "requested_by", "decided_by",
        "requested_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "requested_at"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["public_id", "bank_reference", "organisation__name"]
    ordering: ClassVar = [pending_first(), "-requested_at"]
    show_full_result_count = False
    fields: ClassVar = [
        "public_id", "organisation", "amount_text", "bank_reference", "state", "requested_by", "requested_at",
        "decided_by", "decided_at", "reason",
    ]  # fmt: skip
    waiting: ClassVar = {"state": RequestState.PENDING}
    actions: ClassVar = ["confirm", "reject"]
    actions_detail: ClassVar = ["confirm_one", "reject_one"]
    amount_text = money("amount", _("amount (€)"))
    state_word = state_column()
    confirm, reject = on_rows("confirm", CONFIRM), on_rows("reject", REJECT)
    confirm_one, reject_one = on_one("confirm_one", CONFIRM), on_one("reject_one", REJECT)

    def tables(self, row: Payout) -> list[dict[str, Any]]:
        """Show the settlements that it pays."""
        rows = [
            [f"{one.month:%Y-%m}", one.public_id, credits_text(one.share)] for one in row.statements.order_by("month")
        ]
        return [table(_("Settlements"), [_("Month"), _("Settlement"), _("Operator's share")], rows)] if rows else []
