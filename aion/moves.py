# SPDX-License-Identifier: Apache-2.0
"""State machines as data: a mapping from each state to the states that may follow it."""

from collections.abc import Mapping
from typing import TypeVar

State = TypeVar("State")


def sources_of(target: State, moves: Mapping[State, frozenset[State]]) -> frozenset[State]:
    """Return the states from which ``moves`` leads to ``target``."""
    return frozenset(state for state, targets in moves.items() if target in targets)
