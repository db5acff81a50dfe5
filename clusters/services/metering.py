# SPDX-License-Identifier: Apache-2.0
"""From billed intervals to usage windows: closed UTC hours only, never past what was observed."""

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from billing.services import metering as billing_metering
from billing.services.metering import BatchResult

SOURCE = "clusters"
BATCH = 20_000
LOCK_DUE = """
CREATE TEMPORARY TABLE IF NOT EXISTS due_interval (id bigint, upto timestamptz) ON COMMIT DELETE ROWS;
TRUNCATE due_interval;
INSERT INTO due_interval
SELECT id, coalesce(ended_at, date_trunc('hour', last_seen_at, 'UTC')) FROM clusters_podinterval
WHERE (ended_at IS NULL OR metered_until < ended_at)
  AND coalesce(ended_at, date_trunc('hour', last_seen_at, 'UTC')) > metered_until
ORDER BY id LIMIT %(batch)s FOR UPDATE SKIP LOCKED
"""
STAGE = """
INSERT INTO usage_stage (hour, meter_id, start_second, seconds, revision)
SELECT hour, i.meter_id, extract(epoch FROM greatest(hour, i.metered_until) - hour)::smallint,
       extract(epoch FROM least(hour + interval '1 hour', d.upto) - greatest(hour, i.metered_until))::smallint, 0
FROM due_interval d
JOIN clusters_podinterval i ON i.id = d.id
CROSS JOIN LATERAL generate_series(
  date_trunc('hour', i.metered_until, 'UTC'), d.upto - interval '1 microsecond', interval '1 hour') AS hour
WHERE i.meter_id IS NOT NULL
"""
ADVANCE = """
UPDATE clusters_podinterval i SET metered_until = d.upto FROM due_interval d WHERE d.id = i.id
"""


@transaction.atomic
def meter_intervals(*, at: datetime) -> BatchResult:
    """Emit every closed window of every interval once and post it: all in one transaction."""

    def stage(cursor: Any) -> None:
        cursor.execute(STAGE)

    with connection.cursor() as cursor:
        cursor.execute(LOCK_DUE, {"batch": BATCH})
        result = billing_metering.post_staged(stage=stage, source=SOURCE, at=at)
        cursor.execute(ADVANCE)
    return result
