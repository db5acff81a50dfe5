# SPDX-License-Identifier: Apache-2.0
"""The vocabulary of the reads of grants."""

from datetime import datetime
from typing import Any, Self

from aion.moves import sources_of
from aion.tenancy.querysets import OwnedQuerySet
from marketplace.grants.states import (
    APPLICATION_MOVES,
    PROGRAMME_MOVES,
    ApplicationState,
    ProgrammeState,
)


class ProgrammeQuerySet(OwnedQuerySet):
    """Programmes: the organisation that runs one sees all of it, everybody sees what is published."""

    def published(self) -> Self:
        """Return programmes with a public call page."""
        return self.exclude(state__in=(ProgrammeState.DRAFT, ProgrammeState.CANCELLED))

    def accepting_at(self, at: datetime) -> Self:
        """Return programmes that take applications at ``at``."""
        return self.filter(state=ProgrammeState.OPEN, opens_at__lte=at, closes_at__gt=at)

    def move(self, to: ProgrammeState, **fields: Any) -> int:
        """Move rows that may become ``to`` in one conditional UPDATE."""
        return self.filter(state__in=sources_of(to, PROGRAMME_MOVES)).update(state=to, **fields)


class ApplicationQuerySet(OwnedQuerySet):
    """Applications; an actor sees those of its organisation."""

    def move(self, to: ApplicationState, **fields: Any) -> int:
        """Move rows that may become ``to`` in one conditional UPDATE."""
        return self.filter(state__in=sources_of(to, APPLICATION_MOVES)).update(state=to, **fields)

    def standing(self) -> Self:
        """Return applications that were submitted and not taken back."""
        return self.exclude(state__in=(ApplicationState.DRAFT, ApplicationState.WITHDRAWN))
