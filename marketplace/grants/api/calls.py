# SPDX-License-Identifier: Apache-2.0
"""Calls and applications over the API."""

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from aion import clock
from aion.actor import Scope
from aion.api.idempotency import once
from aion.api.views import ActorViewSet, ReadOnlyActorViewSet, without_body
from aion.errors import Rejected
from marketplace.grants.api.serializers import (
    ApplicationIn,
    ApplicationOut,
    ApplicationPatch,
    GrantEstimateIn,
    GrantEstimateOut,
    ProgrammeOut,
)
from marketplace.grants.estimator import OutOfBounds, table_version
from marketplace.grants.models import Application, Programme
from marketplace.grants.queries import calls
from marketplace.grants.queries.estimates import ItemWish, allowed_offers, cost_of
from marketplace.grants.services.applications import save_step, start_application, withdraw
from marketplace.grants.services.submission import submit
from marketplace.grants.states import ApplicationState
from marketplace.queries import buyer_of


class GrantProgrammeViewSet(ReadOnlyActorViewSet):
    """Calls that are published; they are the same for everybody."""

    scopes: ClassVar = {"list": Scope.GRANTS_READ, "retrieve": Scope.GRANTS_READ}
    out = ProgrammeOut
    queryset = Programme.objects.none()
    cursor_ordering = ("-opens_at", "-pk")

    def rows(self) -> QuerySet[Any]:
        """Return published calls."""
        return calls.published().prefetch_related("criteria")

    def get_serializer_context(self) -> dict[str, Any]:
        """Add the instant that decides whether a call is open."""
        return {**super().get_serializer_context(), "at": clock.now()}


class ApplicationFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """By state and call."""

    state = django_filters.ChoiceFilter(choices=[(state.value, state.value) for state in ApplicationState])
    programme = django_filters.CharFilter(field_name="programme__public_id", max_length=40)


class GrantApplicationViewSet(ActorViewSet):
    """The organisation's applications: start a draft, change it, submit it, take it back."""

    scopes: ClassVar = {
        "list": Scope.GRANTS_READ,
        "retrieve": Scope.GRANTS_READ,
        "create": Scope.GRANTS_WRITE,
        "partial_update": Scope.GRANTS_WRITE,
        "submit": Scope.GRANTS_WRITE,
        "withdraw": Scope.GRANTS_WRITE,
    }
    out = ApplicationOut
    filterset_class = ApplicationFilter
    queryset = Application.objects.none()
    cursor_ordering = ("-updated_at", "-pk")

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's applications."""
        return calls.applications(self.actor).prefetch_related("items", "attachments", "eligibility")

    def _shown(self, application: Application) -> Any:
        return ApplicationOut(self.rows().get(pk=application.pk), context=self.get_serializer_context()).data

    @extend_schema(request=ApplicationIn, responses={201: ApplicationOut})
    def create(self, request: Request) -> Response:
        """Start a draft for a call that is open."""
        data = self.parsed(ApplicationIn)

        def act() -> tuple[int, Any]:
            programme = calls.published_by_id(data["programme"])
            return 201, self._shown(start_application(actor=self.actor, programme=programme, at=clock.now()))

        return once(request, self.actor, act)

    @extend_schema(request=ApplicationPatch, responses={200: ApplicationOut})
    def partial_update(self, request: Request, **_: Any) -> Response:
        """Change a draft; an old ``revision`` is refused with 409, so that nobody's work is lost."""
        self.get_object()
        data = self.parsed(ApplicationPatch)
        revision = data.pop("revision")
        data |= {name: [dict(one) for one in data[name]] for name in ("team", "partners", "items") if name in data}

        def act() -> tuple[int, Any]:
            saved = save_step(
                actor=self.actor, public_id=self.kwargs["id"], step="", data=data, revision=revision, at=clock.now()
            )
            return 200, self._shown(saved)

        return once(request, self.actor, act)

    @extend_schema(request=None, responses={200: ApplicationOut})
    @action(detail=True, methods=["post"])
    @without_body
    def submit(self, request: Request, **_: Any) -> Response:
        """Submit a draft: its content is kept as it is, and eligibility is checked at once."""

        def act() -> tuple[int, Any]:
            return 200, self._shown(submit(actor=self.actor, public_id=self.kwargs["id"], at=clock.now()))

        return once(request, self.actor, act)

    @extend_schema(request=None, responses={200: ApplicationOut})
    @action(detail=True, methods=["post"])
    @without_body
    def withdraw(self, request: Request, **_: Any) -> Response:
        """Take an application back before reviewers have it; doing so twice changes nothing."""

        def act() -> tuple[int, Any]:
            return 200, self._shown(withdraw(actor=self.actor, public_id=self.kwargs["id"], at=clock.now()))

        return once(request, self.actor, act)


class GrantEstimateViewSet(ActorViewSet):
    """What work would take under a call. Stores nothing."""

    scopes: ClassVar = {"create": Scope.GRANTS_READ}
    takes_key = False  # it changes nothing: a repeat is a new estimate
    out = GrantEstimateOut
    queryset = Programme.objects.none()

    def rows(self) -> QuerySet[Any]:
        """There is nothing to list."""
        return Programme.objects.none()

    @extend_schema(request=GrantEstimateIn, responses={200: GrantEstimateOut})
    def create(self, request: Request) -> Response:
        """Return FLOP, GPU-hours, cost, energy and emissions."""
        data, now = dict(self.parsed(GrantEstimateIn)), clock.now()
        programme = calls.published_by_id(data.pop("programme"))
        try:
            cost = cost_of(ItemWish(**data), allowed_offers(programme, now, buyer_of(self.actor)))
        except OutOfBounds as error:
            raise Rejected(gettext(str(error)), field=error.field) from error
        return Response(GrantEstimateOut(cost, context={"table_version": table_version()}).data)


def register(router: SimpleRouter) -> None:
    """Add this part's resources."""
    router.register("grant-programmes", GrantProgrammeViewSet, basename="grant_programme")
    router.register("grant-applications", GrantApplicationViewSet, basename="grant_application")
    router.register("grant-estimates", GrantEstimateViewSet, basename="grant_estimate")
