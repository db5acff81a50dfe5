# SPDX-License-Identifier: Apache-2.0
"""Filters that every list may use."""

from datetime import UTC, datetime
from typing import Any

import django_filters
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django_filters.fields import IsoDateTimeField


class InstantField(IsoDateTimeField):  # type: ignore[misc]  # django-filter has no types
    """An RFC 3339 instant, in UTC: PostgreSQL refuses offsets that Python takes."""

    def clean(self, value: Any) -> datetime | None:
        """Return the instant. Raises ValidationError for one that no calendar in UTC has."""
        instant: datetime | None = super().clean(value)
        try:
            return instant.astimezone(UTC) if instant is not None else None
        except (OverflowError, ValueError) as error:
            raise ValidationError(gettext("This instant is out of range.")) from error


class InstantFilter(django_filters.IsoDateTimeFilter):  # type: ignore[misc]  # django-filter has no types
    """Filters by an instant."""

    field_class = InstantField
