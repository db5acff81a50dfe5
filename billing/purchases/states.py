# SPDX-License-Identifier: Apache-2.0
"""States of payments, refunds and disputes, without Django."""

from collections.abc import Mapping
from enum import StrEnum


class PaymentKind(StrEnum):
    """Who is present: a person at the checkout, or nobody when the balance runs low."""

    CHECKOUT = "checkout"
    RECHARGE = "recharge"


class Method(StrEnum):
    """How it is paid."""

    CARD = "card"
    SEPA_DEBIT = "sepa_debit"


class PaymentState(StrEnum):
    """``processing`` is a direct debit on its way. ``mismatch`` is money that is not what was asked for."""

    CREATED = "created"
    OPEN = "open"
    PROCESSING = "processing"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"
    MISMATCH = "mismatch"


class RefundState(StrEnum):
    """``waiting`` for a second person, ``sending`` until the processor has answered."""

    WAITING = "waiting"
    SENDING = "sending"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"


class DisputeState(StrEnum):
    """A bank asks for money back; in the end one side keeps it."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


class EventState(StrEnum):
    """What became of a processor's event: waiting, done, of no concern, or refused with the reason."""

    WAITING = "waiting"
    DONE = "done"
    IGNORED = "ignored"
    REFUSED = "refused"


_P = PaymentState
# Money that arrives after all is money: a failed or expired payment may still become paid.
PAYMENT_MOVES: Mapping[PaymentState, frozenset[PaymentState]] = {
    _P.CREATED: frozenset({_P.OPEN, _P.PROCESSING, _P.PAID, _P.FAILED, _P.EXPIRED, _P.MISMATCH}),
    _P.OPEN: frozenset({_P.PROCESSING, _P.PAID, _P.FAILED, _P.EXPIRED, _P.MISMATCH}),
    _P.PROCESSING: frozenset({_P.PAID, _P.FAILED, _P.MISMATCH}),
    _P.FAILED: frozenset({_P.PAID, _P.MISMATCH}),
    _P.EXPIRED: frozenset({_P.PAID, _P.MISMATCH}),
    _P.PAID: frozenset(),
    _P.MISMATCH: frozenset({_P.PAID}),
}
UNSETTLED = frozenset({_P.CREATED, _P.OPEN, _P.PROCESSING})
_R = RefundState
REFUND_MOVES: Mapping[RefundState, frozenset[RefundState]] = {
    _R.WAITING: frozenset({_R.SENDING, _R.REJECTED}),
    _R.SENDING: frozenset({_R.PENDING, _R.SUCCEEDED, _R.FAILED}),
    _R.PENDING: frozenset({_R.SUCCEEDED, _R.FAILED}),
    _R.SUCCEEDED: frozenset({_R.FAILED}),  # a bank may return what was paid out
    _R.FAILED: frozenset(),
    _R.REJECTED: frozenset(),
}
REFUND_AT_WORK = frozenset({_R.SENDING, _R.PENDING})
# Refunds that take credit: it left the lot when the second person agreed, and came back when the processor refused.
REFUND_TAKES = frozenset({_R.SENDING, _R.PENDING, _R.SUCCEEDED})
