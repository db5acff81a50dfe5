# SPDX-License-Identifier: Apache-2.0
"""Tables below the fields of a staff page, buttons that fit a row's state, and what waits first: for every app."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from django.contrib.admin.utils import unquote
from django.db.models import Case, Value, When
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin


def table(title: Any, headers: Sequence[Any], rows: Iterable[Sequence[Any]], note: Any = "") -> dict[str, Any]:
    """Return a table for ``admin/tables.html``."""
    return {"title": title, "headers": list(headers), "rows": [list(row) for row in rows], "note": note}


def pending_first(state: str = "pending") -> Any:
    """Return an ordering that puts what waits for a decision first."""
    return Case(When(state=state, then=Value(0)), default=Value(1)).asc()


class ByState(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Rows whose page shows only the buttons that fit their state: ``buttons`` says which acts those are."""

    buttons: ClassVar[Mapping[str, Sequence[str]]] = {}

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Return the buttons of one row."""
        found: list[Any] = super().get_actions_detail(request, object_id)
        row = self.get_object(request, unquote(str(object_id)))
        fitting = tuple(f"_{name}_one" for name in self.buttons.get(row.state, ())) if row is not None else ()
        return [one for one in found if fitting and one.action_name.endswith(fitting)]


class WithTables(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Rows whose page shows tables below the fields."""

    change_form_outer_after_template = "admin/tables.html"

    def tables(self, row: Any) -> list[dict[str, Any]]:
        """Return the tables of ``row``, each made with ``table``."""
        raise NotImplementedError  # a metaclass of Django's stands in the way of an abstract method

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Add the tables to the page; a row that is not there is left to Django's answer."""
        row = self.get_object(request, unquote(object_id))
        context = {**(extra_context or {}), "tables": [] if row is None else self.tables(row)}
        answer: HttpResponse = super().change_view(request, object_id, form_url, context)
        return answer
