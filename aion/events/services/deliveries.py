# SPDX-License-Identifier: Apache-2.0
"""Calling endpoints. A claim is a lease in the row: a worker that dies loses nothing, its rows come due again."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import F
from django.utils.translation import gettext, gettext_lazy

from aion.actor import Actor, Scope, system
from aion.audit import services as audit
from aion.errors import Conflict, NotFound
from aion.events import transport
from aion.events.audit import Action
from aion.events.models import Event, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from aion.events.schedule import wait_after
from aion.events.services.endpoints import EndpointDisabled, disable_endpoint
from aion.events.signing import headers_of
from aion.events.states import DeliveryState, DisabledBy
from aion.events.transport import Answer
from aion.queue import nudge

log = structlog.get_logger(__name__)
BATCH = 50
PER_ENDPOINT = 5
THREADS = 8
# Longer than a whole batch may take: 50 calls of 15 seconds by 8 threads.
LEASE = timedelta(minutes=3)
DISABLE_AFTER = 20
DISABLE_SPAN = timedelta(days=3)
GONE = 410
# Each endpoint's first, then each one's second: a receiver that hangs delays the others by little.
CLAIM = """
WITH candidates AS (
  SELECT d.id FROM events_webhookendpoint e
  CROSS JOIN LATERAL (
    SELECT x.id, row_number() OVER (ORDER BY x.next_attempt_at, x.id) AS place
    FROM (SELECT id, next_attempt_at FROM events_webhookdelivery
          WHERE endpoint_id = e.id AND state = 'pending' AND next_attempt_at <= %(at)s
          ORDER BY next_attempt_at, id LIMIT %(per_endpoint)s) x
  ) d
  WHERE e.enabled AND e.deleted_at IS NULL
  ORDER BY d.place, d.id LIMIT %(limit)s
), locked AS (
  SELECT id FROM events_webhookdelivery
  WHERE id IN (SELECT id FROM candidates) AND state = 'pending' AND next_attempt_at <= %(at)s
  ORDER BY id FOR UPDATE SKIP LOCKED
)
UPDATE events_webhookdelivery d SET next_attempt_at = %(lease)s FROM locked WHERE d.id = locked.id RETURNING d.id
"""


class StillPending(Conflict):
    """The delivery is on its way already."""

    code, title = "delivery_pending", gettext_lazy("This delivery is still on its way")


@dataclass(frozen=True, slots=True)
class Call:
    """One claimed delivery, ready to be sent without the database."""

    delivery_id: int
    public_id: str
    organisation_id: int
    endpoint_id: int
    attempts: int
    url: str
    headers: dict[str, str]
    body: bytes


def body_of(event: Event, organisation: str) -> bytes:
    """Return the message as it is signed and sent."""
    message = {
        "id": event.public_id,
        "type": event.type,
        "timestamp": event.created_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "organisation": organisation,
        "data": event.data,
    }
    return json.dumps(message, cls=DjangoJSONEncoder, separators=(",", ":"), ensure_ascii=False).encode()


def deliver_due(*, at: datetime, limit: int = BATCH) -> int:
    """Call the endpoints of deliveries that are due and write down the answers; return how many were called.

    No transaction is open while a receiver thinks: claim, call and result are three steps.
    """
    calls = _claim(at=at, limit=limit)
    if not calls:
        return 0
    with ThreadPoolExecutor(max_workers=min(THREADS, len(calls))) as pool:
        running = {
            pool.submit(transport.post, url=call.url, headers=call.headers, body=call.body): call for call in calls
        }
        for future in as_completed(running):
            error = future.exception()
            answer = (
                future.result()
                if error is None
                else Answer(None, f"Failed on our side: {type(error).__name__}.", "", 0)
            )
            if error is not None:
                log.error("webhook call broke", delivery=running[future].public_id, error=type(error).__name__)
            record_answer(call=running[future], answer=answer, at=at)
    return len(calls)


@transaction.atomic
def _claim(*, at: datetime, limit: int) -> Sequence[Call]:
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"at": at, "lease": at + LEASE, "per_endpoint": PER_ENDPOINT, "limit": limit})
        claimed = [row[0] for row in cursor.fetchall()]
    if not claimed:
        return []
    rows = WebhookDelivery.objects.filter(pk__in=claimed).select_related("event", "endpoint", "organisation")
    calls = []
    for row in rows:
        body = body_of(row.event, row.organisation.public_id)
        headers = headers_of(
            secrets_=row.endpoint.secrets_at(at),
            message_id=row.event.public_id,
            timestamp=int(at.timestamp()),
            body=body,
        )
        calls.append(
            Call(
                delivery_id=row.pk,
                public_id=row.public_id,
                organisation_id=row.organisation_id,
                endpoint_id=row.endpoint_id,
                attempts=row.attempts,
                url=row.endpoint.url,
                headers=headers,
                body=body,
            )
        )
    return calls


@transaction.atomic
def record_answer(*, call: Call, answer: Answer, at: datetime) -> None:
    """Write one attempt down and decide what comes next; a claim that another worker took over changes only the log."""
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=call.endpoint_id)
    WebhookAttempt.objects.create(
        organisation_id=call.organisation_id,
        delivery_id=call.delivery_id,
        endpoint_id=call.endpoint_id,
        at=at,
        succeeded=answer.ok,
        status=answer.status,
        milliseconds=answer.milliseconds,
        error=answer.error,
        excerpt=answer.excerpt,
    )
    tried = call.attempts + 1
    mine = WebhookDelivery.objects.filter(pk=call.delivery_id, attempts=call.attempts)
    seen = {"attempts": tried, "last_status": answer.status, "last_error": answer.error}
    if answer.ok:
        mine.move(DeliveryState.DELIVERED, delivered_at=at, next_attempt_at=None, **seen)
        if endpoint.failures_in_row:
            WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failures_in_row=0, failing_since=None)
        return
    wait = None if answer.status == GONE else wait_after(attempts=tried, subject=call.public_id)
    if wait is None:
        mine.move(DeliveryState.FAILED, next_attempt_at=None, **seen)
    else:
        mine.filter(state=DeliveryState.PENDING).update(next_attempt_at=at + wait, **seen)
    log.warning("webhook failed", delivery=call.public_id, attempt=tried, status=answer.status, why=answer.error)
    _count_failure(endpoint=endpoint, gone=answer.status == GONE, at=at)


def _count_failure(*, endpoint: WebhookEndpoint, gone: bool, at: datetime) -> None:
    since = endpoint.failing_since or at
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failures_in_row=F("failures_in_row") + 1, failing_since=since)
    if gone:
        reason = "The receiver answered 410 Gone."
    elif endpoint.failures_in_row + 1 >= DISABLE_AFTER and since <= at - DISABLE_SPAN:
        reason = f"It has failed {endpoint.failures_in_row + 1} times in a row since {since:%Y-%m-%d %H:%M} UTC."
    else:
        return
    disable_endpoint(
        actor=system("webhooks", organisation_id=endpoint.organisation_id),
        endpoint_id=endpoint.pk,
        reason=reason,
        at=at,
        by=DisabledBy.RECEIVER,
    )


@transaction.atomic
def resend(*, actor: Actor, public_id: str, at: datetime) -> WebhookDelivery:
    """Send a delivery that ended once more, with the same message id and a new schedule.

    Raises NotFound for a stranger's, EndpointDisabled, StillPending.
    """
    actor.require(Scope.WEBHOOKS_WRITE)
    mine = WebhookDelivery.objects.visible_to(actor).select_related("endpoint")
    delivery: WebhookDelivery | None = mine.filter(public_id=public_id).first()
    if delivery is None or delivery.endpoint.deleted_at is not None:
        raise NotFound(gettext("There is no such delivery."))
    if not delivery.endpoint.enabled:
        raise EndpointDisabled(gettext("Switch the webhook on first."))
    if not WebhookDelivery.objects.filter(pk=delivery.pk).move(DeliveryState.PENDING, attempts=0, next_attempt_at=at):
        raise StillPending(gettext("Wait for its next attempt; it has not given up."))
    audit.record(actor=actor, action=Action.DELIVERY_RESENT, subject=delivery, at=at)
    nudge("events.deliver_due")
    delivery.refresh_from_db()
    return delivery
