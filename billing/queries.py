# SPDX-License-Identifier: Apache-2.0
"""Reads of billing for every edge and for the packages above it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, F, Q, QuerySet, Sum
from django.db.models.functions import TruncDay, TruncHour

from aion.actor import Actor
from aion.money import ceil_charge, exact_charge
from billing.errors import NoPriceInForce
from billing.models import Hold, LedgerAccount, Price, QuarantinedUsage, Transfer, UsageHour, UsageRecord
from billing.querysets import AccountQuerySet
from billing.states import AccountKind, TransferKind

LIST_BOOK = "list"


@dataclass(frozen=True, slots=True)
class Balance:
    """An organisation's credit in micro-credits. ``owed`` is what no lot could pay."""

    available: int
    held: int
    owed: int

    @property
    def total(self) -> int:
        """Return available and held credit."""
        return self.available + self.held


@dataclass(frozen=True, slots=True)
class PriceInForce:
    """A price as frozen at launch."""

    price_id: int
    sku_id: int
    sku_code: str
    micro_per_gpu_hour: int


@dataclass(frozen=True, slots=True)
class UsageDay:
    """One bar of the usage chart."""

    day: datetime
    milli_gpu_seconds: int
    exact: int


def balance(organisation_id: int | None, at: datetime) -> Balance:
    """Return what an organisation can spend, holds and owes at ``at``; an expired lot counts nothing but its holds."""
    live = Q(kind=AccountKind.LOT, starts_at__lte=at) & (Q(expires_at=None) | Q(expires_at__gt=at))
    row = LedgerAccount.objects.filter(organisation_id=organisation_id or 0).aggregate(
        available=Sum(F("credits") - F("debits") - F("held"), filter=live, default=0),
        held=Sum("held", default=0),
        owed=Sum(F("debits") - F("credits"), filter=Q(kind=AccountKind.RECEIVABLE), default=0),
    )
    return Balance(row["available"], row["held"], row["owed"])


def price_in_force(*, sku_id: int, at: datetime, book: str = LIST_BOOK) -> PriceInForce:
    """Return the price of a SKU at ``at``. Raises NoPriceInForce."""
    price = Price.objects.in_force_at(at).filter(book__code=book, sku_id=sku_id).select_related("sku").first()
    if price is None:
        raise NoPriceInForce("This GPU has no price today: choose another, or ask support.")
    return PriceInForce(price.pk, price.sku_id, price.sku.code, price.micro_per_gpu_hour)


def worst_case(*, milli_gpus: int, seconds: int, micro_per_gpu_hour: int) -> int:
    """Return the whole micro-credits that a run can cost at the most: the amount of its hold."""
    return ceil_charge(exact_charge(milli_gpus=milli_gpus, seconds=seconds, micro_per_gpu_hour=micro_per_gpu_hour))


def lots(actor: Actor) -> AccountQuerySet:
    """Return the actor's lots in spending order."""
    rows: AccountQuerySet = LedgerAccount.objects.visible_to(actor)
    return rows.lots().in_spending_order()


def statement(actor: Actor) -> QuerySet[Transfer]:
    """Return the actor's ledger entries, newest first."""
    return Transfer.objects.visible_to(actor).select_related("debit_account", "credit_account", "sku").order_by("-pk")


def usage_records(actor: Actor) -> QuerySet[UsageRecord]:
    """Return the actor's usage records, newest window first."""
    return UsageRecord.objects.visible_to(actor).order_by("-window_start", "-meter_id", "-revision")


def usage_hours(actor: Actor, *, start: datetime, end: datetime) -> QuerySet[UsageHour]:
    """Return the actor's hourly roll-up in [start, end)."""
    return UsageHour.objects.visible_to(actor).filter(hour__gte=start, hour__lt=end)


def usage_grouped(
    actor: Actor, *, start: datetime, end: datetime, group: str, project_id: int | None = None
) -> list[dict[str, Any]]:
    """Return usage in [start, end) summed by ``day``, ``hour``, ``project``, ``sku`` or ``site``."""
    rows = usage_hours(actor, start=start, end=end)
    if project_id is not None:
        rows = rows.filter(project_id=project_id)
    keys: dict[str, Any] = {
        "day": {"key": TruncDay("hour")},
        "hour": {"key": TruncHour("hour")},
        "project": {"key": F("project__name")},
        "sku": {"key": F("sku__name")},
        "site": {"key": F("site_code")},
    }
    grouped: Any = rows.values(**keys[group]).annotate(milli_gpu_seconds=Sum("milli_gpu_seconds"), exact=Sum("exact"))
    return list(grouped.order_by("key"))


def usage_by_day_and_project(actor: Actor, *, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Return usage per day and project in [start, end), for the stacked chart."""
    rows: Any = usage_hours(actor, start=start, end=end).values(day=TruncDay("hour"), project_name=F("project__name"))
    summed = rows.annotate(milli_gpu_seconds=Sum("milli_gpu_seconds"), exact=Sum("exact"))
    return list(summed.order_by("day", "project_name"))


def usage_by_site(organisation_id: int | None, *, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Return milli-GPU-seconds per site in [start, end), for the energy figures."""
    return list(
        UsageHour.objects.filter(organisation_id=organisation_id or 0, hour__gte=start, hour__lt=end)
        .values("site_code", "sku__code")
        .annotate(milli_gpu_seconds=Sum("milli_gpu_seconds"))
        .order_by("site_code")
    )


def burn_history(organisation_id: int | None, *, days: int, at: datetime) -> list[UsageDay]:
    """Return the daily usage of the last ``days`` days, days without usage included."""
    first = (at - timedelta(days=days - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = {
        row["day"]: row
        for row in UsageHour.objects.filter(organisation_id=organisation_id or 0, hour__gte=first, hour__lte=at)
        .values(day=TruncDay("hour"))
        .annotate(milli_gpu_seconds=Sum("milli_gpu_seconds"), exact=Sum("exact"))
    }
    return [
        UsageDay(day, int(rows[day]["milli_gpu_seconds"]), int(rows[day]["exact"]))
        if day in rows
        else UsageDay(day, 0, 0)
        for day in (first + timedelta(days=index) for index in range(days))
    ]


def open_holds(actor: Actor) -> QuerySet[Hold]:
    """Return the actor's open holds."""
    return Hold.objects.visible_to(actor).open()


def open_hold_count(organisations: Iterable[int]) -> int:
    """Return how many holds of ``organisations`` are open."""
    return Hold.objects.open().filter(organisation__in=list(organisations)).count()


def quarantined_count(organisations: Iterable[int]) -> int:
    """Return how many usage windows of ``organisations`` wait in quarantine."""
    return QuarantinedUsage.objects.filter(organisation__in=list(organisations)).count()


def rated_totals(organisations: Iterable[int]) -> tuple[int, int]:
    """Return (milli-GPU-seconds of rated records, micro-credits charged for usage) of ``organisations``."""
    wanted = list(organisations)
    metered = UsageRecord.objects.filter(organisation_id__in=wanted).aggregate(
        total=Sum(F("milli_gpus") * F("seconds"), output_field=BigIntegerField(), default=0)
    )["total"]
    charged = Transfer.objects.filter(organisation__in=wanted, kind=TransferKind.USAGE).aggregate(
        total=Sum("amount", default=0)
    )["total"]
    return int(metered), int(charged)
