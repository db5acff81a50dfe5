# SPDX-License-Identifier: Apache-2.0
"""Columns of staff pages: a state as a coloured word, and stored units as people say them."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.contrib.admin.filters import ChoicesFieldListFilter, FieldListFilter
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from aion.figures import gpus, number
from aion.web.templatetags.aion import STATE_TONES, STATE_WORDS


def state_column(field: str = "state", description: Any = None) -> Any:
    """Return an admin column that shows a state as a coloured word."""

    @display(description=description or _("state"), ordering=field, label=STATE_TONES)  # type: ignore[untyped-decorator]  # unfold
    def column(_: Any, row: Any) -> Any:
        return getattr(row, field), words_of(row, field)

    return column


def words_of(row: Any, field: str = "state") -> str:
    """Return what people call a state: the portal's word, or the field's own, or its name written as one."""
    state, own = getattr(row, field), getattr(row, f"get_{field}_display", None)
    if state in STATE_WORDS:
        return str(STATE_WORDS[state])
    words = str(own() if own else state)
    return words if words != state else words.replace("_", " ").capitalize()


class StateFilter(ChoicesFieldListFilter):
    """Filters by a state, in words."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield the choices."""
        for one in super().choices(changelist):
            word = str(one["display"])
            yield {**one, "display": STATE_WORDS.get(word, word)}


FieldListFilter.register(lambda field: field.name == "state" and bool(field.choices), StateFilter, take_priority=True)


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
