# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of state aid: rolling windows and working days. Pure."""

from collections.abc import Collection
from datetime import date, timedelta

SATURDAY = 5


def window_start(on: date, years: int) -> date:
    """Return the last day that no longer counts on ``on``: the same day ``years`` ago.

    Aid of 24 November 2023 counts until 23 November 2026. Where the day does not exist (29 February) it is the day
    before, so that the window is never shorter than the years.
    """
    try:
        return on.replace(year=on.year - years)
    except ValueError:
        return on.replace(year=on.year - years, day=28)


def working_day_after(day: date, count: int, holidays: Collection[date]) -> date:
    """Return the ``count``-th working day after ``day``: neither a weekend nor a holiday."""
    found = day
    while count > 0:
        found += timedelta(days=1)
        if found.weekday() < SATURDAY and found not in holidays:
            count -= 1
    return found
