# SPDX-License-Identifier: Apache-2.0
"""Payments and the automatic recharge over the API. Amounts of money are integer cents of a euro."""

from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import get_language, gettext
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from aion import clock
from aion.actor import Scope
from aion.api.idempotency import key_of
from aion.api.serializers import StrictSerializer, Text
from aion.api.views import ActorListViewSet, ActorViewSet, without_body
from aion.errors import NotFound, Rejected
from billing.purchases.models import AutoRecharge, Payment
from billing.purchases.queries import payments, recharge
from billing.purchases.services.checkout import Return, start_payment
from billing.purchases.services.recharge import Wish, saved_methods, set_recharge, stop_recharge
from billing.purchases.states import Method, PaymentState, RefundState


class PaymentIn(StrictSerializer):
    """How many credits, how they are paid, and where the browser goes afterwards."""

    credits = serializers.IntegerField(help_text="Whole credits; one credit is one euro before VAT.")
    method = serializers.ChoiceField(choices=[(one.value, one.name) for one in Method], default=Method.CARD.value)
    success_url = Text(max_length=500, required=False, help_text="HTTPS. Default: the portal.")
    cancel_url = Text(max_length=500, required=False, help_text="HTTPS. Default: the portal.")


class RefundOut(serializers.Serializer[Any]):
    """Money that went back."""

    id = serializers.CharField(source="public_id")
    state = serializers.ChoiceField(choices=[(one.value, one.name) for one in RefundState])
    net_cents = serializers.IntegerField()
    gross_cents = serializers.IntegerField()
    requested_at = serializers.DateTimeField()


class PaymentOut(serializers.Serializer[Any]):
    """A payment for credit. ``checkout_url`` is where a person pays while it is open."""

    id = serializers.CharField(source="public_id")
    state = serializers.ChoiceField(choices=[(one.value, one.name) for one in PaymentState])
    method = serializers.ChoiceField(choices=[(one.value, one.name) for one in Method])
    amount_microcredits = serializers.IntegerField(source="microcredits")
    net_cents = serializers.IntegerField()
    vat_cents = serializers.IntegerField()
    gross_cents = serializers.IntegerField()
    problem = serializers.CharField(help_text="The processor's word for why it failed; empty otherwise.")
    checkout_url = serializers.SerializerMethodField()
    lot = serializers.CharField(source="lot.public_id", default=None, allow_null=True)
    invoice = serializers.CharField(source="document.public_id", default=None, allow_null=True)
    refunds = RefundOut(many=True)
    created_at = serializers.DateTimeField()
    paid_at = serializers.DateTimeField(allow_null=True)

    def get_checkout_url(self, row: Payment) -> str | None:
        """Return the payment page while it can be used."""
        return row.checkout_url if row.state == PaymentState.OPEN else None


class PaymentViewSet(ActorViewSet):
    """Payments for credit, newest first."""

    scopes: ClassVar = {
        "list": Scope.INVOICES_READ,
        "retrieve": Scope.INVOICES_READ,
        "create": Scope.PURCHASES_WRITE,
    }
    out = PaymentOut
    queryset = Payment.objects.none()
    http_method_names = ["get", "head", "options", "post"]

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's payments."""
        return payments(self.actor).prefetch_related("refunds")

    @extend_schema(request=PaymentIn, responses={201: PaymentOut})
    def create(self, request: Request) -> Response:
        """Begin to buy credit: send a person to ``checkout_url``. The credit comes once the processor confirms."""
        wanted = self.parsed(PaymentIn)
        page = f"{settings.BASE_URL}/?payment={{payment}}"
        payment = start_payment(
            actor=self.actor,
            credits_=wanted["credits"],
            method=Method(wanted["method"]),
            returns=Return(
                _safe(wanted.get("success_url"), "success_url") or page,
                _safe(wanted.get("cancel_url"), "cancel_url") or page,
                "fr" if (get_language() or "").startswith("fr") else "en",
            ),
            at=clock.now(),
            key=key_of(request),
        )
        return Response(PaymentOut(payment).data, status=201)


def _safe(address: str | None, field: str) -> str | None:
    """Refuse an address that a browser should not be sent to from a payment page. Raises Rejected."""
    if address is None:
        return None
    parts = urlsplit(address)
    if parts.scheme != "https" and not address.startswith(f"{settings.BASE_URL}/"):
        raise Rejected(gettext("Give an address that begins with https://."), field=field)
    return address


class AutoRechargeIn(StrictSerializer):
    """When credit is bought by itself, and how much of it."""

    below_microcredits = serializers.IntegerField(min_value=0, max_value=10**15)
    credits = serializers.IntegerField(help_text="Whole credits that are bought each time.")
    monthly_credits = serializers.IntegerField(help_text="At most so many in a calendar month.")
    method = Text(max_length=64, help_text="One of the saved methods.")


class SavedMethodOut(serializers.Serializer[Any]):
    """A saved card or account."""

    id = serializers.CharField()
    kind = serializers.ChoiceField(choices=[(one.value, one.name) for one in Method])
    name = serializers.CharField(source="label")


class SavedMethodsOut(serializers.Serializer[Any]):
    """All of them."""

    results = SavedMethodOut(many=True)


class AutoRechargeOut(serializers.Serializer[Any]):
    """The automatic recharge, on or off."""

    enabled = serializers.BooleanField()
    below_microcredits = serializers.IntegerField()
    net_cents = serializers.IntegerField()
    monthly_cap_cents = serializers.IntegerField()
    method = serializers.CharField(source="saved_method")
    method_label = serializers.CharField()
    stopped_reason = serializers.CharField()
    set_by = serializers.CharField()
    set_at = serializers.DateTimeField()


class AutoRechargeViewSet(ActorListViewSet):
    """The automatic recharge of the organisation."""

    scopes: ClassVar = {
        "list": Scope.INVOICES_READ,
        "create": Scope.PURCHASES_WRITE,
        "stop": Scope.PURCHASES_WRITE,
        "methods": Scope.INVOICES_READ,
    }
    out = AutoRechargeOut
    queryset = AutoRecharge.objects.none()
    pagination_class = None

    @extend_schema(operation_id="auto_recharge_retrieve", responses={200: AutoRechargeOut})
    def list(self, request: Request, **_: Any) -> Response:
        """Return it. 404 where none was ever set up."""
        row = recharge(self.actor)
        if row is None:
            raise NotFound(gettext("No automatic recharge was ever set up."))
        return Response(AutoRechargeOut(row).data)

    @extend_schema(request=AutoRechargeIn, responses={200: AutoRechargeOut})
    def create(self, request: Request) -> Response:
        """Switch it on, or change it; the same request again changes nothing."""
        data = self.parsed(AutoRechargeIn)
        wish = Wish(data["below_microcredits"], data["credits"], data["monthly_credits"], data["method"])
        return Response(AutoRechargeOut(set_recharge(actor=self.actor, wish=wish, at=clock.now())).data)

    @extend_schema(request=None, responses={200: AutoRechargeOut})
    @action(detail=False, methods=["post"])
    @without_body
    def stop(self, request: Request) -> Response:
        """Switch it off."""
        stop_recharge(actor=self.actor, organisation_id=self.actor.organisation_id or 0, at=clock.now())
        return self.list(request)

    @extend_schema(responses={200: SavedMethodsOut})
    @action(detail=False, methods=["get"])
    def methods(self, request: Request) -> Response:
        """Return the methods that may be used for it."""
        found = saved_methods(organisation_id=self.actor.organisation_id or 0)
        return Response({"results": SavedMethodOut(found, many=True).data})
