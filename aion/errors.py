# SPDX-License-Identifier: Apache-2.0
"""Domain errors in seven categories. Edges translate a category once; services name the fact.

What a person reads is in the language of whoever asked: a service translates its own ``detail`` when it raises. What
stands here is in English, only marked for translation, since this kernel knows no Django; edges translate it.
"""

from collections.abc import Mapping
from typing import Any


def _(text: str) -> Any:
    return text


class DomainError(Exception):
    """A rule of the domain said no. ``code`` is stable and part of the API; ``details`` are plain values.

    ``words`` are the detail of what the kernel itself refuses, with the names of ``details`` in their places.
    """

    code = "error"
    title: Any = _("The request was refused")
    words: Any = ""

    def __init__(self, detail: str = "", *, field: str | None = None, **details: Any) -> None:
        self.detail = detail or str(self.words) % details or str(self.title)
        super().__init__(self.detail)
        self.field = field
        self.details: Mapping[str, Any] = details


class NotFound(DomainError):
    """The thing does not exist, or not for this actor: the two are one answer."""

    code, title = "not_found", _("Not found")


class Forbidden(DomainError):
    """The actor is a member but lacks the right."""

    code, title = "forbidden", _("Your role does not allow this")


class MissingRight(Forbidden):
    """The actor's role does not give ``scope``."""

    words = _("This needs the right %(scope)s, which your role (%(role)s) does not give: ask an owner.")


class Conflict(DomainError):
    """The request is right, the present state is not."""

    code, title = "conflict", _("Conflict with the present state")


class PaymentRequired(DomainError):
    """Credit is missing."""

    code, title = "payment_required", _("Not enough credits")


class Rejected(DomainError):
    """The content of the request breaks a rule."""

    code, title = "invalid", _("The request is not valid")


class Unavailable(DomainError):
    """Something outside is down; the caller may try again."""

    code, title = "unavailable", _("Temporarily unavailable")


class TooMany(DomainError):
    """We are busy with the same already; the caller may try again after ``retry_after`` seconds."""

    code, title = "too_many_requests", _("Too many requests at once")
