# SPDX-License-Identifier: Apache-2.0
"""Rules of settlement for the reconciler: each query returns the rows that contradict."""

from aion.money import EXACT_DIVISOR
from billing.settlement.sides_sql import LIVE, SETTLED, USED
from billing.settlement.states import WHOLE

NOTHING_SINCE = """NOT EXISTS (
  SELECT 1 FROM billing_transfer t
  WHERE t.kind IN ('usage', 'correction') AND t.usage_day >= s.usage_month
    AND t.usage_day < s.usage_month + interval '1 month' AND t.created_at >= s.known)"""
CHECKS = {
    "settlements = their lines": """
        SELECT s.public_id, s.exact, l.exact, s.share_exact, l.share_exact FROM settlement_settlementstatement s
        LEFT JOIN (SELECT statement_id, sum(exact) AS exact, sum(exact * share_basis_points) AS share_exact,
                          sum(milli_gpu_seconds) AS seconds
                   FROM settlement_settlementline GROUP BY 1) l ON l.statement_id = s.id
        WHERE s.exact <> coalesce(l.exact, 0) OR s.share_exact <> coalesce(l.share_exact, 0)
          OR s.milli_gpu_seconds <> coalesce(l.seconds, 0)""",
    "settled = floor of all that was earned": f"""
        SELECT organisation_id, sum(charged), sum(exact), sum(share), sum(share_exact) FROM {LIVE} s GROUP BY 1
        HAVING sum(charged) <> floor(sum(exact) / {EXACT_DIVISOR})
            OR sum(share) <> floor(sum(share_exact) / {EXACT_DIVISOR * WHOLE})""",
    "approved settlements = their entries": """
        SELECT s.public_id, part.name, part.amount, t.amount
        FROM settlement_settlementstatement s
        CROSS JOIN LATERAL (VALUES ('share', s.share), ('commission', s.commission)) AS part (name, amount)
        LEFT JOIN (SELECT t.idempotency_key, CASE WHEN a.kind = 'clearing' THEN t.amount ELSE -t.amount END AS amount
                   FROM billing_transfer t JOIN billing_ledgeraccount a ON a.id = t.debit_account_id
                   WHERE t.kind = 'settlement') t
          ON t.idempotency_key = concat_ws(':', 'settlement', s.id, part.name)
        WHERE coalesce(t.amount, 0) <> CASE WHEN s.state IN ('approved', 'paid') THEN part.amount ELSE 0 END""",
    "payable = approved and not paid": """
        SELECT a.public_id, a.credits - a.debits, coalesce(s.owed, 0) FROM billing_ledgeraccount a
        LEFT JOIN (SELECT organisation_id, sum(share) AS owed FROM settlement_settlementstatement
                   WHERE state = 'approved' GROUP BY 1) s USING (organisation_id)
        WHERE a.kind = 'payable' AND a.credits - a.debits <> coalesce(s.owed, 0)""",
    # Settled + unsettled = charged in clearing, by month of usage, where nothing was charged since. The tenants' side
    # carries its remainders from month to month as usage is told: less than a micro-credit for each hour of a run and
    # each time it is told, so two of them are let pass. In all, "charged = rated usage" is exact.
    "settlement side = tenant side": f"""
        SELECT usage_month, s.exact, coalesce(n.exact, 0), c.amount
        FROM (SELECT usage_month, sum(exact) AS exact, min(known) AS known FROM {SETTLED} l GROUP BY 1) s
        LEFT JOIN (SELECT u.usage_month, sum(u.exact) AS exact FROM {USED} u
                   LEFT JOIN {SETTLED} l USING (usage_month, site_code) WHERE l.exact IS NULL GROUP BY 1) n
          USING (usage_month)
        LEFT JOIN (SELECT date_trunc('month', usage_day, 'UTC')::date AS usage_month,
                          sum(CASE kind WHEN 'usage' THEN amount ELSE -amount END) AS amount
                   FROM billing_transfer WHERE kind IN ('usage', 'correction') GROUP BY 1) c USING (usage_month)
        WHERE abs(s.exact + coalesce(n.exact, 0) - {EXACT_DIVISOR} * coalesce(c.amount, 0))
              >= {EXACT_DIVISOR}::numeric * (1 + 48 * (
                SELECT count(*) FROM billing_usageday d
                WHERE d.day >= s.usage_month AND d.day < s.usage_month + interval '1 month')) AND {NOTHING_SINCE}""",
    "settled = used, until usage came since": f"""
        SELECT s.usage_month, s.site_code, s.exact, u.exact FROM {SETTLED} s
        LEFT JOIN {USED} u USING (usage_month, site_code)
        WHERE abs(s.exact - coalesce(u.exact, 0)) >= {EXACT_DIVISOR} AND {NOTHING_SINCE}""",
    "a month of a site is settled with one operator": f"""
        SELECT l.site_code, l.usage_month, count(DISTINCT l.organisation_id) FROM settlement_settlementline l
        JOIN {LIVE} s ON s.id = l.statement_id GROUP BY 1, 2 HAVING count(DISTINCT l.organisation_id) > 1""",
}
