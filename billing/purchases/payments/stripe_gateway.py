# SPDX-License-Identifier: Apache-2.0
"""The port over Stripe's official SDK: the only module that imports it, and where its API version is pinned."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import stripe

from billing.purchases.payments.gateway import (
    BadDelivery,
    Checkout,
    DisputeSeen,
    EventSeen,
    GatewayDown,
    GatewayRefused,
    PaymentSeen,
    PayoutLine,
    PayoutSeen,
    RefundSeen,
    SavedMethod,
)

# Objects are read in the shape of this version, whatever the account's default becomes.
API_VERSION = "2026-10-28.endive"
TIMEOUT_SECONDS = 10.0
RETRIES = 2
TOLERANCE_SECONDS = 300
PAGE = 100
_DISPUTES = {"won": "won", "lost": "lost", "warning_closed": "won", "prevented": "won"}
_REFUNDS = {"succeeded": "succeeded", "failed": "failed", "canceled": "failed"}
_LINES = {
    "charge": "charge",
    "payment": "charge",
    "refund": "refund",
    "payment_refund": "refund",
    "payment_failure_refund": "refund",
    "adjustment": "dispute",
}
_PAYABLE = {"card": "card", "sepa_debit": "sepa_debit"}
Answer = TypeVar("Answer")


class StripeGateway:
    """Speaks to Stripe, or to whatever stands at ``base``."""

    def __init__(self, *, key: str, secrets: Sequence[str], base: str = "", account: str = "") -> None:
        """Prepare a client; ``secrets`` are the signing secrets, two while one is being replaced."""
        self._client = stripe.StripeClient(
            key,
            stripe_version=API_VERSION,
            base_addresses={"api": base} if base else None,
            max_network_retries=RETRIES,
            http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
        )
        self._secrets = secrets
        self._account = account

    def create_customer(self, *, organisation: str, name: str, key: str) -> str:
        """Return a new customer's id. Only the organisation's own name leaves the house, no person's."""
        with _said():
            made = self._client.v1.customers.create(
                {"name": name, "metadata": {"organisation": organisation}}, {"idempotency_key": key}
            )
        return str(made.id)

    def open_checkout(
        self,
        *,
        customer: str,
        payment: str,
        cents: int,
        description: str,
        method: str,
        language: str,
        success_url: str,
        cancel_url: str,
        key: str,
    ) -> Checkout:
        """Open a page of Stripe Checkout; the bank decides whether the cardholder must authenticate."""
        wanted: Any = {
            "mode": "payment",
            "customer": customer,
            "client_reference_id": payment,
            "metadata": {"payment": payment},
            "allowed_payment_method_types": [method],
            "locale": language,
            "success_url": success_url,
            "cancel_url": cancel_url,
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": "eur",
                        "unit_amount": cents,
                        "product_data": {"name": description},
                    },
                }
            ],
            "payment_intent_data": {
                "metadata": {"payment": payment},
                "description": description,
                "setup_future_usage": "off_session",
            },
        }
        with _said():
            made = self._client.v1.checkout.sessions.create(wanted, {"idempotency_key": key})
        return Checkout(str(made.id), str(made.url or ""))

    def charge_saved(
        self, *, customer: str, method: str, payment: str, cents: int, description: str, key: str
    ) -> PaymentSeen:
        """Charge a saved method. A declined intent is cancelled, so that nobody can finish it behind our back."""
        wanted: Any = {
            "amount": cents,
            "currency": "eur",
            "customer": customer,
            "payment_method": method,
            "off_session": True,
            "confirm": True,
            "description": description,
            "metadata": {"payment": payment},
        }
        try:
            with _said():
                made = self._client.v1.payment_intents.create(wanted, {"idempotency_key": key})
                return self.read_payment(intent=str(made.id))
        except _Declined as declined:
            intent = declined.intent
            if intent:
                with _said():
                    self._client.v1.payment_intents.cancel(intent, {}, {"idempotency_key": f"{key}:cancel"})
            return PaymentSeen(
                "failed", intent=intent, problem=declined.code, needs_person=declined.code == "authentication_required"
            )

    def read_payment(self, *, session: str = "", intent: str = "") -> PaymentSeen:
        """Return a payment with its refunds and disputes, read now."""
        page: Any = None
        with _said():
            if session:
                page = self._client.v1.checkout.sessions.retrieve(session)
                intent = str(page.payment_intent or "") or intent
            if not intent:
                return PaymentSeen(_page_state(page), session=session)
            found = self._client.v1.payment_intents.retrieve(
                intent, {"expand": ["latest_charge", "latest_charge.balance_transaction"]}
            )
            refunds = self._all(self._client.v1.refunds.list, {"payment_intent": intent})
            disputes = self._all(self._client.v1.disputes.list, {"payment_intent": intent})
        return _payment(found, page, refunds, disputes)

    def refund(self, *, intent: str, cents: int, refund: str, key: str) -> RefundSeen:
        """Send money back on the way it came."""
        with _said():
            made = self._client.v1.refunds.create(
                {"payment_intent": intent, "amount": cents, "metadata": {"refund": refund}}, {"idempotency_key": key}
            )
        return _refund(made)

    def methods(self, *, customer: str) -> Sequence[SavedMethod]:
        """Return saved cards and accounts."""
        with _said():
            found = self._client.v1.payment_methods.list({"customer": customer, "limit": PAGE})
        return [SavedMethod(str(one.id), str(one.type), _label(one)) for one in found.data if one.type in _PAYABLE]

    def method_page(self, *, customer: str, return_url: str, language: str) -> str:
        """Return the address of Stripe's own page for the customer's methods."""
        wanted: Any = {"customer": customer, "return_url": return_url, "locale": language}
        with _said():
            made = self._client.v1.billing_portal.sessions.create(wanted)
        return str(made.url)

    def events(self, *, since: datetime) -> Sequence[EventSeen]:
        """Return Stripe's own list of events, which it keeps for thirty days."""
        with _said():
            found = self._all(self._client.v1.events.list, {"created": {"gte": int(since.timestamp())}})
        return sorted((_event(one) for one in found), key=lambda one: one.at)

    def payouts(self, *, since: datetime) -> Sequence[PayoutSeen]:
        """Return paid payouts with their balance transactions."""
        with _said():
            found = self._all(
                self._client.v1.payouts.list, {"created": {"gte": int(since.timestamp())}, "status": "paid"}
            )
            return [
                PayoutSeen(
                    str(one.id),
                    _instant(one.arrival_date).date(),
                    int(one.amount),
                    tuple(
                        _line(line)
                        for line in self._all(self._client.v1.balance_transactions.list, {"payout": str(one.id)})
                        if line.type != "payout"
                    ),
                )
                for one in sorted(found, key=lambda one: int(one.created))
            ]

    def read_delivery(self, *, body: bytes, signature: str) -> EventSeen:
        """Return the event of a delivery that carries a valid, fresh signature of one of our secrets."""
        reason = "unsigned"
        for secret in self._secrets:
            try:
                return _event(self._client.construct_event(body, signature, secret, TOLERANCE_SECONDS))
            except stripe.SignatureVerificationError as error:
                reason = "stale" if "tolerance" in str(error) else "bad_signature"
            except (ValueError, UnicodeDecodeError, AttributeError, KeyError, TypeError) as error:
                raise BadDelivery("not_an_event") from error
        raise BadDelivery(reason)

    def _all(self, listing: Callable[[Any], Any], wanted: dict[str, Any]) -> list[Any]:
        """Return every row of a list, page after page."""
        return list(listing({**wanted, "limit": PAGE}).auto_paging_iter())


class _Declined(Exception):
    def __init__(self, code: str, intent: str) -> None:
        self.code, self.intent = code, intent
        super().__init__(code)


@contextmanager
def _said() -> Iterator[None]:
    """Translate the SDK's errors into the port's. What the processor wrote for people stays out of our logs."""
    try:
        yield
    except stripe.CardError as error:
        raise _Declined(str(error.code or "card_declined"), _intent_of(error)) from error
    except (stripe.APIConnectionError, stripe.RateLimitError, stripe.APIError) as error:
        raise GatewayDown(type(error).__name__) from error
    except stripe.StripeError as error:
        raise GatewayRefused(str(error.code or type(error).__name__), str(error.user_message or error.code)) from error


def _intent_of(error: Any) -> str:
    body = error.json_body if isinstance(error.json_body, dict) else {}
    intent = (body.get("error") or {}).get("payment_intent") or {}
    return str(intent.get("id") or "") if isinstance(intent, dict) else str(intent)


def _instant(seconds: Any) -> datetime:
    return datetime.fromtimestamp(int(seconds), tz=UTC)


def _page_state(page: Any) -> str:
    return "expired" if page is not None and page.status == "expired" else "open"


def _payment(found: Any, page: Any, refunds: Sequence[Any], disputes: Sequence[Any]) -> PaymentSeen:
    charge = found.latest_charge
    fee = getattr(charge, "balance_transaction", None) if charge else None
    problem = found.last_payment_error.code if found.last_payment_error else ""
    return PaymentSeen(
        state=_state(found, page),
        intent=str(found.id),
        charge=str(charge.id) if charge else "",
        session=str(page.id) if page is not None else "",
        captured_cents=int(found.amount_received or 0),
        currency=str(found.currency),
        method=str(charge.payment_method_details.type) if charge and charge.payment_method_details else "",
        problem=str(problem or ""),
        fee_cents=int(fee.fee) if fee is not None and not isinstance(fee, str) else None,
        refunds=tuple(_refund(one) for one in refunds),
        disputes=tuple(
            DisputeSeen(str(one.id), int(one.amount), _DISPUTES.get(str(one.status), "open"), str(one.reason or ""))
            for one in disputes
        ),
    )


def _state(found: Any, page: Any) -> str:
    if found.status in {"succeeded", "processing"}:
        return "paid" if found.status == "succeeded" else "processing"
    if found.status == "canceled":
        return "failed"
    if page is None:
        # Nobody is present: an intent that wants another method or a person has come to its end.
        return "failed" if found.status in {"requires_payment_method", "requires_action"} else "open"
    if page.status == "complete":
        return "failed"  # the page is done and the debit came back
    return _page_state(page)


def _refund(one: Any) -> RefundSeen:
    return RefundSeen(str(one.id), int(one.amount), _REFUNDS.get(str(one.status), "pending"), _noted(one, "refund"))


def _label(method: Any) -> str:
    details = method.card if method.type == "card" else method.sepa_debit
    name = str(details.brand).capitalize() if method.type == "card" else "IBAN"
    return f"{name} •••• {details.last4}"


def _event(event: Any) -> EventSeen:
    about = event.data.object
    intent = about.id if _of(about, "object") == "payment_intent" else _of(about, "payment_intent")
    return EventSeen(
        id=str(event.id),
        type=str(event.type),
        at=_instant(event.created),
        object_id=str(_of(about, "id") or ""),
        payment=_noted(about, "payment"),
        intent=str(getattr(intent, "id", intent) or ""),
        account=str(_of(event, "account") or ""),
        live=bool(event.livemode),
    )


def _of(thing: Any, name: str) -> Any:
    """Return a field that not every kind of object has."""
    return getattr(thing, name, None)


def _noted(thing: Any, name: str) -> str:
    """Return what we wrote into the object's metadata."""
    return str(_of(_of(thing, "metadata"), name) or "")


def _line(line: Any) -> PayoutLine:
    return PayoutLine(_LINES.get(str(line.type), "other"), str(line.source or ""), int(line.amount), int(line.fee))
