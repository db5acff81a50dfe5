# SPDX-License-Identifier: Apache-2.0
"""The set-based statements of budgets: how each stands, and which steps are reached."""

LOCK = """
SELECT id FROM billing_budget WHERE organisation_id = %s AND ended_at IS NULL ORDER BY id FOR NO KEY UPDATE
"""
_START = """
CASE b.period WHEN 'day' THEN date_trunc('day', %(at)s::timestamptz, 'UTC')
              WHEN 'week' THEN date_trunc('week', %(at)s::timestamptz, 'UTC')
              WHEN 'month' THEN date_trunc('month', %(at)s::timestamptz, 'UTC')
              ELSE '-infinity'::timestamptz END
"""
# Charged comes from the roll-up by run and day; what is used and not yet rated is still held.
_SPENT = """
CASE WHEN b.scope = 'workload' THEN 0 WHEN b.lot_id IS NOT NULL THEN (
  SELECT coalesce(sum(CASE WHEN t.debit_account_id = b.lot_id THEN t.amount ELSE -t.amount END), 0)
  FROM billing_transfer t
  WHERE t.organisation_id = b.organisation_id AND b.lot_id IN (t.debit_account_id, t.credit_account_id)
    AND t.kind IN ('usage', 'correction') AND t.usage_day >= s.start
) ELSE (
  SELECT div(coalesce(sum(u.exact), 0), 3600000)
  FROM billing_usageday u JOIN billing_run r ON r.id = u.run_id
  WHERE u.organisation_id = b.organisation_id AND u.day >= s.start
    AND (b.project_id IS NULL OR r.project_id = b.project_id) AND (b.member_id IS NULL OR r.member_id = b.member_id)
) END::bigint
"""
_HELD = """
CASE WHEN b.scope = 'workload' THEN 0 ELSE (
  SELECT coalesce(sum(l.amount - l.captured - l.released), 0)
  FROM billing_hold h JOIN billing_holdleg l ON l.hold_id = h.id
  WHERE h.organisation_id = b.organisation_id AND h.state = 'open'
    AND (b.project_id IS NULL OR h.project_id = b.project_id) AND (b.member_id IS NULL OR h.member_id = b.member_id)
    AND (b.lot_id IS NULL OR l.lot_id = b.lot_id)
) END::bigint
"""
STANDINGS = f"""
SELECT b.id, b.public_id, b.name, b.scope, b.period, b.amount, b.project_id, b.member_id, b.lot_id,
       nullif(s.start, '-infinity'), {_SPENT} AS spent, {_HELD} AS held
FROM billing_budget b CROSS JOIN LATERAL (SELECT {_START} AS start) s
WHERE b.organisation_id = %(organisation_id)s AND b.ended_at IS NULL
  AND (%(project_id)s::bigint IS NULL OR b.project_id IS NULL OR b.project_id = %(project_id)s)
  AND (%(member_id)s::bigint IS NULL OR b.member_id IS NULL OR b.member_id = %(member_id)s)
ORDER BY b.id
"""
CROSS = f"""
INSERT INTO billing_budgetcrossing (organisation_id, budget_id, period_start, percent, action, amount, spent, at)
SELECT b.organisation_id, b.id, s.start, p.percent, p.action, b.amount,
       b.spent, %(at)s
FROM (
  SELECT b.*, s.start, {_SPENT} AS spent FROM billing_budget b CROSS JOIN LATERAL (SELECT {_START} AS start) s
  WHERE b.ended_at IS NULL AND b.scope <> 'workload'
) b
JOIN billing_budgetstep p ON p.budget_id = b.id
CROSS JOIN LATERAL (SELECT CASE WHEN b.period = 'lifetime' THEN b.created_at ELSE b.start END AS start) s
WHERE b.spent * 100 >= b.amount::numeric * p.percent
ON CONFLICT DO NOTHING RETURNING id
"""
# Open holds in the scope of a budget whose drain step was reached so long ago that the notice is over.
DRAINED_HOLDS = f"""
SELECT DISTINCT h.id
FROM (
  SELECT b.*, s.start, {_SPENT} AS spent FROM billing_budget b CROSS JOIN LATERAL (SELECT {_START} AS start) s
  WHERE b.ended_at IS NULL AND b.scope <> 'workload'
    AND EXISTS (SELECT 1 FROM billing_budgetstep p WHERE p.budget_id = b.id AND p.action = 'drain')
) b
JOIN billing_budgetstep p ON p.budget_id = b.id AND p.action = 'drain'
JOIN billing_budgetcrossing c ON c.budget_id = b.id AND c.percent = p.percent AND c.amount = b.amount
 AND c.period_start >= b.start AND c.at <= %(noticed_before)s
JOIN billing_hold h ON h.organisation_id = b.organisation_id AND h.state = 'open'
 AND (b.project_id IS NULL OR h.project_id = b.project_id) AND (b.member_id IS NULL OR h.member_id = b.member_id)
 AND (b.lot_id IS NULL OR EXISTS (
   SELECT 1 FROM billing_holdleg l
   WHERE l.hold_id = h.id AND l.lot_id = b.lot_id AND l.amount > l.captured + l.released))
WHERE b.spent * 100 >= b.amount::numeric * p.percent
"""
