# SPDX-License-Identifier: Apache-2.0
"""How lists of staff write money of payments."""

from typing import Any

from django.contrib import admin

from aion.figures import euros


def cents(name: str, title: Any) -> Any:
    """Return an admin column that writes integer cents as euros."""

    @admin.display(description=title, ordering=name)
    def column(_: Any, row: Any) -> str:
        return euros(getattr(row, name))

    return column
