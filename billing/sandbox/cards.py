# SPDX-License-Identifier: Apache-2.0
"""The processor's test cards and bank accounts: what each of them does, and the payment methods made of them."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from billing.sandbox import params as p
from billing.sandbox.errors import CardError, Invalid
from billing.sandbox.store import Object
from billing.sandbox.world import World


@dataclass(frozen=True)
class Card:
    """A test card: ``decline`` is why it refuses, ``asks`` when its holder must authenticate."""

    number: str
    name: str
    brand: str = "visa"
    decline: str = ""
    code: str = "card_declined"
    asks: str = ""  # once: until authenticated; always: each time, so never off session
    attachable: bool = True


CARDS = (
    Card("4242424242424242", "visa"),
    Card("5555555555554444", "mastercard", brand="mastercard"),
    Card("4000002500003155", "authenticationRequiredOnSetup", asks="once"),
    Card("4000002760003184", "authenticationRequired", asks="always"),
    Card("4000000000000002", "visa_chargeDeclined", decline="generic_decline", attachable=False),
    Card("4000000000009995", "visa_chargeDeclinedInsufficientFunds", decline="insufficient_funds", attachable=False),
    Card(
        "4000000000000069", "chargeDeclinedExpiredCard", decline="expired_card", code="expired_card", attachable=False
    ),
    Card("4000000000000341", "chargeCustomerFail", decline="generic_decline"),
)
BY_NUMBER = {card.number: card for card in CARDS}
BY_NAME = {card.name: card for card in CARDS}
MESSAGES = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}
# Accounts whose debit comes back; every other valid IBAN pays.
FAILING_IBANS = {"AT861904300235473202", "DE62370400440532013001", "FR8420041010050500013M02607"}

BILLING: p.Spec = {
    "name": p.clearable,
    "email": p.clearable,
    "phone": p.clearable,
    "tax_id": p.clearable,
    "address": p.free_form,
}
METHOD: p.Spec = {
    "type": p.need(p.choice("card", "sepa_debit")),
    "card": p.hash_of(
        {
            "token": p.text,
            "number": p.text,
            "exp_month": p.integer(1, 12),
            "exp_year": p.integer(2000, 2100),
            "cvc": p.text,
        }
    ),
    "sepa_debit": p.hash_of({"iban": p.need(p.text)}),
    "billing_details": p.hash_of(BILLING),
    "allow_redisplay": p.choice("always", "limited", "unspecified"),
    "metadata": p.metadata,
}


def valid_iban(iban: str) -> bool:
    """Tell whether the check digits of an IBAN are right."""
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", iban):
        return False
    return int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97 == 1


def make_method(world: World, given: p.Params) -> Object:
    """Make a payment method that no customer has yet."""
    kind = given["type"]
    if kind not in given:
        raise p.missing(kind)
    details: dict[str, Any]
    if kind == "card":
        card = _card(given["card"])
        own = {"_card": card.number, "_authenticated": False}
        details = card_details(card, given["card"].get("exp_month", 12), given["card"].get("exp_year", 2034))
    else:
        iban = re.sub(r"\s", "", given["sepa_debit"]["iban"]).upper()
        if not valid_iban(iban):
            raise Invalid(
                "The IBAN you provided is invalid.", code="invalid_bank_account_iban", param="sepa_debit[iban]"
            )
        own = {"_iban": iban}
        details = {
            "bank_code": iban[4:12],
            "branch_code": "",
            "country": iban[:2],
            "fingerprint": _fingerprint(iban),
            "generated_from": {"charge": None, "setup_attempt": None},
            "last4": iban[-4:],
        }
    empty = {"address": None, "email": None, "name": None, "phone": None, "tax_id": None}
    fields = {
        "allow_redisplay": given.get("allow_redisplay", "unspecified"),
        "billing_details": empty | given.get("billing_details", {}),
        "customer": None,
        "customer_account": None,
        "metadata": given.get("metadata", {}),
        "type": kind,
        kind: details,
        "_used": False,
    }
    return world.add("payment_method", fields | own)


def magic_method(world: World, identity: str) -> Object | None:
    """Make a payment method of a documented test id such as ``pm_card_visa``, each time a new one."""
    card = BY_NAME.get(identity.removeprefix("pm_card_"))
    if not identity.startswith("pm_card_") or card is None:
        return None
    return make_method(world, {"type": "card", "card": {"number": card.number}})


def _card(given: p.Params) -> Card:
    if "token" in given:
        card = BY_NAME.get(given["token"].removeprefix("tok_"))
        param = "card[token]"
    elif "number" in given:
        card = BY_NUMBER.get(given["number"].replace(" ", ""))
        param = "card[number]"
    else:
        raise p.missing("card[number]")
    if card is None:
        message = "Your card was declined. Your request was in test mode, but used a card that is no known test card."
        raise Invalid(message, code="card_declined", param=param)
    return card


def card_details(card: Card, month: int, year: int) -> dict[str, Any]:
    """Return the card's part of a payment method."""
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "FR",
        "display_brand": card.brand,
        "exp_month": month,
        "exp_year": year,
        "fingerprint": _fingerprint(card.number),
        "funding": "credit",
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _fingerprint(number: str) -> str:
    return hashlib.sha256(number.encode()).hexdigest()[:16]


def card_of(method: Object) -> Card | None:
    """Return the test card behind a payment method, or nothing for a bank account."""
    return BY_NUMBER[method["_card"]] if method["type"] == "card" else None


def must_authenticate(method: Object) -> bool:
    """Tell whether the holder must authenticate a payment with this method."""
    card = card_of(method)
    return card is not None and (card.asks == "always" or (card.asks == "once" and not method["_authenticated"]))


def decline(reason: str, *, code: str = "card_declined", **more: Any) -> CardError:
    """Return the issuer's refusal."""
    return CardError(MESSAGES[reason], code=code, decline_code=reason, **more)
