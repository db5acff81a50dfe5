# SPDX-License-Identifier: Apache-2.0
"""Checkout sessions: what the seller asks for, and what the payer does on the hosted page."""

from typing import Any

from billing.sandbox import params as p
from billing.sandbox.cards import make_method
from billing.sandbox.customers import make_customer
from billing.sandbox.errors import ApiError, Invalid
from billing.sandbox.intents import add_intent, cancel_intent, confirm_intent
from billing.sandbox.money import DAY
from billing.sandbox.setups import add_setup, confirm_setup
from billing.sandbox.store import Object
from billing.sandbox.world import World, shown

PLACE = "{CHECKOUT_SESSION_ID}"
PRICE_DATA: p.Spec = {
    "currency": p.need(p.currency),
    "unit_amount": p.need(p.integer(0)),
    "product_data": p.hash_of({"name": p.need(p.text), "description": p.text, "metadata": p.metadata}),
    "product": p.text,
    "tax_behavior": p.choice("exclusive", "inclusive", "unspecified"),
}
LINE: p.Spec = {
    "price_data": p.need(p.hash_of(PRICE_DATA)),
    "quantity": p.need(p.integer(1, 999_999)),
    "metadata": p.metadata,
}
CREATE: p.Spec = {
    "mode": p.need(p.choice("payment", "setup")),
    "success_url": p.need(p.text),
    "cancel_url": p.text,
    "client_reference_id": p.text,
    "currency": p.currency,
    "customer": p.text,
    "customer_email": p.text,
    "customer_creation": p.choice("always", "if_required"),
    "customer_update": p.free_form,
    "expires_at": p.integer(0, 99_999_999_999),
    "line_items": p.list_of(p.hash_of(LINE)),
    "locale": p.text,
    "metadata": p.metadata,
    "payment_intent_data": p.hash_of(
        {
            "capture_method": p.choice("automatic", "automatic_async"),
            "description": p.text,
            "metadata": p.metadata,
            "receipt_email": p.text,
            "setup_future_usage": p.choice("off_session", "on_session"),
            "statement_descriptor": p.text,
            "statement_descriptor_suffix": p.text,
            "transfer_group": p.text,
        }
    ),
    "payment_method_types": p.gone,
    "allowed_payment_method_types": p.METHODS,
    "payment_method_options": p.free_form,
    "saved_payment_method_options": p.free_form,
    "setup_intent_data": p.hash_of({"description": p.text, "metadata": p.metadata}),
    "submit_type": p.choice("auto", "book", "donate", "pay"),
    "ui_mode": p.choice("hosted_page"),
    "billing_address_collection": p.choice("auto", "required"),
}


def make_session(world: World, given: p.Params) -> Object:
    """Open a session with a page of its own."""
    setup = given["mode"] == "setup"
    if given.get("customer"):
        world.get("customer", given["customer"], param="customer")
        if given.get("customer_email"):
            raise Invalid(
                "You may only specify one of these parameters: customer, customer_email.", param="customer_email"
            )
    lines = _lines(world, given)
    total = sum(line["amount_total"] for line in lines)
    _check(given, total, setup=setup)
    now = world.now()
    expires = given.get("expires_at", now + DAY)
    if not now + 1_800 <= expires <= now + DAY:
        raise Invalid("expires_at must be between 30 minutes and 24 hours from now.", param="expires_at")
    fields: dict[str, Any] = {
        "adaptive_pricing": None,
        "after_expiration": None,
        "allow_promotion_codes": None,
        "allowed_payment_method_types": given.get("allowed_payment_method_types"),
        "amount_subtotal": None if setup else total,
        "amount_total": None if setup else total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": given.get("billing_address_collection"),
        "cancel_url": given.get("cancel_url"),
        "client_reference_id": given.get("client_reference_id"),
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "currency": "eur",
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": given.get("customer"),
        "customer_account": None,
        "customer_creation": None if given.get("customer") else given.get("customer_creation", "if_required"),
        "customer_details": None,
        "customer_email": given.get("customer_email"),
        "discounts": [],
        "expires_at": expires,
        "invoice": None,
        "invoice_creation": None,
        "locale": given.get("locale"),
        "metadata": given.get("metadata", {}),
        "mode": given["mode"],
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "always",
        "payment_method_options": given.get("payment_method_options", {}),
        "payment_method_types": given.get("allowed_payment_method_types") or ["card", "sepa_debit"],
        "payment_status": "no_payment_required" if setup else "unpaid",
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": given.get("saved_payment_method_options"),
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": given.get("submit_type"),
        "subscription": None,
        "success_url": given["success_url"],
        "total_details": None if setup else {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "_lines": lines,
        "_intent_data": given.get("payment_intent_data", {}),
    }
    session = world.add("checkout.session", fields)
    session["url"] = f"{world.base_url}/c/pay/{session['id']}"
    if setup:
        data = given.get("setup_intent_data", {})
        data |= {"customer": session["customer"], "payment_method_types": session["payment_method_types"]}
        intent = add_setup(world, data)
        intent["_session"], session["setup_intent"] = session["id"], intent["id"]
    return session


def _check(given: p.Params, total: int, *, setup: bool) -> None:
    """Refuse what does not belong together."""
    if setup and "currency" not in given and "allowed_payment_method_types" not in given:
        raise p.missing("currency")
    for name in ("line_items", "payment_intent_data") if setup else ("setup_intent_data",):
        if name in given:
            raise Invalid(f"You can not pass `{name}` in `{given['mode']}` mode.", param=name)
    if setup:
        return
    if not given.get("line_items"):
        raise p.missing("line_items")
    if total < 50:
        message = "The Checkout Session's total amount due must add up to at least €0.50 eur"
        raise Invalid(message, code="amount_too_small", param="line_items")
    if total > p.MAX_CENTS:
        raise Invalid(
            "The Checkout Session's total amount due is too large.", code="amount_too_large", param="line_items"
        )


def _lines(world: World, given: p.Params) -> list[Object]:
    lines = []
    for number, item in enumerate(given.get("line_items", [])):
        data = item["price_data"]
        if "product_data" not in data and "product" not in data:
            raise p.missing(f"line_items[{number}][price_data][product_data]")
        amount = data["unit_amount"] * item["quantity"]
        price = {
            "id": world.new_id("event", "price_"),
            "object": "price",
            "active": False,
            "billing_scheme": "per_unit",
            "created": world.now(),
            "currency": data["currency"],
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": None,
            "metadata": {},
            "nickname": None,
            "product": data.get("product") or world.new_id("event", "prod_"),
            "recurring": None,
            "tax_behavior": data.get("tax_behavior", "unspecified"),
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "one_time",
            "unit_amount": data["unit_amount"],
            "unit_amount_decimal": str(data["unit_amount"]),
        }
        lines.append(
            {
                "id": world.new_id("event", "li_"),
                "object": "item",
                "adjustable_quantity": None,
                "amount_discount": 0,
                "amount_subtotal": amount,
                "amount_tax": 0,
                "amount_total": amount,
                "currency": data["currency"],
                "description": data.get("product_data", {}).get("name"),
                "metadata": item.get("metadata", {}),
                "price": price,
                "quantity": item["quantity"],
            }
        )
    return lines


def expire(world: World, session: Object, given: p.Params) -> Object:
    """Close an open session. Raises ApiError for another."""
    del given
    if session["status"] != "open":
        message = 'Only Checkout Sessions with a status in ["open"] can be expired.'
        raise ApiError(f"{message} This Session has a status of {session['status']}.")
    session.update(status="expired", url=None)
    if session["payment_intent"]:
        cancel_intent(
            world, world.edit("payment_intent", session["payment_intent"]), {"cancellation_reason": "abandoned"}
        )
    world.emit("checkout.session.expired", session)
    return session


def pay(world: World, session: Object, method_data: p.Params, *, email: str = "") -> Object:
    """Do what the payer does on the page. Raises CardError for a refusal; the session then stays open.

    Returns the intent; one that requires action has the address of the issuer's page.
    """
    if session["status"] != "open":
        raise ApiError("This Checkout Session is no longer open.", code="checkout_session_not_open")
    method = make_method(world, method_data)
    if method["type"] not in session["payment_method_types"]:
        raise Invalid(f"{method['type']} is not allowed in this session.", param="payment_method_data[type]")
    _know_customer(world, session, method, email)
    if session["mode"] == "setup":
        setup = world.edit("setup_intent", session["setup_intent"])
        setup["customer"] = session["customer"]
        confirm_setup(world, setup, {"payment_method": method["id"]})
        after(world, setup)
        return setup
    if session["payment_intent"]:
        intent = world.edit("payment_intent", session["payment_intent"])
    else:
        data = session["_intent_data"] | {"amount": session["amount_total"], "currency": "eur"}
        allowed = session["allowed_payment_method_types"]
        data |= {"customer": session["customer"], "allowed_payment_method_types": allowed}
        intent = add_intent(world, data)
        intent["_session"], session["payment_intent"] = session["id"], intent["id"]
    confirm_intent(world, intent, {"payment_method": method["id"]})
    after(world, intent)
    return intent


def _know_customer(world: World, session: Object, method: Object, email: str) -> None:
    details = method["billing_details"]
    email = email or session["customer_email"] or details["email"] or ""
    if session["customer"]:
        customer = world.get("customer", session["customer"])
        email = customer["email"] or email
    elif session["customer_creation"] == "always":
        session["customer"] = make_customer(world, {"email": email} if email else {})["id"]
    session["customer_details"] = {
        "address": details["address"],
        "business_name": None,
        "email": email or None,
        "individual_name": None,
        "name": details["name"],
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def session_of(world: World, intent: Object) -> Object | None:
    """Return the session that an intent belongs to, to change."""
    return world.edit("checkout.session", intent["_session"]) if intent.get("_session") else None


def after(world: World, intent: Object) -> None:
    """Bring the session of an intent to where the intent is."""
    session = session_of(world, intent)
    if session is None:
        return
    status = intent["status"]
    if session["status"] == "open" and status in {"succeeded", "processing"}:
        session.update(status="complete", url=None)
        if status == "succeeded" and session["mode"] == "payment":
            session["payment_status"] = "paid"
        world.emit("checkout.session.completed", session)
    elif session["status"] == "complete" and session["payment_status"] == "unpaid" and status == "succeeded":
        session["payment_status"] = "paid"
        world.emit("checkout.session.async_payment_succeeded", session)
    elif session["status"] == "complete" and session["payment_status"] == "unpaid" and status != "processing":
        world.emit("checkout.session.async_payment_failed", session)


def return_address(session: Object) -> str:
    """Return where the payer goes when all is done."""
    return str(session["success_url"]).replace(PLACE, session["id"])


def lines_of(session: Object) -> list[Object]:
    """Return what is bought."""
    return [shown(line) for line in session["_lines"]]
