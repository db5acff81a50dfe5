# SPDX-License-Identifier: Apache-2.0
"""Cursor pagination: stable while rows are added."""

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.translation import gettext_lazy
from rest_framework import pagination
from rest_framework.exceptions import NotFound
from rest_framework.response import Response


class CursorPagination(pagination.CursorPagination):
    """`?limit=` up to 200 and an opaque `?cursor=`; the next and previous address come with each page."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"
    ordering = "-pk"
    invalid_cursor_message = gettext_lazy("This cursor is none of ours: start again without it.")  # type: ignore[assignment]  # lazy in DRF too

    def get_ordering(self, request: Any, queryset: Any, view: Any) -> tuple[str, ...]:
        """Take the view's own ordering."""
        ordering: Any = getattr(view, "cursor_ordering", self.ordering)
        return (ordering,) if isinstance(ordering, str) else tuple(ordering)

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> Any:
        """Return the page. Raises NotFound for a cursor that this list cannot have given."""
        cursor = self.decode_cursor(request)
        name = self.get_ordering(request, queryset, view)[0].lstrip("-")
        position = None if cursor is None or cursor.position is None else str(cursor.position)
        if position is not None and not _ours(queryset.model, name, position):
            raise NotFound(self.invalid_cursor_message)
        return super().paginate_queryset(queryset, request, view)

    def get_paginated_response(self, data: Any) -> Response:
        """Return items and links."""
        return Response({"items": data, "next": self.get_next_link(), "previous": self.get_previous_link()})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe the page."""
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["items", "next", "previous"],
            "properties": {"items": schema, "next": link, "previous": link},
        }


def _ours(model: type[Model], name: str, position: str) -> bool:
    """Tell whether ``position`` can be a row's ``name``: it reads back as what was written, and the column takes it."""
    field: Any = model._meta.pk if name == "pk" else model._meta.get_field(name)
    field = field.target_field if field.is_relation else field
    try:
        value = field.to_python(position)
        field.run_validators(value)
    except ValidationError:
        return False
    if isinstance(value, datetime) and value.utcoffset() != timedelta():
        return False
    return str(value) == position and "\x00" not in position
