# SPDX-License-Identifier: Apache-2.0
"""The usage explorer: credits, energy and CO₂e of the same seconds, by whatever they are grouped."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext as _

from aion import clock, figures
from aion.actor import Actor, Scope
from aion.errors import Rejected
from aion.money import EXACT_DIVISOR, decimal_string, floor_charge
from aion.periods import floor_day, month_start
from aion.tenancy.queries import names_of, projects
from aion.web.csv import stream_csv
from aion.web.instants import day_in, require_days, wrong_days
from aion.web.text import text_in
from aion.web.views import ActorView
from billing import queries as billing
from clusters import queries as clusters

ONE_DAY = timedelta(days=1)
MAX_DAYS = 366
TOP = 100
CHART_SERIES = 4
PRESETS = {
    "7": gettext_lazy("7 days"),
    "30": gettext_lazy("30 days"),
    "90": gettext_lazy("90 days"),
    "month": gettext_lazy("This month"),
    "last": gettext_lazy("Last month"),
}
MEASURES = {"credits": gettext_lazy("Credits"), "energy": "kWh", "carbon": "CO₂e"}
TIMES = {"day", "hour"}
WATTS_UNKNOWN = 700
# milli-GPU-seconds x watts / this is watt-hours.
WATT_HOUR = 1000 * 3600


@dataclass(slots=True)
class Sums:
    """What a group used, exactly; rounding comes with the digits that are shown."""

    milli_gpu_seconds: int = 0
    exact: int = 0
    watt_seconds: Decimal = Decimal(0)
    carbon: Decimal = Decimal(0)

    def add(self, other: "Sums") -> None:
        """Add another group's."""
        self.milli_gpu_seconds += other.milli_gpu_seconds
        self.exact += other.exact
        self.watt_seconds += other.watt_seconds
        self.carbon += other.carbon

    def take(self, other: "Sums") -> None:
        """Take another group's away."""
        self.add(Sums(-other.milli_gpu_seconds, -other.exact, -other.watt_seconds, -other.carbon))

    @property
    def watt_hours(self) -> int:
        """Return whole watt-hours."""
        return int(self.watt_seconds / WATT_HOUR)

    @property
    def grams(self) -> int:
        """Return whole grams of CO₂e."""
        return int(self.carbon / WATT_HOUR / 1000)

    def of(self, measure: str) -> int | Decimal:
        """Return what the chosen measure counts."""
        return {"energy": self.watt_seconds, "carbon": self.carbon}.get(measure, Decimal(self.exact))


@dataclass(slots=True)
class Group:
    """One row of the table."""

    key: Any
    label: Any
    sums: Sums = field(default_factory=Sums)
    permille: int = 0

    @property
    def share(self) -> Decimal:
        """Return the share of the whole in per cent, with one decimal."""
        return Decimal(self.permille) / 10

    @property
    def cells(self) -> tuple[str, ...]:
        """Return the numbers of the row as the table writes them: a filter each made a hundred rows twice as slow."""
        return (
            figures.gpu_hours(self.sums.milli_gpu_seconds),
            figures.exact_credits(self.sums.exact),
            figures.energy(self.sums.watt_hours),
            figures.carbon(self.sums.grams),
            figures.percent(self.share, 1),
        )


@dataclass(frozen=True, slots=True)
class Query:
    """What the address asks for."""

    wanted: billing.UsageFilter
    group: str
    measure: str
    preset: str
    project: str
    wrong: tuple[str, ...]
    unknown: tuple[str, ...]


def query_of(request: HttpRequest, actor: Actor) -> Query:
    """Read the address. What cannot be read or is no choice falls back to the usual, and is named: the page says so."""
    query = request.GET
    start, end, preset, wrong = _period(query)
    chosen = text_in(query, "project", limit=24)
    project = projects(actor).filter(public_id=chosen).first() if chosen else None
    sku, site = text_in(query, "sku", limit=40), text_in(query, "site", limit=40)
    group, measure = query.get("group") or "day", query.get("measure") or "credits"
    read = {
        "project": project is not None,
        "group": group in billing.GROUPS,
        "measure": measure in MEASURES,
    }
    return Query(
        billing.UsageFilter(start, end, project_id=project.pk if project else None, sku_code=sku, site_code=site),
        group if read["group"] else "day",
        measure if read["measure"] else "credits",
        preset,
        project.public_id if project else "",
        wrong,
        tuple(name for name, good in read.items() if text_in(query, name) and not good),
    )


def _period(query: Mapping[str, str]) -> tuple[datetime, datetime, str, tuple[str, ...]]:
    """Return (start, end excluded, preset, wrong names) for a preset, or ``from`` and ``to`` whose day counts."""
    wrong = tuple(wrong_days(query, "from", "to"))
    first, last = day_in(query, "from"), day_in(query, "to")
    if first and last and first <= last:
        if last - first < timedelta(days=MAX_DAYS):
            return first, last + ONE_DAY, "", wrong
        wrong = ("from", "to")
    elif first and last:
        wrong = ("from", "to")
    elif first or last:
        wrong = wrong or ("to" if first else "from",)
    preset = query.get("days") or "30"
    if preset not in PRESETS:
        preset, wrong = "30", (*wrong, "days")
    tomorrow = floor_day(clock.now()) + ONE_DAY
    if preset == "month":
        return month_start(tomorrow - ONE_DAY), tomorrow, preset, wrong
    if preset == "last":
        until = month_start(tomorrow - ONE_DAY)
        return month_start(until - ONE_DAY), until, preset, wrong
    return tomorrow - timedelta(days=int(preset)), tomorrow, preset, wrong


class Explorer:
    """Sums usage for one actor; sites and SKUs are read once."""

    def __init__(self, actor: Actor, query: Query) -> None:
        self.actor, self.query = actor, query
        self.sites, self.watts = clusters.site_figures(), clusters.watts_by_sku()

    def sums(self, row: Mapping[str, Any]) -> Sums:
        """Return the sums of one row of one site and SKU; energy is estimated from rated power, never measured."""
        pue, grams = self.sites.get(row["site"], (Decimal(1), 0))
        used = row["milli_gpu_seconds"]
        watt_seconds = Decimal(used) * self.watts.get(row["sku"], WATTS_UNKNOWN) * pue
        return Sums(used, row["exact"], watt_seconds, watt_seconds * grams)

    def total(self) -> Sums:
        """Return the whole, which is the same by whatever it is grouped."""
        total = Sums()
        for row in billing.usage_split(self.actor, wanted=self.query.wanted, group="site"):
            total.add(self.sums(row))
        return total

    def shown(self) -> tuple[list[Group], int]:
        """Return the groups that fit on the page, and how many there are: the last times, the dearest of the rest."""
        if self.query.group == "workload":
            rows, count = billing.dearest_workloads(self.actor, wanted=self.query.wanted, limit=TOP)
            return self._grouped(rows), count
        groups = self.groups()
        return groups[-TOP:] if self.query.group in TIMES else groups[:TOP], len(groups)

    def groups(self) -> list[Group]:
        """Return every group: times in their order, everything else by the chosen measure."""
        return self._grouped(billing.usage_split(self.actor, wanted=self.query.wanted, group=self.query.group))

    def _grouped(self, rows: Iterable[dict[str, Any]]) -> list[Group]:
        found: dict[Any, Group] = {}
        for row in rows:
            found.setdefault(row["key"], Group(row["key"], row["label"])).sums.add(self.sums(row))
        if self.query.group in TIMES:
            return sorted(found.values(), key=lambda one: one.key)
        return sorted(found.values(), key=lambda one: (-one.sums.of(self.query.measure), str(one.key)))

    def name(self, rows: Iterable[Group]) -> None:
        """Give members and sites their names, in one query."""
        rows = list(rows)
        if self.query.group == "member":
            names = names_of(row.key for row in rows)
            for row in rows:
                row.label = names.get(row.key, _("without a member"))
        if self.query.group == "site":
            sites = clusters.site_names()
            for row in rows:
                row.label = sites.get(row.key, row.key)


class UsageView(ActorView):
    """The usage explorer."""

    scope = Scope.USAGE_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the chart by day and project and the table by the chosen group."""
        query = query_of(request, self.actor)
        explorer = Explorer(self.actor, query)
        total = explorer.total()
        groups, count = explorer.shown()
        explorer.name(groups)
        rest = Sums(total.milli_gpu_seconds, total.exact, total.watt_seconds, total.carbon)
        for row in groups:
            row.permille = _permille(row.sums, total, query.measure)
            rest.take(row.sums)
        wanted = query.wanted
        used = billing.usage_dimensions(self.actor, start=wanted.start, end=wanted.end)
        context = {
            "query": query,
            "groups": billing.GROUPS,
            "measures": MEASURES.items(),
            "presets": PRESETS.items(),
            "start": wanted.start,
            "last": wanted.end - ONE_DAY,
            "rows": groups,
            "total": total,
            "cut": count - len(groups),
            "rest": Group(None, None, rest, _permille(rest, total, query.measure)),
            "whole": Group(None, None, total, 1000),
            "chart": self._chart(explorer),
            "projects": projects(self.actor),
            "skus": sorted({(code, name) for code, name, _site in used}),
            "sites": sorted({site for _code, _name, site in used}),
        }
        return render(request, "marketplace/usage.html", context)

    @staticmethod
    def _chart(explorer: Explorer) -> dict[str, Any]:
        wanted, measure = explorer.query.wanted, explorer.query.measure
        days = [wanted.start + timedelta(days=index) for index in range((wanted.end - wanted.start).days)]
        names: dict[int, str] = {}
        whole: dict[int, Sums] = {}
        cells: dict[tuple[int, datetime], Sums] = {}
        for row in billing.usage_by_day_and_project(explorer.actor, wanted=wanted):
            sums = explorer.sums(row)
            names[row["key"]] = row["label"]
            whole.setdefault(row["key"], Sums()).add(sums)
            cells.setdefault((row["key"], row["day"]), Sums()).add(sums)
        ranked = sorted(whole, key=lambda key: (-whole[key].of(measure), key))
        shown, others = ranked[:CHART_SERIES], ranked[CHART_SERIES:]
        bundles = [([key], names[key]) for key in shown]
        if others:
            bundles.append((others, _("other projects")))

        def value(keys: list[int], day: datetime) -> float:
            # A chart's pixels: the only place where an amount becomes a float.
            sums = Sums()
            for key in keys:
                sums.add(cells.get((key, day), Sums()))
            return _unit(sums, measure)

        return {
            "kind": "bars",
            "times": [int(day.timestamp()) for day in days],
            "series": [{"label": label} for _keys, label in bundles],
            "values": [[value(keys, day) for day in days] for keys, _label in bundles],
        }


def _unit(sums: Sums, measure: str) -> float:
    if measure == "energy":
        return sums.watt_hours / 1000
    return sums.grams / 1000 if measure == "carbon" else sums.exact // EXACT_DIVISOR / 1e6


def _permille(part: Sums, whole: Sums, measure: str) -> int:
    total = whole.of(measure)
    return round(Decimal(1000) * part.of(measure) / total) if total else 0


def _unknown(name: str) -> str:
    if name in {"group", "measure"}:
        choices = billing.GROUPS if name == "group" else MEASURES
        return _("What stands under '%(name)s' is no choice: it is one of %(choices)s.") % {
            "name": name,
            "choices": ", ".join(choices),
        }
    return _("There is nothing for '%(name)s' here by this name: leave it out for all.") % {"name": name}


class UsageCsvView(ActorView):
    """The table of the explorer as CSV, whole."""

    scope = Scope.USAGE_READ

    def get(self, request: HttpRequest) -> StreamingHttpResponse:
        """Stream every group of the same query. Raises Rejected for what the page would replace and name."""
        require_days(request.GET, "from", "to")
        query = query_of(request, self.actor)
        if query.wrong:
            raise Rejected(
                gettext(
                    "The period under '%(query_wrong)s' is none: give 'from' and 'to' within %(max_days)s days, "
                    "or 'days' as one of %(presets)s."
                )
                % {"query_wrong": query.wrong[0], "max_days": MAX_DAYS, "presets": ", ".join(PRESETS)},
                field=query.wrong[0],
            )
        if query.unknown:
            raise Rejected(_unknown(query.unknown[0]), field=query.unknown[0])
        explorer = Explorer(self.actor, query)
        groups = explorer.groups()
        explorer.name(groups)
        total = explorer.total()
        return stream_csv(
            request,
            f"usage-{query.group}-{query.wanted.start:%Y-%m-%d}.csv",
            [query.group, "name", "gpu_seconds", "credits", "energy_kwh", "co2e_kg", "share_percent"],
            (
                [
                    row.key.isoformat() if isinstance(row.key, datetime) else row.key,
                    "" if isinstance(row.label, datetime) else row.label,
                    f"{row.sums.milli_gpu_seconds / 1000:.3f}",
                    decimal_string(floor_charge(row.sums.exact)),
                    f"{row.sums.watt_seconds / WATT_HOUR / 1000:.6f}",
                    f"{row.sums.carbon / WATT_HOUR / 1_000_000:.6f}",
                    f"{Decimal(_permille(row.sums, total, query.measure)) / 10}",
                ]
                for row in groups
            ),
        )
