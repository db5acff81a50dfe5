# SPDX-License-Identifier: Apache-2.0
"""What is owed in unspent credit, period by period, and how near the limit of a limited network is."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django.db import connection

from billing.places import places
from billing.settlement.models import NetworkThreshold


class Every(StrEnum):
    """How long a row of the report is."""

    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Movement:
    """What happened to credit of one origin in a period; ``owed`` is what was left at its end, in micro-credits.

    Of receivables, whose origin is ``receivable``, ``issued`` is what was used without credit, ``spent`` what was paid
    or given back, and ``owed`` is owed to the consortium.
    """

    period: date
    origin: str
    issued: int
    spent: int
    expired: int
    returned: int
    owed: int


MOVEMENTS = """
WITH sides AS (
  SELECT date_trunc(%(every)s, t.effective_at, 'UTC')::date AS period,
         CASE a.kind WHEN 'lot' THEN a.origin ELSE 'receivable' END AS origin, t.kind,
         CASE WHEN side.credited = (a.kind = 'lot') THEN t.amount ELSE -t.amount END AS amount
  FROM billing_transfer t
  CROSS JOIN LATERAL (VALUES (t.credit_account_id, true), (t.debit_account_id, false)) AS side (account_id, credited)
  JOIN billing_ledgeraccount a ON a.id = side.account_id
  WHERE a.kind IN ('lot', 'receivable') AND t.effective_at < %(end)s
), periods AS (
  SELECT period, origin, sum(amount) AS net,
         sum(CASE WHEN origin = 'receivable' AND kind = 'usage' OR kind IN ('grant', 'purchase') THEN amount ELSE 0 END)
           AS issued,
         sum(CASE WHEN origin <> 'receivable' AND kind IN ('usage', 'correction')
                    OR origin = 'receivable' AND kind <> 'usage' THEN -amount ELSE 0 END) AS spent,
         sum(CASE WHEN kind = 'expiry' THEN -amount ELSE 0 END) AS expired
  FROM sides GROUP BY 1, 2
), running AS (
  SELECT *, sum(net) OVER (PARTITION BY origin ORDER BY period) AS owed FROM periods
)
SELECT period, origin, issued, spent, expired, issued - spent - expired - net, owed FROM running
WHERE period >= %(start)s ORDER BY period DESC, origin
"""


def movements(*, start: date, end: datetime, every: Every) -> list[Movement]:
    """Return what happened to credit from ``start`` until ``end``, newest period first; quiet periods have no row."""
    with connection.cursor() as cursor:
        cursor.execute(MOVEMENTS, {"every": every.value, "start": start, "end": end})
        return [
            Movement(period, origin, *(int(value) for value in rest)) for period, origin, *rest in cursor.fetchall()
        ]


@dataclass(frozen=True, slots=True)
class Gauge:
    """Prepaid credit that several operators accept: sold in twelve months, outstanding now, and the legal limit."""

    threshold: NetworkThreshold | None
    volume: int
    outstanding: int

    @property
    def percent(self) -> int:
        """Return the larger of both as whole per cents of the limit; 0 without a limit."""
        if self.threshold is None:
            return 0
        return max(0, 100 * max(self.volume, self.outstanding) // int(self.threshold.amount))


# Bought credit that only one operator's sites accept is no network. Refunds and reversals of the year are taken off.
GAUGE = """
WITH lots AS (
  SELECT a.id, a.credits - a.debits AS left_over, a.expires_at FROM billing_ledgeraccount a
  WHERE a.kind = 'lot' AND a.origin = 'purchase' AND (
    cardinality(a.site_codes) = 0 OR 1 < (
      SELECT count(DISTINCT s.operator) FROM unnest(%(codes)s::text[], %(operators)s::bigint[]) AS s (code, operator)
      WHERE s.code = ANY (a.site_codes)))
)
SELECT coalesce((SELECT sum(t.amount) FROM billing_transfer t JOIN lots l ON l.id = t.credit_account_id
                 WHERE t.kind = 'purchase' AND t.effective_at > %(since)s AND t.effective_at <= %(at)s), 0)
       - coalesce((SELECT sum(t.amount) FROM billing_transfer t JOIN lots l ON l.id = t.debit_account_id
                   WHERE t.kind IN ('refund', 'reversal') AND t.effective_at > %(since)s
                     AND t.effective_at <= %(at)s), 0),
       coalesce((SELECT sum(left_over) FROM lots WHERE expires_at IS NULL OR expires_at > %(at)s), 0)
"""


def gauge(at: datetime) -> Gauge:
    """Return how near the limit of a limited network is."""
    known = places()
    year = (
        at.replace(year=at.year - 1, day=min(at.day, 28))
        if (at.month, at.day) == (2, 29)
        else at.replace(year=at.year - 1)
    )
    scope: dict[str, Any] = {
        "codes": list(known), "operators": [place.operator_id for place in known.values()], "since": year, "at": at,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(GAUGE, scope)
        volume, outstanding = cursor.fetchone()
    return Gauge(NetworkThreshold.objects.in_force_on(at.date()).first(), int(volume), int(outstanding))
