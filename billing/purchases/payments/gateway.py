# SPDX-License-Identifier: Apache-2.0
"""What we ask of a payment processor, in our own words. Amounts are integer cents of ``currency``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol


class GatewayDown(Exception):
    """No answer, or none that says what happened: ask again with the same key."""


class GatewayRefused(Exception):
    """The processor understood and said no; ``code`` is its own word for why."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class BadDelivery(Exception):
    """A delivery that the processor did not sign, or too long ago; ``reason`` is a short word of ours."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Checkout:
    """A page of the processor on which a person pays."""

    id: str
    url: str


@dataclass(frozen=True, slots=True)
class RefundSeen:
    """A refund as the processor has it; ``ours`` is our id where we asked for it."""

    id: str
    cents: int
    state: str  # pending, succeeded, failed
    ours: str = ""


@dataclass(frozen=True, slots=True)
class DisputeSeen:
    """A dispute as the processor has it."""

    id: str
    cents: int
    state: str  # open, won, lost
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentSeen:
    """A payment as the processor has it now."""

    state: str  # open, processing, paid, failed, expired
    intent: str = ""
    charge: str = ""
    session: str = ""
    captured_cents: int = 0
    currency: str = "eur"
    method: str = ""
    problem: str = ""
    needs_person: bool = False
    fee_cents: int | None = None
    refunds: tuple[RefundSeen, ...] = ()
    disputes: tuple[DisputeSeen, ...] = ()


@dataclass(frozen=True, slots=True)
class EventSeen:
    """That something happened to ``object_id``; ``payment`` is our own id where the object carries it."""

    id: str
    type: str
    at: datetime
    object_id: str = ""
    payment: str = ""
    intent: str = ""
    account: str = ""
    live: bool = False


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A card or an account that may be charged again."""

    id: str
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class PayoutLine:
    """One line of a payout: ``kind`` is charge, refund, dispute or other; ``source`` is the processor's object."""

    kind: str
    source: str
    cents: int
    fee_cents: int


@dataclass(frozen=True, slots=True)
class PayoutSeen:
    """A transfer to our bank account with everything in it."""

    id: str
    on: date
    cents: int
    lines: tuple[PayoutLine, ...]


class Gateway(Protocol):
    """A payment processor. Every call may raise GatewayDown or GatewayRefused; a ``key`` makes repeating harmless."""

    def create_customer(self, *, organisation: str, name: str, key: str) -> str:
        """Return the processor's id of a new customer."""

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
        """Open a page on which a person pays ``cents``; the method is saved for later."""

    def charge_saved(
        self, *, customer: str, method: str, payment: str, cents: int, description: str, key: str
    ) -> PaymentSeen:
        """Charge a saved method while nobody is present; a decline is an answer, not an error."""

    def read_payment(self, *, session: str = "", intent: str = "") -> PaymentSeen:
        """Return a payment as it is now, by its page or by its intent."""

    def refund(self, *, intent: str, cents: int, refund: str, key: str) -> RefundSeen:
        """Send ``cents`` back."""

    def methods(self, *, customer: str) -> Sequence[SavedMethod]:
        """Return the saved methods."""

    def method_page(self, *, customer: str, return_url: str, language: str) -> str:
        """Return the address of the page where the customer manages saved methods."""

    def events(self, *, since: datetime) -> Sequence[EventSeen]:
        """Return what happened since, oldest first."""

    def payouts(self, *, since: datetime) -> Sequence[PayoutSeen]:
        """Return finished payouts since, oldest first."""

    def read_delivery(self, *, body: bytes, signature: str) -> EventSeen:
        """Return the event of a signed delivery. Raises BadDelivery."""
