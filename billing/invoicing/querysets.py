# SPDX-License-Identifier: Apache-2.0
"""The vocabulary of the reads of invoicing."""

from datetime import date, datetime
from typing import Any, Self

from django.db import models

from aion.moves import sources_of
from aion.tenancy.querysets import OwnedQuerySet
from billing.invoicing.states import DISPATCH_MOVES, MOVES, DispatchState, DocumentState


class LawQuerySet(models.QuerySet[Any]):
    """Rows of law."""

    def on(self, day: date) -> Self:
        """Return what holds on ``day``."""
        return self.filter(valid__contains=day)


class DocumentQuerySet(OwnedQuerySet):
    """Documents."""

    def issued(self) -> Self:
        """Return what has a number and left the house."""
        return self.filter(state=DocumentState.ISSUED)

    def waiting(self) -> Self:
        """Return what is to be issued, in the order it was asked for."""
        return self.filter(state=DocumentState.DRAFT).order_by("requested_at", "pk")

    def move(self, to: DocumentState, **fields: Any) -> int:
        """Move those whose state allows it; return how many."""
        return self.filter(state__in=sources_of(to, MOVES)).update(state=to, **fields)


class DispatchQuerySet(OwnedQuerySet):
    """Documents on their way to the platform."""

    def due(self, at: datetime) -> Self:
        """Return what is to be sent by ``at``."""
        return self.filter(state=DispatchState.PENDING, next_attempt_at__lte=at).order_by("next_attempt_at", "pk")

    def move(self, to: DispatchState, **fields: Any) -> int:
        """Move those whose state allows it; return how many."""
        return self.filter(state__in=sources_of(to, DISPATCH_MOVES)).update(state=to, **fields)


class ViesQuerySet(models.QuerySet[Any]):
    """Answers of VIES."""

    def latest_of(self, number: str, *, since: datetime, until: datetime) -> Any:
        """Return the last answer for ``number`` in that time, or None."""
        return self.filter(number=number, asked_at__gt=since, asked_at__lte=until).order_by("-asked_at", "-pk").first()
