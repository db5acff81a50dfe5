# SPDX-License-Identifier: Apache-2.0
"""States of marketplace rows, without Django."""

from collections.abc import Mapping
from enum import StrEnum


class OfferState(StrEnum):
    """An offer is on sale only while published."""

    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


MOVES: Mapping[OfferState, frozenset[OfferState]] = {
    OfferState.DRAFT: frozenset({OfferState.PUBLISHED}),
    OfferState.PUBLISHED: frozenset({OfferState.WITHDRAWN}),
    OfferState.WITHDRAWN: frozenset({OfferState.PUBLISHED}),
}
