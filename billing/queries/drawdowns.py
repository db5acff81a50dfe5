# SPDX-License-Identifier: Apache-2.0
"""What credit lots have paid for, from the ledger and the metered hours."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from django.db import connection

from billing.models import Transfer
from billing.states import TransferKind

# A day's usage of one GPU type may be paid from several lots; each lot bears the part of its hours that it paid.
PAID = """
WITH lots AS (
  SELECT id, organisation_id FROM billing_ledgeraccount WHERE id = ANY(%(lots)s) AND kind = 'lot'
), moves AS (
  SELECT t.organisation_id, t.usage_day, t.sku_id,
         CASE t.kind WHEN 'usage' THEN t.debit_account_id ELSE t.credit_account_id END AS account_id,
         CASE t.kind WHEN 'usage' THEN t.amount ELSE -t.amount END AS amount
  FROM billing_transfer t
  WHERE t.organisation_id IN (SELECT organisation_id FROM lots) AND t.kind IN ('usage', 'correction')
    AND t.usage_day IS NOT NULL
), totals AS (
  SELECT organisation_id, usage_day, sku_id, sum(amount) AS amount FROM moves GROUP BY 1, 2, 3
), paid AS (
  SELECT l.id AS lot_id, l.organisation_id, m.usage_day, m.sku_id, sum(m.amount) AS amount
  FROM lots l JOIN moves m ON m.account_id = l.id GROUP BY 1, 2, 3, 4
), used AS (
  SELECT organisation_id, date_trunc('day', hour, 'UTC') AS day, sku_id, site_code, sum(milli_gpu_seconds) AS seconds
  FROM billing_usagehour WHERE organisation_id IN (SELECT organisation_id FROM lots) GROUP BY 1, 2, 3, 4
)
SELECT p.lot_id, (p.usage_day AT TIME ZONE 'UTC')::date, k.code, p.amount::bigint, coalesce(u.site_code, ''),
       coalesce(div(u.seconds * p.amount, nullif(t.amount, 0)), 0)::bigint
FROM paid p
JOIN totals t USING (organisation_id, usage_day, sku_id)
JOIN billing_sku k ON k.id = p.sku_id
LEFT JOIN used u ON u.organisation_id = p.organisation_id AND u.day = p.usage_day AND u.sku_id = p.sku_id
ORDER BY p.lot_id, 2, 3, 5
"""
RUNS = """
SELECT l.lot_id, count(DISTINCT r.id) FROM billing_holdleg l JOIN billing_run r ON r.hold_id = l.hold_id
WHERE l.lot_id = ANY(%(lots)s) AND l.captured > 0 GROUP BY l.lot_id
"""


@dataclass(frozen=True, slots=True)
class LotUsage:
    """GPU time at one site on one day that a lot has paid."""

    day: date
    sku_code: str
    site_code: str
    milli_gpu_seconds: int


@dataclass(slots=True)
class LotDrawdown:
    """What a lot has paid: micro-credits by day, GPU time by day, site and SKU, and how many runs."""

    by_day: dict[date, int] = field(default_factory=dict)
    usage: list[LotUsage] = field(default_factory=list)
    runs: int = 0

    @property
    def spent(self) -> int:
        """Return what usage took from the lot, less what corrections gave back."""
        return sum(self.by_day.values())


@dataclass(frozen=True, slots=True)
class Expiry:
    """What expired on a lot at one time, in micro-credits. ``transfer_id`` is the entry's key in the ledger."""

    transfer_id: int
    lot_id: int
    amount: int


def expiries(lot_ids: Iterable[int]) -> list[Expiry]:
    """Return what expired on any of the lots; a lot has several where a hold outlived its end."""
    rows = Transfer.objects.filter(kind=TransferKind.EXPIRY, debit_account__in=list(lot_ids)).order_by("pk")
    return [Expiry(*row) for row in rows.values_list("pk", "debit_account_id", "amount")]


def lot_drawdowns(lot_ids: Iterable[int]) -> dict[int, LotDrawdown]:
    """Return what each of the lots has paid, in two queries however many there are."""
    found = {pk: LotDrawdown() for pk in lot_ids}
    seen: set[tuple[int, date, str]] = set()
    with connection.cursor() as cursor:
        cursor.execute(PAID, {"lots": list(found)})
        for lot_id, day, sku, amount, site, seconds in cursor.fetchall():
            lot = found[lot_id]
            if (lot_id, day, sku) not in seen:  # the amount stands on each of the day's sites
                seen.add((lot_id, day, sku))
                lot.by_day[day] = lot.by_day.get(day, 0) + amount
            if seconds:
                lot.usage.append(LotUsage(day, sku, site, seconds))
        cursor.execute(RUNS, {"lots": list(found)})
        for lot_id, runs in cursor.fetchall():
            found[lot_id].runs = runs
    return found
