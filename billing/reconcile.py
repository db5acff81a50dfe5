# SPDX-License-Identifier: Apache-2.0
"""The proof that the books agree with themselves. Set-based; it finds drift and never repairs it."""

from dataclasses import dataclass

from django.db import connection, transaction

# Each query returns the rows that contradict; the rule holds when there are none.
CHECKS: dict[str, str] = {
    "balances = transfers": """
        SELECT a.public_id, a.debits, a.credits, coalesce(t.debits, 0), coalesce(t.credits, 0)
        FROM billing_ledgeraccount a
        LEFT JOIN (
          SELECT account, sum(debit) AS debits, sum(credit) AS credits FROM (
            SELECT debit_account_id AS account, amount AS debit, 0 AS credit FROM billing_transfer
            UNION ALL SELECT credit_account_id, 0, amount FROM billing_transfer) sides
          GROUP BY account) t ON t.account = a.id
        WHERE a.organisation_id IS NOT NULL
          AND (a.debits <> coalesce(t.debits, 0) OR a.credits <> coalesce(t.credits, 0))""",
    "lots = transfers, never below zero": """
        SELECT public_id, credits, debits, held FROM billing_ledgeraccount
        WHERE kind = 'lot' AND credits - debits - held < 0""",
    "held = open legs": """
        SELECT a.public_id, a.held, coalesce(l.held, 0) FROM billing_ledgeraccount a
        LEFT JOIN (SELECT lot_id, sum(amount - captured - released) AS held FROM billing_holdleg GROUP BY 1) l
          ON l.lot_id = a.id
        WHERE a.held <> coalesce(l.held, 0)""",
    "holds = their legs": """
        SELECT h.public_id, h.amount, l.amount, h.state, l.open FROM billing_hold h
        JOIN (SELECT hold_id, sum(amount) AS amount, sum(amount - captured - released) AS open
              FROM billing_holdleg GROUP BY 1) l ON l.hold_id = h.id
        WHERE h.amount <> l.amount OR (h.state = 'closed' AND l.open <> 0)
        UNION ALL
        SELECT h.public_id, h.amount, 0, h.state, 0 FROM billing_hold h
        WHERE NOT EXISTS (SELECT 1 FROM billing_holdleg l WHERE l.hold_id = h.id)""",
    "charged = rated usage": """
        SELECT u.organisation_id, u.sku_id, u.exact, t.posted, c.carry
        FROM (SELECT organisation_id, sku_id, sum(exact) AS exact FROM billing_usagerecord GROUP BY 1, 2) u
        FULL JOIN (SELECT organisation_id, sku_id, sum(amount) AS posted FROM billing_transfer
                   WHERE kind = 'usage' GROUP BY 1, 2) t USING (organisation_id, sku_id)
        FULL JOIN billing_ratingcarry c USING (organisation_id, sku_id)
        WHERE coalesce(u.exact, 0) <> 3600000 * coalesce(t.posted, 0) + coalesce(c.carry, 0)""",
    "roll-ups = records": """
        SELECT organisation_id, project_id, sku_id, hour, u.seconds, h.milli_gpu_seconds
        FROM (SELECT organisation_id, project_id, sku_id, date_trunc('hour', window_start, 'UTC') AS hour,
                     sum(milli_gpus::bigint * seconds) AS seconds, sum(exact) AS exact
              FROM billing_usagerecord GROUP BY 1, 2, 3, 4) u
        FULL JOIN (SELECT organisation_id, project_id, sku_id, hour, sum(milli_gpu_seconds) AS milli_gpu_seconds,
                          sum(exact) AS exact FROM billing_usagehour GROUP BY 1, 2, 3, 4) h
          USING (organisation_id, project_id, sku_id, hour)
        WHERE u.seconds IS DISTINCT FROM h.milli_gpu_seconds OR u.exact IS DISTINCT FROM h.exact""",
    "usage within its meter": """
        SELECT u.meter_id, u.window_start FROM billing_usagerecord u JOIN billing_meter m ON m.id = u.meter_id
        WHERE u.milli_gpus <> m.milli_gpus OR u.organisation_id <> m.organisation_id
           OR u.micro_per_gpu_hour <> m.micro_per_gpu_hour""",
    "usage has an allowing decision": """
        SELECT u.meter_id, u.window_start FROM billing_usagerecord u
        JOIN billing_meter m ON m.id = u.meter_id
        LEFT JOIN residency_residencydecision d ON d.id = m.decision_id AND d.allowed
        WHERE d.id IS NULL""",
}
SHOWN = 20
# Rules of packages above billing, put here when they start (billing never imports them).
EXTRA_CHECKS: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One rule: its name, how many rows contradict it and the first of them."""

    name: str
    contradictions: int
    examples: list[list[str]]


def run_checks() -> list[CheckResult]:
    """Run every check in one snapshot, so that work in progress is no drift."""
    results = []
    with transaction.atomic(), connection.cursor() as cursor:
        if not connection.in_atomic_block or len(connection.savepoint_ids) == 0:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for name, query in {**CHECKS, **EXTRA_CHECKS}.items():
            cursor.execute(f"SELECT count(*) FROM ({query}) contradictions")
            (count,) = cursor.fetchone()
            examples: list[list[str]] = []
            if count:
                cursor.execute(f"SELECT * FROM ({query}) contradictions LIMIT {SHOWN}")
                examples = [[str(value) for value in row] for row in cursor.fetchall()]
            results.append(CheckResult(name, count, examples))
    return results
