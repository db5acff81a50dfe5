# SPDX-License-Identifier: Apache-2.0
"""Metered usage: records, roll-ups, and from a ledger entry down to a pod and a second."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, DecimalField, F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import TruncDay, TruncHour

from aion.actor import Actor
from billing.models import Meter, Transfer, UsageDay, UsageHour, UsageRecord
from billing.states import TransferKind

BY_HOUR: dict[str, Any] = {
    "day": TruncDay("hour"),
    "hour": TruncHour("hour"),
    "project": F("project__name"),
    "sku": F("sku__name"),
    "site": F("site_code"),
}
BY_RUN: dict[str, Any] = {"member": F("run__member_id"), "workload": F("run__workload_ref")}
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


def usage_grouped(actor: Actor, *, wanted: UsageFilter, group: str, limit: int | None = None) -> list[dict[str, Any]]:
    """Return usage summed by one of GROUPS: rows of key, label, milli_gpu_seconds and exact.

    Times come in their order, everything else by cost, highest first; ``limit`` keeps the first rows.
    """
    rows: Any
    if group in BY_RUN:
        rows = usage_days(actor, start=wanted.start, end=wanted.end)
        filters = {"run__project_id": wanted.project_id, "run__sku__code": wanted.sku_code}
        filters["run__site_code"] = wanted.site_code
        keys = {"key": BY_RUN[group]} | ({"label": F("run__name")} if group == "workload" else {})
    else:
        rows = usage_hours(actor, start=wanted.start, end=wanted.end)
        filters = {"project_id": wanted.project_id, "sku__code": wanted.sku_code, "site_code": wanted.site_code}
        keys = {"key": BY_HOUR[group]}
    rows = rows.filter(**{name: value for name, value in filters.items() if value})
    summed = rows.values(**keys).annotate(total_seconds=Sum("milli_gpu_seconds"), total_exact=Sum("exact"))
    ordered = summed.order_by("key") if group in {"day", "hour"} else summed.order_by("-total_exact", "key")
    return [
        {
            "key": row["key"],
            "label": row.get("label", row["key"]),
            "milli_gpu_seconds": int(row["total_seconds"]),
            "exact": int(row["total_exact"]),
        }
        for row in (ordered[:limit] if limit else ordered)
    ]


def usage_by_day_and_project(actor: Actor, *, wanted: UsageFilter) -> list[dict[str, Any]]:
    """Return usage per day and project, for the stacked chart."""
    rows: Any = usage_hours(actor, start=wanted.start, end=wanted.end)
    filters = {"project_id": wanted.project_id, "sku__code": wanted.sku_code, "site_code": wanted.site_code}
    rows = rows.filter(**{name: value for name, value in filters.items() if value})
    summed = rows.values(day=TruncDay("hour"), project_name=F("project__name")).annotate(
        total_seconds=Sum("milli_gpu_seconds"), total_exact=Sum("exact")
    )
    return list(summed.order_by("day", "project_name"))


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
