# SPDX-License-Identifier: Apache-2.0
"""The vocabulary of clusters' reads."""

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import F, Q

from aion.actor import Actor
from aion.moves import sources_of
from clusters.states import ACTIVE, MOVES, PROMISED, RESERVATION_MOVES, TERMINAL, ReservationState, WorkloadState


class OwnedQuerySet(models.QuerySet[Any]):
    """Rows of one organisation; an actor without organisation matches nothing."""

    def visible_to(self, actor: Actor) -> Self:
        """Return the rows of the actor's organisation."""
        return self.filter(organisation_id=actor.organisation_id) if actor.organisation_id else self.none()


class PoolQuerySet(models.QuerySet[Any]):
    """Pools belong to the operator's organisation."""

    def operated_by(self, actor: Actor) -> Self:
        """Return the pools that the actor's organisation operates."""
        return self.filter(organisation_id=actor.organisation_id) if actor.organisation_id else self.none()

    visible_to = operated_by


class WorkloadQuerySet(OwnedQuerySet):
    """Workloads."""

    def active(self) -> Self:
        """Return workloads that have not ended."""
        return self.filter(state__in=ACTIVE)

    def awaiting_provisioning(self) -> Self:
        """Return workloads that no cluster knows yet, oldest first."""
        return self.filter(state=WorkloadState.QUEUED, provisioned_at=None, stop_requested_at=None).order_by(
            "queued_at", "pk"
        )

    def unsettled(self) -> Self:
        """Return ended workloads whose hold is still open."""
        return self.filter(state__in=TERMINAL, settled_at=None)

    def firm(self) -> Self:
        """Return active work that nobody takes the place of and that no reservation covers: work on demand."""
        return self.active().filter(spot=False, reservation=None)

    def move(self, to: WorkloadState, **fields: Any) -> int:
        """Move rows that may become ``to`` in one conditional UPDATE; return how many moved."""
        return self.filter(state__in=sources_of(to, MOVES)).update(state=to, **fields)


class ReservationQuerySet(OwnedQuerySet):
    """Reservations. What is promised is decided by times, never by how far the sweep has come."""

    def promised(self) -> Self:
        """Return what is confirmed and neither cancelled nor swept as ended."""
        return self.filter(state__in=PROMISED)

    def in_force_at(self, at: datetime) -> Self:
        """Return what may be used at ``at``."""
        return self.promised().filter(starts_at__lte=at, ends_at__gt=at)

    def move(self, to: ReservationState, **fields: Any) -> int:
        """Move rows that may become ``to`` in one conditional UPDATE; return how many moved."""
        return self.filter(state__in=sources_of(to, RESERVATION_MOVES)).update(state=to, **fields)


class IntervalQuerySet(OwnedQuerySet):
    """Billed intervals of pods."""

    def open(self) -> Self:
        """Return intervals that have not ended."""
        return self.filter(ended_at=None)

    def unfinished(self) -> Self:
        """Return intervals that are open or not metered to their end."""
        return self.filter(Q(ended_at=None) | Q(metered_until__lt=F("ended_at")))
