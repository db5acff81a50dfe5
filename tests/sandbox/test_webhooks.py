# SPDX-License-Identifier: Apache-2.0
"""Webhooks: signed, repeated until accepted, and as badly delivered as a test wants them."""

import json

import pytest
import stripe

from tests.sandbox.scenes import paid_session
from tests.sandbox.server import SECRET, RunningSandbox


def customers(sandbox: RunningSandbox, count: int) -> list[str]:
    return [sandbox.v1.customers.create({"name": f"Customer {number}"}).id for number in range(count)]


def subjects(sandbox: RunningSandbox) -> list[str]:
    """Return the ids of the objects told of, in the order of arrival."""
    return [json.loads(one.body)["data"]["object"]["id"] for one in sandbox.receiver.received if one.status == 200]


def test_every_event_is_signed_and_says_what_the_list_says(sandbox: RunningSandbox) -> None:
    paid_session(sandbox)
    sandbox.delivered()
    listed = {event.id: event for event in sandbox.v1.events.list({"limit": 100}).data}
    assert {one.event.id for one in sandbox.receiver.received} == set(listed)
    for one in sandbox.receiver.received:
        assert one.event.data.to_dict() == listed[one.event.id].data.to_dict()
        assert one.event.api_version == "2026-10-28.endive"
    assert {event.pending_webhooks for event in listed.values()} == {0}


def test_an_event_names_the_request_that_caused_it(sandbox: RunningSandbox) -> None:
    customer = sandbox.v1.customers.create({"name": "A"}, {"idempotency_key": "customer-a"})
    (event,) = sandbox.v1.events.list().data
    assert (event.request.id, event.request.idempotency_key) == (
        customer.last_response.headers["Request-Id"], "customer-a",
    )  # fmt: skip


def test_an_event_shows_its_object_as_it_was_then(sandbox: RunningSandbox) -> None:
    session = paid_session(sandbox)
    sandbox.v1.refunds.create({"payment_intent": session.payment_intent.id})
    shown = {event.type: event.data.object for event in sandbox.v1.events.list({"limit": 100}).data}
    assert (shown["charge.succeeded"].amount_refunded, shown["charge.refunded"].amount_refunded) == (0, 2_500)
    assert shown["payment_intent.created"].status == "requires_payment_method"


def test_a_refused_event_is_repeated_until_it_is_accepted(sandbox: RunningSandbox) -> None:
    sandbox.control("webhooks", retry_seconds=0.01)
    answers = iter([500, 404, 302])
    sandbox.receiver.answer = lambda body: next(answers, 200)
    customers(sandbox, 1)
    sandbox.delivered()
    (delivery,) = sandbox.control("deliveries")["deliveries"]
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 404, 302, 200]
    assert delivery["state"] == "delivered"


def test_a_dropped_event_is_only_in_the_list(sandbox: RunningSandbox) -> None:
    sandbox.control("webhooks", drop=1)
    first, second = customers(sandbox, 1), customers(sandbox, 1)
    sandbox.delivered()
    assert len(subjects(sandbox)) == 1
    events = sandbox.v1.events.list({"type": "customer.created"}).data
    assert [event.data.object.id for event in events] == second + first
    assert sandbox.control("deliveries", state="dropped")["total"] == 1
    assert sandbox.control("webhooks")["drop"] == 0


def test_a_duplicated_event_comes_as_often_as_asked(sandbox: RunningSandbox) -> None:
    sandbox.control("webhooks", duplicate=1, copies=4)
    customers(sandbox, 1)
    customers(sandbox, 1)
    sandbox.delivered()
    assert len({one.event.id for one in sandbox.receiver.received}) == 2
    assert len(sandbox.receiver.received) == 6


def test_a_window_holds_events_back_and_lets_them_go_in_another_order(sandbox: RunningSandbox) -> None:
    sandbox.control("webhooks", reorder=8, seed=7)
    made = customers(sandbox, 7)
    assert sandbox.control("deliveries/wait", seconds=0) == {"left": 7}
    assert subjects(sandbox) == []
    made += customers(sandbox, 1)
    sandbox.delivered()
    assert sorted(subjects(sandbox)) == sorted(made)
    made = customers(sandbox, 1)
    sandbox.control("deliveries/hurry")
    sandbox.delivered()
    assert subjects(sandbox)[-1:] == made


@pytest.mark.parametrize(
    ("fault", "reason"), [("bad_signature", "No signatures found matching"), ("stale", "Timestamp outside")]
)
def test_a_wrong_signature_is_noticed_and_the_next_attempt_is_right(
    sandbox: RunningSandbox, fault: str, reason: str
) -> None:
    def answer(body: bytes) -> int:
        return 200 if len(sandbox.receiver.received) else 400

    sandbox.receiver.answer = answer
    sandbox.control("webhooks", retry_seconds=0.01, **{fault: 1})
    customers(sandbox, 1)
    sandbox.delivered()
    wrong, right = sandbox.receiver.received
    with pytest.raises(stripe.SignatureVerificationError, match=reason):
        _ = wrong.event
    assert (right.event.type, wrong.body == right.body) == ("customer.created", True)


def test_a_changed_body_and_another_secret_are_noticed(sandbox: RunningSandbox) -> None:
    customers(sandbox, 1)
    (one,) = sandbox.receiver.wait_for(1)
    for body, secret in ((one.body.replace(b"Customer", b"Somebody"), SECRET), (one.body, "whsec_other")):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body, one.signature, secret)


def test_paused_deliveries_wait_and_resume(sandbox: RunningSandbox) -> None:
    sandbox.control("webhooks", paused=True)
    customers(sandbox, 3)
    assert sandbox.control("deliveries/wait", seconds=0) == {"left": 3}
    assert sandbox.v1.events.list({"delivery_success": False}).has_more is False
    assert len(sandbox.v1.events.list({"delivery_success": False}).data) == 3
    sandbox.control("webhooks", paused=False)
    assert len(sandbox.delivered()) == 3


def test_a_delay_holds_until_hurried(sandbox: RunningSandbox) -> None:
    sandbox.control("webhooks", delay=600)
    customers(sandbox, 2)
    assert sandbox.control("deliveries/wait", seconds=0) == {"left": 2}
    sandbox.control("deliveries/hurry")
    assert len(sandbox.delivered()) == 2


def test_an_event_is_delivered_again_on_request(sandbox: RunningSandbox) -> None:
    customers(sandbox, 1)
    sandbox.delivered()
    (event,) = sandbox.v1.events.list().data
    sandbox.control("deliveries/again", event=event.id)
    sandbox.delivered()
    assert [one.event.id for one in sandbox.receiver.received] == [event.id, event.id]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("nothing", {}),
        ("clock", {"advance": -1}),
        ("webhooks", {"drop": -1}),
        ("webhooks", {"colour": 1}),
        ("webhooks", {"reorder": 0}),
        ("faults", {"path": "(", "fault": "cut"}),
        ("faults", {"path": "x", "fault": "rain"}),
        ("pay", {}),
        ("pay", {"session": "cs_test_nobody"}),
        ("disputes/open", {"charge": "ch_nobody"}),
        ("deliveries/again", {"event": "evt_nobody"}),
    ],
)
def test_a_control_that_makes_no_sense_is_refused(sandbox: RunningSandbox, name: str, body: dict[str, object]) -> None:
    with pytest.raises(AssertionError, match="error"):
        sandbox.control(name, **body)
