# SPDX-License-Identifier: Apache-2.0
"""States of marketplace rows, without Django."""

from collections.abc import Mapping
from enum import StrEnum


class OfferState(StrEnum):
    """An offer is on sale only while published; its operator proposes it, staff decide."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    PUBLISHED = "published"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class CapacityClass(StrEnum):
    """On what terms capacity is given: until the end of the run, until somebody needs it, or booked ahead."""

    ON_DEMAND = "on_demand"
    SPOT = "spot"
    RESERVED = "reserved"


class ChangeKind(StrEnum):
    """What of an offer on sale its operator wants to change: the price from a date on, or what it says of itself."""

    PRICE = "price"
    FACTS = "facts"


class ChangeState(StrEnum):
    """A change waits until staff decide or its operator takes it back; an approved price is a promise and stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


# What the operator may still change: nobody decides on it and nobody can order it.
EDITABLE = frozenset({OfferState.DRAFT, OfferState.REJECTED, OfferState.WITHDRAWN})


MOVES: Mapping[OfferState, frozenset[OfferState]] = {
    OfferState.DRAFT: frozenset({OfferState.PROPOSED, OfferState.PUBLISHED}),
    OfferState.PROPOSED: frozenset({OfferState.PUBLISHED, OfferState.REJECTED, OfferState.WITHDRAWN}),
    OfferState.PUBLISHED: frozenset({OfferState.WITHDRAWN}),
    OfferState.REJECTED: frozenset({OfferState.PROPOSED}),
    OfferState.WITHDRAWN: frozenset({OfferState.PROPOSED, OfferState.PUBLISHED}),
}
