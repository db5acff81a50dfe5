# SPDX-License-Identifier: Apache-2.0
"""Closed months, line by line: fixed for good."""

from typing import Any, ClassVar

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from aion.figures import gpu_hours
from aion.money import floor_charge
from aion.staff import ReadOnlyAdmin
from billing.admin.columns import WithTables, credits_text, exact_money, gpu_hours_column, table
from billing.models import MonthStatement, StatementLine

SHOWN = 500


@admin.register(MonthStatement)
class MonthStatementAdmin(WithTables, ReadOnlyAdmin):
    """Month statements."""

    list_display: ClassVar = ["public_id", "month_text", "organisation", "gpu_hours", "charged", "closed_at"]
    list_filter: ClassVar = ["month"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["public_id", "organisation__name"]
    ordering: ClassVar = ["-month", "-pk"]
    show_full_result_count = False
    fields: ClassVar = ["public_id", "month_text", "organisation", "gpu_hours", "charged", "closed_at"]
    gpu_hours = gpu_hours_column()
    charged = exact_money()

    @admin.display(description=_("month"), ordering="month")
    def month_text(self, row: MonthStatement) -> str:
        """Write the month."""
        return f"{row.month:%Y-%m}"

    def tables(self, row: MonthStatement) -> list[dict[str, Any]]:
        """Show the lines."""
        return [_lines(row)]


def _lines(statement: MonthStatement) -> dict[str, Any]:
    found = StatementLine.objects.filter(statement=statement).select_related("project", "sku")[: SHOWN + 1]
    rows = [
        [
            line.kind,
            f"{line.usage_month:%Y-%m}",
            line.project,
            line.sku,
            credits_text(line.micro_per_gpu_hour),
            gpu_hours(line.milli_gpu_seconds),
            credits_text(floor_charge(int(line.exact))),
        ]
        for line in found
    ]
    headers = [
        _("Kind"), _("Month of usage"), _("Project"), _("GPU"), _("Credits per GPU-hour"), _("GPU-hours"), _("Credits"),
    ]  # fmt: skip
    note = _("Only the first 500 lines are shown.") if len(rows) > SHOWN else ""
    return table(_("Lines"), headers, rows[:SHOWN], note)
