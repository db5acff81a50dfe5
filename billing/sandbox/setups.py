# SPDX-License-Identifier: Apache-2.0
"""Setup intents: a payment method is saved for later, without a payment."""

from billing.sandbox import params as p
from billing.sandbox.cards import METHOD, card_of, decline, make_method, must_authenticate
from billing.sandbox.errors import ApiError, CardError
from billing.sandbox.intents import UNAUTHENTICATED, make_mandate, usable_method
from billing.sandbox.store import Object
from billing.sandbox.world import World, shown

OPEN = {"requires_payment_method", "requires_confirmation", "requires_action"}


def make_setup(world: World, given: p.Params) -> Object:
    """Make a setup intent and confirm it when asked to."""
    if given.get("customer"):
        world.get("customer", given["customer"], param="customer")
    confirm = given.pop("confirm", False)
    how: p.Params = {
        name: given.pop(name) for name in ("payment_method", "payment_method_data", "return_url") if name in given
    }
    setup = add_setup(world, given)
    if confirm:
        return confirm_setup(world, setup, how)
    if "payment_method" in how:
        method = usable_method(world, setup, how["payment_method"])
        setup.update(payment_method=method["id"], status="requires_confirmation")
    return setup


def add_setup(world: World, given: p.Params) -> Object:
    """Add a setup intent that waits for a payment method."""
    allowed = given.get("allowed_payment_method_types")
    fields = {
        "allowed_payment_method_types": allowed,
        "application": None,
        "automatic_payment_methods": None if allowed else {"allow_redirects": "always", "enabled": True},
        "cancellation_reason": None,
        "customer": given.get("customer"),
        "customer_account": None,
        "description": given.get("description"),
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "mandate": None,
        "metadata": given.get("metadata", {}),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": given.get("payment_method_types") or allowed or ["card", "sepa_debit"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": given.get("usage", "off_session"),
    }
    setup = world.add("setup_intent", fields)
    setup["client_secret"] = f"{setup['id']}_secret_{world.new_id('event', '')}"
    world.emit("setup_intent.created", setup)
    return setup


def confirm_setup(world: World, setup: Object, given: p.Params) -> Object:
    """Try to save the payment method. Raises CardError when the issuer refuses."""
    if setup["status"] not in OPEN:
        raise unexpected(setup, "confirm")
    if "payment_method_data" in given:
        method = make_method(world, given["payment_method_data"])
    elif given.get("payment_method") or setup["payment_method"]:
        method = usable_method(world, setup, given.get("payment_method") or setup["payment_method"])
    else:
        raise ApiError("This SetupIntent is missing a payment method.", code="setup_intent_unexpected_state")
    setup.update(payment_method=method["id"], last_setup_error=None, next_action=None)
    card = card_of(method)
    if card is not None and not card.attachable:
        raise refuse_setup(world, setup, method, decline(card.decline, code=card.code))
    if must_authenticate(method):
        address = {"return_url": given.get("return_url"), "url": f"{world.base_url}/authenticate/{setup['id']}"}
        setup.update(status="requires_action", next_action={"type": "redirect_to_url", "redirect_to_url": address})
        world.emit("setup_intent.requires_action", setup)
        return setup
    return save(world, setup, method)


def authenticated_setup(world: World, setup: Object, *, passed: bool) -> Object:
    """Go on after the issuer's page. Raises CardError when the holder failed there."""
    if setup["status"] != "requires_action":
        raise unexpected(setup, "authenticate")
    method = world.edit("payment_method", setup["payment_method"])
    setup["next_action"] = None
    if not passed:
        raise refuse_setup(world, setup, method, CardError(UNAUTHENTICATED, code="setup_intent_authentication_failure"))
    method["_authenticated"] = True
    return save(world, setup, method)


def save(world: World, setup: Object, method: Object) -> Object:
    """Save the payment method with its customer."""
    method["_used"] = True
    if method["type"] == "sepa_debit":
        setup["mandate"] = make_mandate(world, method, single=False)["id"]
    if setup["customer"] and not method["customer"]:
        method.update(customer=setup["customer"], allow_redisplay="always")
        world.emit("payment_method.attached", method)
    setup["status"] = "succeeded"
    world.emit("setup_intent.succeeded", setup)
    return setup


def refuse_setup(world: World, setup: Object, method: Object, error: CardError) -> CardError:
    """Record a refused attempt and return the error for the caller to raise."""
    told = error.body()["error"] | {"payment_method": shown(method), "payment_method_type": method["type"]}
    setup.update(status="requires_payment_method", payment_method=None, last_setup_error=told)
    world.emit("setup_intent.setup_failed", setup)
    error.more["setup_intent"] = shown(setup)
    return error


def cancel_setup(world: World, setup: Object, given: p.Params) -> Object:
    """Give up a setup that is not done."""
    if setup["status"] not in OPEN:
        raise unexpected(setup, "cancel")
    setup.update(status="canceled", cancellation_reason=given.get("cancellation_reason"), next_action=None)
    world.emit("setup_intent.canceled", setup)
    return setup


def unexpected(setup: Object, verb: str) -> ApiError:
    """Return the refusal of an act that a setup's status does not allow."""
    message = f"You cannot {verb} this SetupIntent because it has a status of {setup['status']}."
    return ApiError(message, code="setup_intent_unexpected_state", setup_intent=shown(setup))


CREATE: p.Spec = {
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
    "confirm": p.boolean,
    "return_url": p.text,
    "usage": p.choice("off_session", "on_session"),
}
CONFIRM: p.Spec = {name: CREATE[name] for name in ("payment_method", "payment_method_data", "return_url")}
