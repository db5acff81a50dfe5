# SPDX-License-Identifier: Apache-2.0
"""Customers, their saved payment methods, and sessions of the page where they manage them."""

from billing.sandbox import params as p
from billing.sandbox.cards import BILLING, card_of, decline, magic_method
from billing.sandbox.errors import ApiError, Invalid
from billing.sandbox.store import Object
from billing.sandbox.world import World

CREATE: p.Spec = {
    "address": p.free_form,
    "business_name": p.clearable,
    "description": p.clearable,
    "email": p.clearable,
    "individual_name": p.clearable,
    "invoice_settings": p.hash_of({"default_payment_method": p.clearable}),
    "metadata": p.metadata,
    "name": p.clearable,
    "phone": p.clearable,
    "preferred_locales": p.list_of(p.text),
    "tax_exempt": p.choice("none", "exempt", "reverse"),
}
UPDATE_METHOD: p.Spec = {
    "allow_redisplay": p.choice("always", "limited", "unspecified"),
    "billing_details": p.hash_of(BILLING),
    "metadata": p.metadata,
}
ATTACH: p.Spec = {"customer": p.need(p.text)}
PORTAL: p.Spec = {
    "customer": p.need(p.text),
    "return_url": p.text,
    "locale": p.text,
    "configuration": p.text,
    "flow_data": p.free_form,
}


def make_customer(world: World, given: p.Params) -> Object:
    """Make a customer."""
    fields: Object = {
        "address": None,
        "balance": 0,
        "business_name": None,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "individual_name": None,
        "invoice_prefix": world.new_id("event", "").upper()[:8],
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    settings = {"custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None}
    if given.get("invoice_settings", {}).get("default_payment_method"):
        raise Invalid("A new customer has no payment method yet.", param="invoice_settings[default_payment_method]")
    customer = world.add("customer", fields | given | {"invoice_settings": settings})
    world.emit("customer.created", customer)
    return customer


def update_customer(world: World, customer: Object, given: p.Params) -> Object:
    """Change a customer."""
    settings = given.pop("invoice_settings", {})
    chosen = settings.get("default_payment_method")
    if chosen:
        method = world.get("payment_method", chosen, param="invoice_settings[default_payment_method]")
        if method["customer"] != customer["id"]:
            message = "The customer does not have a payment method with this ID. It must be attached first."
            raise Invalid(message, code="resource_missing", param="invoice_settings[default_payment_method]")
    customer["invoice_settings"] |= settings
    customer.update(given)
    world.emit("customer.updated", customer)
    return customer


def attach(world: World, method: Object, given: p.Params) -> Object:
    """Save a payment method with a customer. Raises CardError when its issuer refuses."""
    world.get("customer", given["customer"], param="customer")
    if method["customer"] == given["customer"]:
        return method
    if method["customer"]:
        raise ApiError("The payment method you provided has already been attached to a customer.")
    if method["_used"]:
        message = "This PaymentMethod was previously used or detached, and may not be used again."
        raise Invalid(message, param="payment_method")
    card = card_of(method)
    if card is not None and not card.attachable:
        raise decline(card.decline, code=card.code)
    method["customer"] = given["customer"]
    world.emit("payment_method.attached", method)
    return method


def detach(world: World, method: Object, given: p.Params) -> Object:
    """Take a payment method from its customer, for good."""
    del given
    if not method["customer"]:
        message = "The payment method you provided is not attached to a customer so detachment is impossible."
        raise ApiError(message)
    customer = world.edit("customer", method["customer"])
    if customer["invoice_settings"]["default_payment_method"] == method["id"]:
        customer["invoice_settings"]["default_payment_method"] = None
        world.emit("customer.updated", customer)
    method.update(customer=None, _used=True)
    world.emit("payment_method.detached", method)
    return method


def method_by_id(world: World, identity: str) -> Object:
    """Return a payment method to change; a documented test id makes a new one."""
    return magic_method(world, identity) or world.edit("payment_method", identity)


def update_method(world: World, method: Object, given: p.Params) -> Object:
    """Change what a payment method says about its holder."""
    method["billing_details"] |= given.pop("billing_details", {})
    method.update(given)
    world.emit("payment_method.updated", method)
    return method


def make_portal(world: World, given: p.Params) -> Object:
    """Open a session of the page where a customer manages payment methods."""
    world.get("customer", given["customer"], param="customer")
    fields = {
        "configuration": given.get("configuration", "bpc_sandbox"),
        "customer": given["customer"],
        "customer_account": None,
        "flow": None,
        "locale": given.get("locale"),
        "on_behalf_of": None,
        "return_url": given.get("return_url"),
    }
    session = world.add("billing_portal.session", fields)
    session["url"] = f"{world.base_url}/p/session/{session['id']}"
    return session
