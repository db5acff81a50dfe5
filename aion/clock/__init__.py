# SPDX-License-Identifier: Apache-2.0
"""The clock of the product. In a replay it reads one row of the replay's database, in every process."""

from datetime import UTC, datetime

from django.conf import settings
from django.db import connection


def virtual_now() -> datetime | None:
    """Return the instant that a replay has reached, or None while real time applies."""
    if not settings.VIRTUAL_CLOCK:
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT at FROM clock_virtualclock WHERE id = 1")
        row = cursor.fetchone()
    return row[0] if row else None


def now() -> datetime:
    """Return the present instant in UTC: the virtual clock's while one is set, else the machine's."""
    return virtual_now() or machine_now()


def machine_now() -> datetime:
    """Return the machine's instant in UTC, also in a replay: for what is no part of it."""
    return datetime.now(UTC)


def set_virtual(at: datetime) -> None:
    """Set the virtual clock. Raises RuntimeError where the process was not started for virtual time."""
    if not settings.VIRTUAL_CLOCK:
        raise RuntimeError("Virtual time is off here: start the process with AION_VIRTUAL_CLOCK=yes.")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO clock_virtualclock (id, at) VALUES (1, %s) ON CONFLICT (id) DO UPDATE SET at = EXCLUDED.at",
            [at],
        )


def release() -> None:
    """Return to the machine's clock."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM clock_virtualclock WHERE id = 1")
