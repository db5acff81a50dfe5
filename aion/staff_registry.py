# SPDX-License-Identifier: Apache-2.0
"""What apps add to the staff site besides their models: queues of the first page, and pages of their own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model


@dataclass(frozen=True, slots=True)
class Queue:
    """Rows that wait for staff, shown on the first page.

    ``wanted`` filters the rows that wait, ``query`` is the same filter in the address of the list.
    """

    title: Any
    model: type[Model]
    wanted: Mapping[str, Any]
    query: str

    @property
    def name(self) -> str:
        """Return the model's name in addresses of the staff site."""
        return f"{self.model._meta.app_label}_{self.model._meta.model_name}"

    @property
    def right(self) -> str:
        """Return the permission to see the rows."""
        return f"{self.model._meta.app_label}.view_{self.model._meta.model_name}"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the staff site that is no model's: ``view`` checks its own permission."""

    path: str
    view: Callable[..., Any]
    name: str


QUEUES: list[Queue] = []
PAGES: list[Page] = []


def register_queues(*queues: Queue) -> None:
    """Add queues to the first page, in the order in which the apps are installed. An app's ``admin`` calls it."""
    QUEUES.extend(queues)


def register_pages(*pages: Page) -> None:
    """Add pages to the staff site. An app's ``admin`` calls it."""
    PAGES.extend(pages)
