# SPDX-License-Identifier: Apache-2.0
"""Credit comes with what the processor confirms, once, and never with anything else."""

import threading
from typing import Any

import pytest
from django.db import connection

from aion.tenancy.models import Organisation
from billing.invoicing.models import Document
from billing.models import LedgerAccount
from billing.purchases.errors import AmountNotPossible, ProcessorUnavailable
from billing.purchases.models import Payment, ProcessorEvent, RefusedDelivery
from billing.purchases.payments.gateway import BadDelivery, GatewayRefused
from billing.purchases.services import inbox, syncing
from billing.purchases.services.checkout import start_payment
from billing.purchases.states import EventState, Method
from billing.purchases.tasks import NEVER_OPENED, look_up
from billing.queries import balance
from billing.states import AccountKind
from tests.billing.books import drift
from tests.purchases.scenes import (
    BACK,
    bought,
    bought_lots,
    buy,
    credited,
    deliver,
    intent_of,
    spend,
    states,
    with_identity,
)
from tests.purchases.twin import Twin
from tests.worlds import MICRO, NOW, Tenant, make_tenant


def test_credit_comes_with_the_confirmed_payment_and_an_invoice_is_asked_for(buyer: Tenant, twin: Twin) -> None:
    payment = buy(buyer, 100)
    assert (payment.state, payment.net_cents, payment.gross_cents) == ("open", 10_000, 12_000)
    assert bought_lots(buyer) == []
    twin.pay(intent_of(twin, payment), 12_000)
    deliver(twin)
    payment.refresh_from_db()
    assert (states(), bought_lots(buyer), credited(buyer)) == (["paid"], [(100, 100)], 100 * MICRO)
    document = Document.objects.get(pk=payment.document_id or 0)
    assert (document.gross_cents, document.paid_cents, document.type, document.process) == (12_000, 12_000, "380", "S2")
    assert drift() == []


def test_the_browsers_return_alone_credits_nothing(buyer: Tenant, twin: Twin) -> None:
    payment = buy(buyer)
    assert syncing.sync_payment(payment_id=payment.pk, at=NOW).state == "open"
    assert bought_lots(buyer) == []


def test_the_same_event_fifty_times_at_once_credits_once(committed: None, settings: Any, twin: Twin) -> None:
    tenant = make_tenant("mine", credit=0)
    with_identity(tenant)
    payment = buy(tenant, 100)
    twin.pay(intent_of(twin, payment), payment.gross_cents)
    gate, failures = threading.Barrier(50), []

    def arrive() -> None:
        try:
            gate.wait()
            inbox.receive(body=twin.log[0].id.encode(), signature="good", at=NOW)
            inbox.process_due(at=NOW)
            syncing.sync_payment(payment_id=payment.pk, at=NOW)
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=arrive) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (ProcessorEvent.objects.count(), Document.objects.count()) == (1, 1)
    assert (bought_lots(tenant), states(), drift()) == ([(100, 100)], ["paid"], [])


@pytest.mark.parametrize(("cents", "currency"), [(11_999, "eur"), (12_001, "eur"), (12_000, "usd")])
def test_another_amount_or_currency_credits_nothing_and_is_on_record(
    buyer: Tenant, twin: Twin, cents: int, currency: str
) -> None:
    payment = buy(buyer, 100)
    twin.pay(intent_of(twin, payment), cents, currency=currency)
    deliver(twin)
    payment.refresh_from_db()
    assert (payment.state, payment.captured_cents, bought_lots(buyer)) == ("mismatch", cents, [])
    assert payment.problem.endswith(f"{cents} {currency}")


def test_an_event_of_another_account_or_mode_is_refused_with_the_reason(buyer: Tenant, twin: Twin) -> None:
    payment = buy(buyer)
    intent = intent_of(twin, payment)
    twin.happened("payment_intent.succeeded", intent, intent, account="acct_other")
    twin.happened("payment_intent.succeeded", intent, intent, live=True)
    deliver(twin)
    seen = list(ProcessorEvent.objects.order_by("pk").values_list("state", "problem"))
    assert seen == [("refused", inbox.OTHER_ACCOUNT), ("refused", inbox.OTHER_MODE)]
    assert states() == ["open"]


def test_an_event_before_its_row_waits_for_it(buyer: Tenant, twin: Twin) -> None:
    twin.owners["pi_9"] = "pay_notthereyet00000"
    twin.happened("payment_intent.succeeded", "pi_9", "pi_9")
    deliver(twin)
    event = ProcessorEvent.objects.get()
    assert (event.state, event.problem) == ("waiting", inbox.NO_PAYMENT)
    payment = bought(buyer, twin)
    Payment.objects.filter(pk=payment.pk).update(intent_id="pi_9")
    twin.payments["pi_9"] = twin.payments[intent_of(twin, payment)]
    inbox.process_due(at=NOW + inbox.FIRST_PAUSE)
    event.refresh_from_db()
    assert event.state == "done"
    assert bought_lots(buyer) == [(100, 100)]


def test_an_event_that_nobody_ever_claims_is_refused_in_the_end(db: None, twin: Twin) -> None:
    twin.happened("charge.succeeded", "pi_0", "ch_0")
    deliver(twin)
    inbox.process_due(at=NOW + inbox.PATIENCE + inbox.LEASE)
    assert ProcessorEvent.objects.get().state == "refused"


def test_types_we_do_not_know_are_kept_and_left_alone(db: None, twin: Twin) -> None:
    twin.happened("tax.settings.updated", "", "taxs_1")
    deliver(twin)
    assert ProcessorEvent.objects.get().state == "ignored"


def test_what_was_never_delivered_is_found_by_the_sweep(buyer: Tenant, twin: Twin) -> None:
    payment = buy(buyer)
    twin.pay(intent_of(twin, payment), payment.gross_cents)
    assert (inbox.sweep(at=NOW), inbox.sweep(at=NOW)) == (1, 0)
    inbox.process_due(at=NOW)
    assert (states(), bought_lots(buyer)) == (["paid"], [(100, 100)])


def test_a_quiet_payment_is_looked_up_even_without_any_event(buyer: Tenant, twin: Twin) -> None:
    payment = buy(buyer)
    twin.pay(intent_of(twin, payment), payment.gross_cents)
    assert look_up(at=NOW + NEVER_OPENED) == 1
    assert states() == ["paid"]


def test_a_processor_that_does_not_answer_charges_nobody_twice(buyer: Tenant, twin: Twin) -> None:
    twin.down = 1
    with pytest.raises(ProcessorUnavailable, match="try again"):
        buy(buyer, key="once")
    assert states() == ["created"]
    again = buy(buyer, key="once")
    assert (states(), len(twin.sessions), again.session_id) == (["open"], 1, next(iter(twin.sessions)))


def test_a_page_that_never_opened_ends_the_payment(buyer: Tenant, twin: Twin) -> None:
    twin.down = 1
    with pytest.raises(ProcessorUnavailable):
        buy(buyer)
    look_up(at=NOW + NEVER_OPENED)
    assert list(Payment.objects.values_list("state", "problem")) == [("failed", "never_opened")]


def test_killed_before_the_pages_id_was_written_the_event_still_finds_the_payment(buyer: Tenant, twin: Twin) -> None:
    payment = buy(buyer)
    Payment.objects.filter(pk=payment.pk).update(session_id=None, state="created", checkout_url="")
    intent = intent_of(twin, payment)
    twin.pay(intent, payment.gross_cents)
    deliver(twin)
    assert (states(), bought_lots(buyer)) == (["paid"], [(100, 100)])


@pytest.mark.parametrize("credits_", [0, -5, 9, 250_001])
def test_an_amount_outside_the_limits_is_refused_with_the_limits(buyer: Tenant, twin: Twin, credits_: int) -> None:
    with pytest.raises(AmountNotPossible, match="between 10 and 250,000"):
        buy(buyer, credits_)
    assert Payment.objects.count() == 0


def test_one_key_buys_once_and_another_amount_is_refused(buyer: Tenant, twin: Twin) -> None:
    first, second = buy(buyer, key="a"), buy(buyer, key="a")
    assert first.pk == second.pk
    with pytest.raises(Exception, match="new key for a new purchase"):
        buy(buyer, 200, key="a")


def test_a_declined_card_can_still_be_followed_by_one_that_pays(buyer: Tenant, twin: Twin) -> None:
    payment = buy(buyer)
    intent = intent_of(twin, payment)
    twin.set(intent, "open", "card_declined")
    deliver(twin)
    assert states() == ["open"]
    twin.pay(intent, payment.gross_cents)
    deliver(twin)
    assert states() == ["paid"]


def test_a_direct_debit_on_its_way_may_be_spent_in_part_and_settles_to_the_whole(
    buyer: Tenant, twin: Twin, settings: Any
) -> None:
    settings.SEPA_SPEND_LIMIT_MICROCREDITS = 30 * MICRO
    payment = buy(buyer, 100, Method.SEPA_DEBIT)
    twin.set(intent_of(twin, payment), "processing")
    deliver(twin)
    assert (states(), bought_lots(buyer)) == (["processing"], [(30, 30)])
    twin.pay(intent_of(twin, payment), payment.gross_cents)
    deliver(twin)
    assert (states(), bought_lots(buyer), drift()) == (["paid"], [(100, 100)], [])


def test_a_direct_debit_that_fails_takes_its_advance_back_and_what_was_spent_is_owed(
    buyer: Tenant, twin: Twin, settings: Any
) -> None:
    settings.SEPA_SPEND_LIMIT_MICROCREDITS = 30 * MICRO
    payment = buy(buyer, 100, Method.SEPA_DEBIT)
    twin.set(intent_of(twin, payment), "processing")
    deliver(twin)
    payment.refresh_from_db()
    spend(payment, 20)
    twin.set(intent_of(twin, payment), "failed", "insufficient_funds")
    deliver(twin)
    assert (states(), bought_lots(buyer), credited(buyer)) == (["failed"], [(30, 0)], 0)
    assert balance(buyer.organisation.pk, NOW).owed == 20 * MICRO
    assert Organisation.objects.get(pk=buyer.organisation.pk).state == "frozen"
    assert drift() == []


def test_new_credit_pays_first_what_is_owed(buyer: Tenant, twin: Twin, settings: Any) -> None:
    settings.SEPA_SPEND_LIMIT_MICROCREDITS = 30 * MICRO
    payment = buy(buyer, 100, Method.SEPA_DEBIT)
    twin.set(intent_of(twin, payment), "processing")
    deliver(twin)
    payment.refresh_from_db()
    spend(payment, 20)
    twin.set(intent_of(twin, payment), "failed")
    deliver(twin)
    bought(buyer, twin, 50)
    assert bought_lots(buyer)[1] == (50, 30)
    assert balance(buyer.organisation.pk, NOW).owed == 0
    assert LedgerAccount.objects.get(kind=AccountKind.RECEIVABLE).credits == 20 * MICRO


def test_an_unsigned_delivery_is_refused(db: None, twin: Twin) -> None:
    with pytest.raises(BadDelivery, match="bad_signature"):
        inbox.receive(body=b"evt_1", signature="bad", at=NOW)
    assert ProcessorEvent.objects.count() == 0


def test_the_route_answers_once_for_all_and_counts_what_it_refuses(client: Any, buyer: Tenant, twin: Twin) -> None:
    payment = buy(buyer)
    event = twin.happened("checkout.session.completed", intent_of(twin, payment), payment.session_id or "")

    def arrives(signature: str, body: str = event.id) -> int:
        answer = client.post(
            "/webhooks/stripe", body, content_type="application/json", headers={"Stripe-Signature": signature}
        )
        return int(answer.status_code)

    assert [arrives("good"), arrives("good"), arrives("forged"), arrives("forged")] == [200, 200, 400, 400]
    assert client.get("/webhooks/stripe").status_code == 405
    assert ProcessorEvent.objects.count() == 1
    assert list(RefusedDelivery.objects.values_list("reason", "count")) == [("bad_signature", 2)]


def test_without_a_processor_the_route_is_not_there_and_nothing_is_sold(
    client: Any, buyer: Tenant, settings: Any
) -> None:
    settings.STRIPE_SECRET_KEY = ""
    assert client.post("/webhooks/stripe", b"{}", content_type="application/json").status_code == 404
    with pytest.raises(Exception, match="ask us for a quote"):
        start_payment(actor=buyer.actor(), credits_=100, method=Method.CARD, returns=BACK, at=NOW)


def test_events_come_to_an_end_once(buyer: Tenant, twin: Twin) -> None:
    bought(buyer, twin)
    assert set(ProcessorEvent.objects.values_list("state", flat=True)) == {EventState.DONE}
    assert inbox.process_due(at=NOW) == 0


def test_one_event_that_cannot_be_applied_keeps_no_other_waiting(buyer: Tenant, twin: Twin) -> None:
    good, bad = buy(buyer), buy(buyer)
    twin.pay(intent_of(twin, good), good.gross_cents)
    taken = intent_of(twin, good)
    twin.sessions[bad.session_id or ""] = taken  # the processor names one intent for two payments
    twin.owners["pi_x"] = bad.public_id
    twin.happened("payment_intent.succeeded", "pi_x", "")
    deliver(twin)
    assert sorted(states()) == ["open", "paid"]
    assert bought_lots(buyer) == [(100, 100)]


def test_a_payment_that_the_processor_does_not_know_keeps_no_other_waiting(
    buyer: Tenant, twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, good = buy(buyer), buy(buyer)
    twin.pay(intent_of(twin, good), good.gross_cents)
    read = twin.read_payment

    def missing(*, session: str = "", intent: str = "") -> Any:
        if session == lost.session_id:
            raise GatewayRefused("resource_missing", "no such session")
        return read(session=session, intent=intent)

    monkeypatch.setattr(twin, "read_payment", missing)
    assert look_up(at=NOW + NEVER_OPENED) == 2
    assert sorted(states()) == ["open", "paid"]
    lost.refresh_from_db()
    assert lost.problem == "resource_missing"
