# SPDX-License-Identifier: Apache-2.0
"""Payment intents, saved methods, setups, direct debits."""

from typing import Any

import pytest
import stripe

from tests.sandbox.scenes import BAD_IBAN, DAY, GOOD_IBAN, paid_session, saved_method, session_params
from tests.sandbox.server import RunningSandbox, post_form


def pay(sandbox: RunningSandbox, customer: Any, method: Any, **more: Any) -> Any:
    return sandbox.v1.payment_intents.create(
        {
            "amount": 2_000,
            "currency": "eur",
            "customer": customer.id,
            "payment_method": method.id,
            "confirm": True,
            "off_session": True,
            **more,
        }
    )


def test_a_saved_card_pays_while_its_holder_is_away(sandbox: RunningSandbox) -> None:
    intent = pay(sandbox, *saved_method(sandbox), metadata={"order": "7"})
    charge = sandbox.v1.charges.retrieve(intent.latest_charge)
    assert (intent.status, intent.amount_received, charge.paid, charge.metadata["order"]) == (
        "succeeded", 2_000, True, "7",
    )  # fmt: skip
    assert sorted(sandbox.delivered()) == [
        "charge.succeeded",
        "customer.created",
        "payment_intent.created",
        "payment_intent.succeeded",
        "payment_method.attached",
    ]


def test_a_saved_card_that_declines_later_is_402_and_the_intent_says_why(sandbox: RunningSandbox) -> None:
    with pytest.raises(stripe.CardError) as refused:
        pay(sandbox, *saved_method(sandbox, "pm_card_chargeCustomerFail"))
    error = refused.value
    assert error.error is not None and error.error.payment_intent is not None
    assert (error.http_status, error.code, error.error.decline_code) == (402, "card_declined", "generic_decline")
    intent = sandbox.v1.payment_intents.retrieve(error.error.payment_intent.id)
    assert (intent.status, intent.last_payment_error.code) == ("requires_payment_method", "card_declined")
    assert sandbox.v1.charges.retrieve(intent.latest_charge).status == "failed"
    assert {"charge.failed", "payment_intent.payment_failed"} < set(sandbox.delivered())
    again = sandbox.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert (again.id, again.status, again.last_payment_error) == (intent.id, "succeeded", None)


def test_a_card_that_always_asks_cannot_pay_while_its_holder_is_away(sandbox: RunningSandbox) -> None:
    with pytest.raises(stripe.CardError) as refused:
        pay(sandbox, *saved_method(sandbox, "pm_card_authenticationRequired"))
    assert refused.value.code == "authentication_required"


def test_a_card_that_declines_cannot_be_saved(sandbox: RunningSandbox) -> None:
    customer = sandbox.v1.customers.create({})
    with pytest.raises(stripe.CardError) as refused:
        sandbox.v1.payment_methods.attach("pm_card_visa_chargeDeclinedInsufficientFunds", {"customer": customer.id})
    assert refused.value.error is not None
    assert refused.value.error.decline_code == "insufficient_funds"
    assert sandbox.v1.payment_methods.list({"customer": customer.id}).data == []


def test_another_customers_card_is_refused(sandbox: RunningSandbox) -> None:
    _, method = saved_method(sandbox)
    stranger = sandbox.v1.customers.create({})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(sandbox, stranger, method)
    assert refused.value.param == "payment_method"
    assert sandbox.v1.payment_intents.list().data == []


def test_a_removed_card_cannot_be_used_again(sandbox: RunningSandbox) -> None:
    customer, method = saved_method(sandbox)
    sandbox.v1.payment_methods.detach(method.id)
    assert sandbox.v1.payment_methods.list({"customer": customer.id}).data == []
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        pay(sandbox, customer, method)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        sandbox.v1.payment_methods.attach(method.id, {"customer": customer.id})
    with pytest.raises(stripe.InvalidRequestError, match="not attached"):
        sandbox.v1.payment_methods.detach(method.id)
    assert sandbox.delivered().count("payment_method.detached") == 1


def test_a_payer_is_asked_passes_and_goes_back_to_the_seller(sandbox: RunningSandbox) -> None:
    intent = sandbox.v1.payment_intents.create(
        {
            "amount": 2_000,
            "currency": "eur",
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
            "return_url": "http://127.0.0.1:9/back",
        }
    )
    address = intent.next_action.redirect_to_url.url
    assert (intent.status, intent.amount_received) == ("requires_action", 0)
    assert post_form(sandbox.base_url, address.removeprefix(sandbox.base_url), act="pass") == (
        303, "http://127.0.0.1:9/back",
    )  # fmt: skip
    assert sandbox.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    assert "payment_intent.requires_action" in sandbox.delivered()


def test_a_payer_who_fails_to_authenticate_has_paid_nothing(sandbox: RunningSandbox) -> None:
    intent = sandbox.v1.payment_intents.create(
        {"amount": 900, "currency": "eur", "payment_method": "pm_card_authenticationRequired", "confirm": True}
    )
    post_form(sandbox.base_url, f"/authenticate/{intent.id}", act="fail")
    intent = sandbox.v1.payment_intents.retrieve(intent.id)
    assert (intent.status, intent.last_payment_error.code, intent.latest_charge) == (
        "requires_payment_method", "payment_intent_authentication_failure", None,
    )  # fmt: skip


def test_an_intent_is_cancelled_once_and_never_after_it_was_paid(sandbox: RunningSandbox) -> None:
    intents = sandbox.v1.payment_intents
    waiting = intents.create({"amount": 100, "currency": "eur"})
    cancelled = intents.cancel(waiting.id, {"cancellation_reason": "abandoned"})
    assert (cancelled.status, cancelled.cancellation_reason) == ("canceled", "abandoned")
    paid = pay(sandbox, *saved_method(sandbox))
    for identity in (waiting.id, paid.id):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            intents.cancel(identity)
        assert refused.value.code == "payment_intent_unexpected_state"
    assert sandbox.delivered().count("payment_intent.canceled") == 1


def test_a_setup_saves_a_card_that_then_pays(sandbox: RunningSandbox) -> None:
    customer = sandbox.v1.customers.create({})
    setup = sandbox.v1.setup_intents.create({"customer": customer.id, "allowed_payment_method_types": ["card"]})
    setup = sandbox.v1.setup_intents.confirm(setup.id, {"payment_method": "pm_card_authenticationRequiredOnSetup"})
    assert setup.status == "requires_action"
    sandbox.control("authenticate", id=setup.id)
    setup = sandbox.v1.setup_intents.retrieve(setup.id, {"expand": ["payment_method"]})
    assert (setup.status, setup.payment_method.customer) == ("succeeded", customer.id)
    assert pay(sandbox, customer, setup.payment_method).status == "succeeded"
    assert {"setup_intent.succeeded", "payment_method.attached"} < set(sandbox.delivered())


def test_a_debit_is_under_way_for_days_and_then_pays(sandbox: RunningSandbox) -> None:
    session = paid_session(sandbox, iban=GOOD_IBAN)
    assert (session.status, session.payment_status, session.payment_intent.status) == (
        "complete", "unpaid", "processing",
    )  # fmt: skip
    sandbox.control("clock", advance=4 * DAY)
    assert sandbox.v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"
    assert sandbox.control("clock", advance=DAY)["done"] == 1
    session = sandbox.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    charge = session.payment_intent.latest_charge
    assert (session.payment_status, charge.status, charge.id[:3], charge.payment_method_details.type) == (
        "paid", "succeeded", "py_", "sepa_debit",
    )  # fmt: skip
    types = sandbox.delivered()
    assert (types.count("checkout.session.completed"), types.count("checkout.session.async_payment_succeeded")) == (
        1,
        1,
    )


def test_a_debit_that_the_bank_returns_pays_nothing(sandbox: RunningSandbox) -> None:
    session = paid_session(sandbox, iban=BAD_IBAN)
    sandbox.control("clock", advance=5 * DAY)
    session = sandbox.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (session.payment_status, session.payment_intent.status) == ("unpaid", "requires_payment_method")
    assert session.payment_intent.last_payment_error.code == "insufficient_funds"
    types = sandbox.delivered()
    assert types.count("checkout.session.async_payment_failed") == 1
    assert "payment_intent.succeeded" not in types


@pytest.mark.parametrize(("control", "status"), [("settle", "paid"), ("fail", "unpaid")])
def test_a_debit_is_settled_or_failed_by_hand_once(sandbox: RunningSandbox, control: str, status: str) -> None:
    session = paid_session(sandbox, iban=GOOD_IBAN)
    sandbox.control(control, id=session.payment_intent.id)
    with pytest.raises(AssertionError, match="unexpected_state"):
        sandbox.control("settle", id=session.payment_intent.id)
    assert sandbox.control("clock", advance=9 * DAY)["done"] == 0
    assert sandbox.v1.checkout.sessions.retrieve(session.id).payment_status == status


def test_a_debit_pays_off_session_from_a_saved_account(sandbox: RunningSandbox) -> None:
    customer = sandbox.v1.customers.create({})
    session = sandbox.v1.checkout.sessions.create(
        session_params(customer=customer.id, payment_intent_data={"setup_future_usage": "off_session"})
    )
    sandbox.control("pay", session=session.id, iban=GOOD_IBAN)
    (method,) = sandbox.v1.customers.payment_methods.list(customer.id, {"type": "sepa_debit"}).data
    intent = pay(sandbox, customer, method)
    assert (intent.status, method.sepa_debit.last4, method.sepa_debit.country) == ("processing", "3000", "DE")
    mandate = sandbox.v1.charges.retrieve(intent.latest_charge).payment_method_details.sepa_debit.mandate
    assert sandbox.v1.mandates.retrieve(mandate).payment_method == method.id
