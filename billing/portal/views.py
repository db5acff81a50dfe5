# SPDX-License-Identifier: Apache-2.0
"""Usage by day, project, GPU and site; credit lots and the statement; both as CSV."""

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render

from aion import clock
from aion.actor import Scope
from aion.money import decimal_string, floor_charge
from aion.periods import floor_day
from aion.web.views import ActorView
from billing import queries
from billing.export.csv import guarded

GROUPS = queries.GROUPS
PERIODS = {"7": 7, "30": 30, "90": 90}
PAGE = 50


class Echo:
    """A file that hands each line back, for streaming."""

    def write(self, value: str) -> str:
        """Return the line."""
        return value


def stream_csv(name: str, header: list[str], rows: Iterable[list[Any]]) -> StreamingHttpResponse:
    """Stream rows as a CSV download; a cell that a spreadsheet would run is quoted with an apostrophe."""
    writer = csv.writer(Echo())

    def lines() -> Iterator[str]:
        yield writer.writerow(header)
        for row in rows:
            yield writer.writerow([guarded(cell) for cell in row])

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


class PeriodView(ActorView):
    """A view over a period: ``?days=30``, or ``?from=2020-05-01&to=2020-06-01`` with the end excluded."""

    scope = Scope.USAGE_READ

    def period(self, request: HttpRequest) -> tuple[datetime, datetime, str]:
        """Return (start, end, chosen preset); a wrong date falls back to the preset."""
        start, end = self._date(request, "from"), self._date(request, "to")
        if start and end and start < end:
            return start, end, ""
        days = request.GET.get("days", "30")
        days = days if days in PERIODS else "30"
        tomorrow = floor_day(clock.now()) + timedelta(days=1)
        return tomorrow - timedelta(days=PERIODS[days]), tomorrow, days

    @staticmethod
    def _date(request: HttpRequest, name: str) -> datetime | None:
        try:
            return datetime.strptime(request.GET.get(name, ""), "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            return None


class UsageView(PeriodView):
    """The usage explorer."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the chart by day and the table by the chosen group."""
        start, end, days = self.period(request)
        group = request.GET.get("group", "day")
        group = group if group in GROUPS else "day"
        wanted = queries.UsageFilter(start, end)
        rows = queries.usage_grouped(self.actor, wanted=wanted, group=group)
        context = {
            "rows": rows,
            "group": group,
            "groups": GROUPS,
            "days": days,
            "presets": PERIODS,
            "start": start,
            "end": end,
            "total_seconds": sum(row["milli_gpu_seconds"] for row in rows),
            "total_exact": sum(row["exact"] for row in rows),
            "chart": self._chart(start, end),
        }
        return render(request, "billing/usage.html", context)

    def _chart(self, start: datetime, end: datetime) -> dict[str, Any]:
        rows = queries.usage_by_day_and_project(self.actor, wanted=queries.UsageFilter(start, end))
        days = [start + timedelta(days=index) for index in range((end - start).days)]
        names = sorted({row["project_name"] for row in rows})
        by_key = {(row["project_name"], row["day"]): floor_charge(int(row["total_exact"])) / 1e6 for row in rows}
        return {
            "kind": "bars",
            "times": [int(day.timestamp()) for day in days],
            "series": [{"label": name} for name in names],
            "values": [[by_key.get((name, day), 0) for day in days] for name in names],
        }


class UsageCsvView(PeriodView):
    """Hourly usage as CSV."""

    def get(self, request: HttpRequest) -> StreamingHttpResponse:
        """Stream the roll-up of the period."""
        start, end, _ = self.period(request)
        rows = queries.usage_hours(self.actor, start=start, end=end).order_by("hour", "project_id", "sku_id")
        names = rows.values_list("hour", "project__name", "sku__code", "site_code", "milli_gpu_seconds", "exact")
        return stream_csv(
            f"usage-{start:%Y-%m-%d}.csv",
            ["hour", "project", "sku", "site", "gpu_seconds", "credits"],
            (
                [
                    hour.isoformat(),
                    project,
                    sku,
                    site,
                    f"{seconds / 1000:.3f}",
                    decimal_string(floor_charge(int(exact))),
                ]
                for hour, project, sku, site, seconds, exact in names.iterator(chunk_size=2000)
            ),
        )


class CreditsView(ActorView):
    """Lots in spending order, and the statement."""

    scope = Scope.CREDITS_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show both."""
        now = clock.now()
        page = Paginator(queries.statement(self.actor), PAGE).get_page(request.GET.get("page"))
        context = {
            "balance": queries.balance(self.actor.organisation_id, now),
            "lots": queries.lots(self.actor),
            "page": page,
            "now": now,
        }
        return render(request, "billing/credits.html", context)


class StatementCsvView(ActorView):
    """The statement as CSV."""

    scope = Scope.CREDITS_READ

    def get(self, request: HttpRequest) -> StreamingHttpResponse:
        """Stream every ledger entry, newest first."""
        rows = queries.statement(self.actor).values_list(
            "public_id",
            "effective_at",
            "kind",
            "description",
            "debit_account__label",
            "credit_account__label",
            "amount",
        )
        return stream_csv(
            "statement.csv",
            ["id", "accounting_time", "kind", "description", "debit", "credit", "credits"],
            (
                [public_id, at.isoformat(), kind, text, debit, credit, decimal_string(amount)]
                for public_id, at, kind, text, debit, credit, amount in rows.iterator(chunk_size=2000)
            ),
        )
