# SPDX-License-Identifier: Apache-2.0
"""When credit runs out, under an assumption that is said in words. Pure: facts in, dates out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

DAY = 86_400
HORIZON = timedelta(days=3650)


class Method(StrEnum):
    """How spending is assumed to go on."""

    LINEAR = "linear"
    SEVEN_DAYS = "seven_days"
    RESERVED = "reserved"


@dataclass(frozen=True, slots=True)
class LotLeft:
    """What is left in a lot: free and held micro-credits, and when both are lost."""

    available: int
    held: int
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known at ``at``: lots in spending order, and what was spent in which seconds."""

    at: datetime
    lots: Sequence[LotLeft]
    month_spent: int
    month_seconds: int
    week_spent: int
    week_seconds: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """When credit runs out by one method; None where that is never, or not within ten years."""

    method: Method
    runs_out_at: datetime | None
    per_day: int


def forecast(facts: Facts) -> tuple[Forecast, ...]:
    """Return one forecast for each method."""
    whole = [(lot.available + lot.held, lot.expires_at) for lot in facts.lots]
    free = [(lot.available, lot.expires_at) for lot in facts.lots]
    month, week = (facts.month_spent, facts.month_seconds), (facts.week_spent, facts.week_seconds)
    return (
        Forecast(Method.LINEAR, run_out(facts.at, whole, *month), per_day(*month)),
        Forecast(Method.SEVEN_DAYS, run_out(facts.at, whole, *week), per_day(*week)),
        Forecast(Method.RESERVED, run_out(facts.at, free, *week), per_day(*week)),
    )


def per_day(spent: int, seconds: int) -> int:
    """Return the average a day in whole micro-credits, rounded down."""
    return max(0, spent) * DAY // seconds if seconds > 0 else 0


def run_out(at: datetime, lots: Sequence[tuple[int, datetime | None]], spent: int, seconds: int) -> datetime | None:
    """Return when ``lots`` are used up in their order at ``spent`` per ``seconds``; what expires before is lost."""
    if spent <= 0 or seconds <= 0:
        return None
    passed = Fraction(0)
    for amount, expires_at in lots:
        end = passed + Fraction(amount * seconds, spent)
        if expires_at is not None:
            end = min(end, max(passed, Fraction((expires_at - at) // timedelta(seconds=1))))
        passed = end
        if passed > HORIZON.total_seconds():
            return None
    return at + timedelta(seconds=int(passed))
