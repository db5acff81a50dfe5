# SPDX-License-Identifier: Apache-2.0
"""Disputes: the payer's bank takes the money back, and may give it again."""

from billing.sandbox import params as p
from billing.sandbox.errors import ApiError, Invalid
from billing.sandbox.money import DAY, DISPUTE_FEE, enter
from billing.sandbox.store import Object
from billing.sandbox.world import World

REASONS = (
    "bank_cannot_process",
    "credit_not_processed",
    "debit_not_authorized",
    "duplicate",
    "fraudulent",
    "general",
    "insufficient_funds",
    "product_not_received",
    "product_unacceptable",
    "unrecognized",
)
UPDATE: p.Spec = {"metadata": p.metadata, "evidence": p.free_form, "submit": p.boolean}
EVIDENCE = ("customer_name", "product_description", "service_date", "uncategorized_text")


def open_dispute(world: World, charge: Object, *, amount: int | None, reason: str) -> Object:
    """Let the payer dispute a charge. A returned direct debit is lost at once: there is nothing to argue."""
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = left if amount is None else amount
    if charge["status"] != "succeeded" or charge["disputed"]:
        raise ApiError(f"Charge {charge['id']} cannot be disputed: not captured, or disputed already.")
    if not 0 < amount <= left:
        raise Invalid(f"A dispute may be of 1 to {left} cents.", param="amount")
    if reason not in REASONS:
        raise Invalid(f"A reason must be one of {', '.join(REASONS)}.", param="reason")
    sepa = charge["payment_method_details"]["type"] == "sepa_debit"
    details: Object = {"type": charge["payment_method_details"]["type"]}
    if not sepa:
        brand = charge["payment_method_details"]["card"]["brand"]
        details["card"] = {"brand": brand, "case_type": "chargeback", "network": brand, "network_reason_code": "83"}
    dispute = world.add(
        "dispute",
        {
            "amount": amount,
            "balance_transactions": [],
            "charge": charge["id"],
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": dict.fromkeys(EVIDENCE) | {"enhanced_evidence": {}},
            "evidence_details": {
                "due_by": None if sepa else world.now() + 9 * DAY,
                "enhanced_eligibility": {},
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
                "submission_method": "not_submitted",
            },
            "is_charge_refundable": False,
            "metadata": {},
            "payment_intent": charge["payment_intent"],
            "payment_method_details": details,
            "reason": reason,
            "status": "lost" if sepa else "needs_response",
        },
    )
    charge["disputed"] = True
    _move(world, dispute, -amount, fee=DISPUTE_FEE)
    world.emit("charge.dispute.created", dispute)
    world.emit("charge.dispute.funds_withdrawn", dispute)
    if sepa:
        world.emit("charge.dispute.closed", dispute)
    return dispute


def _move(world: World, dispute: Object, amount: int, *, fee: int = 0) -> None:
    category = "dispute" if amount < 0 else "dispute_reversal"
    line = enter(world, "adjustment", amount, dispute["id"], fee=fee, category=category)
    status = {"status": "available" if line["available_on"] <= world.now() else "pending"}
    dispute["balance_transactions"].append({name: value for name, value in line.items() if name[0] != "_"} | status)


def close_dispute(world: World, dispute: Object, *, won: bool) -> Object:
    """Let the bank decide. Raises ApiError when it has decided before."""
    if dispute["status"] in {"won", "lost"}:
        message = f"This dispute is already closed: {dispute['status']}."
        raise ApiError(message, code="dispute_already_closed")
    dispute["status"] = "won" if won else "lost"
    world.emit("charge.dispute.closed", dispute)
    if won:
        _move(world, dispute, dispute["amount"])
        world.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


def accept(world: World, dispute: Object, given: p.Params) -> Object:
    """Give a dispute up, as the seller."""
    del given
    return close_dispute(world, dispute, won=False)


def answer(world: World, dispute: Object, given: p.Params) -> Object:
    """Send evidence; the bank then decides by the control."""
    if dispute["status"] in {"won", "lost"}:
        raise ApiError(f"This dispute is already closed: {dispute['status']}.", code="dispute_already_closed")
    evidence = given.get("evidence", {})
    dispute["evidence"] |= evidence if isinstance(evidence, dict) else {}
    dispute["evidence_details"]["has_evidence"] = bool(evidence)
    if given.get("submit", True) and evidence:
        dispute["evidence_details"] |= {"submission_count": 1, "submission_method": "manual"}
        dispute["status"] = "under_review"
    dispute["metadata"] = given.get("metadata", dispute["metadata"])
    world.emit("charge.dispute.updated", dispute)
    return dispute
