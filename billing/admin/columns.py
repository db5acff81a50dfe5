# SPDX-License-Identifier: Apache-2.0
"""How lists and pages of the staff admin write money, time on GPUs and tables."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from aion.figures import credits_in_full, gpu_hours
from aion.money import floor_charge
from aion.staff_tables import ByState, WithTables, pending_first, table


def credits_text(micro: int | None) -> str:
    """Write micro-credits as credits, with all that is behind the point and at least two places."""
    return credits_in_full(micro)


def money(name: str, title: Any) -> Any:
    """Return an admin column that writes a micro-credit field as credits."""

    @admin.display(description=title, ordering=name)
    def column(_: Any, row: Any) -> str:
        return credits_text(getattr(row, name))

    return column


def exact_money(name: str = "exact") -> Any:
    """Return an admin column that writes an exact charge as credits, rounded down to the micro-credit."""

    @admin.display(description=_("credits"), ordering=name)
    def column(_: Any, row: Any) -> str:
        return credits_text(floor_charge(int(getattr(row, name))))

    return column


def gpu_hours_column(name: str = "milli_gpu_seconds") -> Any:
    """Return an admin column that writes milli-GPU-seconds as GPU-hours."""

    @admin.display(description=_("GPU-hours"), ordering=name)
    def column(_: Any, row: Any) -> str:
        return gpu_hours(getattr(row, name))

    return column


__all__ = [
    "ByState",
    "WithTables",
    "credits_text",
    "exact_money",
    "gpu_hours_column",
    "money",
    "pending_first",
    "table",
]
