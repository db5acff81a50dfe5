# SPDX-License-Identifier: Apache-2.0
"""Reads of events, webhooks and notifications for both edges."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet

from aion.actor import Actor
from aion.events.models import (
    Event,
    Notification,
    NotificationPreference,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from aion.events.types import FAMILIES, Family
from aion.tenancy.models import User

MANY = 99
WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Rate:
    """How one endpoint answered in a window."""

    attempts: int = 0
    succeeded: int = 0

    @property
    def percent(self) -> int | None:
        """Return the share that succeeded, rounded down: 100 means every one; None without attempts."""
        return 100 * self.succeeded // self.attempts if self.attempts else None


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person has chosen for one family, or its default."""

    family: Family
    in_app: bool
    mail: bool


def events(actor: Actor) -> QuerySet[Any]:
    """Return the organisation's events."""
    return Event.objects.visible_to(actor)


def endpoints(actor: Actor) -> QuerySet[Any]:
    """Return the organisation's endpoints."""
    return WebhookEndpoint.objects.visible_to(actor)


def deliveries(actor: Actor) -> QuerySet[Any]:
    """Return the organisation's deliveries to endpoints that still exist."""
    return (
        WebhookDelivery.objects.visible_to(actor).filter(endpoint__deleted_at=None).select_related("event", "endpoint")
    )


def rates(actor: Actor, *, endpoint_ids: Collection[int], at: datetime) -> dict[int, Rate]:
    """Return how each endpoint answered in the last 24 hours, in one query."""
    rows = (
        WebhookAttempt.objects.visible_to(actor)
        .filter(endpoint_id__in=endpoint_ids, at__gt=at - WINDOW)
        .order_by()
        .values("endpoint_id")
        .annotate(attempts=Count("pk"), good=Count("pk", filter=Q(succeeded=True)))
    )
    found = {row["endpoint_id"]: Rate(row["attempts"], row["good"]) for row in rows}
    return {pk: found.get(pk, Rate()) for pk in endpoint_ids}


def notifications(actor: Actor, *, unread: bool = False) -> QuerySet[Any]:
    """Return the person's notifications in this organisation, all or the unread ones."""
    mine = Notification.objects.visible_to(actor).select_related("event")
    return mine.unread() if unread else mine


def unread_count(actor: Actor) -> int:
    """Return how many are unread, at most one more than the bell can show."""
    return Notification.objects.visible_to(actor).unread().order_by()[: MANY + 1].count()


def choices_of(user: User) -> list[Choice]:
    """Return what ``user`` wants to hear of, family by family."""
    chosen = {row.family: row for row in NotificationPreference.objects.filter(user=user)}
    return [
        Choice(
            family=family,
            in_app=chosen[name].in_app if name in chosen else not family.quiet,
            mail=chosen[name].mail if name in chosen else not family.quiet,
        )
        for name, family in FAMILIES.items()
    ]
