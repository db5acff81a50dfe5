# SPDX-License-Identifier: Apache-2.0
"""Quotes, framework agreements, purchase orders, attested services and cost centres over the API."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from aion import clock
from aion.actor import Scope
from aion.api.idempotency import key_of, once
from aion.api.views import ActorViewSet, ReadOnlyActorViewSet, without_body
from billing.procurement.api import serializers as shapes
from billing.procurement.models import CostCentre, FrameworkAgreement, PurchaseOrder, Quote, ServiceAttestation
from billing.procurement.queries import figures, lists
from billing.procurement.services import acceptance, attestations, centres, orders, quotes
from billing.procurement.services.attestations import AttestationWish
from billing.procurement.services.orders import OrderWish

READ, WRITE = Scope.PROCUREMENT_READ, Scope.PROCUREMENT_WRITE
VERBS = ["get", "head", "options", "post"]


class WithFiguresViewSet(ActorViewSet):
    """Rows that are shown with their four numbers: one query more a page, however long it is."""

    figures_of: ClassVar[Any]  # from keys to the four numbers of each

    def shown(self, row: Any) -> Any:
        """Return one row as the API shows it."""
        return self.out(row, context={"figures": type(self).figures_of([row.pk])}).data

    def list(self, request: Request, **_: Any) -> Response:
        """List a page of rows."""
        page = list(self.paginate_queryset(self.rows()) or [])
        found = type(self).figures_of(row.pk for row in page)
        return self.get_paginated_response(self.out(page, many=True, context={"figures": found}).data)

    def retrieve(self, request: Request, **_: Any) -> Response:
        """Return one row."""
        return Response(self.shown(self.get_object()))


class QuoteViewSet(ActorViewSet):
    """Quotes of the organisation, newest first."""

    http_method_names = VERBS
    scopes: ClassVar = {"list": READ, "retrieve": READ, "create": WRITE, "accept": WRITE, "decline": WRITE}
    out = shapes.QuoteOut
    queryset = Quote.objects.none()
    cursor_ordering = ("-requested_at", "-pk")

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's quotes."""
        return lists.quotes(self.actor)

    def _again(self, row: Quote) -> Any:
        return shapes.QuoteOut(self.rows().get(pk=row.pk)).data

    @extend_schema(request=shapes.QuoteIn, responses={201: shapes.QuoteOut})
    def create(self, request: Request) -> Response:
        """Ask for a quote; staff offer it."""
        data, actor = self.parsed(shapes.QuoteIn), self.actor

        def act() -> tuple[int, Any]:
            row = quotes.request_quote(actor=actor, organisation_id=actor.organisation_id or 0, at=clock.now(), **data)
            return 201, self._again(row)

        return once(request, actor, act)

    @extend_schema(request=None, responses={200: shapes.QuoteOut})
    @action(detail=True, methods=["post"])
    @without_body
    def accept(self, request: Request, **_: Any) -> Response:
        """Accept an offered quote: its total is owed, and pays its credits once it arrives by bank transfer."""

        def act() -> tuple[int, Any]:
            row = quotes.accept_quote(actor=self.actor, public_id=self.kwargs["id"], at=clock.now())
            return 200, self._again(row)

        return once(request, self.actor, act)

    @extend_schema(request=shapes.MaybeReasonIn, responses={200: shapes.QuoteOut})
    @action(detail=True, methods=["post"])
    def decline(self, request: Request, **_: Any) -> Response:
        """Decline an offered quote."""
        data = self.parsed(shapes.MaybeReasonIn)

        def act() -> tuple[int, Any]:
            row = quotes.decline_quote(actor=self.actor, public_id=self.kwargs["id"], at=clock.now(), **data)
            return 200, self._again(row)

        return once(request, self.actor, act)


class AgreementViewSet(WithFiguresViewSet):
    """Framework agreements of the organisation, newest first. Staff enter them."""

    http_method_names = ["get", "head", "options"]
    scopes: ClassVar = {"list": READ, "retrieve": READ}
    out = shapes.AgreementOut
    queryset = FrameworkAgreement.objects.none()
    cursor_ordering = ("-drafted_at", "-pk")
    figures_of = staticmethod(figures.of_agreements)

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's agreements."""
        return lists.agreements(self.actor)


class PurchaseOrderViewSet(WithFiguresViewSet):
    """Purchase orders of the organisation, newest first."""

    http_method_names = VERBS
    scopes: ClassVar = {
        "list": READ,
        "retrieve": READ,
        "create": WRITE,
        "approve": WRITE,
        "cancel": WRITE,
        "references": WRITE,
        "attest": WRITE,
    }
    out = shapes.OrderOut
    queryset = PurchaseOrder.objects.none()
    cursor_ordering = ("-placed_at", "-pk")
    figures_of = staticmethod(figures.of_orders)

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's orders."""
        return lists.orders(self.actor)

    def _once(self, request: Request, act: Callable[[], PurchaseOrder], status: int = 200) -> Response:
        return once(request, self.actor, lambda: (status, self.shown(self.rows().get(pk=act().pk))))

    @extend_schema(request=shapes.OrderIn, responses={201: shapes.OrderOut})
    def create(self, request: Request) -> Response:
        """Place an order. Beyond a maximum, a hard cap or an agreement's days it is refused."""
        wish, key = OrderWish(**self.parsed(shapes.OrderIn)), key_of(request)
        return self._once(
            request,
            lambda: orders.place_order(actor=self.actor, wish=wish, at=clock.now(), key=f"api:{key}" if key else ""),
            201,
        )

    @extend_schema(request=None, responses={200: shapes.OrderOut})
    @action(detail=True, methods=["post"])
    @without_body
    def approve(self, request: Request, **_: Any) -> Response:
        """Approve an order above a soft cap, as another owner or admin than who placed it."""
        public_id = self.kwargs["id"]
        return self._once(
            request, lambda: acceptance.approve_order(actor=self.actor, public_id=public_id, at=clock.now())
        )

    @extend_schema(request=shapes.ReasonIn, responses={200: shapes.OrderOut})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, **_: Any) -> Response:
        """Cancel an order that is not accepted yet."""
        row, data = self.get_object(), self.parsed(shapes.ReasonIn)
        return self._once(
            request,
            lambda: acceptance.take_order_back(actor=self.actor, public_id=row.public_id, at=clock.now(), **data),
        )

    @extend_schema(request=shapes.ReferencesIn, responses={200: shapes.OrderOut})
    @action(detail=True, methods=["post"])
    def references(self, request: Request, **_: Any) -> Response:
        """Fill in numbers that the order was placed without."""
        row, data = self.get_object(), self.parsed(shapes.ReferencesIn)
        return self._once(
            request, lambda: orders.complete_references(actor=self.actor, order=row, at=clock.now(), **data)
        )

    @extend_schema(request=shapes.AttestationIn, responses={201: shapes.AttestationOut})
    @action(detail=True, methods=["post"])
    def attest(self, request: Request, **_: Any) -> Response:
        """Attest the service (service fait): exactly that amount is invoiced, with all references of the order."""
        row, wish, key = self.get_object(), AttestationWish(**self.parsed(shapes.AttestationIn)), key_of(request)

        def act() -> tuple[int, Any]:
            made = attestations.attest(
                actor=self.actor,
                public_id=row.public_id,
                wish=wish,
                at=clock.now(),
                key=f"api:{key}" if key else "",
            )
            return 201, shapes.AttestationOut(made).data

        return once(request, self.actor, act)


class AttestationViewSet(ReadOnlyActorViewSet):
    """Attested services of the organisation, newest first."""

    scopes: ClassVar = {"list": READ, "retrieve": READ}
    out = shapes.AttestationOut
    queryset = ServiceAttestation.objects.none()

    def rows(self) -> QuerySet[Any]:
        """Return what the organisation attested."""
        return lists.attestations(self.actor)


class CostCentreViewSet(WithFiguresViewSet):
    """Cost centres of the organisation."""

    http_method_names = [*VERBS, "put"]
    scopes: ClassVar = {"list": READ, "retrieve": READ, "create": WRITE, "update": WRITE}
    out = shapes.CentreOut
    queryset = CostCentre.objects.none()
    figures_of = staticmethod(figures.of_centres)

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's cost centres."""
        return lists.centres(self.actor)

    @extend_schema(request=shapes.CentreIn, responses={201: shapes.CentreOut})
    def create(self, request: Request) -> Response:
        """Add a cost centre."""
        data = self.parsed(shapes.CentreIn)

        def act() -> tuple[int, Any]:
            row = centres.create_centre(actor=self.actor, at=clock.now(), **data)
            return 201, self.shown(row)

        return once(request, self.actor, act)

    @extend_schema(request=shapes.CentreChangeIn, responses={200: shapes.CentreOut})
    def update(self, request: Request, **_: Any) -> Response:
        """Change name and caps, close it or open it again."""
        row, data = self.get_object(), self.parsed(shapes.CentreChangeIn)

        def act() -> tuple[int, Any]:
            changed = centres.change_centre(actor=self.actor, public_id=row.public_id, at=clock.now(), **data)
            return 200, self.shown(changed)

        return once(request, self.actor, act)


def register(router: Any) -> None:
    """Add the resources of this module."""
    router.register("quotes", QuoteViewSet, basename="quote")
    router.register("framework-agreements", AgreementViewSet, basename="framework_agreement")
    router.register("purchase-orders", PurchaseOrderViewSet, basename="purchase_order")
    router.register("service-attestations", AttestationViewSet, basename="service_attestation")
    router.register("cost-centres", CostCentreViewSet, basename="cost_centre")
