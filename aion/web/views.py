# SPDX-License-Identifier: Apache-2.0
"""The base of every portal view: organisation and rights first, lookups after."""

from typing import Any

from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views import View

from aion import clock
from aion.actor import Actor, Scope
from aion.errors import Forbidden
from aion.people import impersonation
from aion.people.errors import SecondFactorNeeded
from aion.people.verified import factors_of, require_second_factor
from aion.tenancy.models import Organisation
from aion.tenancy.services.actors import actor_of, memberships_of

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
        slug = kwargs.pop("slug")
        looked = self._looked_at(request, slug)
        try:
            if looked is None:
                self._enter(request, slug)
            else:
                self._stand_in(request, looked, Organisation.objects.visible_to(looked).select_related("country").get())
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

    def _enter(self, request: HttpRequest, slug: str) -> None:
        """Find the person's membership, and on the way what the page's shell and the second factor ask: one query."""
        user: Any = request.user
        mine = list(memberships_of(user).annotate(has_factor=Exists(factors_of(OuterRef("user")))))
        vars(request)["my_organisations"] = [one.organisation for one in mine]  # the page's shell asks for the same
        membership: Any = next((one for one in mine if one.organisation.slug == slug), None)
        actor = actor_of(membership, user=user)
        self._stand_in(request, actor, membership.organisation)
        require_second_factor(user, membership.role, has_one=membership.has_factor)

    def _stand_in(self, request: HttpRequest, actor: Actor, organisation: Organisation) -> None:
        # Before the right is checked: the page that says 403 keeps its menu, so that it is no dead end.
        self.actor, self.organisation = actor, organisation
        vars(request).update(actor=actor, organisation=organisation)

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
