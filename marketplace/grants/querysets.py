# SPDX-License-Identifier: Apache-2.0
"""The vocabulary of the reads of grants."""

from datetime import datetime
from typing import Any, Self

from django.db.models import Q

from aion.actor import Actor
from aion.moves import sources_of
from aion.tenancy.querysets import OwnedQuerySet
from marketplace.grants.states import (
    APPLICATION_MOVES,
    AWARD_MOVES,
    PROGRAMME_MOVES,
    REVIEW_MOVES,
    ApplicationState,
    AwardState,
    ProgrammeState,
    ReviewState,
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


class ReviewQuerySet(OwnedQuerySet):
    """Review assignments; they belong to the organisation that runs the programme."""

    def own(self, actor: Actor) -> Self:
        """Return the actor's own assignments, while appointed to the programme. Nobody sees those of a colleague."""
        me = actor.user_id or 0
        return self.visible_to(actor).filter(reviewer_id=me, **_appointed("application__programme", me))

    def live(self) -> Self:
        """Return assignments that still count: neither a conflict nor cancelled."""
        return self.exclude(state__in=(ReviewState.CONFLICT, ReviewState.CANCELLED))

    def move(self, to: ReviewState, **fields: Any) -> int:
        """Move rows that may become ``to`` in one conditional UPDATE."""
        return self.filter(state__in=sources_of(to, REVIEW_MOVES)).update(state=to, **fields)


def _appointed(programme: str, user_id: int) -> dict[str, Any]:
    # One appointment at most stands at a time, so that the join repeats no row.
    return {
        f"{programme}__appointments__reviewer_id": user_id,
        f"{programme}__appointments__ended_at__isnull": True,
    }


class ScoreQuerySet(OwnedQuerySet):
    """Scores: blind until the own ones are handed in."""

    def readable_by(self, actor: Actor) -> Self:
        """Return the reviewer's own scores, and those handed in for applications that the reviewer has judged too."""
        me = actor.user_id or 0
        mine = {"assignment__application__reviews__reviewer_id": me}
        judged = Q(
            assignment__state=ReviewState.SUBMITTED,
            assignment__application__reviews__state=ReviewState.SUBMITTED,
            **mine,
        )
        own = Q(assignment__reviewer_id=me)
        appointed = _appointed("assignment__application__programme", me)
        return self.visible_to(actor).filter(own | judged, **appointed).distinct()


class AwardQuerySet(OwnedQuerySet):
    """Awards."""

    def move(self, to: AwardState, **fields: Any) -> int:
        """Move rows that may become ``to`` in one conditional UPDATE."""
        return self.filter(state__in=sources_of(to, AWARD_MOVES)).update(state=to, **fields)
