# SPDX-License-Identifier: Apache-2.0
"""States of quotes, agreements and orders, and what may follow what, without Django."""

from collections.abc import Mapping
from enum import StrEnum


class QuoteState(StrEnum):
    """A quote. An accepted one is settled once its exact amount has arrived."""

    DRAFT = "draft"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


QUOTE_MOVES: Mapping[QuoteState, frozenset[QuoteState]] = {
    QuoteState.DRAFT: frozenset({QuoteState.OFFERED, QuoteState.WITHDRAWN}),
    QuoteState.OFFERED: frozenset({QuoteState.ACCEPTED, QuoteState.DECLINED, QuoteState.EXPIRED, QuoteState.WITHDRAWN}),
}


class AgreementState(StrEnum):
    """A framework agreement: one person drafts it, another activates it."""

    DRAFT = "draft"
    ACTIVE = "active"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"


AGREEMENT_MOVES: Mapping[AgreementState, frozenset[AgreementState]] = {
    AgreementState.DRAFT: frozenset({AgreementState.ACTIVE, AgreementState.WITHDRAWN}),
    AgreementState.ACTIVE: frozenset({AgreementState.ENDED}),
}


class OrderState(StrEnum):
    """A purchase order: above a soft cap the buyer approves it first, then staff accept it."""

    IN_REVIEW = "in_review"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    CANCELLED = "cancelled"


ORDER_MOVES: Mapping[OrderState, frozenset[OrderState]] = {
    OrderState.IN_REVIEW: frozenset({OrderState.SUBMITTED, OrderState.REFUSED, OrderState.CANCELLED}),
    OrderState.SUBMITTED: frozenset({OrderState.ACCEPTED, OrderState.REFUSED, OrderState.CANCELLED}),
    OrderState.ACCEPTED: frozenset({OrderState.CANCELLED}),
}
# What takes up room in a maximum or a cap; the trigger of migration 0002 names the same two that do not.
FREED = frozenset({OrderState.REFUSED, OrderState.CANCELLED})
COMMITTED = frozenset(OrderState) - FREED


class BankTransferState(StrEnum):
    """Money that came in: booked at once, by a second person above the limit, or refused with the reason kept."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    REFUSED = "refused"


class Series(StrEnum):
    """The series of numbers, each by year: devis, accord-cadre, bon de commande."""

    QUOTE = "DE"
    AGREEMENT = "AC"
    ORDER = "BC"
