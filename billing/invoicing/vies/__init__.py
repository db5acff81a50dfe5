# SPDX-License-Identifier: Apache-2.0
"""VIES, the Union's register of VAT numbers: one question, asked offline or of the public service."""

from dataclasses import dataclass
from typing import Protocol

from billing.invoicing.states import NumberState


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of a number, and by whom. ``consultation`` proves it where the service gave one."""

    state: NumberState
    source: str
    consultation: str = ""
    name: str = ""
    detail: str = ""


class Vies(Protocol):
    """Whoever knows VAT numbers."""

    def ask(self, number: str) -> Answer:
        """Return VALID, INVALID or UNAVAILABLE; what goes wrong outside is an answer, never an exception."""
