# SPDX-License-Identifier: Apache-2.0
"""The set-based statements of the pipeline: dedupe, residency, rate, capture, burn, post, roll up.

``metering.post_usage`` runs them in order, in one transaction. Nothing here grows with Python objects: a batch of
100,000 records is the same dozen statements as a batch of one.
"""

DIVISOR = 3_600_000  # aion.money.EXACT_DIVISOR; a literal, because it stands in SQL

CREATE_TEMPORARY = """
CREATE TEMPORARY TABLE IF NOT EXISTS usage_stage (
  window_start timestamptz NOT NULL, meter_id bigint NOT NULL, revision smallint NOT NULL, seconds integer NOT NULL
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS usage_accepted (
  window_start timestamptz, organisation_id bigint, project_id bigint, sku_id bigint, meter_id bigint,
  hold_id bigint, milli_gpu_seconds bigint, exact bigint
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS usage_need (
  organisation_id bigint, sku_id bigint, hold_id bigint, day timestamptz, last_second timestamptz,
  exact numeric, amount bigint
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS usage_piece (
  organisation_id bigint, sku_id bigint, day timestamptz, last_second timestamptz,
  account_id bigint, leg_id bigint, hold_id bigint, amount bigint
) ON COMMIT DELETE ROWS;
TRUNCATE usage_stage, usage_accepted, usage_need, usage_piece;
"""

# ON CONFLICT settles repeats, also between two workers that carry the same batch at the same time.
ACCEPT = """
WITH accepted AS (
  INSERT INTO billing_usagerecord (window_start, meter_id, revision, seconds, milli_gpus, organisation_id, project_id,
      sku_id, price_id, hold_id, micro_per_gpu_hour, exact, batch_id)
  SELECT s.window_start, s.meter_id, s.revision, s.seconds, m.milli_gpus, m.organisation_id, m.project_id, m.sku_id,
         m.price_id, m.hold_id, m.micro_per_gpu_hour, m.micro_per_gpu_hour * m.milli_gpus * s.seconds, %(batch_id)s
  FROM usage_stage s
  JOIN billing_meter m ON m.id = s.meter_id
  JOIN residency_residencydecision d ON d.id = m.decision_id AND d.allowed
  WHERE s.seconds BETWEEN 1 AND 3600
  ON CONFLICT DO NOTHING
  RETURNING window_start, organisation_id, project_id, sku_id, meter_id, hold_id,
            milli_gpus::bigint * seconds, exact
)
INSERT INTO usage_accepted SELECT * FROM accepted
"""

# Without an allowing decision, or with another content under a stored key: kept with the reason, never rated.
QUARANTINE = """
WITH refused AS (
  SELECT s.*, m.organisation_id, m.milli_gpus,
         CASE WHEN d.id IS NULL THEN 'no_allowing_decision'
              WHEN s.seconds NOT BETWEEN 1 AND 3600 THEN 'outside_window' ELSE 'conflict' END AS reason
  FROM usage_stage s
  JOIN billing_meter m ON m.id = s.meter_id
  LEFT JOIN residency_residencydecision d ON d.id = m.decision_id AND d.allowed
  LEFT JOIN billing_usagerecord u
    ON u.window_start = s.window_start AND u.meter_id = s.meter_id AND u.revision = s.revision
  WHERE d.id IS NULL OR s.seconds NOT BETWEEN 1 AND 3600 OR u.seconds <> s.seconds
), kept AS (
  INSERT INTO billing_quarantinedusage (organisation_id, window_start, meter_id, revision, seconds, milli_gpus, reason,
      batch_id, recorded_at)
  SELECT organisation_id, window_start, meter_id, revision, seconds, milli_gpus, reason, %(batch_id)s, %(at)s
  FROM refused ON CONFLICT DO NOTHING
)
SELECT count(*) FROM refused
"""

ENSURE_CARRY = """
INSERT INTO billing_ratingcarry (organisation_id, sku_id, carry)
SELECT DISTINCT organisation_id, sku_id, 0 FROM usage_accepted ORDER BY 1, 2 ON CONFLICT DO NOTHING
"""
LOCK_CARRY = """
SELECT c.id FROM billing_ratingcarry c
WHERE (c.organisation_id, c.sku_id) IN (SELECT DISTINCT organisation_id, sku_id FROM usage_accepted)
ORDER BY c.organisation_id, c.sku_id FOR UPDATE
"""
# floor(carry + running sum) minus the floor before it: the parts add up to the floor of the whole, in any batching.
RATE = f"""
INSERT INTO usage_need
SELECT organisation_id, sku_id, hold_id, day, last_second, exact,
       div(carry + running, {DIVISOR}) - div(carry + running - exact, {DIVISOR})
FROM (
  SELECT g.*, c.carry, sum(g.exact) OVER (PARTITION BY g.organisation_id, g.sku_id ORDER BY g.day, g.hold_id) AS running
  FROM (
    SELECT organisation_id, sku_id, hold_id, date_trunc('day', window_start, 'UTC') AS day,
           max(window_start) + interval '1 hour' AS last_second, sum(exact) AS exact
    FROM usage_accepted GROUP BY 1, 2, 3, 4
  ) g
  JOIN billing_ratingcarry c USING (organisation_id, sku_id)
) summed
"""
CARRY = f"""
UPDATE billing_ratingcarry c SET carry = mod(c.carry + n.exact, {DIVISOR})
FROM (SELECT organisation_id, sku_id, sum(exact) AS exact FROM usage_need GROUP BY 1, 2) n
WHERE c.organisation_id = n.organisation_id AND c.sku_id = n.sku_id
"""

LOCK_HOLDS = """
SELECT id FROM billing_hold WHERE id IN (SELECT hold_id FROM usage_need WHERE amount > 0) ORDER BY id FOR NO KEY UPDATE
"""
LOCK_LOTS = """
SELECT id FROM billing_ledgeraccount
WHERE kind = 'lot' AND credits > debits
  AND organisation_id IN (SELECT DISTINCT organisation_id FROM usage_need WHERE amount > 0)
ORDER BY id FOR NO KEY UPDATE
"""
# Needs of a hold and its legs lie on one axis of cumulative amounts; where two ranges overlap, that leg pays.
CAPTURE = """
WITH needs AS (
  SELECT *, sum(amount) OVER w AS upto FROM usage_need WHERE amount > 0 AND hold_id IS NOT NULL
  WINDOW w AS (PARTITION BY hold_id ORDER BY day, sku_id)
), legs AS (
  SELECT id AS leg_id, hold_id, lot_id, amount - captured - released AS left_over,
         sum(amount - captured - released) OVER (PARTITION BY hold_id ORDER BY position) AS upto
  FROM billing_holdleg
  WHERE hold_id IN (SELECT hold_id FROM needs) AND amount > captured + released
)
INSERT INTO usage_piece
SELECT n.organisation_id, n.sku_id, n.day, n.last_second, l.lot_id, l.leg_id, n.hold_id,
       least(n.upto, l.upto) - greatest(n.upto - n.amount, l.upto - l.left_over)
FROM needs n JOIN legs l ON l.hold_id = n.hold_id
 AND l.upto > n.upto - n.amount AND l.upto - l.left_over < n.upto
"""
APPLY_CAPTURE = """
WITH pieces AS (
  SELECT leg_id, sum(amount) AS amount FROM usage_piece WHERE leg_id IS NOT NULL GROUP BY 1
), captured AS (
  UPDATE billing_holdleg l SET captured = l.captured + p.amount FROM pieces p WHERE l.id = p.leg_id
  RETURNING l.lot_id, p.amount
)
UPDATE billing_ledgeraccount a SET held = a.held - c.amount
FROM (SELECT lot_id, sum(amount) AS amount FROM captured GROUP BY 1) c WHERE a.id = c.lot_id
"""
# What no hold covers, per organisation, SKU and day; the loop over these groups is empty when every run has its hold.
UNCOVERED = """
SELECT n.organisation_id, n.sku_id, n.day, max(n.last_second), (sum(n.amount) - coalesce(sum(p.amount), 0))::bigint
FROM usage_need n
LEFT JOIN (SELECT hold_id, sku_id, day, sum(amount) AS amount FROM usage_piece GROUP BY 1, 2, 3) p
  ON p.hold_id = n.hold_id AND p.sku_id = n.sku_id AND p.day = n.day
GROUP BY 1, 2, 3 HAVING sum(n.amount) > coalesce(sum(p.amount), 0) ORDER BY 1, 2, 3
"""
# What this batch already takes from a lot is not in its debits yet: captures have left ``held``, transfers come last.
BURN_FREE = """
WITH spent AS (
  SELECT account_id, sum(amount) AS amount FROM usage_piece WHERE organisation_id = %(organisation_id)s GROUP BY 1
), lots AS (
  SELECT a.id, a.credits - a.debits - a.held - coalesce(s.amount, 0) AS available,
         sum(a.credits - a.debits - a.held - coalesce(s.amount, 0)) OVER (
           ORDER BY a.restricted DESC, a.expires_at ASC NULLS LAST, a.rank, a.id) AS upto
  FROM billing_ledgeraccount a
  LEFT JOIN spent s ON s.account_id = a.id
  WHERE a.organisation_id = %(organisation_id)s AND a.kind = 'lot'
    AND a.credits - a.debits - a.held - coalesce(s.amount, 0) > 0
    AND a.starts_at < %(last_second)s AND (a.expires_at IS NULL OR a.expires_at > %(day)s)
    AND (cardinality(a.sku_codes) = 0 OR (SELECT code FROM billing_sku WHERE id = %(sku_id)s) = ANY (a.sku_codes))
    AND cardinality(a.site_codes) = 0
), burned AS (
  INSERT INTO usage_piece
  SELECT %(organisation_id)s, %(sku_id)s, %(day)s, %(last_second)s, id, NULL, NULL,
         least(available, %(amount)s - (upto - available))
  FROM lots WHERE upto - available < %(amount)s
  RETURNING amount
)
SELECT coalesce(sum(amount), 0)::bigint FROM burned
"""
TO_RECEIVABLE = """
INSERT INTO usage_piece
SELECT %(organisation_id)s, %(sku_id)s, %(day)s, %(last_second)s, id, NULL, NULL, %(amount)s
FROM billing_ledgeraccount WHERE kind = 'receivable' AND organisation_id = %(organisation_id)s
"""
POST = """
INSERT INTO billing_transfer (public_id, organisation_id, debit_account_id, credit_account_id, amount, kind,
    description, batch_id, sku_id, effective_at, created_at, idempotency_key)
SELECT 'tr_' || left(replace(gen_random_uuid()::text, '-', ''), 16), p.organisation_id, p.account_id, %(clearing_id)s,
       sum(p.amount), 'usage', 'Usage ' || s.name, %(batch_id)s, p.sku_id, max(p.last_second), %(at)s,
       concat_ws(':', 'usage', %(batch_id)s::bigint, p.account_id, p.sku_id,
                 to_char(p.day AT TIME ZONE 'UTC', 'YYYY-MM-DD'))
FROM usage_piece p JOIN billing_sku s ON s.id = p.sku_id
GROUP BY p.organisation_id, p.account_id, p.sku_id, s.name, p.day
ORDER BY p.organisation_id, p.account_id, p.sku_id, p.day
"""
ROLL_UP = """
INSERT INTO billing_usagehour (organisation_id, project_id, sku_id, site_code, hour, milli_gpu_seconds, exact)
SELECT a.organisation_id, a.project_id, a.sku_id, m.site_code, date_trunc('hour', a.window_start, 'UTC'),
       sum(a.milli_gpu_seconds), sum(a.exact)
FROM usage_accepted a JOIN billing_meter m ON m.id = a.meter_id
GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
ON CONFLICT (organisation_id, hour, project_id, sku_id, site_code) DO UPDATE
SET milli_gpu_seconds = billing_usagehour.milli_gpu_seconds + EXCLUDED.milli_gpu_seconds,
    exact = billing_usagehour.exact + EXCLUDED.exact
"""
