# SPDX-License-Identifier: Apache-2.0
"""Metered usage: records, roll-ups, and from a ledger entry down to a pod and a second."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, Count, DecimalField, F, OuterRef, QuerySet, Subquery, Sum, Window
from django.db.models.functions import TruncDay

from aion.actor import Actor
from billing.models import Meter, Run, Transfer, UsageDay, UsageHour, UsageRecord
from billing.states import TransferKind

# Group → (key, label): the hourly roll-up knows what it is keyed by, the daily one everything about a run.
BY_HOUR: dict[str, tuple[Any, Any]] = {
    "day": (TruncDay("hour"), TruncDay("hour")),
    "hour": (F("hour"), F("hour")),
    "project": (F("project_id"), F("project__name")),
    "sku": (F("sku__code"), F("sku__name")),
    "site": (F("site_code"), F("site_code")),
}
BY_RUN: dict[str, tuple[Any, Any]] = {
    "member": (F("run__member_id"), F("run__member_id")),
    "workload": (F("run__workload_ref"), F("run__name")),
}
GROUPS = (*BY_HOUR, *BY_RUN)


@dataclass(frozen=True, slots=True)
class UsageFilter:
    """Which usage: a half-open period, and where given one project, SKU or site."""

    start: datetime
    end: datetime
    project_id: int | None = None
    sku_code: str = ""
    site_code: str = ""


@dataclass(frozen=True, slots=True)
class UsageBar:
    """One bar of the usage chart."""

    day: datetime
    milli_gpu_seconds: int
    exact: int


def usage_records(actor: Actor) -> QuerySet[UsageRecord]:
    """Return the actor's usage records, newest window first, each with its device, workload and price."""
    meter = Meter.objects.filter(pk=OuterRef("meter_id"))
    rows: QuerySet[UsageRecord] = (
        UsageRecord.objects.visible_to(actor)
        .annotate(
            device=Subquery(meter.values("reference")[:1]),
            workload_ref=Subquery(meter.values("run__workload_ref")[:1]),
            micro_per_gpu_hour=Subquery(meter.values("micro_per_gpu_hour")[:1]),
        )
        .order_by("-hour", "-meter_id", "-start_second", "-revision")
    )
    return rows


def usage_hours(actor: Actor, *, start: datetime, end: datetime) -> QuerySet[UsageHour]:
    """Return the actor's hourly roll-up in [start, end)."""
    return UsageHour.objects.visible_to(actor).within(start, end)


def usage_days(actor: Actor, *, start: datetime, end: datetime) -> QuerySet[UsageDay]:
    """Return the actor's daily roll-up by run in [start, end)."""
    return UsageDay.objects.visible_to(actor).within(start, end)


def usage_split(actor: Actor, *, wanted: UsageFilter, group: str) -> list[dict[str, Any]]:
    """Return usage summed by one of GROUPS, each group split by site and SKU: what energy needs.

    Rows have key, label, site, sku, milli_gpu_seconds and exact, the dearest first.
    """
    if group in BY_RUN:
        rows: Any = _chosen(usage_days(actor, start=wanted.start, end=wanted.end), wanted, "run__")
        (key, label), site, sku = BY_RUN[group], F("run__site_code"), F("run__sku__code")
    else:
        rows = _chosen(usage_hours(actor, start=wanted.start, end=wanted.end), wanted, "")
        (key, label), site, sku = BY_HOUR[group], F("site_code"), F("sku__code")
    summed = _summed(rows.values(key=key, label=label, of_site=site, of_sku=sku)).order_by("-total_exact", "key")
    return [_plain(row) for row in summed]


def dearest_workloads(actor: Actor, *, wanted: UsageFilter, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Return the ``limit`` dearest rows of ``usage_split`` by workload, and how many workloads used something.

    Of two that cost the same, the one that was launched first.
    """
    days = _chosen(usage_days(actor, start=wanted.start, end=wanted.end), wanted, "run__")
    # Summed by the run's number alone: names are joined to the rows that stay, not to every day of every run.
    summed = _summed(days.values("run_id")).annotate(found=Window(Count("run_id"))).order_by("-total_exact", "run_id")
    sums = {row.pop("run_id"): row for row in summed[:limit]}
    count = max((row.pop("found") for row in sums.values()), default=0)
    names = {"key": F("workload_ref"), "label": F("name"), "of_site": F("site_code"), "of_sku": F("sku__code")}
    runs = {row.pop("pk"): row for row in Run.objects.visible_to(actor).filter(pk__in=sums).values("pk", **names)}
    return [_plain(runs[run] | row) for run, row in sums.items()], count


def usage_by_day_and_project(actor: Actor, *, wanted: UsageFilter) -> list[dict[str, Any]]:
    """Return usage per day and project, split by site and SKU, for the stacked chart."""
    rows = _chosen(usage_hours(actor, start=wanted.start, end=wanted.end), wanted, "")
    keys = {"day": TruncDay("hour"), "key": F("project_id"), "label": F("project__name")}
    return [_plain(row) for row in _summed(rows.values(**keys, of_site=F("site_code"), of_sku=F("sku__code")))]


def usage_dimensions(actor: Actor, *, start: datetime, end: datetime) -> list[tuple[str, str, str]]:
    """Return (SKU code, SKU name, site code) of everything used in [start, end)."""
    rows = usage_hours(actor, start=start, end=end).values_list("sku__code", "sku__name", "site_code")
    return sorted(rows.distinct())


def _chosen(rows: Any, wanted: UsageFilter, prefix: str) -> Any:
    filters = {
        f"{prefix}project_id": wanted.project_id,
        f"{prefix}sku__code": wanted.sku_code,
        f"{prefix}site_code": wanted.site_code,
    }
    return rows.filter(**{name: value for name, value in filters.items() if value})


def _summed(rows: Any) -> Any:
    return rows.annotate(total_seconds=Sum("milli_gpu_seconds"), total_exact=Sum("exact"))


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    totals = {"site": row.pop("of_site"), "sku": row.pop("of_sku")}
    totals |= {"milli_gpu_seconds": int(row.pop("total_seconds")), "exact": int(row.pop("total_exact"))}
    return row | totals


def usage_by_site(organisation_id: int | None, *, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Return milli-GPU-seconds per site and SKU in [start, end), for the energy figures."""
    return list(
        UsageHour.objects.filter(organisation_id=organisation_id or 0)
        .within(start, end)
        .values("site_code", "sku__code")
        .annotate(milli_gpu_seconds=Sum("milli_gpu_seconds"))
        .order_by("site_code", "sku__code")
    )


def burn_history(organisation_id: int | None, *, days: int, at: datetime) -> list[UsageBar]:
    """Return the daily usage of the last ``days`` days, days without usage included."""
    first = (at - timedelta(days=days - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = {
        row["day"]: row
        for row in UsageHour.objects.filter(organisation_id=organisation_id or 0, hour__gte=first, hour__lte=at)
        .values(day=TruncDay("hour"))
        .annotate(milli_gpu_seconds=Sum("milli_gpu_seconds"), exact=Sum("exact"))
    }
    return [
        UsageBar(day, int(rows[day]["milli_gpu_seconds"]), int(rows[day]["exact"]))
        if day in rows
        else UsageBar(day, 0, 0)
        for day in (first + timedelta(days=index) for index in range(days))
    ]


def records_behind(actor: Actor, entry: Transfer) -> QuerySet[UsageRecord]:
    """Return the usage records that a ledger entry charges: its batch, SKU and day of usage."""
    if entry.batch_id is None or entry.usage_day is None:
        return UsageRecord.objects.none()
    meters = Meter.objects.filter(organisation_id=entry.organisation_id, run__sku=entry.sku_id or 0)
    return usage_records(actor).filter(
        batch_id=entry.batch_id,
        hour__gte=entry.usage_day,
        hour__lt=entry.usage_day + timedelta(days=1),
        meter_id__in=meters.values("pk"),
    )


def entries_beside(actor: Actor, entry: Transfer) -> QuerySet[Transfer]:
    """Return the entries that share the usage of ``entry``: one a lot that paid."""
    return Transfer.objects.visible_to(actor).filter(
        batch_id=entry.batch_id, sku_id=entry.sku_id, usage_day=entry.usage_day, batch__isnull=False
    )


def rated_totals(organisations: Iterable[int]) -> tuple[int, int]:
    """Return (milli-GPU-seconds of rated records, micro-credits charged for usage) of ``organisations``."""
    wanted = list(organisations)
    metered = UsageRecord.objects.filter(organisation_id__in=wanted).aggregate(
        total=Sum(F("milli_gpus") * F("seconds"), output_field=BigIntegerField(), default=0)
    )["total"]
    kinds = dict.fromkeys((TransferKind.USAGE, TransferKind.CORRECTION), 0)
    for kind, total in (
        Transfer.objects.filter(organisation__in=wanted, kind__in=list(kinds))
        .values_list("kind")
        .annotate(total=Sum("amount", output_field=DecimalField()))
    ):
        kinds[TransferKind(kind)] = int(total)
    return int(metered), kinds[TransferKind.USAGE] - kinds[TransferKind.CORRECTION]
