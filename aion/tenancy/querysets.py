# SPDX-License-Identifier: Apache-2.0
"""Reading tenancy: every read starts at ``visible_to`` and fails closed."""

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Q

from aion.actor import Actor, Scope
from aion.tenancy.roles import scopes_of


class OwnedQuerySet(models.QuerySet[Any]):
    """Rows with an ``organisation_id``. An actor without organisation matches nothing."""

    def visible_to(self, actor: Actor) -> Self:
        """Return the rows of the actor's organisation."""
        return self.filter(organisation_id=actor.organisation_id) if actor.organisation_id else self.none()


class ProjectQuerySet(OwnedQuerySet):
    """Projects."""

    def launchable_by(self, actor: Actor) -> Self:
        """Return the visible projects in which the actor may start work: none that is archived or for others only."""
        rows = self.visible_to(actor).filter(archived_at=None)
        if actor.user_id is None or Scope.PROJECTS_WRITE in scopes_of(actor.role):
            return rows
        return rows.filter(models.Q(restricted=False) | models.Q(members__membership__user_id=actor.user_id)).distinct()


class OrganisationQuerySet(models.QuerySet[Any]):
    """Organisations; an actor sees the one it acts for."""

    def visible_to(self, actor: Actor) -> Self:
        """Return the actor's own organisation."""
        return self.filter(pk=actor.organisation_id) if actor.organisation_id else self.none()

    def of_user(self, user: Any) -> Self:
        """Return the organisations that ``user`` is a member of, by name."""
        return self.filter(memberships__user_id=user.pk).order_by("name")


class TokenQuerySet(OwnedQuerySet):
    """API tokens."""

    def usable_at(self, at: Any) -> Self:
        """Return tokens that are neither revoked nor expired at ``at``."""
        return self.filter(revoked_at=None).filter(models.Q(expires_at=None) | models.Q(expires_at__gt=at))


class QuotaQuerySet(OwnedQuerySet):
    """Quotas beyond the standing ones."""

    def in_force_at(self, at: datetime) -> Self:
        """Return the quotas that hold at ``at``."""
        return self.filter(Q(until=None) | Q(until__gt=at), since__lte=at)
