# SPDX-License-Identifier: Apache-2.0
"""Reading events: every read starts at ``visible_to`` and fails closed."""

from datetime import datetime
from typing import Any, Self

from django.db import models

from aion.actor import Actor
from aion.events.states import DELIVERY_MOVES, MAIL_MOVES, DeliveryState, MailState
from aion.moves import sources_of
from aion.tenancy.querysets import OwnedQuerySet


class EndpointQuerySet(OwnedQuerySet):
    """Endpoints. A deleted one stays, for its log, and is seen by nobody."""

    def visible_to(self, actor: Actor) -> Self:
        """Return the endpoints of the actor's organisation that are not deleted."""
        return super().visible_to(actor).filter(deleted_at=None)

    def live(self) -> Self:
        """Return those that may be called."""
        return self.filter(enabled=True, deleted_at=None)


class DeliveryQuerySet(OwnedQuerySet):
    """Deliveries."""

    def move(self, to: DeliveryState, **fields: Any) -> int:
        """Move by one conditional UPDATE; return how many moved."""
        return self.filter(state__in=sources_of(to, DELIVERY_MOVES)).update(state=to, **fields)


class PersonalQuerySet(models.QuerySet[Any]):
    """Rows of one person in one organisation."""

    def visible_to(self, actor: Actor) -> Self:
        """Return the actor's own rows; an actor that is no person has none."""
        if actor.organisation_id is None or actor.user_id is None:
            return self.none()
        return self.filter(organisation_id=actor.organisation_id, user_id=actor.user_id)


class NotificationQuerySet(PersonalQuerySet):
    """Notifications."""

    def unread(self) -> Self:
        """Return those not read yet."""
        return self.filter(read_at=None)


class MailQuerySet(PersonalQuerySet):
    """Mails."""

    def due_at(self, at: datetime) -> Self:
        """Return those to be sent at ``at``, the longest waiting first."""
        return self.filter(state=MailState.PENDING, next_attempt_at__lte=at).order_by("next_attempt_at", "pk")

    def move(self, to: MailState, **fields: Any) -> int:
        """Move by one conditional UPDATE; return how many moved. What has ended forgets what only the mail said."""
        if to not in {MailState.PENDING, MailState.SENDING}:
            fields["private"] = {}
        return self.filter(state__in=sources_of(to, MAIL_MOVES)).update(state=to, **fields)
