# SPDX-License-Identifier: Apache-2.0
"""Settlements for both edges, and how the side of the tenants and the side of the operators stand to each other."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import QuerySet, Sum

from aion.actor import Actor
from billing.settlement.models import SettlementLine, SettlementStatement, ShareAgreement
from billing.settlement.sides_sql import LIVE, USED
from billing.settlement.states import SettlementState


@dataclass(frozen=True, slots=True)
class Side:
    """One month of usage: what was charged, settled and is not settled, in 1/3,600,000 micro-credit."""

    month: date
    used: int
    settled: int
    clearing: int

    @property
    def unsettled(self) -> int:
        """Return what no settlement has: sites without a share, open months, and what came since."""
        return self.used - self.settled


def settlements(actor: Actor) -> QuerySet[Any]:
    """Return the operator's settlements that count, newest first."""
    rows = SettlementStatement.objects.visible_to(actor).live()
    return rows.select_related("payout").order_by("-month", "-pk")


def owed(actor: Actor) -> int:
    """Return what is approved and not paid, in micro-credits."""
    rows = SettlementStatement.objects.visible_to(actor).filter(state=SettlementState.APPROVED)
    return int(rows.aggregate(total=Sum("share", default=0))["total"])


def share_in_force(actor: Actor, on: date) -> ShareAgreement | None:
    """Return the share that is agreed for usage on a day."""
    rows = ShareAgreement.objects.visible_to(actor).agreed()
    found: ShareAgreement | None = rows.filter(valid__contains=on).first()
    return found


def lines(actor: Actor, statement: SettlementStatement) -> QuerySet[Any]:
    """Return a settlement's lines: the month's own usage and corrections of earlier months."""
    rows = SettlementLine.objects.visible_to(actor).filter(statement=statement)
    return rows.select_related("sku").order_by("usage_month", "site_code", "sku__code", "micro_per_gpu_hour")


SIDES = f"""
SELECT usage_month, coalesce(u.exact, 0), coalesce(s.exact, 0), coalesce(c.amount, 0)
FROM (SELECT usage_month, sum(exact) AS exact FROM {USED} u GROUP BY 1) u
FULL JOIN (SELECT l.usage_month, sum(l.exact) AS exact FROM settlement_settlementline l
           JOIN {LIVE} live ON live.id = l.statement_id GROUP BY 1) s USING (usage_month)
FULL JOIN (SELECT date_trunc('month', usage_day, 'UTC')::date AS usage_month,
                  sum(CASE kind WHEN 'usage' THEN amount ELSE -amount END) AS amount
           FROM billing_transfer WHERE kind IN ('usage', 'correction') GROUP BY 1) c USING (usage_month)
ORDER BY usage_month DESC LIMIT %s
"""


def sides(months: int = 36) -> list[Side]:
    """Return the latest months of usage, both sides of each; ``clearing`` is in whole micro-credits."""
    with connection.cursor() as cursor:
        cursor.execute(SIDES, [months])
        return [Side(month, int(used), int(settled), int(amount)) for month, used, settled, amount in cursor.fetchall()]
