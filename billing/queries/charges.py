# SPDX-License-Identifier: Apache-2.0
"""Why something was charged: from a ledger entry to its records, their prices and the lots that paid."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, OuterRef, QuerySet, Subquery, Sum

from aion.actor import Actor
from aion.money import EXACT_DIVISOR
from billing.models import Meter, Price, Transfer, UsageRecord
from billing.queries.usage import entries_beside, records_behind
from billing.states import TransferKind


@dataclass(frozen=True, slots=True)
class Charge:
    """The usage of one batch, SKU and day, and what was posted for it."""

    records: int
    milli_gpu_seconds: int
    exact: int
    charged: int

    @property
    def carried(self) -> int:
        """Return what stays for a later charge; below zero, what an earlier one left. In 1/3,600,000 micro-credit."""
        return self.exact - self.charged * EXACT_DIVISOR


def charge_of(actor: Actor, entry: Transfer) -> Charge:
    """Return the sums behind ``entry`` and the entries beside it."""
    row = (
        records_behind(actor, entry)
        .order_by()
        .aggregate(
            records=Count("meter_id"),
            used=Sum(F("milli_gpus") * F("seconds"), default=0),
            total=Sum("exact", default=0),
        )
    )
    charged = sum(
        amount if kind == TransferKind.USAGE else -amount
        for kind, amount in entries_beside(actor, entry).values_list("kind", "amount")
    )
    return Charge(row["records"], int(row["used"]), int(row["total"]), charged)


def charged_records(actor: Actor, entry: Transfer) -> QuerySet[UsageRecord]:
    """Return the records behind ``entry`` by workload, pod and time, with names and price version."""
    meter = Meter.objects.filter(pk=OuterRef("meter_id"))
    price = Price.objects.filter(pk=OuterRef("price_id"))
    return (
        records_behind(actor, entry)
        .annotate(
            workload_name=Subquery(meter.values("run__name")[:1]),
            book_code=Subquery(price.values("book__code")[:1]),
            price_valid=Subquery(price.values("valid")[:1]),
        )
        .order_by("meter_id", "hour", "start_second", "revision")
    )


def prices_behind(actor: Actor, entry: Transfer) -> list[tuple[Price, int]]:
    """Return each price version behind ``entry`` with the micro-credits per GPU-hour that its runs froze."""
    rows: Any = records_behind(actor, entry).order_by()
    found = sorted(rows.values_list("price_id", "micro_per_gpu_hour").distinct())
    prices = Price.objects.select_related("book", "sku").in_bulk({price_id for price_id, _micro in found})
    return [(prices[price_id], micro) for price_id, micro in found if price_id in prices]
