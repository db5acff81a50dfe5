# SPDX-License-Identifier: Apache-2.0
"""Each object has the fields that the SDK's own types describe: all that must be there, and no other."""

from typing import Any, get_args

import pytest
import stripe

from tests.sandbox.scenes import GOOD_IBAN, paid_session, saved_method, session_params
from tests.sandbox.server import RunningSandbox

# Fields of the wire that the SDK's types leave out.
BEYOND = {"charge": {"transfer_data"}}


def fields(kind: Any) -> tuple[set[str], set[str]]:
    """Return the names of all fields of a type, and of those that are always there."""
    described = {name: hint for name, hint in kind.__annotations__.items() if name != "OBJECT_NAME"}
    always = {name for name, hint in described.items() if type(None) not in get_args(hint)}
    return set(described), always


def made(sandbox: RunningSandbox) -> list[tuple[Any, Any]]:
    """Make one of each, and return it with its type."""
    v1 = sandbox.v1
    customer, method = saved_method(sandbox)
    paid, debit = paid_session(sandbox), paid_session(sandbox, iban=GOOD_IBAN)
    sandbox.control("settle", id=debit.payment_intent.id)
    refund = v1.refunds.create({"payment_intent": paid.payment_intent.id, "amount": 100})
    charge = v1.charges.retrieve(paid.payment_intent.latest_charge, {"expand": ["balance_transaction"]})
    dispute = sandbox.control("disputes/open", charge=charge.id)
    setup = v1.setup_intents.create({"customer": customer.id})
    payout = sandbox.control("payouts", pending=True)
    account = v1.charges.retrieve(debit.payment_intent.latest_charge)
    mandate = account.payment_method_details.sepa_debit.mandate
    session = v1.checkout.sessions.create(session_params(expand=["line_items"]))
    return [
        (customer, stripe.Customer),
        (method, stripe.PaymentMethod),
        (paid, stripe.checkout.Session),
        (session, stripe.checkout.Session),
        (session.line_items.data[0], stripe.LineItem),
        (session.line_items.data[0].price, stripe.Price),
        (paid.payment_intent, stripe.PaymentIntent),
        (charge, stripe.Charge),
        (account, stripe.Charge),
        (charge.balance_transaction, stripe.BalanceTransaction),
        (refund, stripe.Refund),
        (v1.disputes.retrieve(dispute["id"]), stripe.Dispute),
        (setup, stripe.SetupIntent),
        (v1.payouts.retrieve(payout["id"]), stripe.Payout),
        (v1.mandates.retrieve(mandate), stripe.Mandate),
        (v1.events.list().data[0], stripe.Event),
        (v1.balance.retrieve(), stripe.Balance),
        (v1.billing_portal.sessions.create({"customer": customer.id}), stripe.billing_portal.Session),
    ]


def test_objects_have_the_fields_of_the_sdks_types(sandbox: RunningSandbox) -> None:
    wrong = {}
    for obj, kind in made(sandbox):
        known, always = fields(kind)
        has = set(obj.to_dict())
        lacking, foreign = always - has, has - known - BEYOND.get(obj.object, set())
        if not isinstance(obj, kind) or lacking or foreign:
            wrong[obj.object] = (lacking, foreign)
    assert wrong == {}


@pytest.mark.parametrize("kind", [stripe.Refund, stripe.Charge])
def test_the_check_of_shapes_knows_what_may_be_absent(kind: Any) -> None:
    known, always = fields(kind)
    assert {"id", "amount", "created", "currency"} <= always < known
