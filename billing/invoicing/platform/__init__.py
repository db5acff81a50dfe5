# SPDX-License-Identifier: Apache-2.0
"""The e-invoicing platform (AFNOR XP Z12-013): directory, sending, statuses. Value objects in and out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class PlatformUnavailable(Exception):
    """The platform cannot be reached or is busy: the same may be tried again, under the same key."""


class PlatformRefused(Exception):
    """The platform will not take this; trying again changes nothing."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What is sent: one document in one syntax."""

    key: str
    number: str
    syntax: str
    content: bytes
    sha256: str
    buyer_address: str


@dataclass(frozen=True, slots=True)
class Status:
    """One status of a document's life, as a platform tells it; ``ref`` names it once."""

    ref: str
    code: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Collected:
    """What was collected at one rate of VAT (status 212), in cents with VAT."""

    rate_basis_points: int
    gross_cents: int


class Platform(Protocol):
    """A platform that the state has approved, or the loopback in its place. Every call has a time-out."""

    def look_up(self, siren: str) -> str | None:
        """Return the buyer's address in the central directory, or None where it has none."""

    def send(self, flow: Flow, *, at: datetime) -> str:
        """Hand over a document and return its flow's id; the same key sends once."""

    def statuses(self, flow_id: str) -> Sequence[Status]:
        """Return all that is known of a flow, the oldest first."""

    def report(self, flow_id: str, *, code: str, ref: str, amounts: Sequence[Collected], at: datetime) -> None:
        """Tell a status of ours; the same ``ref`` is told once."""
