# SPDX-License-Identifier: Apache-2.0
"""States and kinds of billing, without Django."""

from enum import StrEnum


class AccountKind(StrEnum):
    """What a ledger account is for. Lots, receivables and payables have an organisation, the others are the platform's.

    ``funding`` is where credit comes from, ``clearing`` where usage goes, ``breakage`` what expired unspent,
    ``goodwill`` what the consortium gives back on its own account, ``disputed`` what a bank has taken back for now,
    ``payable`` what an operator has earned and ``commission`` what the consortium keeps of it.
    """

    LOT = "lot"
    RECEIVABLE = "receivable"
    FUNDING = "funding"
    CLEARING = "clearing"
    BREAKAGE = "breakage"
    GOODWILL = "goodwill"
    DISPUTED = "disputed"
    PAYABLE = "payable"
    COMMISSION = "commission"


OWNED_KINDS = frozenset({AccountKind.LOT, AccountKind.RECEIVABLE, AccountKind.PAYABLE})
PLATFORM_KINDS = frozenset(AccountKind) - OWNED_KINDS


class Origin(StrEnum):
    """Where a lot's credit came from; grants are spent before purchases."""

    GRANT = "grant"
    PROMO = "promo"
    GOODWILL = "goodwill"
    PURCHASE = "purchase"


ORIGIN_RANK = {Origin.GRANT: 0, Origin.PROMO: 1, Origin.GOODWILL: 1, Origin.PURCHASE: 2}


class TransferKind(StrEnum):
    """Why credit moved."""

    GRANT = "grant"
    PURCHASE = "purchase"
    USAGE = "usage"
    CORRECTION = "correction"
    EXPIRY = "expiry"
    REFUND = "refund"
    SETTLEMENT = "settlement"
    REVERSAL = "reversal"
    RECLAIM = "reclaim"
    DISPUTE = "dispute"
    PAYOUT = "payout"
    DEBT = "debt"


class HoldState(StrEnum):
    """A hold is open until its run is settled."""

    OPEN = "open"
    CLOSED = "closed"


class RequestState(StrEnum):
    """Something that creates or moves credit and waits for a second pair of eyes."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class PromoState(StrEnum):
    """A promo code can be redeemed while it is active; what ended never begins again."""

    PENDING = "pending"
    ACTIVE = "active"
    REJECTED = "rejected"
    ENDED = "ended"


class DraftState(StrEnum):
    """Prices in preparation."""

    DRAFT = "draft"
    PUBLISHED = "published"
    DISCARDED = "discarded"


class BudgetScope(StrEnum):
    """What a budget caps, widest first."""

    ORGANISATION = "organisation"
    PROJECT = "project"
    MEMBER = "member"
    GRANT = "grant"
    WORKLOAD = "workload"


class BudgetPeriod(StrEnum):
    """Over which time a budget counts, widest first. Periods begin at 00:00 UTC, weeks on Monday."""

    LIFETIME = "lifetime"
    MONTH = "month"
    WEEK = "week"
    DAY = "day"


class BudgetAction(StrEnum):
    """What a step of a budget does."""

    ALERT = "alert"
    FREEZE = "freeze"
    DRAIN = "drain"


class LineKind(StrEnum):
    """A statement's line is the month's own usage, or the difference to what an earlier statement said."""

    USAGE = "usage"
    CORRECTION = "correction"
