# SPDX-License-Identifier: Apache-2.0
"""What is over is forgotten, what is still to be sent is not, and nothing else may be deleted."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from aion import retention
from aion.api import tasks
from aion.api.models import IdempotencyRecord
from aion.audit.models import AuditEvent
from aion.events.models import Event, Mail, Notification, WebhookAttempt, WebhookDelivery
from aion.events.services.deliveries import deliver_due, resend
from aion.events.services.emission import emit, fan_out
from aion.events.states import DeliveryState, MailState
from aion.retention import forget_old
from billing.models import Transfer
from tests.worlds import NOW, Tenant

DAY = timedelta(days=1)


def answer_kept(key: str, at: datetime) -> None:
    IdempotencyRecord.objects.create(organisation_id=1, key=key, fingerprint="", status=201, body={}, created_at=at)


def left() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (WebhookAttempt, WebhookDelivery, Notification, Mail, Event))


@pytest.fixture
def told(mine: Tenant, endpoint_of: Any, receiver: Any, delivery_of: Any) -> WebhookDelivery:
    """Return the delivery of one event that was delivered, shown and mailed at NOW."""
    endpoint, _ = endpoint_of(mine, receiver.url)
    delivery: WebhookDelivery = delivery_of(mine, endpoint)
    Event.objects.exclude(pk=delivery.event_id).update(fanned_out_at=None)  # the world's own are of no age here
    deliver_due(at=NOW)
    Mail.objects.update(state=MailState.SENT, sent_at=NOW)
    return delivery


def test_an_answer_is_kept_for_a_week_and_then_forgotten(db: None) -> None:
    answer_kept("old", NOW - 7 * DAY - timedelta(seconds=1))
    answer_kept("young", NOW - 7 * DAY)
    assert forget_old(at=NOW)["idempotency"] == 1
    assert list(IdempotencyRecord.objects.values_list("key", flat=True)) == ["young"]


def test_each_trace_goes_at_its_own_age_and_the_event_with_the_last_of_them(told: WebhookDelivery) -> None:
    event = Event.objects.filter(pk=told.event_id)
    mails, notices = Mail.objects.count(), Notification.objects.count()
    assert (mails > 0, notices > 0) == (True, True)
    ages = []
    for days in (30, 31, 90, 91, 180, 181):
        forget_old(at=NOW + days * DAY)
        ages.append((*left()[:4], event.count()))
    assert ages == [
        (1, 1, notices, mails, 1),
        (0, 1, notices, 0, 1),
        (0, 1, notices, 0, 1),
        (0, 0, notices, 0, 1),
        (0, 0, notices, 0, 1),
        (0, 0, 0, 0, 0),
    ]


def test_what_is_still_to_be_sent_stays_however_old(mine: Tenant, endpoint_of: Any, delivery_of: Any) -> None:
    endpoint, _ = endpoint_of(mine)
    delivery = delivery_of(mine, endpoint)
    waiting = emit(organisation_id=mine.organisation.pk, type="credit.low", data={}, key="waiting", at=NOW)
    Mail.objects.filter(pk=Mail.objects.earliest("pk").pk).update(state=MailState.SENDING, claimed_at=NOW)
    mails = Mail.objects.count()
    gone = forget_old(at=NOW + 1000 * DAY)
    assert (gone["deliveries"], gone["sent mails"], gone["unsent mails"], Mail.objects.count()) == (0, 0, 0, mails)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.PENDING
    assert waiting is not None
    assert Event.objects.filter(pk__in=[delivery.event_id, waiting.pk]).count() == 2


def test_a_mail_that_could_not_be_sent_stays_for_staff_as_long_as_its_event(told: WebhookDelivery) -> None:
    Mail.objects.update(state=MailState.UNCONFIRMED, sent_at=None)
    count = Mail.objects.count()
    gone = [forget_old(at=NOW + days * DAY)["unsent mails"] for days in (90, 91)]
    assert (gone, Mail.objects.count()) == ([0, count], 0)


def test_a_delivery_that_is_sent_again_keeps_its_log(mine: Tenant, told: WebhookDelivery) -> None:
    again = NOW + 89 * DAY
    resend(actor=mine.actor(), public_id=told.public_id, at=again)
    deliver_due(at=again)
    forget_old(at=NOW + 100 * DAY)
    assert (WebhookAttempt.objects.get().at, WebhookDelivery.objects.count()) == (again, 1)
    forget_old(at=again + 31 * DAY)
    assert left()[:2] == (0, 0)


def test_facts_go_by_retention_only(told: WebhookDelivery) -> None:
    attempt = WebhookAttempt.objects.get()

    def refused(act: Callable[[], Any], before: datetime | None = None) -> bool:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                if before:
                    cursor.execute("SELECT set_config('aion.forget_before', %s, true)", [before.isoformat()])
                act()
        except DatabaseError as error:
            return "facts" in str(error)
        return False

    def delete() -> None:
        WebhookAttempt.objects.filter(pk=attempt.pk).delete()

    def change() -> None:
        WebhookAttempt.objects.filter(pk=attempt.pk).update(status=500)

    assert refused(delete)
    assert refused(delete, before=attempt.at)
    assert refused(change, before=NOW + DAY)
    assert refused(lambda: Event.objects.filter(pk=told.event_id).update(data={}), before=NOW + DAY)
    assert refused(lambda: AuditEvent.objects.all().delete(), before=NOW + DAY)
    assert refused(lambda: Transfer.objects.all()._raw_delete("default"), before=NOW + DAY)
    assert not refused(delete, before=attempt.at + timedelta(microseconds=1))


def test_a_run_is_bounded_and_the_next_one_goes_on(db: None) -> None:
    for number in range(7):
        answer_kept(str(number), NOW - 30 * DAY)
    taken = [forget_old(at=NOW, batch=2, batches=2)["idempotency"] for _ in range(3)]
    assert taken == [4, 3, 0]


@pytest.mark.parametrize(("gone", "rings"), [(0, []), (retention.BATCH * retention.BATCHES, ["api.forget_old"])])
def test_the_task_rings_again_while_there_is_more(gone: int, rings: list[str], monkeypatch: Any) -> None:
    rung: list[str] = []
    monkeypatch.setattr(tasks, "nudge", rung.append)
    monkeypatch.setattr(retention, "forget_old", lambda at: {"attempts": gone})
    assert (tasks.forget_old(), rung) == (gone, rings)


def test_an_event_that_concerned_nobody_goes_by_itself(mine: Tenant) -> None:
    emit(organisation_id=mine.organisation.pk, type="webhook.test", data={}, key="quiet", at=NOW)
    fan_out(at=NOW)
    quiet = Event.objects.filter(key="quiet")
    forget_old(at=NOW + 90 * DAY)
    assert quiet.exists()
    forget_old(at=NOW + 91 * DAY)
    assert not quiet.exists()
