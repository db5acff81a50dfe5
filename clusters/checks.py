# SPDX-License-Identifier: Apache-2.0
"""What clusters adds to the reconciler: metered seconds, reserved hours, open runs."""

CHECKS: dict[str, str] = {
    "charged seconds = metered seconds": """
        SELECT i.meter_id, extract(epoch FROM i.metered_until - i.started_at) AS metered,
               coalesce(u.seconds, 0) + coalesce(q.seconds, 0) AS stored
        FROM clusters_podinterval i
        LEFT JOIN (SELECT meter_id, sum(seconds) AS seconds FROM billing_usagerecord GROUP BY 1) u USING (meter_id)
        LEFT JOIN (SELECT meter_id, sum(seconds) AS seconds FROM billing_quarantinedusage
                   WHERE reason <> 'conflict' GROUP BY 1) q USING (meter_id)
        WHERE i.meter_id IS NOT NULL
          AND extract(epoch FROM i.metered_until - i.started_at) <> coalesce(u.seconds, 0) + coalesce(q.seconds, 0)""",
    "reserved hours = charged hours": """
        SELECT r.public_id, r.starts_at, r.metered_until, coalesce(u.seconds, 0)
        FROM clusters_reservation r
        LEFT JOIN (SELECT meter_id, sum(seconds) AS seconds FROM billing_usagerecord WHERE revision = 0 GROUP BY 1) u
          USING (meter_id)
        WHERE extract(epoch FROM r.metered_until - r.starts_at) <> coalesce(u.seconds, 0)""",
    "holds = open runs": """
        SELECT h.public_id, h.state, w.public_id, w.state
        FROM billing_hold h
        FULL JOIN (SELECT id, public_id, state, settled_at, hold_id FROM clusters_workload WHERE hold_id IS NOT NULL
                   UNION ALL
                   SELECT id, public_id, state, settled_at, hold_id FROM clusters_reservation) w ON w.hold_id = h.id
        WHERE (h.state = 'open' AND (w.id IS NULL OR w.settled_at IS NOT NULL))
           OR (h.state = 'closed' AND w.settled_at IS NULL) OR h.id IS NULL""",
    "intervals never meter past their sight": """
        SELECT meter_id, metered_until, last_seen_at FROM clusters_podinterval
        WHERE metered_until > greatest(last_seen_at, ended_at)""",
}
