# SPDX-License-Identifier: Apache-2.0
"""A person's own notifications and what they want to hear of."""

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext

from aion.actor import Actor
from aion.errors import NotFound, Rejected
from aion.events.models import Notification, NotificationPreference
from aion.events.types import FAMILIES
from aion.tenancy.models import User


@transaction.atomic
def mark_read(*, actor: Actor, event: str, at: datetime) -> None:
    """Mark the notification of ``event`` read; twice changes nothing. Raises NotFound for another person's."""
    mine = Notification.objects.visible_to(actor).filter(event__public_id=event)
    if not mine.exists():
        raise NotFound(gettext("There is no such notification."))
    mine.unread().update(read_at=at)


@transaction.atomic
def mark_all_read(*, actor: Actor, at: datetime) -> int:
    """Mark all of the actor's notifications in this organisation read; return how many were not."""
    return int(Notification.objects.visible_to(actor).unread().update(read_at=at))


@transaction.atomic
def set_preferences(*, user: User, choices: Mapping[str, tuple[bool, bool]], language: str) -> None:
    """Store, by family, whether ``user`` wants notifications and mails, and the language of pages and mails.

    Raises Rejected for an unknown family or language.
    """
    if language not in dict(settings.LANGUAGES):
        raise Rejected(gettext("We do not write in this language."), field="language")
    unknown = sorted(set(choices) - set(FAMILIES))
    if unknown:
        raise Rejected(
            gettext("There is nothing called %(unknown)s to choose.") % {"unknown": unknown[0]}, field=unknown[0]
        )
    for family, (in_app, mail) in choices.items():
        NotificationPreference.objects.update_or_create(
            user=user, family=family, defaults={"in_app": in_app, "mail": mail}
        )
    User.objects.filter(pk=user.pk).update(language=language)
