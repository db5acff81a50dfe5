# SPDX-License-Identifier: Apache-2.0
"""Reviewers: who is appointed to which programme, who reviews what, and what they gave."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from aion.actor import Actor
from aion.staff import Act, DecidedAdmin, on_one, on_rows, state_column
from billing.admin.columns import ByState, WithTables, table
from marketplace.grants.models import Appointment, ReviewAssignment
from marketplace.grants.services import appointments, reviews
from marketplace.grants.states import ReviewState

OPEN: dict[str, Sequence[str]] = {ReviewState.ASSIGNED: ("cancel",), ReviewState.ACCEPTED: ("cancel",)}


def _end(*, actor: Actor, row: Appointment, at: datetime, reason: str) -> None:
    appointments.end_appointment(actor=actor, appointment=row, reason=reason, at=at)


END = Act(
    title=_("End the appointment"),
    done=_("ended"),
    call=_end,
    warning=_("The person sees nothing of the programme any more. Open reviews are taken back; others still count."),
    danger=True,
    facts=lambda row: [(_("Reviewer"), row.reviewer), (_("Programme"), row.programme)],
)


@admin.register(Appointment)
class AppointmentAdmin(DecidedAdmin):
    """Reviewers of programmes; a person is appointed on the programme's own page."""

    list_display: ClassVar = ["public_id", "reviewer", "programme", "appointed_at", "appointed_by", "ended_at"]
    list_filter: ClassVar = ["programme", ("ended_at", admin.EmptyFieldListFilter)]
    list_select_related: ClassVar = ["reviewer", "programme"]
    search_fields: ClassVar = ["public_id", "reviewer__email", "programme__code"]
    show_full_result_count = False
    waiting: ClassVar = {"ended_at": None}
    actions: ClassVar = ["end"]
    actions_detail: ClassVar = ["end_one"]
    fields: ClassVar = [
        "public_id", "reviewer", "programme", "organisation", "appointed_at", "appointed_by", "ended_at", "ended_by",
    ]  # fmt: skip
    end, end_one = on_rows("end", END), on_one("end_one", END)


def _cancel(*, actor: Actor, row: ReviewAssignment, at: datetime, reason: str) -> None:
    reviews.cancel_review(actor=actor, assignment=row, reason=reason, at=at)


CANCEL = Act(
    title=_("Take back"),
    done=_("taken back"),
    call=_cancel,
    warning=_("What the reviewer has saved counts no more. It cannot be undone."),
    danger=True,
)


@admin.register(ReviewAssignment)
class ReviewAssignmentAdmin(ByState, WithTables, DecidedAdmin):
    """Who reviews what, and how far it is; scores count in the ranking once they are handed in."""

    list_display: ClassVar = ["public_id", "application", "reviewer", "state_word", "due_at", "submitted_at"]
    list_filter: ClassVar = ["state", "application__programme"]
    list_select_related: ClassVar = ["application", "reviewer"]
    search_fields: ClassVar = ["public_id", "application__title", "reviewer__email"]
    ordering: ClassVar = ["submitted_at", "due_at"]
    show_full_result_count = False
    buttons = OPEN
    actions: ClassVar = ["cancel"]
    actions_detail: ClassVar = ["cancel_one"]
    fields: ClassVar = [
        "public_id", "application", "reviewer", "state", "due_at", "assigned_at", "conflict_kind", "conflict_text",
        "declared_at", "overall_comment", "submitted_at",
    ]  # fmt: skip
    state_word = state_column()
    cancel, cancel_one = on_rows("cancel", CANCEL), on_one("cancel_one", CANCEL)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Leave the comment out until it is handed in: it may still change."""
        shown: list[str] = list(super().get_fields(request, obj))
        submitted = obj is not None and obj.state == ReviewState.SUBMITTED
        return shown if submitted else [name for name in shown if name != "overall_comment"]

    def tables(self, row: ReviewAssignment) -> list[dict[str, Any]]:
        """Show the scores once they are handed in."""
        if row.state != ReviewState.SUBMITTED:
            return []
        scores = row.scores.select_related("criterion").order_by("criterion__position", "pk")
        return [
            table(
                _("Scores"),
                [_("Criterion"), _("Weight (%)"), _("Score"), _("Why")],
                [
                    [one.criterion.name, one.criterion.weight, f"{one.value} / {one.criterion.max_score}", one.comment]
                    for one in scores
                ],
            )
        ]
