# SPDX-License-Identifier: Apache-2.0
"""States and kinds of billing, without Django."""

from enum import StrEnum


class AccountKind(StrEnum):
    """What a ledger account is for. Lots and receivables belong to a tenant, the others to the platform."""

    LOT = "lot"
    RECEIVABLE = "receivable"
    FUNDING = "funding"
    CLEARING = "clearing"


class Origin(StrEnum):
    """Where a lot's credit came from; grants are spent before purchases."""

    GRANT = "grant"
    PROMO = "promo"
    PURCHASE = "purchase"


ORIGIN_RANK = {Origin.GRANT: 0, Origin.PROMO: 1, Origin.PURCHASE: 2}


class TransferKind(StrEnum):
    """Why credit moved."""

    GRANT = "grant"
    PURCHASE = "purchase"
    USAGE = "usage"
    REVERSAL = "reversal"


class HoldState(StrEnum):
    """A hold is open until its run is settled."""

    OPEN = "open"
    CLOSED = "closed"


class RequestState(StrEnum):
    """A grant of credits that waits for a second pair of eyes."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
