# SPDX-License-Identifier: Apache-2.0
"""What the pages of lists have in common: a search, a state, one page of rows at a time."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from aion.web.text import text_in

PAGE = 25


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is narrowed to: a text in one of its columns, and a state. Empty is all of it."""

    q: str
    state: str

    @property
    def narrows(self) -> bool:
        """Tell whether rows are left out: an empty list then says so."""
        return bool(self.q or self.state)

    def rows(self, rows: QuerySet[Any], *, texts: Sequence[str]) -> QuerySet[Any]:
        """Return the rows whose column among ``texts`` holds the search, in the state that was chosen."""
        if self.state:
            rows = rows.filter(state=self.state)
        if self.q:
            found = Q()
            for name in texts:
                found |= Q(**{f"{name}__icontains": self.q})
            rows = rows.filter(found)
        return rows


def wanted(request: HttpRequest, *, states: Collection[str] = ()) -> Wanted:
    """Return what the address asks for; a state that is none of ``states`` narrows nothing."""
    state = request.GET.get("state", "")
    return Wanted(q=text_in(request.GET, "q"), state=state if state in states else "")


def page_of(request: HttpRequest, rows: Any, *, name: str = "page") -> "Page[Any]":
    """Return the page that the address asks for under ``name``; the nearest where there is none."""
    return Paginator(rows, PAGE).get_page(request.GET.get(name))
