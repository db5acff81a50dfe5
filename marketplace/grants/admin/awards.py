# SPDX-License-Identifier: Apache-2.0
"""Awards with what became of them, and final reports."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from aion.actor import Actor
from aion.figures import carbon, energy, gpu_hours
from aion.money import from_decimal
from aion.staff import Act, DecidedAdmin, ReasonForm, on_one, state_column
from billing.admin.columns import ByState, WithTables, credits_text, money, pending_first, table
from marketplace.grants.models import Award, FinalReport
from marketplace.grants.queries.awards import draw_down
from marketplace.grants.services import awards, reports
from marketplace.grants.states import AwardState, ReportState


class ReclaimForm(ReasonForm):
    """How much, and why."""

    credits = forms.DecimalField(
        label=_("Credits"),
        required=False,
        min_value=Decimal("0.000001"),
        max_digits=15,
        decimal_places=6,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("Empty: all that is neither spent nor held."),
    )
    field_order = ["credits", "reason"]


def _reclaim(*, actor: Actor, row: Award, at: datetime, credits: Decimal | None, reason: str) -> None:
    amount = None if credits is None else from_decimal(credits)
    awards.propose_reclaim(actor=actor, award=row, amount=amount, reason=reason, at=at)


def _of_award(row: Award) -> list[tuple[Any, Any]]:
    return [
        (_("Organisation"), row.organisation),
        (_("Granted"), credits_text(row.amount)),
        (_("Spent"), credits_text(row.lot.debits)),
        (_("Held"), credits_text(row.lot.held)),
        (_("Available"), credits_text(row.lot.available)),
        (_("Expires"), row.expires_at),
    ]


RECLAIM = Act(
    title=_("Propose to reclaim unused credits"),
    done=_("proposed"),
    call=_reclaim,
    warning=_("A second person approves it. What running work has reserved stays."),
    form=ReclaimForm,
    danger=True,
    facts=_of_award,
)


@admin.register(Award)
class AwardAdmin(ByState, WithTables, DecidedAdmin):
    """Awards, newest first."""

    list_display: ClassVar = [
        "public_id", "organisation", "programme", "amount_credits", "state_word", "expires_at", "report_due_on",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "programme"]
    list_select_related: ClassVar = ["organisation", "programme"]
    search_fields: ClassVar = ["public_id", "organisation__name", "application__title"]
    show_full_result_count = False
    buttons: ClassVar = {AwardState.ACTIVE: ("reclaim",)}
    actions_detail: ClassVar = ["reclaim_one"]
    fields: ClassVar = [
        "public_id", "organisation", "programme", "application", "project", "lot", "amount_credits", "granted_at",
        "expires_at", "report_due_on", "state",
    ]  # fmt: skip
    amount_credits = money("amount", _("credits"))
    state_word = state_column()
    reclaim_one = on_one("reclaim_one", RECLAIM)

    def tables(self, row: Award) -> list[dict[str, Any]]:
        """Show use, requests for more time and reclaims."""
        used = draw_down(row)
        return [
            table(
                _("Use"),
                [_("Spent"), _("GPU-hours"), _("Runs"), _("Energy"), "CO₂e"],
                [
                    [
                        credits_text(used.spent),
                        gpu_hours(used.milli_gpu_seconds),
                        used.runs,
                        energy(used.watt_hours),
                        carbon(used.g_co2e),
                    ]
                ],
            ),
            table(
                _("More time"),
                [_("Until"), _("State"), _("Reason"), _("Decided by")],
                [(one.until, one.state, one.reason, one.decided_by) for one in row.extensions.all()],
            ),
            table(
                _("Reclaims"),
                [_("Credits"), _("State"), _("Reason"), _("Proposed by"), _("Decided by")],
                [
                    (credits_text(one.amount), one.state, one.reason, one.proposed_by, one.decided_by)
                    for one in row.reclaims.all()
                ],
            ),
        ]


def _decide(accept: bool) -> Any:
    def call(*, actor: Actor, row: FinalReport, at: datetime, reason: str) -> None:
        reports.decide_report(actor=actor, report=row, accept=accept, reason=reason, at=at)

    return call


def _of_report(row: FinalReport) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Organisation"), row.organisation),
        (_("Spent"), credits_text(row.figures.get("spent_microcredits"))),
        (_("Results"), row.results),
    )


ACCEPT = Act(title=_("Accept"), done=_("accepted"), call=_decide(True), facts=_of_report)
RETURN = Act(title=_("Return"), done=_("returned"), call=_decide(False), danger=True, facts=_of_report)


@admin.register(FinalReport)
class FinalReportAdmin(ByState, DecidedAdmin):
    """Final reports: those that were handed in come first."""

    list_display: ClassVar = ["public_id", "organisation", "award", "state_word", "submitted_at", "decided_by"]
    list_filter: ClassVar = ["state", "award__programme"]
    list_select_related: ClassVar = ["organisation", "award"]
    search_fields: ClassVar = ["public_id", "organisation__name"]
    ordering: ClassVar = [pending_first(ReportState.SUBMITTED), "-submitted_at"]
    show_full_result_count = False
    buttons: ClassVar = {ReportState.SUBMITTED: ("accept", "return")}
    actions_detail: ClassVar = ["accept_one", "return_one"]
    fields: ClassVar = [
        "public_id", "organisation", "award", "state", "results", "publications", "difficulties", "figures",
        "submitted_at", "decided_by", "decided_at", "decision_reason",
    ]  # fmt: skip
    state_word = state_column()
    accept_one, return_one = on_one("accept_one", ACCEPT), on_one("return_one", RETURN)
