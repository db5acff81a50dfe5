# SPDX-License-Identifier: Apache-2.0
"""How far off a date may be that somebody types: a slip of the keys is refused where nobody could take it back."""

from datetime import UTC, date, datetime, timedelta

from django.utils.translation import gettext

from aion.errors import Rejected

FURTHEST = timedelta(days=3653)


def require_near(*, at: datetime, **dates: date | datetime | None) -> None:
    """Raise Rejected, naming the field, for a date more than ten years from ``at``. What is None is not asked."""
    for field, value in dates.items():
        if value is None:
            continue
        day = value.astimezone(UTC).date() if isinstance(value, datetime) else value
        if abs(day - at.date()) > FURTHEST:
            raise Rejected(gettext("Choose a day within ten years."), field=field)
