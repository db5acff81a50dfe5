# SPDX-License-Identifier: Apache-2.0
"""Dates in a page's address."""

from collections.abc import Mapping
from datetime import UTC, datetime


def day_in(query: Mapping[str, str], name: str) -> datetime | None:
    """Return 00:00 UTC of the day ``YYYY-MM-DD`` under ``name``; None when it is missing or no date."""
    try:
        return datetime.strptime(query.get(name, ""), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def wrong_days(query: Mapping[str, str], *names: str) -> list[str]:
    """Return which of ``names`` hold something that is no date."""
    return [name for name in names if query.get(name) and day_in(query, name) is None]
