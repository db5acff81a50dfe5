# SPDX-License-Identifier: Apache-2.0
"""Forgetting what nobody needs any more: answers, calls, notices and mails whose time is over.

What is money or proof (transfers, usage, the audit log) is no part of this. What is still to be sent never goes,
however old it is, and a row goes only after all that points to it. Each batch is a transaction of its own, so a run
that is killed has done what it has done, and the next one goes on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

BATCH = 5_000
BATCHES = 200


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of ``table`` that are over once their instant ``since`` is longer ago than the setting of that name."""

    name: str
    table: str
    since: str
    setting: str
    condition: str = "true"


# In this order: what points to a row goes before the row.
RULES = (
    Rule("idempotency", "api_idempotencyrecord", "created_at", "KEEP_IDEMPOTENCY_DAYS"),
    Rule("attempts", "events_webhookattempt", "at", "KEEP_ATTEMPTS_DAYS"),
    Rule(
        "deliveries", "events_webhookdelivery", "created_at", "KEEP_EVENTS_DAYS",
        "x.state <> 'pending' AND NOT EXISTS (SELECT FROM events_webhookattempt a WHERE a.delivery_id = x.id)",
    ),
    Rule("notifications", "events_notification", "created_at", "KEEP_NOTIFICATIONS_DAYS"),
    Rule("sent mails", "events_mail", "sent_at", "KEEP_SENT_MAILS_DAYS", "x.state = 'sent'"),
    # Staff ask why a mail did not go out; after the event itself is over nobody can.
    Rule(
        "unsent mails", "events_mail", "created_at", "KEEP_EVENTS_DAYS",
        "x.state IN ('failed', 'unconfirmed', 'dropped')",
    ),
    Rule(
        "events", "events_event", "created_at", "KEEP_EVENTS_DAYS",
        "x.fanned_out_at IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM events_webhookdelivery d WHERE d.event_id = x.id)"
        " AND NOT EXISTS (SELECT FROM events_notification n WHERE n.event_id = x.id)"
        " AND NOT EXISTS (SELECT FROM events_mail m WHERE m.event_id = x.id)",
    ),
)  # fmt: skip
# The lock looks at the row again: a delivery that is sent once more in this moment stays.
DELETE = """
DELETE FROM {table} WHERE id IN (
  SELECT x.id FROM {table} x WHERE x.{since} < %(before)s AND {condition}
  ORDER BY x.id LIMIT %(batch)s FOR UPDATE OF x SKIP LOCKED
)
"""


def forget_old(*, at: datetime, batch: int = BATCH, batches: int = BATCHES) -> Mapping[str, int]:
    """Delete what is over at ``at``, at most ``batches`` times ``batch`` rows by each rule.

    Returns how many rows went, by the rule's name.
    """
    return {rule.name: _apply(rule, at=at, batch=batch, batches=batches) for rule in RULES}


def _apply(rule: Rule, *, at: datetime, batch: int, batches: int) -> int:
    before = at - timedelta(days=getattr(settings, rule.setting))
    statement = DELETE.format(table=rule.table, since=rule.since, condition=rule.condition)
    total = 0
    for _ in range(batches):
        with transaction.atomic(), connection.cursor() as cursor:
            # Facts may be deleted only by who says until when they are over; the trigger compares each row.
            cursor.execute("SELECT set_config('aion.forget_before', %s, true)", [before.isoformat()])
            cursor.execute(statement, {"before": before, "batch": batch})
            total += cursor.rowcount
            if cursor.rowcount < batch:
                break
    return total
