# SPDX-License-Identifier: Apache-2.0
"""States of settlement, without Django."""

from enum import StrEnum


class SettlementState(StrEnum):
    """A draft waits for two people; what they approved is owed and never changes; a rejected one counts for nothing."""

    DRAFT = "draft"
    CHECKED = "checked"
    APPROVED = "approved"
    PAID = "paid"
    REJECTED = "rejected"


WAITING = frozenset({SettlementState.DRAFT, SettlementState.CHECKED})
MOVES: dict[SettlementState, frozenset[SettlementState]] = {
    SettlementState.DRAFT: frozenset({SettlementState.CHECKED, SettlementState.REJECTED}),
    SettlementState.CHECKED: frozenset({SettlementState.APPROVED, SettlementState.REJECTED}),
    SettlementState.APPROVED: frozenset({SettlementState.PAID}),
    SettlementState.PAID: frozenset(),
    SettlementState.REJECTED: frozenset(),
}
WHOLE = 10_000
"""All of a charge, in basis points."""
