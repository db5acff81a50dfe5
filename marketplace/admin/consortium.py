# SPDX-License-Identifier: Apache-2.0
"""The consortium's figures: what each member sold and earned in a month, and the credit that is still to be worked off.

The number of queries does not depend on how many members, sites, lots or records there are.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from aion import clock
from aion.figures import gpu_hours, gpus, number
from aion.money import decimal_string
from aion.periods import month_instant, month_start, next_month, whole_seconds
from aion.staff import Page, register_pages
from aion.web.csv import stream_csv
from aion.web.templatetags.aion import origin_word
from billing import queries as billing
from billing.admin.columns import credits_text, table
from clusters import queries as clusters

MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")
RIGHT = "billing.view_ledgeraccount"


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar month in UTC, as far as it has gone."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> int:
        """Return how long it is until now."""
        return whole_seconds(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Member:
    """What one member offers, and sold in the period."""

    name: str
    milli_gpus: int
    milli_gpu_seconds: int
    revenue: int
    seconds: int

    @property
    def percent(self) -> str:
        """Return the share of the capacity that was sold, with one decimal; a dash where there is none."""
        whole = self.milli_gpus * self.seconds
        return f"{self.milli_gpu_seconds * 1000 // whole / 10:.1f}" if whole else "–"


def period_of(request: HttpRequest) -> Period:
    """Return the month that the address names, the present one where it names none."""
    now = clock.now()
    found = MONTH.fullmatch(request.GET.get("month", ""))
    start = month_instant(date(int(found[1]), int(found[2]), 1)) if found else month_start(now)
    return Period(start, max(start, min(next_month(start), now)))


def members(period: Period) -> list[Member]:
    """Return each operator with its capacity of today and its sales, by name."""
    sales = {one.site_code: one for one in billing.sales_by_site(period.start, period.end)}
    totals: dict[tuple[str, int], list[int]] = {}
    for site in clusters.site_capacities():
        total = totals.setdefault((site.operator, site.operator_id), [0, 0, 0])
        total[0] += site.milli_gpus
        sold = sales.get(site.code)
        if sold is not None:
            total[1] += sold.milli_gpu_seconds
            total[2] += sold.revenue
    return [
        Member(name, capacity, sold, revenue, period.seconds)
        for (name, _pk), (capacity, sold, revenue) in sorted(totals.items())
    ]


def consortium(request: HttpRequest) -> HttpResponse:
    """Show the figures."""
    _require(request)
    period = period_of(request)
    found, owed = members(period), billing.liability(clock.now())
    context = {
        **_site(request),
        "title": _("Consortium"),
        "month": f"{period.start:%Y-%m}",
        "before": f"{period.start - timedelta(days=1):%Y-%m}",
        "after": f"{next_month(period.start):%Y-%m}" if next_month(period.start) <= clock.now() else "",
        "csv": f"{reverse('admin:consortium_csv')}?month={period.start:%Y-%m}",
        "tables": [_members_table(found), _liability_table(owed)],
    }
    return TemplateResponse(request, "admin/consortium.html", context)


def consortium_csv(request: HttpRequest) -> StreamingHttpResponse:
    """Stream both tables as one: amounts as decimals, GPU-hours as milli-GPU-seconds."""
    _require(request)
    period = period_of(request)
    header = ["figure", "month", "name", "milli_gpus", "milli_gpu_seconds", "used_percent", "credits", "held_credits"]
    return stream_csv(request, f"consortium-{period.start:%Y-%m}.csv", header, _csv_rows(period))


def _csv_rows(period: Period) -> Iterator[list[Any]]:
    for one in members(period):
        yield ["sold", f"{period.start:%Y-%m}", one.name, one.milli_gpus, one.milli_gpu_seconds,
               one.percent if one.milli_gpus else "", decimal_string(one.revenue), ""]  # fmt: skip
    for row in billing.liability(clock.now()):
        month = f"{row.month:%Y-%m}" if row.month else ""
        yield ["liability", month, row.origin, "", "", "", decimal_string(row.total), decimal_string(row.held)]


def _members_table(found: list[Member]) -> dict[str, Any]:
    rows: list[list[Any]] = [
        [one.name, gpus(one.milli_gpus), gpu_hours(one.milli_gpu_seconds), _share(one),
         credits_text(one.revenue)]
        for one in found
    ]  # fmt: skip
    if found:
        rows.append([
            _("All"),
            gpus(sum(one.milli_gpus for one in found)),
            gpu_hours(sum(one.milli_gpu_seconds for one in found)),
            "",
            credits_text(sum(one.revenue for one in found)),
        ])  # fmt: skip
    headers = [_("Member"), _("Capacity (GPUs)"), _("Sold (GPU-hours)"), _("Use (%)"), _("Revenue (cr)")]
    return table(_("Members"), headers, rows, note=_("Use is what was sold of the capacity as it is today."))


def _share(one: Member) -> str:
    return number(Decimal(one.percent), 1) if one.milli_gpus else one.percent


def _liability_table(owed: list[billing.Liability]) -> dict[str, Any]:
    rows: list[list[Any]] = [
        [f"{one.month:%Y-%m}" if one.month else _("never"), origin_word(one.origin), one.lots,
         credits_text(one.available), credits_text(one.held), credits_text(one.total)]
        for one in owed
    ]  # fmt: skip
    if owed:
        sums = [sum(one.available for one in owed), sum(one.held for one in owed), sum(one.total for one in owed)]
        rows.append([_("All"), "", sum(one.lots for one in owed), *(credits_text(one) for one in sums)])
    headers = [_("Expires"), _("Origin"), _("Lots"), _("Available (cr)"), _("Held (cr)"), _("Liability (cr)")]
    return table(_("Liability in credits, now"), headers, rows, note=_("Credit that customers may still use."))


def _require(request: HttpRequest) -> None:
    user: Any = request.user
    if not user.has_perm(RIGHT):
        raise PermissionDenied


def _site(request: HttpRequest) -> dict[str, Any]:
    context: dict[str, Any] = admin.site.each_context(request)
    return context


register_pages(
    Page("consortium/", consortium, "consortium"),
    Page("consortium.csv", consortium_csv, "consortium_csv"),
)
