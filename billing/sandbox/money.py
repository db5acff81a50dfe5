# SPDX-License-Identifier: Apache-2.0
"""Charges and the account's balance: what came in, what it cost, what went out."""

from typing import Any

from billing.sandbox import params as p
from billing.sandbox.errors import ApiError
from billing.sandbox.store import Object
from billing.sandbox.world import World

DAY = 86_400
AVAILABLE_AFTER = 2 * DAY
DISPUTE_FEE = 1_500
FEE_PER_THOUSAND, FEE_FIXED = 15, 25  # 1.5 % and 25 cents


def fee_of(amount: int) -> int:
    """Return the processor's fee of a charge, rounded half up to the cent."""
    return (amount * FEE_PER_THOUSAND + 500) // 1000 + FEE_FIXED


def enter(world: World, kind: str, amount: int, source: str | None, *, fee: int = 0, category: str = "") -> Object:
    """Write a line of the account's balance."""
    details = {"amount": fee, "application": None, "currency": "eur", "description": "Processing fees"}
    now = world.now()
    return world.add(
        "balance_transaction",
        {
            "amount": amount,
            "available_on": now + (AVAILABLE_AFTER if amount > 0 else 0),
            "balance_type": "payments",
            "currency": "eur",
            "description": None,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": [details | {"type": "stripe_fee"}] if fee else [],
            "net": amount - fee,
            "reporting_category": category or kind,
            "source": source,
            "type": kind,
            "_payout": None,
        },
    )


def render_line(world: World, line: Object) -> Object:
    """Return a balance line with its status, which time alone changes."""
    available = line["available_on"] <= world.now()
    return line | {"status": "available" if available else "pending"}


def make_charge(world: World, intent: Object, method: Object, **fields: Any) -> Object:
    """Make the charge of an attempt to pay; ``fields`` say how it went."""
    sepa = method["type"] == "sepa_debit"
    details = {name: value for name, value in method[method["type"]].items() if name not in DROPPED}
    if sepa:
        details |= {"mandate": fields.pop("mandate"), "expected_debit_date": None}
    else:
        details |= {"amount_authorized": intent["amount"], "network": details["brand"], "three_d_secure": None}
        if method["_authenticated"]:
            details["three_d_secure"] = {"result": "authenticated", "version": "2.2.0"}
    charge = {
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": dict(method["billing_details"]),
        "calculated_statement_descriptor": None if sepa else "AION SANDBOX",
        "captured": False,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": None,
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"type": method["type"], method["type"]: details},
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "pending",
        "transfer_data": None,
        "transfer_group": None,
    }
    return world.add("charge", charge | fields, prefix="py_" if sepa else "ch_")


DROPPED = {"display_brand", "generated_from", "networks", "three_d_secure_usage"}
GOOD_OUTCOME = {
    "advice_code": None,
    "network_advice_code": None,
    "network_decline_code": None,
    "network_status": "approved_by_network",
    "reason": None,
    "risk_level": "normal",
    "risk_score": 12,
    "seller_message": "Payment complete.",
    "type": "authorized",
}


def collect(world: World, charge: Object) -> None:
    """Turn a charge into money on the account."""
    kind = "payment" if charge["id"].startswith("py_") else "charge"
    line = enter(world, kind, charge["amount"], charge["id"], fee=fee_of(charge["amount"]), category="charge")
    charge.update(
        status="succeeded",
        paid=True,
        captured=True,
        amount_captured=charge["amount"],
        balance_transaction=line["id"],
        outcome=dict(GOOD_OUTCOME),
    )
    world.emit("charge.succeeded", charge)


def balance(world: World) -> Object:
    """Return what is available and what is not yet; what a payout took is neither."""
    sums = {"available": 0, "pending": 0}
    for line in world.store.newest("balance_transaction"):
        if line["_payout"] is None:
            sums[render_line(world, line)["status"]] += line["net"]
    amounts = {
        name: [{"amount": amount, "currency": "eur", "source_types": {"card": amount}}] for name, amount in sums.items()
    }
    return {"object": "balance", "livemode": False, "refund_and_dispute_prefunding": None, **amounts}


def pay_out(world: World, *, pending_too: bool) -> Object:
    """Send everything available to the bank. Raises ApiError when there is nothing."""
    lines = [
        line
        for line in world.store.newest("balance_transaction")
        if line["_payout"] is None and (pending_too or render_line(world, line)["status"] == "available")
    ]
    total = sum(line["net"] for line in lines)
    if total <= 0:
        raise ApiError("You have insufficient funds in your account for a payout.", code="balance_insufficient")
    now = world.now()
    payout = world.add(
        "payout",
        {
            "amount": total,
            "application_fee": None,
            "application_fee_amount": None,
            "arrival_date": now,
            "automatic": True,
            "balance_transaction": None,
            "currency": "eur",
            "description": "STRIPE PAYOUT",
            "destination": "ba_sandbox",
            "failure_balance_transaction": None,
            "failure_code": None,
            "failure_message": None,
            "metadata": {},
            "method": "standard",
            "original_payout": None,
            "payout_method": None,
            "reconciliation_status": "completed",
            "reversed_by": None,
            "source_type": "card",
            "statement_descriptor": None,
            "status": "in_transit",
            "trace_id": {"status": "pending", "value": None},
            "type": "bank_account",
        },
    )
    own = enter(world, "payout", -total, payout["id"])
    own["_payout"] = payout["id"]
    for line in lines:
        world.edit("balance_transaction", line["id"])["_payout"] = payout["id"]
    payout["balance_transaction"] = own["id"]
    world.emit("payout.created", payout)
    payout["status"] = "paid"
    world.emit("payout.paid", payout)
    return payout


def write_charge(world: World, charge: Object, given: p.Params) -> Object:
    """Change what a charge says about itself."""
    charge.update(given)
    world.emit("charge.updated", charge)
    return charge
