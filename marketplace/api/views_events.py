# SPDX-License-Identifier: Apache-2.0
"""Events, their types, webhooks and deliveries over the API."""

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from aion import clock
from aion.actor import Scope
from aion.api.filters import InstantFilter
from aion.api.idempotency import once
from aion.api.views import ActorViewSet, ReadOnlyActorViewSet, without_body
from aion.errors import NotFound
from aion.events import queries
from aion.events.models import Event, WebhookDelivery, WebhookEndpoint
from aion.events.services import deliveries, endpoints
from aion.events.states import DeliveryState
from aion.events.types import TYPES, subscribable
from marketplace.api.serializers_events import (
    DeliveryDetailOut,
    DeliveryOut,
    EndpointIn,
    EndpointOut,
    EndpointPatch,
    EndpointSecretOut,
    EventOut,
    EventTypeOut,
)

SECRET = ("secret",)


class EventTypeViewSet(ReadOnlyActorViewSet):
    """What can happen: the types that a webhook may choose, each with an example of its data."""

    scopes: ClassVar = {"list": Scope.WEBHOOKS_READ, "retrieve": Scope.WEBHOOKS_READ}
    out = EventTypeOut
    queryset = Event.objects.none()
    pagination_class = None
    lookup_value_regex = r"[a-z_]+\.[a-z_]+"

    @extend_schema(responses=EventTypeOut(many=True))
    def list(self, request: Request, **_: Any) -> Response:
        """List the types, whole."""
        return Response(EventTypeOut(subscribable(), many=True).data)

    def retrieve(self, request: Request, **_: Any) -> Response:
        """Return one type by its name."""
        wanted = next((one for one in subscribable() if one.name == self.kwargs["id"]), None)
        if wanted is None:
            raise NotFound(gettext("There is no such event type."))
        return Response(EventTypeOut(wanted).data)


class EventFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """By type and time."""

    type = django_filters.ChoiceFilter(choices=[(name, name) for name in sorted(TYPES)])
    since = InstantFilter(field_name="created_at", lookup_expr="gte")
    until = InstantFilter(field_name="created_at", lookup_expr="lt")


class EventViewSet(ReadOnlyActorViewSet):
    """What happened in the organisation, newest first."""

    scopes: ClassVar = {"list": Scope.WEBHOOKS_READ, "retrieve": Scope.WEBHOOKS_READ}
    out = EventOut
    filterset_class = EventFilter
    queryset = Event.objects.none()
    cursor_ordering = ("-created_at", "-pk")

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's events."""
        return queries.events(self.actor)


class EndpointViewSet(ActorViewSet):
    """Webhooks: addresses that we call when something happens."""

    scopes: ClassVar = {
        "list": Scope.WEBHOOKS_READ,
        "retrieve": Scope.WEBHOOKS_READ,
        "create": Scope.WEBHOOKS_WRITE,
        "partial_update": Scope.WEBHOOKS_WRITE,
        "destroy": Scope.WEBHOOKS_WRITE,
        "rotate_secret": Scope.WEBHOOKS_WRITE,
        "test": Scope.WEBHOOKS_WRITE,
    }
    out = EndpointOut
    queryset = WebhookEndpoint.objects.none()
    cursor_ordering = ("-created_at", "-pk")

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's endpoints."""
        return queries.endpoints(self.actor)

    @extend_schema(request=EndpointIn, responses={201: EndpointSecretOut})
    def create(self, request: Request) -> Response:
        """Create an endpoint; the answer shows its secret, once."""
        data = self.parsed(EndpointIn)

        def act() -> tuple[int, Any]:
            endpoint, secret = endpoints.create_endpoint(actor=self.actor, at=clock.now(), **data)
            return 201, EndpointSecretOut(endpoint, context={"secret": secret}).data

        return once(request, self.actor, act, unstored=SECRET)

    @extend_schema(request=EndpointPatch, responses={200: EndpointOut})
    def partial_update(self, request: Request, **_: Any) -> Response:
        """Change what is given. Switching off ends what still waits."""
        data = self.parsed(EndpointPatch)

        def act() -> tuple[int, Any]:
            endpoint = endpoints.update_endpoint(actor=self.actor, public_id=self.kwargs["id"], at=clock.now(), **data)
            return 200, EndpointOut(endpoint).data

        return once(request, self.actor, act)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, **_: Any) -> Response:
        """Delete an endpoint and forget its secret."""

        def act() -> tuple[int, Any]:
            endpoints.delete_endpoint(actor=self.actor, public_id=self.kwargs["id"], at=clock.now())
            return 204, None

        return once(request, self.actor, act)

    @extend_schema(request=None, responses={200: EndpointSecretOut})
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    @without_body
    def rotate_secret(self, request: Request, **_: Any) -> Response:
        """Make a new secret, shown once; for 24 hours we sign with the old one too."""

        def act() -> tuple[int, Any]:
            endpoint, secret = endpoints.rotate_secret(actor=self.actor, public_id=self.kwargs["id"], at=clock.now())
            return 200, EndpointSecretOut(endpoint, context={"secret": secret}).data

        return once(request, self.actor, act, unstored=SECRET)

    @extend_schema(request=None, responses={202: DeliveryOut})
    @action(detail=True, methods=["post"])
    @without_body
    def test(self, request: Request, **_: Any) -> Response:
        """Send a `webhook.test` to this endpoint only."""

        def act() -> tuple[int, Any]:
            delivery = endpoints.send_test_event(actor=self.actor, public_id=self.kwargs["id"], at=clock.now())
            return 202, DeliveryOut(delivery).data

        return once(request, self.actor, act)


class DeliveryFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """By endpoint, state and event type."""

    endpoint = django_filters.CharFilter(field_name="endpoint__public_id", max_length=40)
    state = django_filters.ChoiceFilter(choices=[(state.value, state.value) for state in DeliveryState])
    event_type = django_filters.ChoiceFilter(field_name="event__type", choices=[(name, name) for name in sorted(TYPES)])


class DeliveryViewSet(ActorViewSet):
    """What was sent where, with which answer; one that ended can be sent again."""

    scopes: ClassVar = {
        "list": Scope.WEBHOOKS_READ,
        "retrieve": Scope.WEBHOOKS_READ,
        "resend": Scope.WEBHOOKS_WRITE,
    }
    out = DeliveryOut
    filterset_class = DeliveryFilter
    queryset = WebhookDelivery.objects.none()
    cursor_ordering = ("-created_at", "-pk")

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's deliveries."""
        return queries.deliveries(self.actor)

    @extend_schema(responses={200: DeliveryDetailOut})
    def retrieve(self, request: Request, **_: Any) -> Response:
        """Return one with its attempts."""
        return Response(DeliveryDetailOut(self.get_object()).data)

    @extend_schema(request=None, responses={202: DeliveryOut})
    @action(detail=True, methods=["post"])
    @without_body
    def resend(self, request: Request, **_: Any) -> Response:
        """Send it once more, with the same message id."""

        def act() -> tuple[int, Any]:
            delivery = deliveries.resend(actor=self.actor, public_id=self.kwargs["id"], at=clock.now())
            return 202, DeliveryOut(self.rows().get(pk=delivery.pk)).data

        return once(request, self.actor, act)
