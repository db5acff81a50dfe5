# SPDX-License-Identifier: Apache-2.0
"""Refunds: what waits for a second person comes first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Case, Value, When
from django.utils.translation import gettext_lazy as _

from aion.actor import Actor
from aion.figures import euros
from aion.staff import Act, DecidedAdmin, on_one, on_rows, state_column
from billing.purchases.admin.columns import cents
from billing.purchases.models import Refund
from billing.purchases.services.refunds import approve_refund, reject_refund
from billing.purchases.states import RefundState


def _approve(*, actor: Actor, row: Refund, at: datetime) -> None:
    approve_refund(actor=actor, public_id=row.public_id, at=at)


def _reject(*, actor: Actor, row: Refund, at: datetime, reason: str) -> None:
    reject_refund(actor=actor, public_id=row.public_id, reason=reason, at=at)


def _facts(row: Refund) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Organisation"), row.organisation),
        (_("Payment"), row.payment),
        (_("Total"), euros(row.gross_cents)),
        (_("Asked by"), row.requested_by),
        (_("Reason"), row.reason),
    )


APPROVE = Act(
    title=_("Approve"),
    done=_("approved"),
    call=_approve,
    warning=_("The money goes back at once. You approve as the second person; both names go on the record."),
    form=forms.Form,
    facts=_facts,
)
REJECT = Act(title=_("Reject"), done=_("rejected"), call=_reject, danger=True, facts=_facts)


@admin.register(Refund)
class RefundAdmin(DecidedAdmin):
    """Refunds."""

    list_display: ClassVar = [
        "public_id", "organisation", "payment", "state_word", "gross", "requested_by", "decided_by", "requested_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "found", "requested_at"]
    list_select_related: ClassVar = ["organisation", "payment"]
    search_fields: ClassVar = ["public_id", "organisation__name", "payment__public_id", "processor_id"]
    ordering: ClassVar = [Case(When(state=RefundState.WAITING, then=Value(0)), default=Value(1)), "-pk"]
    show_full_result_count = False
    waiting: ClassVar = {"state": RefundState.WAITING}
    actions: ClassVar = ["approve", "reject"]
    actions_detail: ClassVar = ["approve_one", "reject_one"]
    fields: ClassVar = [
        "public_id", "organisation", "payment", "state", "net", "gross", "reason", "problem", "found", "document",
        "processor_id", "requested_by", "requested_at", "decided_by", "decided_at",
    ]  # fmt: skip
    state_word = state_column()
    net, gross = cents("net_cents", _("net")), cents("gross_cents", _("total"))
    approve, reject = on_rows("approve", APPROVE), on_rows("reject", REJECT)
    approve_one, reject_one = on_one("approve_one", APPROVE), on_one("reject_one", REJECT)
