# SPDX-License-Identifier: Apache-2.0
"""Webhooks arrive, signed; what a receiver does wrong costs time and never a message."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from aion.errors import NotFound
from aion.events import transport
from aion.events.models import Event, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from aion.events.schedule import BACKOFF, wait_after
from aion.events.services import deliveries
from aion.events.services.deliveries import LEASE, deliver_due, resend
from aion.events.services.emission import emit, fan_out
from aion.events.services.endpoints import (
    EndpointDisabled,
    create_endpoint,
    delete_endpoint,
    rotate_secret,
    send_test_event,
    update_endpoint,
)
from aion.events.signing import new_secret, sign
from aion.events.states import DeliveryState
from tests.events.receiver import Receiver, receiving, talking, verifies
from tests.worlds import NOW, Tenant, make_tenant


def test_a_signature_is_the_one_that_standard_webhooks_publishes() -> None:
    """The known-answer vector of the reference libraries (standard-webhooks/standard-webhooks)."""
    signature = sign(
        secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_example_in_the_documentation_verifies_what_we_send(
    mine: Tenant, receiver: Receiver, endpoint_of: Any, delivery_of: Any
) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    exec(page.split("```python\n", 1)[1].split("```", 1)[0], names)
    endpoint, secret = endpoint_of(mine, receiver.url)
    delivery_of(mine, endpoint)
    deliver_due(at=datetime.now(UTC))
    _, headers, body = receiver.seen[0]
    assert names["verify"](secret, headers, body)
    assert not names["verify"](new_secret(), headers, body)
    assert not names["verify"](secret, headers, body, tolerance=-1)


def test_a_delivery_arrives_signed_and_only_its_secret_verifies_it(
    mine: Tenant, receiver: Receiver, endpoint_of: Any, delivery_of: Any
) -> None:
    endpoint, secret = endpoint_of(mine, receiver.url)
    delivery = delivery_of(mine, endpoint, name="é", available_microcredits=40)
    assert deliver_due(at=NOW) == 1
    (path, headers, body) = receiver.seen[0]
    assert verifies(secret, headers, body)
    assert not verifies(new_secret(), headers, body)
    assert not verifies(secret, headers, body + b" ")
    assert not verifies(secret, {**headers, "webhook-timestamp": "1"}, body)
    assert json.loads(body) == {
        "id": delivery.event.public_id,
        "type": "credit.low",
        "timestamp": "2026-03-02T10:00:00Z",
        "organisation": mine.organisation.public_id,
        "data": {"name": "é", "available_microcredits": 40},
    }
    assert (path, headers["webhook-id"], headers["content-type"]) == (
        "/hook?a=1",
        delivery.event.public_id,
        "application/json",
    )
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.last_status, delivery.delivered_at) == (
        DeliveryState.DELIVERED,
        1,
        200,
        NOW,
    )
    attempt = WebhookAttempt.objects.get(delivery=delivery)
    assert (attempt.succeeded, attempt.status, attempt.excerpt) == (True, 200, "ok")
    assert deliver_due(at=NOW + timedelta(days=9)) == 0


def test_during_a_rotation_both_secrets_verify_and_a_day_later_only_the_new_one(
    mine: Tenant, receiver: Receiver, endpoint_of: Any, delivery_of: Any
) -> None:
    endpoint, old = endpoint_of(mine, receiver.url)
    _, new = rotate_secret(actor=mine.actor(), public_id=endpoint.public_id, at=NOW)
    for at in (NOW, NOW + timedelta(hours=24)):
        delivery_of(mine, endpoint)
        deliver_due(at=at)
    valid = [[verifies(secret, headers, body) for secret in (old, new)] for _, headers, body in receiver.seen]
    assert valid == [[True, True], [False, True]]


def test_a_failing_delivery_is_tried_eight_times_with_growing_pauses_and_then_given_up(
    mine: Tenant, receiver: Receiver, endpoint_of: Any, delivery_of: Any
) -> None:
    receiver.status = 500
    endpoint, _ = endpoint_of(mine, receiver.url)
    delivery = delivery_of(mine, endpoint)
    at = NOW
    for base in BACKOFF:
        assert deliver_due(at=at) == 1
        delivery.refresh_from_db()
        pause = (delivery.next_attempt_at - at).total_seconds()
        assert 0.9 * base <= pause <= 1.1 * base
        assert deliver_due(at=delivery.next_attempt_at - timedelta(milliseconds=1)) == 0
        at = delivery.next_attempt_at
    assert deliver_due(at=at) == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.next_attempt_at) == (DeliveryState.FAILED, 8, None)
    assert delivery.last_error == "The receiver answered 500."
    assert deliver_due(at=at + timedelta(days=30)) == 0
    assert {headers["webhook-id"] for _, headers, _ in receiver.seen} == {delivery.event.public_id}
    assert WebhookAttempt.objects.filter(delivery=delivery).count() == 8


def test_pauses_differ_from_delivery_to_delivery() -> None:
    pauses = {wait_after(attempts=4, subject=f"whd_{n}") for n in range(50)}
    assert len(pauses) > 30
    assert (wait_after(attempts=8, subject="x"), wait_after(attempts=0, subject="x")) == (None, None)


def test_a_receiver_that_recovers_gets_the_message(
    mine: Tenant, receiver: Receiver, endpoint_of: Any, delivery_of: Any
) -> None:
    receiver.status = 503
    endpoint, _ = endpoint_of(mine, receiver.url)
    delivery = delivery_of(mine, endpoint)
    deliver_due(at=NOW)
    receiver.status = 204
    deliver_due(at=NOW + timedelta(seconds=10))
    delivery.refresh_from_db()
    endpoint.refresh_from_db()
    assert (delivery.state, delivery.attempts, endpoint.failures_in_row) == (DeliveryState.DELIVERED, 2, 0)


def test_410_gone_switches_the_endpoint_off_and_tells_its_owners(
    mine: Tenant, receiver: Receiver, endpoint_of: Any, delivery_of: Any
) -> None:
    receiver.status = 410
    endpoint, _ = endpoint_of(mine, receiver.url)
    delivery = delivery_of(mine, endpoint)
    deliver_due(at=NOW)
    endpoint.refresh_from_db()
    delivery.refresh_from_db()
    assert (endpoint.enabled, endpoint.disabled_by, endpoint.disabled_reason) == (
        False,
        "receiver",
        "The receiver answered 410 Gone.",
    )
    assert (delivery.state, delivery.attempts) == (DeliveryState.FAILED, 1)
    assert Event.objects.filter(type="webhook.disabled", data__endpoint=endpoint.public_id).count() == 1


@pytest.mark.parametrize(
    ("failures", "days", "on"), [(18, 4, True), (19, 2, True), (19, 3, False)], ids=["few", "short", "many and long"]
)
def test_an_endpoint_is_switched_off_after_twenty_failures_over_three_days(
    mine: Tenant, receiver: Receiver, endpoint_of: Any, delivery_of: Any, failures: int, days: int, on: bool
) -> None:
    receiver.status = 500
    endpoint, _ = endpoint_of(mine, receiver.url)
    WebhookEndpoint.objects.update(failures_in_row=failures, failing_since=NOW - timedelta(days=days))
    waiting = delivery_of(mine, endpoint)
    deliver_due(at=NOW)
    endpoint.refresh_from_db()
    waiting.refresh_from_db()
    assert (endpoint.enabled, waiting.state) == (on, DeliveryState.PENDING if on else DeliveryState.FAILED)
    assert Event.objects.filter(type="webhook.disabled").exists() is not on


def test_a_redirect_is_not_followed(mine: Tenant, receiver: Receiver, endpoint_of: Any, delivery_of: Any) -> None:
    with receiving(status=302, headers={"Location": receiver.url}) as redirecting:
        endpoint, _ = endpoint_of(mine, redirecting.url)
        delivery = delivery_of(mine, endpoint)
        deliver_due(at=NOW)
    delivery.refresh_from_db()
    assert (delivery.last_status, delivery.last_error, receiver.seen) == (302, "Redirects are not followed.", [])


@pytest.mark.parametrize(
    ("answer", "drip", "error"),
    [
        (None, False, "The receiver did not answer in time."),
        (b"", False, "The connection failed: RemoteDisconnected."),
        (b"\x00\xff garbage\r\n\r\n", False, "The connection failed: BadStatusLine."),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1000, True, "The receiver did not answer in time."),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", False, "The connection failed: HTTPException."),
    ],
    ids=["hangs", "closes", "garbage", "drips", "too many headers"],
)
def test_a_receiver_that_misbehaves_is_a_failed_attempt_in_bounded_time(
    mine: Tenant,
    private: None,
    endpoint_of: Any,
    delivery_of: Any,
    monkeypatch: Any,
    answer: Any,
    drip: bool,
    error: str,
) -> None:
    monkeypatch.setattr(transport, "READ_SECONDS", 0.5)
    monkeypatch.setattr(transport, "TOTAL_SECONDS", 1.0)
    with talking(answer, drip=drip) as url:
        endpoint, _ = endpoint_of(mine, url)
        delivery = delivery_of(mine, endpoint)
        deliver_due(at=NOW)
    delivery.refresh_from_db()
    attempt = WebhookAttempt.objects.get()
    assert (delivery.state, delivery.last_error, attempt.status) == (DeliveryState.PENDING, error, None)
    assert attempt.milliseconds < 3000


def test_what_a_receiver_writes_is_kept_short_and_fit_for_the_database(
    mine: Tenant, receiver: Receiver, endpoint_of: Any, delivery_of: Any
) -> None:
    receiver.body = b"\x00\xff<script>" + b"x" * 100_000
    endpoint, _ = endpoint_of(mine, receiver.url)
    delivery_of(mine, endpoint)
    deliver_due(at=NOW)
    excerpt = WebhookAttempt.objects.get().excerpt
    assert (len(excerpt) <= 500, excerpt[:10]) == (True, "\ufffd\ufffd<script>"[:10])


def test_a_body_that_breaks_off_does_not_undo_a_status(
    mine: Tenant, private: None, endpoint_of: Any, delivery_of: Any
) -> None:
    with talking(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf") as url:
        endpoint, _ = endpoint_of(mine, url)
        delivery = delivery_of(mine, endpoint)
        deliver_due(at=NOW)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.DELIVERED


def test_a_worker_killed_between_sending_and_noting_sends_the_same_message_again(
    mine: Tenant, receiver: Receiver, endpoint_of: Any, delivery_of: Any, monkeypatch: Any
) -> None:
    endpoint, secret = endpoint_of(mine, receiver.url)
    delivery = delivery_of(mine, endpoint)
    with monkeypatch.context() as patch:
        patch.setattr(deliveries, "record_answer", lambda **_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            deliver_due(at=NOW)
    assert deliver_due(at=NOW + LEASE - timedelta(seconds=1)) == 0
    assert deliver_due(at=NOW + LEASE) == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, len(receiver.seen)) == (DeliveryState.DELIVERED, 1, 2)
    assert {headers["webhook-id"] for _, headers, _ in receiver.seen} == {delivery.event.public_id}
    assert all(verifies(secret, headers, body) for _, headers, body in receiver.seen)


def test_an_answer_that_comes_after_the_lease_changes_only_the_log(
    mine: Tenant, receiver: Receiver, endpoint_of: Any, delivery_of: Any
) -> None:
    endpoint, _ = endpoint_of(mine, receiver.url)
    delivery = delivery_of(mine, endpoint)
    (slow,) = deliveries._claim(at=NOW, limit=1)
    deliver_due(at=NOW + LEASE)
    deliveries.record_answer(call=slow, answer=transport.Answer(500, "late", "", 1), at=NOW + 2 * LEASE)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.log.count()) == (DeliveryState.DELIVERED, 1, 2)


def test_one_endpoint_with_a_long_queue_does_not_keep_the_others_waiting(
    mine: Tenant, receiver: Receiver, endpoint_of: Any, happen: Any
) -> None:
    with receiving() as busy:
        endpoint_of(mine, busy.url)
        for _ in range(12):
            happen(mine)
        fan_out(at=NOW)
        endpoint_of(mine, receiver.url)
        happen(mine)
        fan_out(at=NOW)
        assert deliver_due(at=NOW) == 6
        assert (len(busy.seen), len(receiver.seen)) == (5, 1)


def test_workers_side_by_side_send_each_delivery_once(committed: None, settings: Any) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    tenant = make_tenant("busy", credit=0)
    with receiving() as receiver:
        create_endpoint(actor=tenant.actor(), url=receiver.url, at=NOW)
        for n in range(30):
            emit(organisation_id=tenant.organisation.pk, type="credit.low", data={}, key=f"k{n}", at=NOW)
        fan_out(at=NOW)

        def work() -> None:
            try:
                for _ in range(20):
                    deliver_due(at=NOW, limit=3)
            finally:
                connection.close()

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ids = [headers["webhook-id"] for _, headers, _ in receiver.seen]
    assert (len(ids), len(set(ids))) == (30, 30)
    assert WebhookDelivery.objects.filter(state=DeliveryState.DELIVERED).count() == 30


def test_a_delivery_that_ended_can_be_sent_again_by_its_own_organisation_only(
    mine: Tenant, theirs: Tenant, receiver: Receiver, endpoint_of: Any, delivery_of: Any
) -> None:
    endpoint, _ = endpoint_of(mine, receiver.url)
    delivery = delivery_of(mine, endpoint)
    with pytest.raises(deliveries.StillPending):
        resend(actor=mine.actor(), public_id=delivery.public_id, at=NOW)
    deliver_due(at=NOW)
    with pytest.raises(NotFound):
        resend(actor=theirs.actor(), public_id=delivery.public_id, at=NOW)
    resend(actor=mine.actor(), public_id=delivery.public_id, at=NOW)
    deliver_due(at=NOW)
    assert [headers["webhook-id"] for _, headers, _ in receiver.seen] == [delivery.event.public_id] * 2


def test_switching_off_ends_what_waits_and_nothing_is_sent_until_it_is_on_again(
    mine: Tenant, receiver: Receiver, endpoint_of: Any, delivery_of: Any
) -> None:
    endpoint, _ = endpoint_of(mine, receiver.url)
    delivery = delivery_of(mine, endpoint)
    update_endpoint(actor=mine.actor(), public_id=endpoint.public_id, enabled=False, at=NOW)
    assert deliver_due(at=NOW) == 0
    for act in (
        lambda: resend(actor=mine.actor(), public_id=delivery.public_id, at=NOW),
        lambda: send_test_event(actor=mine.actor(), public_id=endpoint.public_id, at=NOW),
    ):
        with pytest.raises(EndpointDisabled):
            act()
    update_endpoint(actor=mine.actor(), public_id=endpoint.public_id, enabled=True, at=NOW)
    resend(actor=mine.actor(), public_id=delivery.public_id, at=NOW)
    assert deliver_due(at=NOW) == 1


def test_a_deleted_endpoint_forgets_its_secrets_and_gets_nothing(
    mine: Tenant, receiver: Receiver, endpoint_of: Any, delivery_of: Any, happen: Any
) -> None:
    endpoint, _ = endpoint_of(mine, receiver.url)
    delivery = delivery_of(mine, endpoint)
    delete_endpoint(actor=mine.actor(), public_id=endpoint.public_id, at=NOW)
    happen(mine)
    fan_out(at=NOW)
    assert (deliver_due(at=NOW), receiver.seen) == (0, [])
    endpoint.refresh_from_db()
    assert (endpoint.secret, endpoint.previous_secret) == ("", "")
    with pytest.raises(NotFound):
        resend(actor=mine.actor(), public_id=delivery.public_id, at=NOW)


def test_a_test_goes_to_one_endpoint_only_and_notifies_nobody(
    mine: Tenant, receiver: Receiver, endpoint_of: Any
) -> None:
    endpoint, secret = endpoint_of(mine, receiver.url, event_types=["invoice.issued"])
    endpoint_of(mine, receiver.url)
    fan_out(at=NOW)
    send_test_event(actor=mine.actor(), public_id=endpoint.public_id, at=NOW)
    assert (fan_out(at=NOW), deliver_due(at=NOW)) == (0, 1)
    _, headers, body = receiver.seen[0]
    assert (json.loads(body)["type"], verifies(secret, headers, body)) == ("webhook.test", True)
