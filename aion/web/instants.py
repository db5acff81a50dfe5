# SPDX-License-Identifier: Apache-2.0
"""Dates in a page's address."""

from collections.abc import Mapping
from datetime import UTC, datetime

from django.utils.translation import gettext

from aion.errors import Rejected

# Later days overflow where one more is added, earlier ones where an instant is moved; no row of ours is that far away.
YEARS = range(1970, 9999)


def day_in(query: Mapping[str, str], name: str) -> datetime | None:
    """Return 00:00 UTC of the day ``YYYY-MM-DD`` under ``name``; None when it is missing, no date or out of reach."""
    try:
        day = datetime.strptime(query.get(name, ""), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return day if day.year in YEARS else None


def wrong_days(query: Mapping[str, str], *names: str) -> list[str]:
    """Return which of ``names`` hold something that is no date, or one out of reach."""
    return [name for name in names if query.get(name) and day_in(query, name) is None]


def reversed_days(query: Mapping[str, str], first: str, last: str) -> bool:
    """Tell whether both days are there and the last lies before the first: such a period holds nothing."""
    start, end = day_in(query, first), day_in(query, last)
    return bool(start and end and end < start)


def require_days(query: Mapping[str, str], first: str, last: str) -> None:
    """Raise Rejected for days that a page would name or leave out: a file must not cover another period than asked."""
    for name in wrong_days(query, first, last):
        raise Rejected(
            gettext("The day under '%(name)s' could not be read: write it as 2026-03-31.") % {"name": name}, field=name
        )
    if reversed_days(query, first, last):
        raise Rejected(
            gettext("The period ends before it begins: '%(last)s' lies before '%(first)s'.")
            % {"last": last, "first": first},
            field=last,
        )
