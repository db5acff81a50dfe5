# SPDX-License-Identifier: Apache-2.0
"""Saying that something happened, and finding everybody who is told."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction

from aion import ids
from aion.events.models import Event
from aion.events.types import FAMILIES, TYPES
from aion.queue import nudge

BATCH = 500
INSERT = """
INSERT INTO events_event (public_id, organisation_id, recipient_id, type, data, key, created_at)
VALUES (%s, %s, %s, %s, %s::jsonb, %s, %s)
ON CONFLICT (organisation_id, key) DO NOTHING
RETURNING id
"""
CLAIM = """
SELECT id FROM events_event WHERE fanned_out_at IS NULL ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
"""
# An endpoint without event types wants all of them; 80 random bits from a version 4 UUID make the public id.
DELIVERIES = """
INSERT INTO events_webhookdelivery
  (public_id, organisation_id, event_id, endpoint_id, state, attempts, next_attempt_at, last_error, created_at)
SELECT 'whd_' || right(replace(gen_random_uuid()::text, '-', ''), 20),
       e.organisation_id, e.id, w.id, 'pending', 0, %(at)s, '', %(at)s
FROM events_event e
JOIN events_webhookendpoint w ON w.organisation_id = e.organisation_id
WHERE e.id = ANY(%(ids)s) AND e.type <> ALL (%(unsubscribable)s::text[]) AND w.enabled AND w.deleted_at IS NULL
  AND (cardinality(w.event_types) = 0 OR e.type = ANY(w.event_types))
ON CONFLICT (event_id, endpoint_id) DO NOTHING
"""
PEOPLE = """
FROM events_event e
JOIN unnest(%(types)s::text[], %(families)s::text[], %(roles)s::text[], %(mails)s::bool[], %(quiet)s::bool[],
            %(essential)s::bool[])
  AS a(type, family, role, mail, quiet, essential) ON a.type = e.type
JOIN tenancy_membership m ON m.organisation_id = e.organisation_id
  AND CASE WHEN e.recipient_id IS NULL THEN m.role = a.role ELSE m.user_id = e.recipient_id END
JOIN tenancy_user u ON u.id = m.user_id AND u.is_active
LEFT JOIN events_notificationpreference p ON p.user_id = u.id AND p.family = a.family
WHERE e.id = ANY(%(ids)s)
"""
NOTIFICATIONS = f"""
INSERT INTO events_notification (user_id, organisation_id, event_id, created_at)
SELECT u.id, e.organisation_id, e.id, e.created_at {PEOPLE} AND COALESCE(p.in_app, NOT a.quiet)
ON CONFLICT (user_id, event_id) DO NOTHING
"""
MAILS = f"""
INSERT INTO events_mail
  (user_id, address, private, organisation_id, event_id, language, state, attempts, next_attempt_at, last_error,
   created_at)
SELECT u.id, '', '{{}}'::jsonb, e.organisation_id, e.id, COALESCE(NULLIF(u.language, ''), %(language)s), 'pending', 0,
       %(at)s, '', %(at)s
{PEOPLE} AND a.mail AND (a.essential OR COALESCE(p.mail, NOT a.quiet))
ON CONFLICT (user_id, event_id) DO NOTHING
"""


def emit(
    *,
    organisation_id: int,
    type: str,
    data: Mapping[str, Any],
    key: str,
    at: datetime,
    recipient: int | None = None,
) -> Event | None:
    """Write that something happened; None when ``key`` was emitted before in this organisation.

    The roles of the type's audience are told, or the member ``recipient`` alone. Call it inside the transaction of the
    act itself. Raises ValueError for a type that no app has registered.
    """
    if type not in TYPES:
        raise ValueError(f"No app has registered the event type {type}.")
    public_id = ids.event_id()
    stored = json.dumps(dict(data), cls=DjangoJSONEncoder)
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [public_id, organisation_id, recipient, type, stored, key, at])
        row = cursor.fetchone()
    if row is None:
        return None
    nudge("events.fan_out")
    return Event(
        pk=row[0],
        public_id=public_id,
        organisation_id=organisation_id,
        recipient_id=recipient,
        type=type,
        data=json.loads(stored),
        key=key,
        created_at=at,
    )


@transaction.atomic
def fan_out(*, at: datetime, limit: int = BATCH) -> int:
    """Write deliveries, notifications and mails of events that have none yet; return how many events there were.

    Set-based and idempotent: rows that another worker holds are skipped, a second run changes nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [limit])
        claimed = [row[0] for row in cursor.fetchall()]
        if not claimed:
            return 0
        arguments: dict[str, Any] = {"ids": claimed, "at": at, "language": settings.LANGUAGE_CODE, **_audiences()}
        cursor.execute(DELIVERIES, arguments)
        deliveries = cursor.rowcount
        cursor.execute(NOTIFICATIONS, arguments)
        cursor.execute(MAILS, arguments)
        mails = cursor.rowcount
    Event.objects.filter(pk__in=claimed).update(fanned_out_at=at)
    if deliveries:
        nudge("events.deliver_due")
    if mails:
        nudge("events.send_due_mails")
    return len(claimed)


def _audiences() -> dict[str, list[Any]]:
    rows = [
        (one.name, one.family, str(role), one.mail, FAMILIES[one.family].quiet, one.essential)
        for one in TYPES.values()
        for role in sorted(one.audience) or [""]  # a type for single people only is known too
    ]
    names = ("types", "families", "roles", "mails", "quiet", "essential")
    columns = {name: [row[index] for row in rows] for index, name in enumerate(names)}
    return {**columns, "unsubscribable": [one.name for one in TYPES.values() if not one.subscribable]}
