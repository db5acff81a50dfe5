# SPDX-License-Identifier: Apache-2.0
"""The processor's events: stored once by their id, then the payment they are about is looked up at the processor."""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Max, Q
from django.utils.translation import gettext_noop

from aion.queue import nudge
from billing.purchases.models import Payment, ProcessorEvent, Refund
from billing.purchases.payments.connect import gateway
from billing.purchases.payments.gateway import EventSeen, GatewayDown, GatewayRefused
from billing.purchases.services.syncing import sync_payment
from billing.purchases.states import EventState

log = structlog.get_logger(__name__)
OURS = ("checkout.session.", "payment_intent.", "charge.", "refund.")
LEASE = timedelta(minutes=2)
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=1)
PATIENCE = timedelta(days=3)
OVERLAP = timedelta(hours=1)
OTHER_ACCOUNT = gettext_noop("The event is about another account.")
OTHER_MODE = gettext_noop("The event is of the other mode: test and live do not mix.")
NO_PAYMENT = gettext_noop("No payment of ours belongs to it.")
REFUSE = """
INSERT INTO purchases_refuseddelivery (reason, hour, count, last_at)
VALUES (%s, date_trunc('hour', %s::timestamptz, 'UTC'), 1, %s)
ON CONFLICT (reason, hour) DO UPDATE SET count = purchases_refuseddelivery.count + 1, last_at = excluded.last_at
"""


def receive(*, body: bytes, signature: str, at: datetime) -> ProcessorEvent | None:
    """Store a signed delivery once and ring the bell; None for one that was stored before. Raises BadDelivery."""
    return store(gateway().read_delivery(body=body, signature=signature), at=at)


def store(seen: EventSeen, *, at: datetime, swept: bool = False) -> ProcessorEvent | None:
    """Store an event, unless its id is there already."""
    try:
        with transaction.atomic():
            event: ProcessorEvent = ProcessorEvent.objects.create(
                event_id=seen.id,
                type=seen.type[:80],
                object_id=seen.object_id[:120],
                payment_public_id=seen.payment[:24],
                intent_id=seen.intent[:64],
                account=seen.account[:64],
                live=seen.live,
                happened_at=seen.at,
                received_at=at,
                swept=swept,
            )
    except IntegrityError:
        return None
    nudge("purchases.process_events")
    return event


def count_refusal(*, reason: str, at: datetime) -> None:
    """Count a delivery that was refused."""
    with connection.cursor() as cursor:
        cursor.execute(REFUSE, [reason, at, at])
    log.warning("delivery refused", reason=reason)


def process_due(*, at: datetime, limit: int = 200) -> int:
    """Look at what waits, oldest first; return how many events came to an end."""
    ended = 0
    for event_id in list(ProcessorEvent.objects.due(at).order_by("pk").values_list("pk", flat=True)[:limit]):
        # A lease, not a lock: the processor is called in between, and whoever dies leaves the event to the next.
        claimed = ProcessorEvent.objects.due(at).filter(pk=event_id).update(next_attempt_at=at + LEASE)
        if claimed:
            ended += _process(ProcessorEvent.objects.get(pk=event_id), at=at)
    return ended


def sweep(*, at: datetime) -> int:
    """Ask the processor what happened since the last event we know, and store what never arrived; return how many."""
    newest = ProcessorEvent.objects.aggregate(at=Max("happened_at"))["at"]
    since = (newest or at - timedelta(days=1)) - OVERLAP
    found = gateway().events(since=since)
    known = set(
        ProcessorEvent.objects.filter(event_id__in=[one.id for one in found]).values_list("event_id", flat=True)
    )
    return sum(store(one, at=at, swept=True) is not None for one in found if one.id not in known)


def retry(*, event: ProcessorEvent, at: datetime) -> None:
    """Look at an event once more, whatever became of it."""
    ProcessorEvent.objects.filter(pk=event.pk).update(state=EventState.WAITING, next_attempt_at=at, problem="")
    nudge("purchases.process_events")


def payment_of(event: ProcessorEvent) -> Payment | None:
    """Return the payment an event is about: by our own id in it, or by the processor's."""
    by_id = Q(session_id=event.object_id) | Q(intent_id=event.object_id) | Q(charge_id=event.object_id)
    if event.payment_public_id:
        by_id |= Q(public_id=event.payment_public_id)
    if event.intent_id:
        by_id |= Q(intent_id=event.intent_id)
    found: Payment | None = Payment.objects.filter(by_id).order_by("pk").first()
    if found is None and event.object_id:
        refund = Refund.objects.select_related("payment").filter(processor_id=event.object_id).first()
        found = refund.payment if refund else None
    return found


def _process(event: ProcessorEvent, *, at: datetime) -> bool:
    refusal = _refusal(event)
    if refusal:
        return _end(event, EventState.REFUSED, at, problem=refusal)
    if not event.type.startswith(OURS):
        return _end(event, EventState.IGNORED, at)
    payment = payment_of(event)
    if payment is None:
        # The row may be there in a moment: its transaction is not over, or this event is of a restored backup.
        if at - event.received_at > PATIENCE:
            return _end(event, EventState.REFUSED, at, problem=NO_PAYMENT)
        return _later(event, at, problem=NO_PAYMENT)
    _learn(payment, event)
    try:
        sync_payment(payment_id=payment.pk, at=at)
    except Exception as error:
        if not isinstance(error, (GatewayDown, GatewayRefused)):
            log.exception("event not applied", event_id=event.event_id)
        return _later(event, at, problem=type(error).__name__)
    return _end(event, EventState.DONE, at)


def _refusal(event: ProcessorEvent) -> str:
    if event.account:
        return OTHER_ACCOUNT
    live = settings.STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))
    return OTHER_MODE if event.live is not live else ""


def _learn(payment: Payment, event: ProcessorEvent) -> None:
    """Fill in what we did not live to write down: the page's id, or the intent's."""
    if event.type.startswith("checkout.session.") and not payment.session_id:
        Payment.objects.filter(pk=payment.pk, session_id=None).update(session_id=event.object_id)
    if event.intent_id and not payment.intent_id:
        Payment.objects.filter(pk=payment.pk, intent_id=None).update(intent_id=event.intent_id)


def _end(event: ProcessorEvent, state: EventState, at: datetime, *, problem: str = "") -> bool:
    ProcessorEvent.objects.filter(pk=event.pk).update(
        state=state, done_at=at, problem=problem, attempts=event.attempts + 1
    )
    if problem:
        log.warning("event refused", event_id=event.event_id, problem=problem)
    return True


def _later(event: ProcessorEvent, at: datetime, *, problem: str) -> bool:
    pause = min(FIRST_PAUSE * 2 ** min(event.attempts, 12), LONGEST_PAUSE)
    ProcessorEvent.objects.filter(pk=event.pk).update(
        attempts=event.attempts + 1, next_attempt_at=at + pause, problem=problem
    )
    return False
