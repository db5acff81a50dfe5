# SPDX-License-Identifier: Apache-2.0
"""The overview: balance and runway, burn, GPUs, energy; live by server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from aion import clock
from aion.actor import Scope
from aion.money import EXACT_DIVISOR, floor_charge
from aion.periods import month_start
from aion.web.views import ActorView
from billing import queries as billing
from billing.forecast import Method
from clusters import queries as clusters
from marketplace.queries import price_list

STREAM_SECONDS = 5
STREAM_ROUNDS = 720
HISTORY_DAYS = 14
FORECAST_DAYS = 7


def figures(organisation_id: int, quota: int) -> dict[str, Any]:
    """Return the four stats; a constant number of queries."""
    now = clock.now()
    balance = billing.balance(organisation_id, now)
    running = clusters.running_of(organisation_id, now)
    open_exact = clusters.open_window_exact(organisation_id, now)
    live_total = balance.total - open_exact // EXACT_DIVISOR
    watt_hours, grams = month_energy(organisation_id, now)
    return {
        "balance": balance,
        "unposted": open_exact // EXACT_DIVISOR,
        "live_total": live_total,
        "running": running,
        "quota": quota,
        "runway_seconds": live_total * 3600 // running.burn_per_hour if running.burn_per_hour else None,
        "watt_hours": watt_hours,
        "grams": grams,
        "now": now,
    }


def month_energy(organisation_id: int, now: datetime) -> tuple[int, int]:
    """Return estimated Wh and gCO2e of the month from rated power, site PUE and carbon intensity."""
    sites, watts = clusters.site_figures(), clusters.watts_by_sku()
    total = [0, 0]
    for row in billing.usage_by_site(organisation_id, start=month_start(now), end=now + timedelta(hours=1)):
        pue, grams = sites.get(row["site_code"], (Decimal(1), 0))
        used = clusters.energy(
            milli_gpu_seconds=int(row["milli_gpu_seconds"]),
            watts=watts.get(row["sku__code"], 700),
            pue=pue,
            g_per_kwh=grams,
        )
        total[0] += used[0]
        total[1] += used[1]
    return total[0], total[1]


class OverviewView(ActorView):
    """The first page of an organisation."""

    scope = Scope.WORKLOADS_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show stats, burn-down, running workloads and prices."""
        context = figures(self.organisation.pk, self.organisation.milli_gpu_quota)
        now = context["now"]
        rows = list(clusters.workloads(self.actor).active()[:8])
        costs = clusters.costs_of(rows, now)
        found = billing.forecasts(self.organisation.pk, at=now, unposted=context["unposted"])
        ahead = next(one for one in found if one.method is Method.SEVEN_DAYS)
        chart, table = self._burn_down(now, context["live_total"], ahead.per_day)
        context |= {
            "rows": [(row, costs[row.pk]) for row in rows],
            "offers": price_list(now, billing.Buyer(self.organisation.pk, self.organisation.kind), limit=6),
            "chart": chart,
            "burn_table": table,
            "daily_average": ahead.per_day,
            "runs_out_at": ahead.runs_out_at,
            "expiring": billing.lots(self.actor)
            .spendable_at(now)
            .filter(expires_at__lt=now + timedelta(days=14))
            .first(),
            "unreachable": clusters.unreachable_clusters().exists(),
        }
        return render(request, "marketplace/overview.html", context)

    def _burn_down(
        self, now: datetime, balance: int, average: int
    ) -> tuple[dict[str, Any], list[tuple[datetime, int]]]:
        """Return chart and table: the last fortnight, and a week ahead by the 7-day average."""
        days = billing.burn_history(self.organisation.pk, days=HISTORY_DAYS, at=now)
        spent = [floor_charge(day.exact) for day in days]
        levels = [balance + sum(spent[index + 1 :]) for index in range(len(days))]
        times = [int(day.day.timestamp()) for day in days]
        ahead = [times[-1] + 86_400 * (index + 1) for index in range(FORECAST_DAYS)]
        forecast = [max(0, balance - average * (index + 1)) / 1e6 for index in range(FORECAST_DAYS)]
        values: list[list[float | None]] = [
            [level / 1e6 for level in levels] + [None] * FORECAST_DAYS,
            [None] * (len(days) - 1) + [levels[-1] / 1e6, *forecast],
        ]
        series = [{"label": "balance"}, {"label": "forecast", "dashed": True}]
        if not average:  # nothing was used: a flat line would pass for a forecast
            series, values = series[:1], values[:1]
        chart = {"kind": "line", "times": times + ahead, "series": series, "values": values}
        return chart, [(day.day, level) for day, level in zip(days, levels, strict=True)]


class FiguresView(ActorView):
    """The stats alone, for polling."""

    scope = Scope.WORKLOADS_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """Return the fragment."""
        context = figures(self.organisation.pk, self.organisation.milli_gpu_quota)
        return render(request, "marketplace/figures.html", context)


class StreamView(ActorView):
    """The stats as server-sent events, each five seconds, for an hour at the most."""

    scope = Scope.WORKLOADS_READ

    def get(self, request: HttpRequest) -> StreamingHttpResponse:
        """Open the stream; it ends with the client's connection."""
        organisation_id, quota = self.organisation.pk, self.organisation.milli_gpu_quota
        slug = self.organisation.slug

        def fragment() -> str:
            context = figures(organisation_id, quota) | {"slug": slug}
            return render_to_string("marketplace/figures.html", context)

        async def events() -> AsyncIterator[bytes]:
            for _ in range(STREAM_ROUNDS):
                html = await sync_to_async(fragment, thread_sensitive=False)()
                data = "\n".join(f"data: {line}" for line in html.splitlines() if line.strip())
                yield f"event: figures\n{data}\n\n".encode()
                await asyncio.sleep(STREAM_SECONDS)

        response = StreamingHttpResponse(events(), content_type="text/event-stream")
        response["Cache-Control"] = "no-store"
        response["X-Accel-Buffering"] = "no"
        return response
