# SPDX-License-Identifier: Apache-2.0
"""What several tests begin with: a session, a paid one, a customer with a saved method."""

from typing import Any

from tests.sandbox.server import RunningSandbox

GOOD_IBAN = "DE89370400440532013000"
BAD_IBAN = "DE62370400440532013001"
DAY = 86_400


def session_params(amount: int = 2_500, **more: Any) -> dict[str, Any]:
    """Return what a seller asks for."""
    price = {"currency": "eur", "unit_amount": amount, "product_data": {"name": "Credits"}}
    return {
        "mode": "payment",
        "success_url": "http://127.0.0.1:9/paid?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1:9/cancelled",
        "line_items": [{"price_data": price, "quantity": 1}],
        **more,
    }


def paid_session(sandbox: RunningSandbox, amount: int = 2_500, **how: Any) -> Any:
    """Return a session that a payer went through, with its intent; ``how`` is a card or an IBAN."""
    session = sandbox.v1.checkout.sessions.create(session_params(amount))
    sandbox.control("pay", session=session.id, **how)
    return sandbox.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})


def saved_method(sandbox: RunningSandbox, test_id: str = "pm_card_visa") -> tuple[Any, Any]:
    """Return a customer and the payment method that is saved with it."""
    customer = sandbox.v1.customers.create({"email": "payer@example.org", "name": "Payer"})
    return customer, sandbox.v1.payment_methods.attach(test_id, {"customer": customer.id})


def charge_of(sandbox: RunningSandbox, session: Any) -> Any:
    """Return the charge of a paid session with its balance line."""
    return sandbox.v1.charges.retrieve(session.payment_intent.latest_charge, {"expand": ["balance_transaction"]})
