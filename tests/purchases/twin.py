# SPDX-License-Identifier: Apache-2.0
"""A payment processor in memory, for tests of what we make of its answers: it keeps the truth, tests move it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import TypeVar

from billing.purchases.payments.gateway import (
    BadDelivery,
    Checkout,
    DisputeSeen,
    EventSeen,
    GatewayDown,
    GatewayRefused,
    PaymentSeen,
    PayoutSeen,
    RefundSeen,
    SavedMethod,
)
from tests.worlds import NOW

Answer = TypeVar("Answer")


@dataclass
class Twin:
    """What the processor knows. ``down`` makes the next so many calls end without an answer, after their effect."""

    payments: dict[str, PaymentSeen] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    answers: dict[str, object] = field(default_factory=dict)
    log: list[EventSeen] = field(default_factory=list)
    paid_out: list[PayoutSeen] = field(default_factory=list)
    declines: str = ""
    down: int = 0
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def create_customer(self, *, organisation: str, name: str, key: str) -> str:
        """Return a customer."""
        return f"cus_{organisation}"

    def open_checkout(self, *, payment: str, cents: int, key: str, **_: str) -> Checkout:
        """Open a page."""
        if key not in self.answers:
            session = f"cs_{next(self.numbers)}"
            self.sessions[session] = intent = f"pi_{next(self.numbers)}"
            self.owners[intent] = payment
            self.payments[intent] = PaymentSeen("open", intent=intent, session=session)
            self.answers[key] = Checkout(session, f"https://pay.example/{session}")
        return self._answer(key, Checkout)

    def charge_saved(self, *, payment: str, cents: int, key: str, **_: str) -> PaymentSeen:
        """Charge without a person."""
        if key not in self.answers:
            intent = f"pi_{next(self.numbers)}"
            self.owners[intent] = payment
            self.payments[intent] = PaymentSeen("open", intent=intent)
            if self.declines:
                self.payments[intent] = replace(self.payments[intent], state="failed", problem=self.declines)
            else:
                self.pay(intent, cents)
            self.answers[key] = self.payments[intent]
        return self._answer(key, PaymentSeen)

    def read_payment(self, *, session: str = "", intent: str = "") -> PaymentSeen:
        """Return the truth."""
        if self.down:
            self.down -= 1
            raise GatewayDown("down")
        return self.payments[intent or self.sessions[session]]

    def refund(self, *, intent: str, cents: int, refund: str, key: str) -> RefundSeen:
        """Send back, never more than is left."""
        if key not in self.answers:
            seen = self.payments[intent]
            gone = sum(one.cents for one in seen.refunds if one.state != "failed")
            if cents > seen.captured_cents - gone:
                raise GatewayRefused("amount_too_large", "more than is left")
            made = RefundSeen(f"re_{next(self.numbers)}", cents, "succeeded", refund)
            self.payments[intent] = replace(seen, refunds=(*seen.refunds, made))
            self.happened("refund.created", intent, made.id)
            self.answers[key] = made
        return self._answer(key, RefundSeen)

    def methods(self, *, customer: str) -> Sequence[SavedMethod]:
        """Return one card."""
        return [SavedMethod("pm_1", "card", "Visa •••• 4242")]

    def method_page(self, *, customer: str, return_url: str, language: str) -> str:
        """Return a page."""
        return "https://pay.example/methods"

    def events(self, *, since: datetime) -> Sequence[EventSeen]:
        """Return everything since."""
        return [one for one in self.log if one.at >= since]

    def payouts(self, *, since: datetime) -> Sequence[PayoutSeen]:
        """Return payouts."""
        return self.paid_out

    def read_delivery(self, *, body: bytes, signature: str) -> EventSeen:
        """Return the event whose id is the body, when the signature is good."""
        found = [one for one in self.log if one.id == body.decode()]
        if signature != "good" or not found:
            raise BadDelivery("bad_signature")
        return found[0]

    def pay(self, intent: str, cents: int, *, currency: str = "eur") -> None:
        """Let money arrive."""
        charge = f"ch_{next(self.numbers)}"
        self.payments[intent] = replace(
            self.payments[intent], state="paid", captured_cents=cents, currency=currency, charge=charge, method="card"
        )
        self.happened("payment_intent.succeeded", intent, intent)

    def set(self, intent: str, state: str, problem: str = "") -> None:
        """Let a payment be open, processing, failed or expired."""
        self.payments[intent] = replace(self.payments[intent], state=state, problem=problem, method="sepa_debit")
        self.happened(f"payment_intent.{state}", intent, intent)

    def dispute(self, intent: str, cents: int) -> str:
        """Let a bank ask for money back."""
        made = DisputeSeen(f"dp_{next(self.numbers)}", cents, "open", "fraudulent")
        seen = self.payments[intent]
        self.payments[intent] = replace(seen, disputes=(*seen.disputes, made))
        self.happened("charge.dispute.created", intent, made.id)
        return made.id

    def close_dispute(self, intent: str, dispute: str, state: str) -> None:
        """Let the bank decide."""
        seen = self.payments[intent]
        self.payments[intent] = replace(
            seen, disputes=tuple(replace(one, state=state) if one.id == dispute else one for one in seen.disputes)
        )
        self.happened("charge.dispute.closed", intent, dispute)

    def happened(self, type_: str, intent: str, object_id: str, *, account: str = "", live: bool = False) -> EventSeen:
        """Write an event down."""
        event = EventSeen(
            f"evt_{next(self.numbers)}", type_, NOW, object_id, self.owners.get(intent, ""), intent, account, live
        )
        self.log.append(event)
        return event

    def _answer(self, key: str, kind: type[Answer]) -> Answer:
        if self.down:
            self.down -= 1
            raise GatewayDown("down")
        answer = self.answers[key]
        assert isinstance(answer, kind)
        return answer
