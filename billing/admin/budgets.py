# SPDX-License-Identifier: Apache-2.0
"""Budgets and what they reached, to look at: customers set their own."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from aion.staff import ReadOnlyAdmin
from billing.admin.columns import money
from billing.models import Budget, BudgetCrossing


class EndedFilter(admin.SimpleListFilter):
    """Whether a budget still counts."""

    title = _("in force")
    parameter_name = "in_force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer both."""
        return [("yes", _("in force")), ("no", _("ended"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the list."""
        return queryset if self.value() is None else queryset.filter(ended_at__isnull=self.value() == "yes")


@admin.register(Budget)
class BudgetAdmin(ReadOnlyAdmin):
    """Budgets with their steps."""

    list_display: ClassVar = ["name", "organisation", "scope", "period", "cap", "step_words", "created_by", "ended_at"]
    list_filter: ClassVar = [EndedFilter, "scope", "period"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["name", "public_id", "organisation__name"]
    show_full_result_count = False
    fields: ClassVar = [
        "public_id", "name", "organisation", "scope", "project", "member_id", "lot", "period", "cap", "step_words",
        "created_by", "created_at", "changed_at", "ended_at",
    ]  # fmt: skip
    cap = money("amount", _("cap (credits)"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Budget]:
        """Return budgets with their steps."""
        rows: QuerySet[Budget] = super().get_queryset(request)
        return rows.prefetch_related("steps")

    @admin.display(description=_("steps"))
    def step_words(self, row: Budget) -> str:
        """Write what happens on the way."""
        return ", ".join(f"{step.percent} %: {step.get_action_display()}" for step in row.steps.all())


@admin.register(BudgetCrossing)
class BudgetCrossingAdmin(ReadOnlyAdmin):
    """Steps that were reached."""

    list_display: ClassVar = [
        "at",
        "organisation",
        "budget",
        "percent",
        "action",
        "spent_credits",
        "cap",
        "period_start",
    ]
    list_filter: ClassVar = ["action", "percent", "at"]
    list_select_related: ClassVar = ["organisation", "budget"]
    search_fields: ClassVar = ["budget__name", "organisation__name"]
    show_full_result_count = False
    spent_credits = money("spent", _("spent (credits)"))
    cap = money("amount", _("cap (credits)"))
