# SPDX-License-Identifier: Apache-2.0
"""The port over the official SDK, against a processor of its own over real HTTP."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from billing.purchases.models import Payment, ProcessorEvent, Refund
from billing.purchases.payments import connect
from billing.purchases.payments.gateway import BadDelivery, GatewayDown, GatewayRefused
from billing.purchases.payments.stripe_gateway import StripeGateway
from billing.purchases.services import inbox, payouts, recharge, refunds
from billing.purchases.states import Method
from tests.billing.books import drift
from tests.purchases.scenes import bought_lots, buy, credited, states
from tests.sandbox.scenes import BAD_IBAN, GOOD_IBAN
from tests.sandbox.server import KEY, SECRET, RunningSandbox, running_sandbox
from tests.worlds import MICRO, Tenant

SOON = timedelta(seconds=1)


@pytest.fixture
def sandbox(settings: Any) -> Iterator[RunningSandbox]:
    """Run a processor and let the product speak to it."""
    connect.gateway.cache_clear()
    with running_sandbox() as running:
        settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRETS = KEY, [SECRET]
        settings.STRIPE_API_BASE = running.base_url
        yield running
    connect.gateway.cache_clear()


def now() -> datetime:
    """Return the present: the sandbox's clock is the machine's."""
    return datetime.now(UTC)


def arrive(sandbox: RunningSandbox) -> None:
    """Hand over every delivery as it came, and look at all of them."""
    sandbox.delivered()
    for one in sandbox.receiver.received:
        inbox.receive(body=one.body, signature=one.signature, at=now())
    inbox.process_due(at=now() + SOON)


def test_a_card_is_paid_credited_and_refunded(buyer: Tenant, sandbox: RunningSandbox) -> None:
    payment = buy(buyer, 100)
    assert payment.checkout_url.startswith(sandbox.base_url)
    sandbox.control("pay", session=payment.session_id)
    arrive(sandbox)
    assert (states(), bought_lots(buyer)) == (["paid"], [(100, 100)])
    refunds.request_refund(actor=buyer.actor(), payment_id=payment.pk, credits_=40, reason="A mistake", at=now())
    assert refunds.send_due(at=now()) == 1
    arrive(sandbox)
    payment.refresh_from_db()
    assert (Refund.objects.get().state, credited(buyer), payment.fee_cents) == ("succeeded", 60 * MICRO, 205)
    assert drift() == []


def test_a_card_that_asks_is_paid_once_its_holder_has_answered(buyer: Tenant, sandbox: RunningSandbox) -> None:
    payment = buy(buyer, 100)
    asked = sandbox.control("pay", session=payment.session_id, card="authenticationRequired")
    arrive(sandbox)
    assert states() == ["open"]
    payment.refresh_from_db()
    sandbox.control("authenticate", id=payment.intent_id or asked["payment_intent"], passed=True)
    arrive(sandbox)
    assert (states(), bought_lots(buyer)) == (["paid"], [(100, 100)])


def test_a_direct_debit_settles_after_days_or_comes_back(buyer: Tenant, sandbox: RunningSandbox, settings: Any) -> None:
    settings.SEPA_SPEND_LIMIT_MICROCREDITS = 30 * MICRO
    good, bad = buy(buyer, 100, Method.SEPA_DEBIT), buy(buyer, 100, Method.SEPA_DEBIT)
    sandbox.control("pay", session=good.session_id, iban=GOOD_IBAN)
    sandbox.control("pay", session=bad.session_id, iban=BAD_IBAN)
    arrive(sandbox)
    assert (states(), bought_lots(buyer)) == (["processing", "processing"], [(30, 30), (30, 30)])
    sandbox.control("clock", advance=6 * 86_400)
    arrive(sandbox)
    assert (states(), bought_lots(buyer), credited(buyer)) == (["paid", "failed"], [(100, 100), (30, 0)], 100 * MICRO)


def test_a_dispute_is_frozen_and_lost(buyer: Tenant, sandbox: RunningSandbox) -> None:
    payment = buy(buyer, 100)
    sandbox.control("pay", session=payment.session_id)
    arrive(sandbox)
    payment.refresh_from_db()
    dispute = sandbox.control("disputes/open", charge=payment.charge_id)
    arrive(sandbox)
    assert bought_lots(buyer) == [(100, 0)]
    sandbox.control("disputes/lose", dispute=dispute["id"])
    arrive(sandbox)
    assert (credited(buyer), drift()) == (0, [])


def test_a_saved_card_is_charged_while_nobody_is_there(buyer: Tenant, sandbox: RunningSandbox) -> None:
    payment = buy(buyer, 10)
    sandbox.control("pay", session=payment.session_id)
    arrive(sandbox)
    (method,) = recharge.saved_methods(organisation_id=buyer.organisation.pk)
    assert (method.kind, method.label) == ("card", "Visa •••• 4242")
    wish = recharge.Wish(100 * MICRO, 50, 50, method.id)
    recharge.set_recharge(actor=buyer.actor(), wish=wish, at=now())
    assert recharge.recharge_low(at=now()) == 1
    assert (states(), bought_lots(buyer)) == (["paid", "paid"], [(10, 10), (50, 50)])


def test_a_saved_card_that_is_declined_says_why(buyer: Tenant, sandbox: RunningSandbox) -> None:
    gateway = connect.gateway()
    customer = gateway.create_customer(organisation="org_1", name="One", key="c")
    sandbox.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    (method,) = gateway.methods(customer=customer)
    seen = gateway.charge_saved(
        customer=customer, method=method.id, payment="pay_1", cents=5_000, description="x", key="k"
    )
    assert (seen.state, seen.problem, seen.captured_cents) == ("failed", "card_declined", 0)
    assert sandbox.v1.payment_intents.retrieve(seen.intent).status == "canceled"
    assert gateway.method_page(customer=customer, return_url="https://aion.example/", language="fr").startswith("http")


def test_an_answer_that_is_lost_charges_once(buyer: Tenant, sandbox: RunningSandbox) -> None:
    sandbox.control("faults", path="^/v1/checkout/sessions", method="POST", times=1, fault="cut", effect=True)
    payment = buy(buyer)
    (session,) = sandbox.v1.checkout.sessions.list().data
    assert (payment.session_id, payment.state) == (session.id, "open")
    sandbox.control("pay", session=payment.session_id)
    arrive(sandbox)
    sandbox.control("faults", path="^/v1/refunds", method="POST", times=1, fault="cut", effect=True)
    refunds.request_refund(actor=buyer.actor(), payment_id=payment.pk, credits_=40, reason="A mistake", at=now())
    refunds.send_due(at=now())
    refunds.send_due(at=now() + refunds.LONGEST_PAUSE)
    assert [one.amount for one in sandbox.v1.refunds.list().data] == [4_800]


def test_what_goes_wrong_at_the_processor_is_told_apart(sandbox: RunningSandbox) -> None:
    gateway = connect.gateway()
    with pytest.raises(GatewayRefused) as unknown:
        gateway.read_payment(session="cs_test_unknown")
    assert unknown.value.code == "resource_missing"
    sandbox.control("faults", path="^/v1/customers", method="POST", times=9, fault="error", status=500)
    with pytest.raises(GatewayDown):
        gateway.create_customer(organisation="org_1", name="One", key="x")
    wrong = StripeGateway(key="sk_test_wrong", secrets=(SECRET,), base=sandbox.base_url)
    with pytest.raises(GatewayRefused):
        wrong.read_payment(session="cs_test_unknown")


def test_only_a_fresh_signature_of_ours_is_taken(sandbox: RunningSandbox) -> None:
    sandbox.v1.customers.create({"name": "One"})
    (one,) = sandbox.receiver.wait_for(1)
    gateway = connect.gateway()
    assert gateway.read_delivery(body=one.body, signature=one.signature).type == "customer.created"
    old = int(time.time()) - 301
    signed = stripe.WebhookSignature._compute_signature(f"{old}.{one.body.decode()}", SECRET)
    cases = {
        f"t={old},v1={signed}": "stale",
        one.signature[:-1] + ("0" if one.signature[-1] != "0" else "1"): "bad_signature",
        "": "bad_signature",
        "nonsense": "bad_signature",
    }
    for signature, reason in cases.items():
        with pytest.raises(BadDelivery) as refused:
            gateway.read_delivery(body=one.body, signature=signature)
        assert refused.value.reason == reason, signature
    with pytest.raises(BadDelivery, match="bad_signature"):
        gateway.read_delivery(body=one.body + b" ", signature=one.signature)
    rotating = StripeGateway(key=KEY, secrets=("whsec_new", SECRET), base=sandbox.base_url)
    assert rotating.read_delivery(body=one.body, signature=one.signature).type == "customer.created"


def test_dropped_deliveries_are_swept_and_a_payout_adds_up(buyer: Tenant, sandbox: RunningSandbox) -> None:
    sandbox.control("webhooks", drop=100)
    payment = buy(buyer, 100)
    sandbox.control("pay", session=payment.session_id)
    assert ProcessorEvent.objects.count() == 0
    assert inbox.sweep(at=now()) > 0
    inbox.process_due(at=now() + SOON)
    assert states() == ["paid"]
    sandbox.control("payouts", pending=True)
    assert payouts.compare(at=now() + timedelta(days=3)) == []
    payment = Payment.objects.select_related("payout").get()
    assert payment.payout is not None
    assert (payment.payout.charges_cents, payment.payout.fees_cents, payment.payout.difference_cents) == (
        12_000,
        205,
        0,
    )
