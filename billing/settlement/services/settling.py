# SPDX-License-Identifier: Apache-2.0
"""Closing months for operators: from the roll-ups to settlements, one operator a transaction, set-based."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import structlog
from django.db import connection, transaction
from django.utils.translation import gettext

from aion import ids
from aion.actor import Actor
from aion.audit import services as audit
from aion.events.services.emission import emit
from aion.money import EXACT_DIVISOR
from aion.periods import month_instant, next_month
from billing.errors import MonthNotOver
from billing.places import places
from billing.services.closing_sql import differences
from billing.services.expiry import GRACE
from billing.services.partitions import OPEN_ORGANISATIONS
from billing.settlement.audit import Action
from billing.settlement.models import SettlementStatement, ShareAgreement
from billing.settlement.states import WHOLE

log = structlog.get_logger(__name__)
LIVE = """
    FROM settlement_settlementline l WHERE l.statement_id IN (
      SELECT id FROM settlement_settlementstatement WHERE state <> 'rejected')"""
# A month of a site stays with the operator it was first settled with, whoever operates the site by now.
OWN_USAGE = f"""
    FROM billing_usageday d JOIN billing_run r ON r.id = d.run_id
    LEFT JOIN (SELECT DISTINCT l.site_code, l.usage_month, l.organisation_id {LIVE}) w
      ON w.site_code = r.site_code AND w.usage_month = date_trunc('month', d.day, 'UTC')::date
    WHERE d.day < %(end)s AND CASE WHEN w.site_code IS NULL THEN r.site_code = ANY (%(sites)s)
                              ELSE w.organisation_id = %(organisation_id)s END"""
STATED = f"{LIVE} AND l.organisation_id = %(organisation_id)s"
# Whole amounts are floors of running sums, less the floors before: remainders are carried from month to month.
WHOLES = f"""
  floor((before.exact + totals.exact) / {EXACT_DIVISOR}) - floor(before.exact / {EXACT_DIVISOR}) AS charged,
  floor((before.share_exact + totals.share_exact) / {EXACT_DIVISOR * WHOLE})
    - floor(before.share_exact / {EXACT_DIVISOR * WHOLE}) AS share"""
SETTLE = f"""
WITH lines AS ({differences(keys=("site_code", "sku_id", "micro_per_gpu_hour"), used=OWN_USAGE, stated=STATED)}
), shared AS (
  SELECT lines.*, a.id AS agreement_id, a.share_basis_points FROM lines
  JOIN settlement_shareagreement a
    ON a.organisation_id = %(organisation_id)s AND a.state = 'approved' AND a.valid @> lines.usage_month
), before AS (
  SELECT coalesce(sum(exact), 0) AS exact, coalesce(sum(share_exact), 0) AS share_exact
  FROM settlement_settlementstatement WHERE organisation_id = %(organisation_id)s AND state <> 'rejected'
), totals AS (
  SELECT coalesce(sum(seconds), 0) AS seconds, coalesce(sum(exact), 0) AS exact,
         coalesce(sum(exact * share_basis_points), 0) AS share_exact
  FROM shared
), wholes AS (
  SELECT totals.*, {WHOLES} FROM totals CROSS JOIN before
), closed AS (
  INSERT INTO settlement_settlementstatement (public_id, organisation_id, month, revision, milli_gpu_seconds, exact,
      share_exact, charged, share, commission, prepared_at, prepared_by, state, first_by_id, first_by, first_at,
      decided_by, reason)
  SELECT %(public_id)s, %(organisation_id)s, %(month)s, %(revision)s, seconds, exact, share_exact, charged, share,
         charged - share, %(at)s, %(label)s, %(state)s, %(person)s::bigint, %(first_by)s,
         CASE WHEN %(person)s::bigint IS NULL THEN NULL ELSE %(at)s::timestamptz END, '', ''
  FROM wholes
  ON CONFLICT DO NOTHING RETURNING id
), written AS (
  INSERT INTO settlement_settlementline (statement_id, organisation_id, kind, usage_month, site_code, sku_id,
      micro_per_gpu_hour, agreement_id, share_basis_points, milli_gpu_seconds, exact)
  SELECT closed.id, %(organisation_id)s, CASE WHEN usage_month = %(month)s THEN 'usage' ELSE 'correction' END,
         usage_month, site_code, sku_id, micro_per_gpu_hour, agreement_id, share_basis_points, seconds, exact
  FROM shared CROSS JOIN closed
)
SELECT id FROM closed
"""
UNAGREED = """
SELECT DISTINCT r.site_code FROM billing_usageday d JOIN billing_run r ON r.id = d.run_id
WHERE d.day >= %(start)s AND d.day < %(end)s AND r.site_code <> ALL (%(agreed)s) ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Settling:
    """What became of settling a month; ``unagreed`` are sites with usage for which no share is agreed."""

    month: date
    settled: int
    already: int
    unagreed: tuple[str, ...]


def settle_month(*, actor: Actor, month: date, at: datetime) -> Settling:
    """Write the settlement of every operator with an agreed share for what its sites were charged until ``month`` ends.

    One operator a transaction: killed anywhere, the next start goes on; run again, nothing changes. Raises MonthNotOver
    before the month's end and its grace, while a tenant's month is open, or when a later month is settled already.
    """
    start = month_instant(month)
    end = next_month(start)
    _require_closed(start, end, at)
    sites = sites_by_operator()
    operators = sorted(
        set(ShareAgreement.objects.agreed().filter(valid__startswith__lte=start.date()).values_list(
            "organisation_id", flat=True))
    )  # fmt: skip
    already = SettlementStatement.objects.live().filter(month=start.date()).count()
    settled = 0
    for pk in operators:
        with transaction.atomic():
            lock_operator(pk)
            made = settle_for(
                actor=actor, organisation_id=pk, month=start.date(), sites=sites.get(pk, ()), revision=1, at=at
            )
            settled += made is not None
    unagreed = _unagreed(start, end, sites)
    log.info("month settled", month=f"{month:%Y-%m}", settled=settled, already=already, unagreed=unagreed)
    return Settling(start.date(), settled, already, unagreed)


def sites_by_operator() -> dict[int, list[str]]:
    """Return the codes of the sites that each organisation operates now."""
    found: dict[int, list[str]] = {}
    for code, place in sorted(places().items()):
        found.setdefault(place.operator_id, []).append(code)
    return found


def lock_operator(organisation_id: int) -> None:
    """Let one transaction at a time write settlements of an operator: running sums must not be read twice."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"settlement:{organisation_id}"])


def settle_for(
    *, actor: Actor, organisation_id: int, month: date, sites: Sequence[str], revision: int, at: datetime
) -> SettlementStatement | None:
    """Write one operator's settlement of ``month``; None when it stands already. The caller holds the operator's lock.

    What a person prepared needs one more person; what the schedule prepared needs two.
    """
    scope: dict[str, Any] = {
        "public_id": ids.settlement_id(),
        "organisation_id": organisation_id,
        "month": month,
        "end": next_month(month_instant(month)),
        "sites": list(sites),
        "revision": revision,
        "at": at,
        "label": actor.label,
        "person": actor.user_id,
        "first_by": actor.label if actor.user_id is not None else "",
        "state": "draft" if actor.user_id is None else "checked",
    }
    with connection.cursor() as cursor:
        cursor.execute(SETTLE, scope)
        if cursor.fetchone() is None:
            return None
    statement: SettlementStatement = SettlementStatement.objects.select_related("organisation").get(
        public_id=scope["public_id"]
    )
    audit.record(
        actor=actor, action=Action.SETTLEMENT_PREPARED, subject=statement, organisation_id=organisation_id, at=at,
        changes={"revision": revision, "charged": statement.charged, "share": statement.share},
    )  # fmt: skip
    tell(statement, "settlement.prepared", key=f"settlement.prepared:{statement.pk}", at=at)
    return statement


def tell(statement: SettlementStatement, type: str, *, key: str, at: datetime, **more: Any) -> None:
    """Tell the operator of what happened to a settlement."""
    data = {
        "settlement": statement.public_id,
        "month": f"{statement.month:%Y-%m}",
        "share_microcredits": statement.share,
        **more,
    }
    emit(organisation_id=statement.organisation_id, type=type, data=data, key=key, at=at)


def _require_closed(start: datetime, end: datetime, at: datetime) -> None:
    if at < end + GRACE:
        raise MonthNotOver(
            gettext("%(month)s is settled from %(start)s UTC on: late usage may still come.")
            % {"month": f"{start:%Y-%m}", "start": f"{end + GRACE:%Y-%m-%d %H:%M}"}
        )
    later = SettlementStatement.objects.live().filter(month__gt=start.date()).order_by("month").first()
    if later is not None:
        raise MonthNotOver(
            gettext("%(month)s is settled already: late usage stands on the next settlement.")
            % {"month": f"{later.month:%Y-%m}"}
        )
    with connection.cursor() as cursor:
        cursor.execute(OPEN_ORGANISATIONS, {"month": start})
        (waiting,) = cursor.fetchone()
    if waiting:
        raise MonthNotOver(
            gettext("%(month)s is not closed for all customers yet: close it first.") % {"month": f"{start:%Y-%m}"}
        )


def _unagreed(start: datetime, end: datetime, sites: dict[int, list[str]]) -> tuple[str, ...]:
    agreed = ShareAgreement.objects.agreed().filter(valid__contains=start.date())
    codes = [code for pk in agreed.values_list("organisation_id", flat=True) for code in sites.get(pk, ())]
    with connection.cursor() as cursor:
        cursor.execute(UNAGREED, {"start": start, "end": end, "agreed": codes})
        return tuple(row[0] for row in cursor.fetchall())
