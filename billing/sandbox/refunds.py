# SPDX-License-Identifier: Apache-2.0
"""Refunds: never more than what was captured and not yet given back; a bank account gets its money days later."""

from billing.sandbox import params as p
from billing.sandbox.errors import ApiError, Invalid
from billing.sandbox.money import DAY, enter
from billing.sandbox.store import Object
from billing.sandbox.world import World

ARRIVES_AFTER = 3 * DAY
CREATE: p.Spec = {
    "charge": p.text,
    "payment_intent": p.text,
    "amount": p.integer(1),
    "reason": p.choice("duplicate", "fraudulent", "requested_by_customer"),
    "metadata": p.metadata,
}


def make_refund(world: World, given: p.Params) -> Object:
    """Give money back. Raises ApiError when that is more than is left."""
    charge = _charge(world, given)
    left = charge["amount_captured"] - charge["amount_refunded"]
    if charge["status"] != "succeeded":
        raise ApiError(f"Charge {charge['id']} has not been captured.", code="charge_not_captured", charge=charge["id"])
    if charge["disputed"]:
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise ApiError(message, code="charge_disputed", charge=charge["id"])
    if left <= 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise ApiError(message, code="charge_already_refunded", charge=charge["id"])
    amount = given.get("amount", left)
    if amount > left:
        message = f"Refund amount (€{amount / 100:.2f}) is greater than unrefunded amount on charge (€{left / 100:.2f})"
        raise ApiError(message, code="amount_too_large", param="amount", charge=charge["id"])
    card = charge["payment_method_details"]["type"] == "card"
    destination = (
        {"card": {"reference_status": "pending", "reference_type": "acquirer_reference_number"}} if card else {}
    )
    refund = world.add(
        "refund",
        {
            "amount": amount,
            "balance_transaction": None,
            "charge": charge["id"],
            "currency": charge["currency"],
            "customer": charge["customer"],
            "customer_account": None,
            "destination_details": destination | {"type": "card" if card else "sepa_debit"},
            "metadata": given.get("metadata", {}),
            "payment_intent": charge["payment_intent"],
            "payment_method": charge["payment_method"],
            "reason": given.get("reason"),
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": "succeeded" if card else "pending",
            "transfer_reversal": None,
        },
    )
    kind = "refund" if card else "payment_refund"
    refund["balance_transaction"] = enter(world, kind, -amount, refund["id"], category="refund")["id"]
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    if not card:
        due = {"id": refund["id"], "at": world.now() + ARRIVES_AFTER, "outcome": "succeed", "done": False}
        world.store.add("_due", due)
    world.emit("refund.created", refund)
    world.emit("charge.refunded", charge)
    return refund


def _charge(world: World, given: p.Params) -> Object:
    """Return the charge that is meant, to change."""
    if "charge" in given and "payment_intent" in given:
        message = "You may only specify one of these parameters: charge, payment_intent."
        raise Invalid(message, param="charge")
    if "charge" in given:
        return world.edit("charge", given["charge"], param="charge")
    if "payment_intent" not in given:
        raise p.missing("charge")
    intent = world.get("payment_intent", given["payment_intent"], param="payment_intent")
    if intent["status"] != "succeeded":
        message = f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        raise ApiError(message, code="payment_intent_unexpected_state", param="payment_intent")
    return world.edit("charge", intent["latest_charge"])


def finish(world: World, refund: Object, *, outcome: str) -> Object:
    """Let a refund arrive or come back. Raises ApiError for one that did either before.

    The bank of a card may also send one back that had succeeded.
    """
    if refund["status"] == "failed" or (refund["status"] == "succeeded" and outcome == "succeed"):
        raise ApiError(f"This refund has a status of {refund['status']} already.")
    due = world.store.get("_due", refund["id"])
    if due is not None:
        world.edit("_due", refund["id"])["done"] = True
    if outcome == "succeed":
        refund["status"] = "succeeded"
    else:
        charge = world.edit("charge", refund["charge"])
        charge["amount_refunded"] -= refund["amount"]
        charge["refunded"] = False
        line = enter(world, "refund_failure", refund["amount"], refund["id"])
        reason = "lost_or_stolen_card" if charge["id"].startswith("ch_") else "declined"
        refund.update(status="failed", failure_reason=reason, failure_balance_transaction=line["id"])
    for name in ("refund.updated", "charge.refund.updated"):
        world.emit(name, refund)
    if outcome != "succeed":
        world.emit("refund.failed", refund)
    return refund


def update_refund(world: World, refund: Object, given: p.Params) -> Object:
    """Change the notes of a refund."""
    refund.update(given)
    world.emit("refund.updated", refund)
    return refund
