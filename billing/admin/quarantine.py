# SPDX-License-Identifier: Apache-2.0
"""Usage that no rule allows to rate: looked into, and closed with a finding. It is never rated from here."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from aion.actor import Actor
from aion.figures import instant
from aion.residency.models import ResidencyDecision
from aion.staff import Act, DecidedAdmin, gpus_column, on_one, on_rows
from billing.admin.columns import WithTables, table
from billing.models import QuarantinedUsage
from billing.services.corrections import review_quarantined
from billing.services.ingest import REASONS


class FindingForm(forms.Form):
    """What was found out."""

    note = forms.CharField(
        label=_("Finding"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        max_length=2000,
        help_text=_("What happened, and what was done about it. It goes on the record with your name."),
    )


def _review(*, actor: Actor, row: QuarantinedUsage, at: datetime, note: str) -> None:
    review_quarantined(actor=actor, usage_id=row.pk, note=note, at=at)


def _facts(usage: QuarantinedUsage) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Organisation"), usage.organisation),
        (_("Device"), usage.meter or usage.reference or "–"),
        (_("Seconds"), usage.seconds),
        (_("Reason"), REASONS.get(usage.reason, usage.reason)),
    )


CLOSE = Act(
    title=_("Close with a finding"),
    done=_("closed"),
    call=_review,
    warning=_("It stays as it is and is never charged. What should be charged is told again by whoever meters it."),
    button=_("Close"),
    form=FindingForm,
    facts=_facts,
)


class ReviewedFilter(admin.SimpleListFilter):
    """Whether somebody looked into it."""

    title = _("looked into")
    parameter_name = "reviewed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer both."""
        return [("no", _("not yet")), ("yes", _("closed with a finding"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the list."""
        return queryset if self.value() is None else queryset.filter(review__isnull=self.value() == "no")


@admin.register(QuarantinedUsage)
class QuarantinedUsageAdmin(WithTables, DecidedAdmin):
    """The quarantine queue."""

    list_display: ClassVar = [
        "hour", "organisation", "device", "seconds", "gpus", "reason", "reviewed_by", "recorded_at",
    ]  # fmt: skip
    list_filter: ClassVar = [ReviewedFilter, "reason", "recorded_at"]
    list_select_related: ClassVar = ["organisation", "meter", "review"]
    search_fields: ClassVar = ["reference", "meter__reference", "organisation__name"]
    show_full_result_count = False
    fields: ClassVar = [
        "organisation", "hour", "start_second", "seconds", "gpus", "revision", "device", "reason_words", "batch",
        "recorded_at",
    ]  # fmt: skip
    waiting: ClassVar = {"review": None}
    actions: ClassVar = ["close"]
    actions_detail: ClassVar = ["close_one"]
    gpus = gpus_column("milli_gpus", _("GPUs"))
    close, close_one = on_rows("close", CLOSE), on_one("close_one", CLOSE)

    @admin.display(description=_("device"))
    def device(self, row: QuarantinedUsage) -> str:
        """Write what it was metered for."""
        return row.meter.reference if row.meter else row.reference or "–"

    @admin.display(description=_("reason"))
    def reason_words(self, row: QuarantinedUsage) -> str:
        """Write the reason as a sentence."""
        return f"{REASONS.get(row.reason, '')} ({row.reason})".strip()

    @admin.display(description=_("looked into by"))
    def reviewed_by(self, row: QuarantinedUsage) -> str:
        """Write who closed it."""
        return row.review.reviewed_by if hasattr(row, "review") else "–"

    def tables(self, row: QuarantinedUsage) -> list[dict[str, Any]]:
        """Show the meter, its workload and decision, and the finding."""
        return _tables(row)


def _tables(usage: QuarantinedUsage) -> list[dict[str, Any]]:
    tables = []
    if usage.meter is not None:
        run = usage.meter.run
        facts: list[tuple[Any, Any]] = [
            (_("Workload"), f"{run.name} ({run.workload_ref})"),
            (_("Project"), run.project),
            (_("Site"), run.site_code),
            (_("Meter"), f"{usage.meter.reference}: {usage.meter.milli_gpus / 1000:g} GPU"),
            (_("Hold"), run.hold or "–"),
        ]
        decision = ResidencyDecision.objects.filter(pk=run.decision_id or 0).first()
        words = (
            _("none was made")
            if decision is None
            else f"{decision.policy}: " + (str(_("allowed")) if decision.allowed else str(_("refused")))
        )
        tables.append(table(_("What was metered"), [_("What"), _("Value")], [*facts, (_("Residency decision"), words)]))
    if hasattr(usage, "review"):
        review = usage.review
        row = [instant(review.reviewed_at), review.reviewed_by, review.note]
        tables.append(table(_("Finding"), [_("When"), _("By"), _("Finding")], [row]))
    return tables
