# SPDX-License-Identifier: Apache-2.0
"""Columns of staff pages: a state as a coloured word, and stored units as people say them."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from aion.figures import gpus, number
from aion.web.templatetags.aion import STATE_TONES


def state_column(field: str = "state", description: Any = None) -> Any:
    """Return an admin column that shows a state as a coloured word."""

    @display(description=description or _("state"), ordering=field, label=STATE_TONES)  # type: ignore[untyped-decorator]  # unfold
    def column(_: Any, row: Any) -> Any:
        value, words = getattr(row, field), getattr(row, f"get_{field}_display", None)
        return value, words() if words else str(value).replace("_", " ").capitalize()

    return column


def gpus_column(field: str, description: Any) -> Any:
    """Return an admin column that writes milli-GPUs as GPUs."""

    @display(description=description, ordering=field)  # type: ignore[untyped-decorator]  # unfold has no types
    def column(_: Any, row: Any) -> str:
        return gpus(getattr(row, field))

    return column


def hours_column(field: str, description: Any) -> Any:
    """Return an admin column that writes seconds as hours."""

    @display(description=description, ordering=field)  # type: ignore[untyped-decorator]  # unfold has no types
    def column(_: Any, row: Any) -> str:
        hours = Decimal(getattr(row, field)) / 3600
        return number(hours.quantize(Decimal("0.1")) if hours % 1 else int(hours))

    return column
