# SPDX-License-Identifier: Apache-2.0
"""The set-based statements of ingest: judge every line, open new meters, hand the good ones to the pipeline."""

from string import Template

from billing.services.rating import SAMPLE

# Texts have a length here, and numerics a precision in the pipeline's tables: without one each table has another for
# values that are too long, and every commit of the session empties that one and its index too. DELETE and not TRUNCATE,
# which makes new files; rows are there only after another batch of the same transaction.
CREATE_TEMPORARY = """
CREATE TEMPORARY TABLE IF NOT EXISTS ingest_run (
  run_id bigint, milli bigint, hold_milli_seconds bigint, not_before timestamptz, not_after timestamptz, allowed boolean
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS ingest_shape (
  number integer, starts timestamptz, seconds bigint, milli bigint, revision integer
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS ingest_reading (
  line integer, run_id bigint, reference varchar(400), number integer
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS ingest_judged (
  line integer, run_id bigint, reference varchar(400), meter_id bigint, hour timestamptz, start_second integer,
  seconds bigint, milli bigint, revision integer, allowed boolean, reason varchar(40)
) ON COMMIT DELETE ROWS;
DELETE FROM ingest_run; DELETE FROM ingest_shape; DELETE FROM ingest_reading; DELETE FROM ingest_judged;
"""
COPY_RUNS = "COPY ingest_run (run_id, milli, hold_milli_seconds, not_before, not_after, allowed) FROM STDIN"
COPY_SHAPES = "COPY ingest_shape (number, starts, seconds, milli, revision) FROM STDIN"
COPY_READINGS = "COPY ingest_reading (run_id, reference, number, line) FROM STDIN"
SAMPLE_TERMS, SAMPLE_READINGS = SAMPLE.format("ingest_run, ingest_shape"), SAMPLE.format("ingest_reading")
# Two batches of one run are judged one after the other: what is left of its hold, and what overlaps, is read below.
LOCK_RUNS = "SELECT id FROM billing_run WHERE id IN (SELECT run_id FROM ingest_run) ORDER BY id FOR NO KEY UPDATE"
# Most lines of a batch have one of a few windows and sizes: what depends on these alone is worked out once for each.
_SHAPES = """
shapes AS MATERIALIZED (
  SELECT *, extract(epoch FROM starts - hour)::integer AS start_second,
         starts + least(greatest(seconds, 0), 100000000) * interval '1 second' AS ends
  FROM (SELECT *, date_trunc('hour', starts, 'UTC') AS hour FROM ingest_shape) w
)"""
_USED = """
used AS (
  SELECT d.run_id, sum(d.milli_gpu_seconds) AS used FROM billing_usageday d
  JOIN ingest_run r ON r.run_id = d.run_id
  JOIN billing_run b ON b.id = r.run_id AND b.organisation_id = d.organisation_id
  GROUP BY 1
)"""
# A run is plain when each of its lines is first usage of a known meter in an hour of which nothing is stored, none
# of them lies upon another, and all of them together fit into its hold. JUDGE would find no fault with any of its
# lines, and no line of another run can change that, since the meter is the run's already: tests hold the two against
# each other. The lines of the other runs, and only these, are left for JUDGE to settle.
_STAGE_PLAIN_RUNS = Template(f"""
WITH {_SHAPES}, sound AS MATERIALIZED (
  SELECT *, revision = 0 AND milli > 0 AND seconds > 0 AND start_second + seconds <= 3600 AND ends <= %(future)s
            AND starts >= %(late)s AS good
  FROM shapes
), facts AS MATERIALIZED (
  SELECT i.run_id, m.id AS meter_id, s.hour, s.start_second, s.seconds, s.milli * s.seconds AS used,
         r.hold_milli_seconds,
         coalesce(s.good AND s.starts >= r.not_before AND (r.not_after IS NULL OR s.ends <= r.not_after)
                  AND m.allowed AND m.run_id = i.run_id AND m.milli_gpus = s.milli AND s.milli <= r.milli
                  AND $apart, false) AS plain
  FROM ingest_reading i
  LEFT JOIN sound s USING (number)
  LEFT JOIN ingest_run r ON r.run_id = i.run_id
  LEFT JOIN billing_meter m ON m.reference = i.reference
), {_USED}, sums AS (
  SELECT run_id, bool_and(plain) AS plain, sum(used) FILTER (WHERE plain) AS more,
         max(hold_milli_seconds) AS hold_milli_seconds
  FROM facts GROUP BY run_id
), odd AS MATERIALIZED (
  SELECT run_id FROM sums LEFT JOIN used USING (run_id)
  WHERE NOT plain OR coalesce(used, 0) + more > hold_milli_seconds
  UNION
  SELECT f.run_id FROM facts f
  WHERE f.plain AND EXISTS (
    SELECT 1 FROM billing_usagerecord u
    WHERE u.hour = f.hour AND u.meter_id = f.meter_id AND u.hour BETWEEN %(first)s AND %(last)s)
), staged AS (
  INSERT INTO usage_stage (hour, meter_id, start_second, seconds, revision)
  SELECT hour, meter_id, start_second, seconds, 0 FROM facts
  WHERE NOT EXISTS (SELECT 1 FROM odd WHERE odd.run_id = facts.run_id) ORDER BY hour, meter_id, start_second
)
SELECT coalesce(array_agg(run_id), '{{}}') FROM odd
""")
STAGE_PLAIN_RUNS = _STAGE_PLAIN_RUNS.substitute(
    apart="(lag(s.ends) OVER (PARTITION BY m.id, i.run_id ORDER BY s.starts) <= s.starts) IS NOT FALSE"
)
# For a batch with one line for each device: to look for the line before costs a fifth.
STAGE_PLAIN_RUNS_APART = _STAGE_PLAIN_RUNS.substitute(apart="true")
# A first revision (0) is usage; a later one is a correction whose seconds are what the window should have had.
# Reasons come first and what is summed up over lines comes last, so that a refused line or a repeat weighs nothing.
JUDGE = f"""
INSERT INTO ingest_judged
WITH {_SHAPES}, lines AS MATERIALIZED (
  SELECT i.line, i.run_id AS sent_run, i.reference, w.milli, w.revision, w.starts, w.seconds, w.hour, w.start_second,
         w.ends, m.id AS meter_id, m.run_id AS meter_run, m.milli_gpus AS meter_milli
  FROM ingest_reading i
  JOIN shapes w USING (number)
  LEFT JOIN billing_meter m ON m.reference = i.reference
  WHERE i.run_id = ANY (%(runs)s)
), {_USED}, stored AS (
  -- As corrected so far: a window that a correction made longer keeps its new neighbours away.
  SELECT w.line, sum(w.seconds) FILTER (WHERE w.start_second = w.first) AS stored,
         sum(w.before) FILTER (WHERE w.start_second = w.first) AS before,
         max(w.last) FILTER (WHERE w.start_second = w.first) AS last_revision,
         bool_or(w.start_second <> w.first AND w.start_second < w.first + w.wanted
                 AND w.start_second + w.seconds > w.first) AS overlaps
  FROM (SELECT i.line, i.start_second AS first, i.seconds AS wanted, u.start_second, sum(u.seconds) AS seconds,
               max(u.revision) AS last, sum(u.seconds) FILTER (WHERE u.revision < i.revision) AS before
        FROM lines i
        JOIN billing_usagerecord u ON u.hour = i.hour AND u.meter_id = i.meter_id
                                  AND u.hour BETWEEN %(first)s AND %(last)s
        GROUP BY i.line, i.start_second, i.seconds, i.revision, u.start_second) w
  GROUP BY w.line
), facts AS (
  SELECT i.*, r.run_id, r.milli AS run_milli, r.hold_milli_seconds, r.not_before, r.not_after, r.allowed,
         coalesce(d.used, 0) AS used, u.stored, u.last_revision,
         u.stored IS NULL OR i.revision > u.last_revision AS is_new,
         i.seconds - CASE WHEN i.revision = 0 THEN 0 ELSE coalesce(u.before, 0) END AS change,
         coalesce(u.overlaps, false) AS touches_stored
  FROM lines i
  LEFT JOIN ingest_run r ON r.run_id = i.sent_run
  LEFT JOIN used d ON d.run_id = r.run_id
  LEFT JOIN stored u ON u.line = i.line
), judged AS (
  SELECT *,
    CASE
      WHEN run_id IS NULL THEN 'unknown_workload'
      WHEN seconds < 0 OR (seconds = 0 AND revision = 0) THEN 'end_before_start'
      WHEN start_second + seconds > 3600 THEN 'crosses_the_hour'
      WHEN ends > %(future)s THEN 'in_the_future'
      WHEN starts < not_before THEN 'before_the_workload'
      WHEN ends > not_after THEN 'after_the_workload'
      WHEN starts < %(late)s THEN 'too_late'
      WHEN milli <= 0 OR milli > run_milli THEN 'exceeds_the_workload'
      WHEN meter_run <> run_id THEN 'device_of_another_workload'
      WHEN meter_milli <> milli THEN 'device_changed_size'
      WHEN revision > 0 AND (stored IS NULL OR revision > last_revision + 1 OR revision > 30) THEN 'stale_revision'
      WHEN revision < 0 THEN 'stale_revision'
      WHEN is_new AND revision > 0 AND change = 0 THEN 'no_change'
      WHEN is_new AND touches_stored THEN 'overlap'
    END AS reason
  FROM facts
), beside AS (
  SELECT *, first_value(run_id) OVER device AS opener_run, first_value(milli) OVER device AS opener_milli,
         max(ends) FILTER (WHERE reason IS NULL AND is_new) OVER earlier AS before_ends
  FROM judged
  WINDOW device AS (PARTITION BY reference, reason IS NULL ORDER BY line),
         earlier AS (PARTITION BY sent_run, reference ORDER BY starts
                     RANGE BETWEEN UNBOUNDED PRECEDING AND '1 microsecond' PRECEDING)
), settled AS (
  SELECT *,
    CASE
      WHEN reason IS NOT NULL THEN reason
      WHEN opener_run <> run_id THEN 'device_of_another_workload'
      WHEN opener_milli <> milli THEN 'device_changed_size'
      WHEN is_new AND before_ends > starts THEN 'overlap'
    END AS verdict
  FROM beside
), counted AS (
  SELECT *, min(line) OVER (PARTITION BY sent_run, reference, starts, revision, verdict IS NULL) AS first_line
  FROM settled
)
SELECT line, run_id, reference, meter_id, hour, start_second,
       CASE WHEN revision = 0 THEN seconds ELSE change END, milli, revision, allowed,
       CASE WHEN verdict IS NULL AND is_new AND change > 0
             AND used + sum(CASE WHEN verdict IS NULL AND is_new AND line = first_line
                                 THEN milli * greatest(change, 0) ELSE 0 END)
                          OVER (PARTITION BY run_id ORDER BY first_line) > hold_milli_seconds
            THEN 'exceeds_the_hold' ELSE verdict END
FROM counted
"""
OPEN_METERS = """
INSERT INTO billing_meter (organisation_id, run_id, reference, price_id, micro_per_gpu_hour, milli_gpus, allowed,
    opened_at)
SELECT DISTINCT ON (j.reference) r.organisation_id, r.id, j.reference, r.price_id, r.micro_per_gpu_hour, j.milli,
       j.allowed, %(at)s
FROM ingest_judged j JOIN billing_run r ON r.id = j.run_id
WHERE j.reason IS NULL AND j.meter_id IS NULL ORDER BY j.reference, j.line
ON CONFLICT DO NOTHING
"""
TO_PIPELINE = """
INSERT INTO usage_stage (hour, meter_id, start_second, seconds, revision)
SELECT j.hour, m.id, j.start_second, j.seconds, j.revision
FROM ingest_judged j JOIN billing_meter m ON m.reference = j.reference WHERE j.reason IS NULL ORDER BY j.line
"""
REFUSED_IN_PIPELINE = """
UPDATE ingest_judged j SET reason = CASE WHEN m.allowed THEN 'conflict' ELSE 'no_allowing_decision' END
FROM billing_meter m
WHERE j.reason IS NULL AND m.reference = j.reference AND (NOT m.allowed OR EXISTS (
  SELECT 1 FROM billing_usagerecord u WHERE u.hour = j.hour AND u.meter_id = m.id AND u.start_second = j.start_second
    AND u.revision = j.revision AND u.seconds <> j.seconds))
"""
REFUSED = "SELECT line, reason FROM ingest_judged WHERE reason IS NOT NULL ORDER BY line"
KEEP_REFUSED = """
INSERT INTO billing_quarantinedusage (organisation_id, hour, meter_id, reference, start_second, revision, seconds,
    milli_gpus, reason, batch_id, recorded_at)
SELECT coalesce(r.organisation_id, %(operator_id)s), j.hour, NULL,
       left(j.reference, 201), j.start_second, least(greatest(j.revision, 0), 32767), j.seconds, j.milli, j.reason,
       %(batch_id)s, %(at)s
FROM ingest_judged j LEFT JOIN billing_run r ON r.id = j.run_id
WHERE j.reason IS NOT NULL AND j.reason NOT IN ('conflict', 'no_allowing_decision')
ON CONFLICT DO NOTHING
"""
