# SPDX-License-Identifier: Apache-2.0
"""The set-based statements of the pipeline: dedupe, residency, rate, capture, burn, refund, post, roll up.

``metering.post_staged`` runs them in order, in one transaction. Nothing here grows with Python objects: a batch of
100,000 records is the same dozen statements as a batch of one.
"""

from string import Template

DIVISOR = 3_600_000  # aion.money.EXACT_DIVISOR; a literal, because it stands in SQL

# Lengths and precisions of temporary tables are explained in ``ingest_sql``.
CREATE_TEMPORARY = """
CREATE TEMPORARY TABLE IF NOT EXISTS usage_stage (
  hour timestamptz NOT NULL, meter_id bigint NOT NULL, start_second smallint NOT NULL, seconds smallint NOT NULL,
  revision smallint NOT NULL
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS usage_part (
  run_id bigint, organisation_id bigint, project_id bigint, sku_id bigint, site_code varchar(40), hold_id bigint,
  hour timestamptz, milli_gpu_seconds bigint, exact numeric(60)
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS usage_need (
  run_id bigint, organisation_id bigint, sku_id bigint, hold_id bigint, day timestamptz, last_second timestamptz,
  exact numeric(60), amount bigint
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS usage_piece (
  run_id bigint, organisation_id bigint, sku_id bigint, day timestamptz, last_second timestamptz,
  account_id bigint, leg_id bigint, amount bigint
) ON COMMIT DELETE ROWS;
DELETE FROM usage_stage; DELETE FROM usage_part; DELETE FROM usage_need; DELETE FROM usage_piece;
"""
# What only a batch with some repeats needs: each temporary table of a session costs all its commits the emptying.
CREATE_FOR_REPEATS = """
CREATE TEMPORARY TABLE IF NOT EXISTS usage_fresh (LIKE usage_stage) ON COMMIT DROP;
CREATE TEMPORARY TABLE IF NOT EXISTS usage_stored (LIKE usage_stage) ON COMMIT DROP;
DELETE FROM usage_fresh; DELETE FROM usage_stored;
"""

MEASURE_STAGE = "SELECT count(*), min(hour), max(hour) FROM usage_stage"
# A few hundred rows tell the planner enough; the default sample costs as much as a tenth of the whole insert. But from
# so few it takes keys for values that repeat, and would remember each that it looked up: that never helps here.
SAMPLE = """
SET LOCAL default_statistics_target = 2; ANALYZE {}; RESET default_statistics_target; SET LOCAL enable_memoize = off
"""
SAMPLE_STAGE = SAMPLE.format("usage_stage")
ENSURE_PARTITIONS = "SELECT billing_ensure_usage_partitions(%(first)s, %(last)s)"

_STORED = """
INSERT INTO billing_usagerecord (hour, meter_id, organisation_id, price_id, batch_id, exact, milli_gpus, start_second,
    seconds, revision)
SELECT s.hour, s.meter_id, m.organisation_id, m.price_id, %(batch_id)s,
       m.micro_per_gpu_hour * m.milli_gpus * s.seconds, m.milli_gpus, s.start_second, s.seconds, s.revision
"""
# The common case: nothing of the batch is stored yet, and a plain insert costs half of one that looks for conflicts.
# It fails on the first repeat, and then STORE_FRESH does it.
STORE_ALL = _STORED + "FROM usage_stage s JOIN billing_meter m ON m.id = s.meter_id WHERE m.allowed"
_SAME_KEY = """
u.hour = s.hour AND u.meter_id = s.meter_id AND u.start_second = s.start_second AND u.revision = s.revision
AND u.hour BETWEEN %(first)s AND %(last)s
"""
COUNT_REPEATS = f"""
SELECT count(*) FROM usage_stage s JOIN billing_usagerecord u ON {_SAME_KEY} AND u.seconds = s.seconds
"""
PICK_FRESH = f"""
INSERT INTO usage_fresh
SELECT DISTINCT ON (s.hour, s.meter_id, s.start_second, s.revision)
       s.hour, s.meter_id, s.start_second, s.seconds, s.revision
FROM usage_stage s LEFT JOIN billing_usagerecord u ON {_SAME_KEY}
WHERE u.hour IS NULL ORDER BY s.hour, s.meter_id, s.start_second, s.revision, s.ctid
"""
# ON CONFLICT settles two workers that carry the same batch at the same moment.
STORE_FRESH = f"""
WITH stored AS (
  {_STORED} FROM usage_fresh s JOIN billing_meter m ON m.id = s.meter_id WHERE m.allowed
  ON CONFLICT DO NOTHING RETURNING hour, meter_id, start_second, seconds, revision
) INSERT INTO usage_stored SELECT * FROM stored
"""
# Without an allowing decision, or with another content under a stored key: kept with the reason, never rated.
QUARANTINE = f"""
WITH refused AS (
  SELECT s.*, m.organisation_id, m.milli_gpus,
         CASE WHEN NOT m.allowed THEN 'no_allowing_decision' ELSE 'conflict' END AS reason
  FROM usage_stage s
  JOIN billing_meter m ON m.id = s.meter_id
  LEFT JOIN billing_usagerecord u ON {_SAME_KEY}
  WHERE NOT m.allowed OR u.seconds <> s.seconds
), kept AS (
  INSERT INTO billing_quarantinedusage (organisation_id, hour, meter_id, reference, start_second, revision, seconds,
      milli_gpus, reason, batch_id, recorded_at)
  SELECT organisation_id, hour, meter_id, '', start_second, revision, seconds, milli_gpus, reason, %(batch_id)s, %(at)s
  FROM refused ON CONFLICT DO NOTHING
)
SELECT count(*) FROM refused
"""
# Per run and hour, with the run's terms; everything after this touches runs, not records, and asks for no terms again.
GATHER = Template("""
INSERT INTO usage_part
SELECT g.run_id, r.organisation_id, r.project_id, r.sku_id, r.site_code, r.hold_id, g.hour, g.milli_gpu_seconds, g.exact
FROM (
  SELECT m.run_id, s.hour, sum(m.milli_gpus::bigint * s.seconds) AS milli_gpu_seconds,
         sum(m.micro_per_gpu_hour * m.milli_gpus * s.seconds) AS exact
  FROM $accepted s JOIN billing_meter m ON m.id = s.meter_id WHERE m.allowed
  GROUP BY 1, 2
) g JOIN billing_run r ON r.id = g.run_id
""")

ENSURE_CARRY = """
INSERT INTO billing_ratingcarry (organisation_id, sku_id, carry)
SELECT n.organisation_id, n.sku_id, 0
FROM (SELECT DISTINCT organisation_id, sku_id FROM usage_part) n
LEFT JOIN billing_ratingcarry c ON c.organisation_id = n.organisation_id AND c.sku_id = n.sku_id
WHERE c.id IS NULL ORDER BY 1, 2
ON CONFLICT DO NOTHING
"""
# Locks are taken below a count: the client waits for them and is not sent their rows.
LOCK_CARRY = """
SELECT count(*) FROM (
  SELECT c.id FROM billing_ratingcarry c
  WHERE (c.organisation_id, c.sku_id) IN (SELECT organisation_id, sku_id FROM usage_part)
  ORDER BY c.organisation_id, c.sku_id FOR UPDATE) locked
"""


def _floor(value: str) -> str:
    # PostgreSQL's div truncates towards zero, and corrections go below it; its / would round a large quotient.
    return f"(div({value}, {DIVISOR}) - (mod({value}, {DIVISOR}) < 0)::integer)"


# floor(carry + running sum) minus the floor before it: the parts add up to the floor of the whole, in any batching. A
# carry lies in [0, 1), so that before the first part the floor is nothing.
RATE = f"""
INSERT INTO usage_need
SELECT run_id, organisation_id, sku_id, hold_id, date_trunc('day', hour, 'UTC'), hour + interval '1 hour', exact,
       upto - lag(upto, 1, 0::numeric) OVER (PARTITION BY organisation_id, sku_id ORDER BY hour, run_id)
FROM (
  SELECT r.*, {_floor("carry + running")} AS upto
  FROM (
    SELECT p.*, c.carry,
           sum(p.exact) OVER (PARTITION BY p.organisation_id, p.sku_id ORDER BY p.hour, p.run_id) AS running
    FROM usage_part p JOIN billing_ratingcarry c USING (organisation_id, sku_id)
  ) r
) floored
"""
CARRY = f"""
UPDATE billing_ratingcarry c SET carry = c.carry + n.exact - {DIVISOR} * {_floor("c.carry + n.exact")}
FROM (SELECT organisation_id, sku_id, sum(exact) AS exact FROM usage_need GROUP BY 1, 2) n
WHERE c.organisation_id = n.organisation_id AND c.sku_id = n.sku_id
"""

LOCK_HOLDS = """
SELECT count(*) FROM (
  SELECT id FROM billing_hold WHERE id IN (SELECT hold_id FROM usage_need WHERE amount > 0)
  ORDER BY id FOR NO KEY UPDATE) locked
"""
LOCK_LOTS = """
SELECT count(*) FROM (
  SELECT id FROM billing_ledgeraccount
  WHERE kind = 'lot' AND (credits > debits OR EXISTS (SELECT 1 FROM usage_need WHERE amount < 0))
    AND organisation_id IN (SELECT organisation_id FROM usage_need WHERE amount <> 0)
  ORDER BY id FOR NO KEY UPDATE) locked
"""
# Needs of a hold and its legs lie on one axis of cumulative amounts; where two ranges overlap, that leg pays.
CAPTURE = """
WITH needs AS (
  SELECT *, sum(amount) OVER w AS upto FROM usage_need WHERE amount > 0 AND hold_id IS NOT NULL
  WINDOW w AS (PARTITION BY hold_id ORDER BY last_second, run_id)
), legs AS (
  SELECT id AS leg_id, hold_id, lot_id, amount - captured - released AS left_over,
         sum(amount - captured - released) OVER (PARTITION BY hold_id ORDER BY position) AS upto
  FROM billing_holdleg
  WHERE hold_id IN (SELECT hold_id FROM needs) AND amount > captured + released
)
INSERT INTO usage_piece
SELECT n.run_id, n.organisation_id, n.sku_id, n.day, n.last_second, l.lot_id, l.leg_id,
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
REMAINING = """
SELECT (SELECT coalesce(sum(amount), 0) FROM usage_need WHERE amount > 0) >
       (SELECT coalesce(sum(amount), 0) FROM usage_piece),
       EXISTS (SELECT 1 FROM usage_need WHERE amount < 0)
"""
# What no hold covers, by what lots may pay for it: hours of a day between which a lot starts are apart. The loop over
# these groups is empty when every run has its hold.
UNCOVERED = """
SELECT n.organisation_id, n.sku_id, r.site_code, coalesce(h.programme_code, ''), coalesce(h.level, 0), n.day,
       max(n.last_second), (sum(n.amount) - coalesce(sum(p.amount), 0))::bigint,
       (SELECT max(a.starts_at) FROM billing_ledgeraccount a
        WHERE a.organisation_id = n.organisation_id AND a.kind = 'lot'
          AND a.starts_at >= n.day AND a.starts_at < n.last_second) AS latest_start
FROM usage_need n
JOIN billing_run r ON r.id = n.run_id
LEFT JOIN billing_hold h ON h.id = n.hold_id
LEFT JOIN (SELECT run_id, last_second, sum(amount) AS amount FROM usage_piece GROUP BY 1, 2) p
  ON p.run_id = n.run_id AND p.last_second = n.last_second
WHERE n.amount > 0
GROUP BY 1, 2, 3, 4, 5, 6, 9 HAVING sum(n.amount) > coalesce(sum(p.amount), 0) ORDER BY 1, 6, 7, 2, 3, 4, 5
"""
# What this batch already takes from a lot is not in its debits yet: captures have left ``held``, transfers come last.
# A lot pays for usage inside its own time only, whenever that usage is told.
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
    AND (cardinality(a.site_codes) = 0 OR %(site_code)s = ANY (a.site_codes))
    AND (cardinality(a.programme_codes) = 0 OR %(programme_code)s = ANY (a.programme_codes))
    AND a.min_level <= %(level)s
), burned AS (
  INSERT INTO usage_piece
  SELECT NULL, %(organisation_id)s, %(sku_id)s, %(day)s, %(last_second)s, id, NULL,
         least(available, %(amount)s - (upto - available))
  FROM lots WHERE upto - available < %(amount)s
  RETURNING amount
)
SELECT coalesce(sum(amount), 0)::bigint FROM burned
"""
TO_RECEIVABLE = """
INSERT INTO usage_piece
SELECT NULL, %(organisation_id)s, %(sku_id)s, %(day)s, %(last_second)s, id, NULL, %(amount)s
FROM billing_ledgeraccount WHERE kind = 'receivable' AND organisation_id = %(organisation_id)s
"""
# What a correction gives back goes to the accounts that paid for that organisation, SKU and day, last payer first.
REFUND = """
WITH needs AS (
  SELECT organisation_id, sku_id, day, max(last_second) AS last_second, -sum(amount)::bigint AS amount
  FROM usage_need WHERE amount < 0 GROUP BY 1, 2, 3
), paid AS (
  SELECT t.organisation_id, t.sku_id, t.usage_day AS day,
         CASE WHEN t.kind = 'usage' THEN t.debit_account_id ELSE t.credit_account_id END AS account_id,
         sum(CASE WHEN t.kind = 'usage' THEN t.amount ELSE -t.amount END) AS amount
  FROM billing_transfer t JOIN needs USING (organisation_id, sku_id)
  WHERE t.usage_day = needs.day AND t.kind IN ('usage', 'correction') GROUP BY 1, 2, 3, 4
), payers AS (
  SELECT p.*, sum(p.amount) OVER (
           PARTITION BY p.organisation_id, p.sku_id, p.day
           ORDER BY a.kind = 'receivable' DESC, a.restricted, a.expires_at DESC NULLS FIRST, a.rank DESC, a.id DESC
         ) AS upto
  FROM paid p JOIN billing_ledgeraccount a ON a.id = p.account_id WHERE p.amount > 0
), pieces AS (
  INSERT INTO usage_piece
  SELECT NULL, n.organisation_id, n.sku_id, n.day, n.last_second, p.account_id, NULL,
         -(least(n.amount, p.upto) - (p.upto - p.amount))
  FROM needs n JOIN payers p USING (organisation_id, sku_id, day) WHERE p.upto - p.amount < n.amount
  RETURNING organisation_id, sku_id, day, amount
)
SELECT n.organisation_id, n.sku_id, n.day, n.last_second, n.amount + coalesce(sum(p.amount), 0)::bigint
FROM needs n LEFT JOIN pieces p USING (organisation_id, sku_id, day)
GROUP BY 1, 2, 3, 4, n.amount HAVING n.amount + coalesce(sum(p.amount), 0) > 0
"""
# The rounding of two days can leave a micro-credit that no payer of this very day bears: the latest payer gets it,
# be it one of this batch, whose transfers are not written yet.
REFUND_REST = """
INSERT INTO usage_piece
SELECT NULL, %(organisation_id)s, %(sku_id)s, %(day)s, %(last_second)s, account_id, NULL, -%(amount)s::bigint
FROM (
  SELECT debit_account_id AS account_id, usage_day AS day, id AS latest FROM billing_transfer
  WHERE organisation_id = %(organisation_id)s AND sku_id = %(sku_id)s AND kind = 'usage'
  UNION ALL
  SELECT account_id, day, 9223372036854775807 FROM usage_piece
  WHERE organisation_id = %(organisation_id)s AND sku_id = %(sku_id)s AND amount > 0
) payers
ORDER BY day = %(day)s DESC, latest DESC, account_id DESC LIMIT 1
"""
# A lot that expired meanwhile keeps nothing of what it takes back. It does take it back, so that it is never taken for
# the payer of the same usage a second time.
EXPIRED_REFUNDS = """
SELECT p.organisation_id, array_agg(DISTINCT p.account_id) FROM usage_piece p
JOIN billing_ledgeraccount a ON a.id = p.account_id
WHERE p.amount < 0 AND a.kind = 'lot' AND a.expires_at <= %(expired_before)s GROUP BY 1 ORDER BY 1
"""
MOVE_ON = """
INSERT INTO billing_transfer (public_id, organisation_id, debit_account_id, credit_account_id, amount, kind,
    description, effective_at, created_at, idempotency_key)
SELECT 'tr_' || left(replace(gen_random_uuid()::text, '-', ''), 16), p.organisation_id, p.account_id, %(account_id)s,
       -sum(p.amount), %(kind)s, left('Corrected after its end: ' || a.label, 200),
       CASE WHEN %(kind)s = 'expiry' THEN a.expires_at ELSE %(at)s END, %(at)s,
       concat_ws(':', 'expired-refund', %(batch_id)s::bigint, p.account_id)
FROM usage_piece p JOIN billing_ledgeraccount a ON a.id = p.account_id
WHERE p.amount < 0 AND p.organisation_id = %(organisation_id)s AND p.account_id = ANY (%(expired)s)
GROUP BY p.organisation_id, p.account_id, a.label, a.expires_at ORDER BY p.account_id
"""
POST = """
INSERT INTO billing_transfer (public_id, organisation_id, debit_account_id, credit_account_id, amount, kind,
    description, batch_id, sku_id, usage_day, effective_at, created_at, idempotency_key)
SELECT 'tr_' || left(replace(gen_random_uuid()::text, '-', ''), 16), p.organisation_id,
       CASE WHEN sum(p.amount) > 0 THEN p.account_id ELSE %(clearing_id)s END,
       CASE WHEN sum(p.amount) > 0 THEN %(clearing_id)s ELSE p.account_id END,
       abs(sum(p.amount)), CASE WHEN sum(p.amount) > 0 THEN 'usage' ELSE 'correction' END,
       CASE WHEN sum(p.amount) > 0 THEN 'Usage ' ELSE 'Correction of usage ' END || s.name,
       %(batch_id)s, p.sku_id, p.day, max(p.last_second), %(at)s,
       concat_ws(':', 'usage', %(batch_id)s::bigint, p.account_id, p.sku_id,
                 to_char(p.day AT TIME ZONE 'UTC', 'YYYY-MM-DD'))
FROM usage_piece p JOIN billing_sku s ON s.id = p.sku_id
GROUP BY p.organisation_id, p.account_id, p.sku_id, s.name, p.day HAVING sum(p.amount) <> 0
ORDER BY p.organisation_id, p.account_id, p.sku_id, p.day
"""
ROLL_UP_HOURS = """
INSERT INTO billing_usagehour (organisation_id, project_id, sku_id, site_code, hour, milli_gpu_seconds, exact)
SELECT organisation_id, project_id, sku_id, site_code, hour, sum(milli_gpu_seconds), sum(exact)
FROM usage_part
GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 5, 2, 3, 4
ON CONFLICT (organisation_id, hour, project_id, sku_id, site_code) DO UPDATE
SET milli_gpu_seconds = billing_usagehour.milli_gpu_seconds + EXCLUDED.milli_gpu_seconds,
    exact = billing_usagehour.exact + EXCLUDED.exact
"""
ROLL_UP_DAYS = """
INSERT INTO billing_usageday (organisation_id, run_id, day, milli_gpu_seconds, exact)
SELECT organisation_id, run_id, date_trunc('day', hour, 'UTC'), sum(milli_gpu_seconds), sum(exact)
FROM usage_part
GROUP BY 1, 2, 3 ORDER BY 1, 3, 2
ON CONFLICT (organisation_id, day, run_id) DO UPDATE
SET milli_gpu_seconds = billing_usageday.milli_gpu_seconds + EXCLUDED.milli_gpu_seconds,
    exact = billing_usageday.exact + EXCLUDED.exact
"""
