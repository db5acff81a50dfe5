# SPDX-License-Identifier: Apache-2.0
"""Credit notes that staff asked for: above the limit they wait for a second person."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from aion.actor import Actor
from aion.figures import euros
from aion.staff import Act, DecidedAdmin, Queue, on_one, on_rows, register_queues, state_column
from aion.staff_tables import ByState, pending_first
from billing.invoicing.models import CreditNoteRequest
from billing.invoicing.services import credit_notes
from billing.states import RequestState

register_queues(Queue(_("Credit notes"), CreditNoteRequest, {"state": RequestState.PENDING}, "state__exact=pending"))


def _approve(*, actor: Actor, row: CreditNoteRequest, at: datetime) -> None:
    credit_notes.approve_credit_note(actor=actor, public_id=row.public_id, at=at)


def _reject(*, actor: Actor, row: CreditNoteRequest, at: datetime, reason: str) -> None:
    credit_notes.reject_credit_note(actor=actor, public_id=row.public_id, reason=reason, at=at)


def _facts(row: CreditNoteRequest) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Organisation"), row.organisation),
        (_("Invoice"), row.original),
        (_("Net"), euros(row.net_cents)),
        (_("Asked by"), row.requested_by),
        (_("Reason"), row.reason),
    )


APPROVE = Act(
    title=_("Approve"),
    done=_("approved"),
    call=_approve,
    warning=_("The credit note is issued. You approve it as second person."),
    form=forms.Form,
    facts=_facts,
)
REJECT = Act(title=_("Reject"), done=_("rejected"), call=_reject, danger=True, facts=_facts)


@admin.register(CreditNoteRequest)
class CreditNoteRequestAdmin(ByState, DecidedAdmin):
    """Credit notes asked for: those that wait come first."""

    list_display: ClassVar = [
        "public_id", "organisation", "original", "amount", "state_word", "requested_by", "requested_at", "decided_by",
    ]  # fmt: skip
    list_filter: ClassVar = ["state"]
    list_select_related: ClassVar = ["organisation", "original"]
    search_fields: ClassVar = ["public_id", "original__number", "organisation__name"]
    ordering: ClassVar = [pending_first(), "-requested_at"]
    show_full_result_count = False
    fields: ClassVar = [
        "public_id", "organisation", "original", "amount", "reason", "state", "document", "requested_by",
        "requested_at", "decided_by", "decided_at",
    ]  # fmt: skip
    buttons: ClassVar = {RequestState.PENDING: ("approve", "reject")}
    actions: ClassVar = ["approve", "reject"]
    actions_detail: ClassVar = ["approve_one", "reject_one"]
    state_word = state_column()
    approve, reject = on_rows("approve", APPROVE), on_rows("reject", REJECT)
    approve_one, reject_one = on_one("approve_one", APPROVE), on_one("reject_one", REJECT)

    @admin.display(description=_("net"), ordering="net_cents")
    def amount(self, row: CreditNoteRequest) -> str:
        """Write how much."""
        return euros(row.net_cents)
