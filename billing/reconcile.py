# SPDX-License-Identifier: Apache-2.0
"""The proof that the books agree with themselves. Set-based; it finds drift and never repairs it."""

from collections.abc import Collection
from dataclasses import dataclass
from string import Template

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

# Each query returns the rows that contradict; the rule holds when there are none. ``$of`` narrows a query to some
# organisations (and is nothing for all of them); records may have been dropped with their month, roll-ups stay.
CHECKS: dict[str, str] = {
    "balances = transfers": """
        SELECT a.public_id, a.debits, a.credits, coalesce(t.debits, 0), coalesce(t.credits, 0)
        FROM billing_ledgeraccount a
        LEFT JOIN (
          SELECT side.account, sum(side.debit) AS debits, sum(side.credit) AS credits
          FROM (SELECT debit_account_id, credit_account_id, sum(amount) AS amount FROM billing_transfer
                WHERE true $of GROUP BY 1, 2) pair
          CROSS JOIN LATERAL (VALUES (pair.debit_account_id, pair.amount, 0), (pair.credit_account_id, 0, pair.amount))
            AS side (account, debit, credit)
          GROUP BY 1) t ON t.account = a.id
        WHERE a.organisation_id IS NOT NULL $of_a
          AND (a.debits <> coalesce(t.debits, 0) OR a.credits <> coalesce(t.credits, 0))""",
    "lots = transfers, never below zero": """
        SELECT public_id, credits, debits, held FROM billing_ledgeraccount
        WHERE kind = 'lot' AND credits - debits - held < 0 $of""",
    "held = open legs": """
        SELECT a.public_id, a.held, coalesce(l.held, 0) FROM billing_ledgeraccount a
        LEFT JOIN (SELECT lot_id, sum(amount - captured - released) AS held FROM billing_holdleg GROUP BY 1) l
          ON l.lot_id = a.id
        WHERE a.held <> coalesce(l.held, 0) $of_a""",
    "holds = their legs": """
        SELECT h.public_id, h.amount, l.amount, h.state, l.open FROM billing_hold h
        JOIN (SELECT hold_id, sum(amount) AS amount, sum(amount - captured - released) AS open
              FROM billing_holdleg GROUP BY 1) l ON l.hold_id = h.id
        WHERE (h.amount <> l.amount OR (h.state = 'closed' AND l.open <> 0)) $of_h
        UNION ALL
        SELECT h.public_id, h.amount, 0, h.state, 0 FROM billing_hold h
        WHERE NOT EXISTS (SELECT 1 FROM billing_holdleg l WHERE l.hold_id = h.id) $of_h""",
    "charged = rated usage": """
        SELECT organisation_id, sku_id, u.exact, t.posted, c.carry
        FROM (SELECT organisation_id, sku_id, sum(exact) AS exact FROM billing_usagehour WHERE true $of GROUP BY 1, 2) u
        FULL JOIN (SELECT organisation_id, sku_id, sum(CASE kind WHEN 'usage' THEN amount ELSE -amount END) AS posted
                   FROM billing_transfer WHERE kind IN ('usage', 'correction') $of GROUP BY 1, 2) t
          USING (organisation_id, sku_id)
        FULL JOIN (SELECT * FROM billing_ratingcarry WHERE true $of) c USING (organisation_id, sku_id)
        WHERE coalesce(u.exact, 0) <> 3600000 * coalesce(t.posted, 0) + coalesce(c.carry, 0)""",
    "hours = days": """
        SELECT organisation_id, project_id, sku_id, site_code, day, h.seconds, d.seconds
        FROM (SELECT organisation_id, project_id, sku_id, site_code, date_trunc('day', hour, 'UTC') AS day,
                     sum(milli_gpu_seconds) AS seconds, sum(exact) AS exact
              FROM billing_usagehour WHERE true $of GROUP BY 1, 2, 3, 4, 5) h
        FULL JOIN (SELECT r.organisation_id, r.project_id, r.sku_id, r.site_code, d.day,
                          sum(d.milli_gpu_seconds) AS seconds, sum(d.exact) AS exact
                   FROM (SELECT * FROM billing_usageday WHERE true $of) d JOIN billing_run r ON r.id = d.run_id
                   GROUP BY 1, 2, 3, 4, 5) d
          USING (organisation_id, project_id, sku_id, site_code, day)
        WHERE h.seconds IS DISTINCT FROM d.seconds OR h.exact IS DISTINCT FROM d.exact""",
    "roll-ups = records": """
        SELECT run_id, day, u.seconds, d.milli_gpu_seconds
        FROM (SELECT m.run_id, date_trunc('day', u.hour, 'UTC') AS day,
                     sum(u.milli_gpus::bigint * u.seconds) AS seconds, sum(u.exact) AS exact
              FROM (SELECT * FROM billing_usagerecord WHERE true $of) u JOIN billing_meter m ON m.id = u.meter_id
              GROUP BY 1, 2) u
        FULL JOIN (SELECT * FROM billing_usageday WHERE day >= (
                     SELECT coalesce(min(date_trunc('day', hour, 'UTC')), 'infinity') FROM billing_usagerecord) $of) d
          USING (run_id, day)
        WHERE u.seconds IS DISTINCT FROM d.milli_gpu_seconds OR u.exact IS DISTINCT FROM d.exact""",
    "usage within its meter": """
        SELECT u.meter_id, u.hour, u.start_second, u.revision FROM billing_usagerecord u
        LEFT JOIN billing_meter m ON m.id = u.meter_id
        WHERE (m.id IS NULL OR u.milli_gpus <> m.milli_gpus OR u.organisation_id <> m.organisation_id
          OR u.price_id <> m.price_id OR u.exact <> m.micro_per_gpu_hour * m.milli_gpus * u.seconds) $of_u""",
    "windows of a meter never overlap": """
        SELECT meter_id, hour, start_second, ends_before FROM (
          SELECT meter_id, hour, start_second, seconds,
                 lag(start_second + seconds) OVER (PARTITION BY meter_id, hour ORDER BY start_second) AS ends_before
          FROM (SELECT meter_id, hour, start_second, sum(seconds) AS seconds FROM billing_usagerecord
                WHERE true $of GROUP BY 1, 2, 3 HAVING sum(seconds) <> 0) windows) ordered
        WHERE start_second < ends_before OR seconds < 0""",
    "usage has an allowing decision": """
        SELECT m.id FROM billing_meter m JOIN billing_run r ON r.id = m.run_id
        LEFT JOIN residency_residencydecision d ON d.id = r.decision_id AND d.allowed
        WHERE m.allowed AND d.id IS NULL $of_m""",
    "statements = their lines": """
        SELECT s.public_id, s.exact, l.exact FROM billing_monthstatement s
        LEFT JOIN (SELECT statement_id, sum(exact) AS exact, sum(milli_gpu_seconds) AS seconds
                   FROM billing_statementline GROUP BY 1) l ON l.statement_id = s.id
        WHERE (s.exact <> coalesce(l.exact, 0) OR s.milli_gpu_seconds <> coalesce(l.seconds, 0)) $of_s""",
}
SHOWN = 20
_ALIASES = {"of": "", "of_a": "a.", "of_h": "h.", "of_u": "u.", "of_m": "m.", "of_s": "s."}
# Rules of packages above billing, put here when they start (billing never imports them).
EXTRA_CHECKS: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One rule: its name, how many rows contradict it and the first of them."""

    name: str
    contradictions: int
    examples: list[list[str]]


def run_checks(
    *, organisations: Collection[int] | None = None, names: Collection[str] | None = None
) -> list[CheckResult]:
    """Run the checks in one snapshot, so that work in progress is no drift.

    ``organisations`` narrows billing's own rules to some tenants, ``names`` to some rules; the rules of the packages
    above run only without narrowing.
    """
    wanted = dict(CHECKS) if organisations is not None else {**CHECKS, **EXTRA_CHECKS}
    results = []
    with transaction.atomic(), connection.cursor() as cursor:
        if not connection.in_atomic_block or len(connection.savepoint_ids) == 0:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for name, query in wanted.items():
            if names is None or name in names:
                results.append(_check(cursor, name, narrowed(query, organisations)))
    return results


def narrowed(query: str, organisations: Collection[int] | None) -> str:
    """Return a check's SQL for some organisations, or for all."""
    words = dict.fromkeys(_ALIASES, "")
    if organisations is not None:
        ids = ", ".join(str(int(pk)) for pk in sorted(organisations)) or "NULL"
        words = {name: f"AND {alias}organisation_id IN ({ids})" for name, alias in _ALIASES.items()}
    return Template(query).safe_substitute(words)


def _check(cursor: CursorWrapper, name: str, query: str) -> CheckResult:
    cursor.execute(f"SELECT count(*) FROM ({query}) contradictions")
    (count,) = cursor.fetchone()
    examples: list[list[str]] = []
    if count:
        cursor.execute(f"SELECT * FROM ({query}) contradictions LIMIT {SHOWN}")
        examples = [[str(value) for value in row] for row in cursor.fetchall()]
    return CheckResult(name, count, examples)
