# SPDX-License-Identifier: Apache-2.0
"""Reserved capacity over the API: quote, confirm, read, cancel."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from aion import clock
from aion.actor import Scope
from aion.api.idempotency import once
from aion.api.serializers import MoneyOut, StrictSerializer, Text
from aion.api.views import ActorViewSet, without_body
from clusters.queries.reservations import reservations, uses_of
from clusters.services.reservations import cancel_reservation
from clusters.states import CANCELLATION, ReservationState
from marketplace.api.serializers import DecisionOut, PriceVersionOut, RefusalOut
from marketplace.models import Offer
from marketplace.services.quotes import refusal_of
from marketplace.services.reservations import Wish, confirm_reservation, quote_reservation

STATES = [(one.value, one.name) for one in ReservationState]


class ReservationQuoteIn(StrictSerializer):
    """Which GPUs, and when."""

    project = Text(max_length=40)
    offer = Text(max_length=40, help_text="One of the capacity class reserved.")
    gpus = serializers.IntegerField(min_value=-(2**31), max_value=2**31 - 1)
    starts_at = serializers.DateTimeField(help_text="A full hour in UTC that has not begun.")
    ends_at = serializers.DateTimeField(help_text="Excluded; a full hour in UTC.")


class ReservationIn(ReservationQuoteIn):
    """What is to be reserved."""

    agreed_microcredits = serializers.IntegerField(
        min_value=0,
        max_value=10**15,
        required=False,
        help_text="The amount of your quote: refused if it costs more now.",
    )


def wish_of(data: dict[str, Any]) -> Wish:
    """Return what is wanted from parsed data."""
    return Wish(
        project_id=data["project"],
        offer_id=data["offer"],
        milli_gpus=data["gpus"] * 1000,
        starts_at=data["starts_at"],
        ends_at=data["ends_at"],
        agreed=data.get("agreed_microcredits"),
    )


class CancellationStepOut(serializers.Serializer[Any]):
    """Cancelled at least so many hours before the start, so much of the window is charged."""

    hours_before = serializers.IntegerField()
    percent_charged = serializers.IntegerField()


def rule_out(rule: Any) -> list[dict[str, int]]:
    """Return a rule of cancellation as the API shows it."""
    return [{"hours_before": hours, "percent_charged": percent} for hours, percent in rule]


class ReservationQuoteOut(MoneyOut):
    """Count, window, total and price version. Nothing is promised."""

    money: ClassVar = {"amount": "amount", "available": "available"}
    offer = serializers.CharField(source="offer.public_id")
    project = serializers.CharField(source="project.public_id")
    milli_gpus = serializers.IntegerField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    hours = serializers.IntegerField()
    free_milli_gpus = serializers.IntegerField(source="free", help_text="What could be reserved for all of the window.")
    price_microcredits_per_gpu_hour = serializers.IntegerField(source="price.micro_per_gpu_hour")
    price_version = PriceVersionOut(source="price")
    cancellation = serializers.SerializerMethodField()
    decision = DecisionOut()
    refusal = serializers.SerializerMethodField()

    @extend_schema_field(CancellationStepOut(many=True))
    def get_cancellation(self, row: Any) -> Any:
        """Return what cancelling would cost."""
        return rule_out(CANCELLATION)

    @extend_schema_field(RefusalOut(allow_null=True))
    def get_refusal(self, row: Any) -> Any:
        """Return what of credit, budget or policy would refuse a confirmation, or null."""
        refusal = self.context["refusal"]
        return RefusalOut(refusal).data if refusal is not None else None


class ReservationOut(MoneyOut):
    """GPUs promised for a window, with what of it was used; charged for all of it."""

    money: ClassVar = {"amount": "amount"}
    id = serializers.CharField(source="public_id")
    offer = serializers.CharField(source="offer_ref")
    title = serializers.CharField()
    project = serializers.CharField(source="project.public_id")
    pool = serializers.CharField(source="pool.public_id")
    site = serializers.CharField(source="pool.cluster.site.code")
    milli_gpus = serializers.IntegerField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=STATES)
    price_id = serializers.IntegerField()
    price_book = serializers.CharField()
    price_microcredits_per_gpu_hour = serializers.IntegerField(source="micro_per_gpu_hour")
    cancellation = serializers.SerializerMethodField()
    used_milli_gpu_seconds = serializers.SerializerMethodField()
    unused_milli_gpu_seconds = serializers.SerializerMethodField()
    confirmed_at = serializers.DateTimeField()
    cancelled_at = serializers.DateTimeField(allow_null=True)
    cancel_reason = serializers.CharField()

    @extend_schema_field(CancellationStepOut(many=True))
    def get_cancellation(self, row: Any) -> Any:
        """Return the rule that it was confirmed under."""
        return rule_out(row.cancellation)

    def get_used_milli_gpu_seconds(self, row: Any) -> int:
        """Return what ran on it until now."""
        return int(self.context["uses"][row.pk].used)

    def get_unused_milli_gpu_seconds(self, row: Any) -> int:
        """Return what of the hours that have passed nothing ran on."""
        return int(self.context["uses"][row.pk].unused)


class ReservationQuoteViewSet(ActorViewSet):
    """What a reservation would cost. Promises nothing."""

    scopes: ClassVar = {"create": Scope.WORKLOADS_READ}
    takes_key = False  # it changes nothing: a repeat is a new quote
    out = ReservationQuoteOut
    queryset = Offer.objects.none()

    def rows(self) -> QuerySet[Any]:
        """There is nothing to list."""
        return Offer.objects.none()

    @extend_schema(request=ReservationQuoteIn, responses={200: ReservationQuoteOut})
    def create(self, request: Request) -> Response:
        """Return total, price version and what would refuse it; the confirmation's own code decides."""
        data, now = self.parsed(ReservationQuoteIn), clock.now()
        quote = quote_reservation(actor=self.actor, wish=wish_of(data), at=now)
        refusal = refusal_of(actor=self.actor, quote=quote, at=now)
        return Response(ReservationQuoteOut(quote, context={"refusal": refusal}).data)


class ReservationViewSet(ActorViewSet):
    """Reservations of the key's organisation."""

    http_method_names = ["get", "head", "options", "post"]
    scopes: ClassVar = {
        "list": Scope.WORKLOADS_READ,
        "retrieve": Scope.WORKLOADS_READ,
        "create": Scope.WORKLOADS_WRITE,
        "cancel": Scope.WORKLOADS_WRITE,
    }
    out = ReservationOut
    queryset = Offer.objects.none()
    cursor_ordering = ("-starts_at", "-pk")

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's reservations."""
        return reservations(self.actor)

    def _shown(self, row: Any) -> Any:
        return ReservationOut(row, context={"uses": uses_of([row], clock.now())}).data

    def list(self, request: Request, **_: Any) -> Response:
        """List reservations, the latest window first."""
        page = self.paginate_queryset(self.rows()) or []
        uses = uses_of(page, clock.now())
        return self.get_paginated_response(ReservationOut(page, many=True, context={"uses": uses}).data)

    def retrieve(self, request: Request, **_: Any) -> Response:
        """Return one."""
        return Response(self._shown(self.get_object()))

    @extend_schema(request=ReservationIn, responses={201: ReservationOut})
    def create(self, request: Request) -> Response:
        """Check everything again, hold the price of the whole window and promise the GPUs: all of it or nothing."""
        data = self.parsed(ReservationIn)

        def act() -> tuple[int, Any]:
            row = confirm_reservation(actor=self.actor, wish=wish_of(data), at=clock.now())
            return 201, self._shown(self.rows().get(pk=row.pk))

        return once(request, self.actor, act)

    @extend_schema(request=None, responses={200: ReservationOut})
    @action(detail=True, methods=["post"])
    @without_body
    def cancel(self, request: Request, **_: Any) -> Response:
        """Give it back before it starts; the rule it was confirmed under says what that costs."""

        def act() -> tuple[int, Any]:
            row = cancel_reservation(actor=self.actor, public_id=self.kwargs["id"], at=clock.now())
            return 200, self._shown(self.rows().get(pk=row.pk))

        return once(request, self.actor, act)


def register(router: Any) -> None:
    """Add the resources of this module."""
    router.register("reservation-quotes", ReservationQuoteViewSet, basename="reservation_quote")
    router.register("reservations", ReservationViewSet, basename="reservation")
