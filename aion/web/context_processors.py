# SPDX-License-Identifier: Apache-2.0
"""What every page's shell shows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from aion import clock
from aion.actor import Actor, Scope
from aion.events.queries import MANY, unread_count
from aion.tenancy.models import Organisation, TermsVersion
from aion.tenancy.queries import terms_to_accept


def shell(request: HttpRequest) -> dict[str, Any]:
    """Add organisation, memberships, rights and a replay's clock; queries run only where a template asks."""
    user: Any = getattr(request, "user", None)

    def memberships() -> list[Organisation]:
        if user is None or not user.is_authenticated:
            return []
        known: list[Organisation] | None = getattr(request, "my_organisations", None)
        return list(Organisation.objects.of_user(user)) if known is None else known

    actor: Actor | None = getattr(request, "actor", None)

    def unread() -> str:
        count = unread_count(actor) if actor is not None else 0
        return f"{MANY}+" if count > MANY else str(count or "")

    def documents() -> list[TermsVersion]:
        if actor is None or actor.organisation_id is None or not actor.has(Scope.ORGANISATION_OWN):
            return []
        return terms_to_accept(actor.organisation_id, clock.now())

    return {
        "terms_to_accept": SimpleLazyObject(documents),
        "organisation": getattr(request, "organisation", None),
        "actor": actor,
        "looking": getattr(request, "looking", None),
        "may_launch": actor is not None and actor.has(Scope.WORKLOADS_WRITE),
        "unread": SimpleLazyObject(unread),
        "my_organisations": SimpleLazyObject(memberships),
        # None outside a replay, and lazy: a fragment that does not show it asks nothing.
        "replay_now": SimpleLazyObject(clock.virtual_now) if settings.VIRTUAL_CLOCK else None,
        "support_email": settings.SUPPORT_EMAIL,
        "local_mailbox": bool(settings.LOCAL_MAILBOX),
        "request_id": getattr(request, "request_id", ""),
    }
