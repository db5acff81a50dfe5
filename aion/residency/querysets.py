# SPDX-License-Identifier: Apache-2.0
"""Reading recorded decisions."""

from typing import Any

from django.db import models

from aion.actor import Actor


class DecisionQuerySet(models.QuerySet[Any]):
    """Decisions of one organisation; an actor without organisation sees none."""

    def visible_to(self, actor: Actor) -> "DecisionQuerySet":
        """Return the actor's organisation's decisions."""
        return self.filter(organisation_id=actor.organisation_id) if actor.organisation_id else self.none()
