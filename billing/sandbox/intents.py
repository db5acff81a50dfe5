# SPDX-License-Identifier: Apache-2.0
"""Payment intents: one attempt after the other until the money is there, the payer gives up or the seller cancels."""

from billing.sandbox import params as p
from billing.sandbox.cards import FAILING_IBANS, METHOD, card_of, decline, magic_method, make_method, must_authenticate
from billing.sandbox.errors import ApiError, CardError, Invalid
from billing.sandbox.money import DAY, collect, make_charge
from billing.sandbox.store import Object
from billing.sandbox.world import World, shown

SETTLES_AFTER = 5 * DAY
CONFIRMABLE = {"requires_payment_method", "requires_confirmation", "requires_action"}
UNAUTHENTICATED = "We are unable to authenticate your payment method. Please choose another one and try again."
FAILED_DEBIT = "The debit was returned by the payer's bank: the account has insufficient funds."


def make_intent(world: World, given: p.Params) -> Object:
    """Make a payment intent and confirm it when asked to."""
    if given.get("customer"):
        world.get("customer", given["customer"], param="customer")
    confirm = given.pop("confirm", False)
    names = ("off_session", "return_url", "payment_method", "payment_method_data")
    how: p.Params = {name: given.pop(name) for name in names if name in given}
    if not confirm and "off_session" in how:
        raise Invalid("off_session can only be given with confirm=true.", param="off_session")
    intent = add_intent(world, given)
    if confirm:
        return confirm_intent(world, intent, how)
    if "payment_method" in how:
        method = usable_method(world, intent, how["payment_method"])
        intent.update(payment_method=method["id"], status="requires_confirmation")
    return intent


def add_intent(world: World, given: p.Params) -> Object:
    """Add an intent that waits for a payment method."""
    given = {name: value for name, value in given.items() if name != "automatic_payment_methods"}
    allowed = given.get("allowed_payment_method_types")
    fields: Object = {
        "allowed_payment_method_types": None,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None if allowed else {"allow_redirects": "always", "enabled": True},
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "confirmation_method": "automatic",
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
        "payment_method_types": allowed or ["card", "sepa_debit"],
    } | {**given, "payment_method": None}
    intent = world.add("payment_intent", fields)
    intent["client_secret"] = f"{intent['id']}_secret_{world.new_id('event', '')}"
    world.emit("payment_intent.created", intent)
    return intent


def usable_method(world: World, intent: Object, identity: str) -> Object:
    """Return the payment method that an intent names. Raises when it is another customer's, detached or not allowed."""
    method = magic_method(world, identity) or world.edit("payment_method", identity, param="payment_method")
    if method["customer"] and method["customer"] != intent["customer"]:
        message = f"The provided PaymentMethod {method['id']} belongs to another customer than the intent's."
        raise Invalid(message, code="payment_method_customer_mismatch", param="payment_method")
    if method["_used"] and not method["customer"]:
        message = "The provided PaymentMethod was used or detached before, and may not be used again."
        raise Invalid(message, param="payment_method")
    if method["type"] not in intent["payment_method_types"]:
        message = f"The payment method type {method['type']} is not allowed for this intent."
        raise Invalid(message, code="payment_method_not_available", param="payment_method")
    return method


def confirm_intent(world: World, intent: Object, given: p.Params) -> Object:
    """Try to pay. Raises CardError when the issuer refuses; the intent keeps that."""
    if intent["status"] not in CONFIRMABLE:
        raise unexpected(intent, "confirm")
    if given.get("off_session") and not intent["customer"]:
        raise Invalid("off_session needs a customer.", param="customer")
    if "payment_method_data" in given:
        method = make_method(world, given["payment_method_data"])
    else:
        identity = given.get("payment_method") or intent["payment_method"]
        if not identity:
            message = "You cannot confirm this PaymentIntent because it's missing a payment method."
            raise ApiError(message, code="payment_intent_unexpected_state")
        method = usable_method(world, intent, identity)
    if given.get("setup_future_usage"):
        intent["setup_future_usage"] = given["setup_future_usage"]
    intent.update(payment_method=method["id"], last_payment_error=None, next_action=None)
    off_session = bool(given.get("off_session"))
    if must_authenticate(method):
        if off_session:
            raise refuse(world, intent, method, decline("authentication_required", code="authentication_required"))
        return ask_to_authenticate(world, intent, given.get("return_url"))
    return attempt(world, intent, method)


def ask_to_authenticate(world: World, intent: Object, return_url: str | None) -> Object:
    """Send the payer to the issuer's page."""
    address = {"return_url": return_url, "url": f"{world.base_url}/authenticate/{intent['id']}"}
    intent.update(status="requires_action", next_action={"type": "redirect_to_url", "redirect_to_url": address})
    world.emit("payment_intent.requires_action", intent)
    return intent


def authenticated(world: World, intent: Object, *, passed: bool) -> Object:
    """Go on after the issuer's page. Raises CardError when the payer failed there or the card is refused after all."""
    if intent["status"] != "requires_action":
        raise unexpected(intent, "authenticate")
    method = world.edit("payment_method", intent["payment_method"])
    intent["next_action"] = None
    if not passed:
        message = (
            "We are unable to authenticate your payment method. Please choose a different payment method and try again."
        )
        error = CardError(message, code="payment_intent_authentication_failure")
        raise refuse(world, intent, method, error, charged=False)
    method["_authenticated"] = True
    return attempt(world, intent, method)


def attempt(world: World, intent: Object, method: Object) -> Object:
    """Ask the issuer or the bank for the money."""
    method["_used"] = True
    card = card_of(method)
    if card is None:
        return debit(world, intent, method)
    if card.decline:
        raise refuse(world, intent, method, decline(card.decline, code=card.code))
    charge = make_charge(world, intent, method)
    intent["latest_charge"] = charge["id"]
    succeed(world, intent, charge, method)
    return intent


def succeed(world: World, intent: Object, charge: Object, method: Object) -> None:
    """Record that the money came."""
    collect(world, charge)
    intent.update(status="succeeded", amount_received=intent["amount"], processing=None)
    keep_method(world, intent, method)
    world.emit("payment_intent.succeeded", intent)


def keep_method(world: World, intent: Object, method: Object) -> None:
    """Save the payment method with the customer when the payer agreed to that."""
    if intent["setup_future_usage"] and intent["customer"] and not method["customer"]:
        method.update(customer=intent["customer"], allow_redisplay="limited")
        world.emit("payment_method.attached", method)


def debit(world: World, intent: Object, method: Object) -> Object:
    """Hand a direct debit to the bank, which answers days later."""
    mandate = make_mandate(world, method, single=not intent["setup_future_usage"])
    charge = make_charge(world, intent, method, mandate=mandate["id"])
    intent.update(status="processing", latest_charge=charge["id"])
    keep_method(world, intent, method)
    outcome = "fail" if method["_iban"] in FAILING_IBANS else "succeed"
    due = {"id": intent["id"], "at": world.now() + SETTLES_AFTER, "outcome": outcome, "done": False}
    world.store.add("_due", due)
    world.emit("charge.pending", charge)
    world.emit("payment_intent.processing", intent)
    return intent


def make_mandate(world: World, method: Object, *, single: bool) -> Object:
    """Record that the payer allowed direct debits."""
    online = {"ip_address": "127.0.0.1", "user_agent": "sandbox"}
    kind = "single_use" if single else "multi_use"
    reference = {"reference": world.new_id("event", "").upper()[:16], "url": f"{world.base_url}/mandate"}
    fields = {
        "customer_acceptance": {"accepted_at": world.now(), "online": online, "type": "online"},
        "multi_use": None if single else {},
        "on_behalf_of": None,
        "payment_method": method["id"],
        "payment_method_details": {"type": "sepa_debit", "sepa_debit": reference},
        "single_use": {} if single else None,
        "status": "active",
        "type": kind,
    }
    return world.add("mandate", fields)


def refuse(world: World, intent: Object, method: Object, error: CardError, *, charged: bool = True) -> CardError:
    """Record a refused attempt and return the error, now with its intent, for the caller to raise."""
    if charged:
        charge = make_charge(
            world,
            intent,
            method,
            status="failed",
            failure_code=error.code,
            failure_message=error.message,
            outcome={
                "network_status": "declined_by_network",
                "reason": error.more.get("decline_code"),
                "risk_level": "normal",
                "risk_score": 12,
                "seller_message": "The bank did not return any further details with this decline.",
                "type": "issuer_declined",
            },
        )
        intent["latest_charge"] = charge["id"]
        error.more["charge"] = charge["id"]
        world.emit("charge.failed", charge)
    fail(world, intent, method, error)
    error.more |= {"payment_intent": shown(intent), "payment_method": shown(method)}
    return error


def fail(world: World, intent: Object, method: Object, error: ApiError) -> None:
    """Leave the intent open for another attempt, with what went wrong."""
    told = error.body()["error"] | {"payment_method": shown(method), "payment_method_type": method["type"]}
    intent.update(status="requires_payment_method", payment_method=None, last_payment_error=told, processing=None)
    world.emit("payment_intent.payment_failed", intent)


def settle(world: World, intent: Object, *, outcome: str) -> Object:
    """Let the bank answer a direct debit. Raises ApiError when none is under way."""
    if intent["status"] != "processing":
        raise unexpected(intent, "settle")
    world.edit("_due", intent["id"])["done"] = True
    charge = world.edit("charge", intent["latest_charge"])
    method = world.edit("payment_method", intent["payment_method"])
    if outcome == "succeed":
        succeed(world, intent, charge, method)
        return intent
    error = CardError(FAILED_DEBIT, code="insufficient_funds", charge=charge["id"])
    charge.update(status="failed", failure_code="insufficient_funds", failure_message=FAILED_DEBIT)
    world.emit("charge.failed", charge)
    fail(world, intent, method, error)
    return intent


def cancel_intent(world: World, intent: Object, given: p.Params) -> Object:
    """Give up an intent that has not been paid."""
    if intent["status"] in {"succeeded", "canceled", "processing"}:
        raise unexpected(intent, "cancel")
    reason = given.get("cancellation_reason")
    intent.update(status="canceled", canceled_at=world.now(), cancellation_reason=reason, next_action=None)
    world.emit("payment_intent.canceled", intent)
    return intent


def update_intent(world: World, intent: Object, given: p.Params) -> Object:
    """Change an intent that waits."""
    if intent["status"] not in CONFIRMABLE and set(given) - {"metadata", "description"}:
        raise unexpected(intent, "update")
    intent.update(given)
    return intent


def unexpected(intent: Object, verb: str) -> ApiError:
    """Return the refusal of an act that an intent's status does not allow."""
    message = f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}."
    return ApiError(message, code="payment_intent_unexpected_state", payment_intent=shown(intent))


CREATE: p.Spec = {
    "amount": p.need(p.cents),
    "currency": p.need(p.currency),
    "customer": p.text,
    "description": p.text,
    "metadata": p.metadata,
    "payment_method": p.text,
    "payment_method_data": p.hash_of(METHOD),
    "payment_method_types": p.gone,
    "allowed_payment_method_types": p.METHODS,
    "automatic_payment_methods": p.hash_of(
        {"enabled": p.need(p.boolean), "allow_redirects": p.choice("always", "never")}
    ),
    "capture_method": p.choice("automatic", "automatic_async"),
    "confirm": p.boolean,
    "off_session": p.boolean,
    "receipt_email": p.text,
    "return_url": p.text,
    "setup_future_usage": p.choice("off_session", "on_session"),
    "statement_descriptor": p.text,
    "statement_descriptor_suffix": p.text,
    "transfer_group": p.text,
}
CONFIRM: p.Spec = {
    name: CREATE[name]
    for name in (
        "payment_method",
        "payment_method_data",
        "payment_method_types",
        "off_session",
        "return_url",
        "setup_future_usage",
    )
}
UPDATE: p.Spec = {
    "amount": p.cents,
    "description": p.clearable,
    "metadata": p.metadata,
    "payment_method_types": p.gone,
    "setup_future_usage": CREATE["setup_future_usage"],
}
CANCEL: p.Spec = {
    "cancellation_reason": p.choice("duplicate", "fraudulent", "requested_by_customer", "abandoned"),
}
