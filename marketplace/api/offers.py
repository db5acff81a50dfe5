# SPDX-License-Identifier: Apache-2.0
"""The catalogue and operators' offers over the API."""

from dataclasses import asdict
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from aion import clock
from aion.actor import Scope
from aion.api.idempotency import once
from aion.api.serializers import StrictSerializer, Text
from aion.api.views import ActorViewSet, without_body
from aion.errors import NotFound
from aion.money import decimal_string
from aion.residency.policy import Level
from marketplace import queries
from marketplace.api.offer_changes import NAMES, FactsIn, OfferChangeOut, OfferChangeViewSet, PriceIn
from marketplace.api.serializers import AnnouncedPriceOut, OfferOut, announced_out
from marketplace.models import Offer
from marketplace.queries import CatalogueWish
from marketplace.queries.catalogue import SORTS
from marketplace.services import offer_changes, offers
from marketplace.services.offers import MAX_DISK, MAX_MICRO, OfferWish
from marketplace.states import CapacityClass, OfferState

CLASSES = [(one.value, one.name) for one in CapacityClass]
STATES = [(one.value, one.name) for one in OfferState]
MOST = 10**15


class CatalogueIn(StrictSerializer):
    """What to look for in the catalogue."""

    q = Text(max_length=80, default="", allow_blank=True, help_text="In title, site or operator.")
    vendor = Text(max_length=40, default="", allow_blank=True)
    kind = Text(max_length=8, default="", allow_blank=True, help_text="gpu, npu, cpu or qpu.")
    memory_min_gib = serializers.IntegerField(min_value=0, max_value=100_000, default=0)
    site = Text(max_length=40, default="", allow_blank=True)
    country = Text(max_length=16, default="", allow_blank=True)
    capacity_class = serializers.ChoiceField(choices=CLASSES, default="")
    residency_level = serializers.ChoiceField(
        choices=[level.name for level in Level], default="", help_text="At least this level."
    )
    max_price_microcredits = serializers.IntegerField(min_value=0, max_value=MAX_MICRO, default=None)
    milli_gpus = serializers.IntegerField(
        min_value=1, max_value=10**9, default=1000, help_text="How much one workload would take at one time."
    )
    available = serializers.BooleanField(default=False, help_text="Only where that much could start now.")
    sort = serializers.ChoiceField(choices=list(SORTS), default="position")
    page = serializers.IntegerField(min_value=1, max_value=10**6, default=1)
    limit = serializers.IntegerField(min_value=1, max_value=200, default=50)

    def wish(self) -> CatalogueWish:
        """Return what is looked for."""
        data = self.validated_data
        return CatalogueWish(
            text=data["q"],
            vendor=data["vendor"],
            kind=data["kind"],
            memory_min=data["memory_min_gib"],
            site=data["site"],
            country=data["country"],
            capacity_class=data["capacity_class"],
            level=data["residency_level"],
            max_micro=data["max_price_microcredits"],
            milli_gpus=data["milli_gpus"],
            free_only=data["available"],
            sort=data["sort"],
        )


@extend_schema_serializer(many=False)
class OfferPageOut(serializers.Serializer[Any]):
    """A page of the catalogue."""

    items = OfferOut(many=True)
    count = serializers.IntegerField(help_text="How many fit.")
    next = serializers.IntegerField(allow_null=True, help_text="The number of the next page.")
    previous = serializers.IntegerField(allow_null=True)


class OfferViewSet(ActorViewSet):
    """What is on sale, with price, what could start now for the key's organisation, and the residency level."""

    http_method_names = ["get", "head", "options"]
    scopes: ClassVar = {"list": Scope.OFFERS_READ, "retrieve": Scope.OFFERS_READ}
    out = OfferOut
    parameters = tuple(CatalogueIn().fields)
    queryset = Offer.objects.none()
    pagination_class = None
    filter_backends = ()

    def rows(self) -> QuerySet[Any]:
        """Return offers on sale; they are public."""
        return Offer.objects.on_sale()

    @extend_schema(parameters=[CatalogueIn], responses=OfferPageOut)
    def list(self, request: Request, **_: Any) -> Response:
        """List the catalogue by pages, filtered and sorted."""
        asked = CatalogueIn(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        number, limit = asked.validated_data["page"], asked.validated_data["limit"]
        buyer, allowance = queries.shopper_of(self.actor, clock.now())
        page = queries.catalogue_page(
            wish=asked.wish(),
            at=clock.now(),
            buyer=buyer,
            allowance=allowance,
            number=number,
            size=limit,
        )
        return Response(
            {
                "items": OfferOut(page.lines if number == page.number else [], many=True).data,
                "count": page.count,
                "next": page.number + 1 if page.number < page.pages else None,
                "previous": page.number - 1 if page.number > 1 else None,
            }
        )

    def retrieve(self, request: Request, **_: Any) -> Response:
        """Return one line."""
        buyer, allowance = queries.shopper_of(self.actor, clock.now())
        line = queries.priced_offer(public_id=self.kwargs["id"], at=clock.now(), buyer=buyer, allowance=allowance)
        if line is None:
            raise NotFound(gettext("No such offer is on sale."))
        return Response(OfferOut(line).data)


class OperatorOfferOut(serializers.Serializer[Any]):
    """An operator's own offer, in any state."""

    id = serializers.CharField(source="public_id")
    pool = serializers.CharField(source="pool.public_id")
    sku = serializers.CharField(source="sku.code")
    title = serializers.CharField()
    description = serializers.CharField()
    capacity_class = serializers.ChoiceField(choices=CLASSES)
    state = serializers.ChoiceField(choices=STATES)
    own_price_microcredits_per_gpu_hour = serializers.SerializerMethodField()
    own_price_per_gpu_hour = serializers.SerializerMethodField()
    announced_price = serializers.SerializerMethodField()
    storage_class = serializers.CharField(help_text="Empty: the pool's.")
    local_disk_gib = serializers.IntegerField(allow_null=True, help_text="Null: what the kind of node has.")
    currency = serializers.SerializerMethodField()
    min_milli_gpus = serializers.IntegerField()
    max_milli_gpus = serializers.IntegerField()
    max_duration_seconds = serializers.IntegerField(source="max_seconds")
    missing_residency_facts = serializers.SerializerMethodField()
    proposed_at = serializers.DateTimeField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    decision_reason = serializers.CharField()

    @extend_schema_field(serializers.IntegerField(allow_null=True, help_text="Null: the list price holds."))
    def get_own_price_microcredits_per_gpu_hour(self, row: Any) -> int | None:
        """Return the price that holds now."""
        own: int | None = row.own_at(clock.now())
        return own

    @extend_schema_field(AnnouncedPriceOut(allow_null=True))
    def get_announced_price(self, row: Any) -> Any:
        """Return the price that is announced, or null."""
        return announced_out(row) if row.is_announced(clock.now()) else None

    def get_own_price_per_gpu_hour(self, row: Any) -> str | None:
        """Return the price as a decimal string."""
        micro = row.own_at(clock.now())
        return None if micro is None else decimal_string(micro)

    def get_currency(self, row: Any) -> str:
        """Return the currency."""
        return "EUR"

    def get_missing_residency_facts(self, row: Any) -> list[str]:
        """Return what the site lacks before the offer can be published."""
        facts: list[str] = row.pool.cluster.site.missing_facts()
        return facts


class OperatorOfferPatch(StrictSerializer):
    """What is to change; what is left out stays."""

    pool = Text(max_length=40, required=False)
    title = Text(max_length=80, required=False)
    description = Text(max_length=200, required=False, allow_blank=True)
    capacity_class = serializers.ChoiceField(choices=CLASSES, required=False)
    own_price_microcredits_per_gpu_hour = serializers.IntegerField(
        min_value=1, max_value=MAX_MICRO, required=False, allow_null=True
    )
    min_milli_gpus = serializers.IntegerField(min_value=1, max_value=MOST, required=False)
    max_milli_gpus = serializers.IntegerField(min_value=1, max_value=MOST, required=False)
    max_duration_seconds = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False)
    storage_class = Text(max_length=60, required=False, allow_blank=True)
    local_disk_gib = serializers.IntegerField(min_value=0, max_value=MAX_DISK, required=False, allow_null=True)


class OperatorOfferIn(OperatorOfferPatch):
    """A new offer on one of the organisation's pools."""

    pool = Text(max_length=40)
    title = Text(max_length=80)


def wish_of(data: dict[str, Any], offer: Offer | None = None) -> OfferWish:
    """Return what is offered: what was sent, over what the offer says already."""
    now = asdict(offers.wish_of(offer, clock.now())) if offer is not None else {}
    return OfferWish(**{**now, **{NAMES.get(name, name): value for name, value in data.items()}})


class OperatorOfferViewSet(ActorViewSet):
    """The offers that the key's organisation makes on its pools; AION approves what is proposed."""

    scopes: ClassVar = dict.fromkeys(
        ("list", "retrieve", "create", "partial_update", "propose", "withdraw", "prices", "revise"), Scope.OFFERS_WRITE
    )
    out = OperatorOfferOut
    queryset = Offer.objects.none()

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's offers."""
        return Offer.objects.visible_to(self.actor).select_related("pool__cluster__site", "pool__flavour", "sku")

    def _shown(self, offer: Offer) -> Any:
        return OperatorOfferOut(self.rows().get(pk=offer.pk)).data

    @extend_schema(request=OperatorOfferIn, responses={201: OperatorOfferOut})
    def create(self, request: Request) -> Response:
        """Write a draft."""
        data = self.parsed(OperatorOfferIn)

        def act() -> tuple[int, Any]:
            offer = offers.create_offer(actor=self.actor, wish=wish_of(data), at=clock.now())
            return 201, self._shown(offer)

        return once(request, self.actor, act)

    @extend_schema(request=OperatorOfferPatch, responses={200: OperatorOfferOut})
    def partial_update(self, request: Request, **_: Any) -> Response:
        """Change an offer that is neither proposed nor on sale."""
        data, before = self.parsed(OperatorOfferPatch), self.get_object()

        def act() -> tuple[int, Any]:
            offer = offers.change_offer(
                actor=self.actor, public_id=self.kwargs["id"], wish=wish_of(data, before), at=clock.now()
            )
            return 200, self._shown(offer)

        return once(request, self.actor, act)

    @extend_schema(request=None, responses={200: OperatorOfferOut})
    @action(detail=True, methods=["post"])
    @without_body
    def propose(self, request: Request, **_: Any) -> Response:
        """Put an offer before AION."""

        def act() -> tuple[int, Any]:
            offer = offers.propose_offer(actor=self.actor, public_id=self.kwargs["id"], at=clock.now())
            return 200, self._shown(offer)

        return once(request, self.actor, act)

    @extend_schema(request=None, responses={200: OperatorOfferOut})
    @action(detail=True, methods=["post"])
    @without_body
    def withdraw(self, request: Request, **_: Any) -> Response:
        """Take an offer off sale, or a proposal back. What runs goes on."""

        def act() -> tuple[int, Any]:
            offer = offers.withdraw_own_offer(actor=self.actor, public_id=self.kwargs["id"], at=clock.now())
            return 200, self._shown(offer)

        return once(request, self.actor, act)

    @extend_schema(request=PriceIn, responses={201: OfferChangeOut})
    @action(detail=True, methods=["post"])
    def prices(self, request: Request, **_: Any) -> Response:
        """Propose another price from a date on, for an offer on sale."""
        data = self.parsed(PriceIn)

        def act() -> tuple[int, Any]:
            change = offer_changes.propose_price(
                actor=self.actor,
                offer_id=self.kwargs["id"],
                micro_per_gpu_hour=data["price_microcredits_per_gpu_hour"],
                valid_from=data["valid_from"],
                reason=data["reason"],
                at=clock.now(),
            )
            return 201, OfferChangeOut(change).data

        return once(request, self.actor, act)

    @extend_schema(request=FactsIn, responses={201: OfferChangeOut})
    @action(detail=True, methods=["post"])
    def revise(self, request: Request, **_: Any) -> Response:
        """Propose other facts of an offer on sale; what is left out stays."""
        data = self.parsed(FactsIn)

        def act() -> tuple[int, Any]:
            facts = {NAMES.get(name, name): value for name, value in data.items() if name != "reason"}
            change = offer_changes.propose_facts(
                actor=self.actor, offer_id=self.kwargs["id"], facts=facts, reason=data["reason"], at=clock.now()
            )
            return 201, OfferChangeOut(change).data

        return once(request, self.actor, act)


def register(router: SimpleRouter) -> None:
    """Add this part's resources."""
    router.register("offers", OfferViewSet, basename="offer")
    router.register("operator-offers", OperatorOfferViewSet, basename="operator_offer")
    router.register("offer-changes", OfferChangeViewSet, basename="offer_change")
