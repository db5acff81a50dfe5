# SPDX-License-Identifier: Apache-2.0
"""Half-open periods [start, end) of instants in UTC."""

from datetime import UTC, date, datetime, timedelta


def floor_hour(at: datetime) -> datetime:
    """Return the start of the UTC hour that ``at`` lies in."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def floor_day(at: datetime) -> datetime:
    """Return 00:00 UTC of the day that ``at`` lies in."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def next_midnight(at: datetime) -> datetime:
    """Return the first 00:00 UTC at or after ``at``."""
    day = floor_day(at)
    return day if day == at else day + timedelta(days=1)


def month_start(at: datetime) -> datetime:
    """Return 00:00 UTC on the first of the month that ``at`` lies in."""
    return floor_day(at).replace(day=1)


def month_instant(month: date) -> datetime:
    """Return 00:00 UTC on the first of the calendar month that the day ``month`` lies in."""
    return datetime(month.year, month.month, 1, tzinfo=UTC)


def whole_seconds(start: datetime, end: datetime) -> int:
    """Return the whole seconds in [start, end); 0 when the period is empty or reversed."""
    return max(0, (end - start) // timedelta(seconds=1))


def rfc3339(at: datetime) -> str:
    """Return ``at`` as Kubernetes and our exports write times: UTC, whole seconds, ``Z``."""
    return at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def parse_rfc3339(text: str) -> datetime:
    """Return the instant in ``text``. Raises ValueError for anything else."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def next_month(at: datetime) -> datetime:
    """Return 00:00 UTC on the first of the month after the one that ``at`` lies in."""
    return month_start(month_start(at) + timedelta(days=32))


def week_start(at: datetime) -> datetime:
    """Return 00:00 UTC on the Monday of the week that ``at`` lies in."""
    day = floor_day(at)
    return day - timedelta(days=day.weekday())
