# SPDX-License-Identifier: Apache-2.0
"""The base of every portal view: organisation and rights first, lookups after."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views import View

from aion import clock
from aion.actor import Actor, Scope
from aion.errors import Forbidden, NotFound
from aion.people import impersonation
from aion.people.errors import SecondFactorNeeded
from aion.people.verified import require_second_factor
from aion.tenancy.models import Organisation
from aion.tenancy.services.actors import actor_for

# Where the session of staff says as whom they look.
LOOKING = "looking"


class ActorView(View):
    """A view under ``/o/<slug>/``: ``scope`` is checked before any lookup in it; a view without one is refused."""

    scope: Scope | None = None
    write_scope: Scope | None = None
    # A page that is the person's own, closed to staff who look as a member.
    personal = False
    actor: Actor
    organisation: Organisation

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Find the actor. A stranger gets 404, a member without the right 403.

        Owners and billing without a second factor are led to its set-up first.
        """
        user: Any = request.user
        slug = kwargs.pop("slug")
        looked = self._looked_at(request, slug)
        self.actor = looked or actor_for(user=user, slug=slug)
        organisation = Organisation.objects.visible_to(self.actor).select_related("country").first()
        if organisation is None:
            raise NotFound(gettext("There is no such organisation."))
        self.organisation = organisation
        # Before the right is checked: the page that says 403 keeps its menu, so that it is no dead end.
        request.actor, request.organisation = self.actor, organisation  # type: ignore[attr-defined]  # ours
        try:
            if looked is None:
                require_second_factor(user, self.actor.role)
        except SecondFactorNeeded as error:
            messages.warning(request, error.detail)
            return redirect("mfa_index")
        scope = (
            self.write_scope if request.method not in {"GET", "HEAD", "OPTIONS"} and self.write_scope else self.scope
        )
        if scope is None:
            raise Forbidden(gettext("This page declares no right and is closed."))
        self.actor.require(scope)
        return super().dispatch(request, *args, **kwargs)

    def _looked_at(self, request: HttpRequest, slug: str) -> Actor | None:
        """Return the actor of staff who look as a member; they read, and what is the member's alone stays closed."""
        public_id, user = request.session.get(LOOKING), request.user
        if not public_id or not user.is_staff:
            return None
        now = clock.now()
        looking = impersonation.current(staff=user, public_id=public_id, slug=slug, at=now)
        actor = impersonation.actor_of(looking) if looking is not None else None
        if looking is None or actor is None:
            return None
        request.looking = looking  # type: ignore[attr-defined]  # ours, while staff look on
        if request.method not in {"GET", "HEAD", "OPTIONS"} or self.personal:
            raise Forbidden(
                gettext("You are looking as a member: nothing can be changed, and personal pages stay closed.")
            )
        if not request.headers.get("HX-Request"):
            impersonation.viewed(looking=looking, path=request.path, at=now)
        return actor
