# SPDX-License-Identifier: Apache-2.0
"""Balance, forecast and closed months over the API."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from aion import clock
from aion.actor import Scope
from aion.api.filters import InstantField
from aion.api.serializers import DecimalStringField, MoneyOut
from aion.api.views import ActorListViewSet, ReadOnlyActorViewSet
from aion.money import floor_charge
from billing import queries
from billing.forecast import Method
from billing.models import LedgerAccount, MonthStatement
from billing.states import LineKind
from billing.words import ASSUMPTIONS


@dataclass(frozen=True, slots=True)
class Known:
    """A balance with the two instants it is for."""

    effective_at: datetime
    known_at: datetime
    credit: int
    owed: int
    available: int | None = None
    held: int | None = None


@extend_schema_serializer(many=False)
class BalanceOut(MoneyOut):
    """Credit of all lots, and what no lot could pay; now also how much of it is held and how much free."""

    money: ClassVar = {"credit": "credit", "owed": "owed"}
    effective_at = serializers.DateTimeField()
    known_at = serializers.DateTimeField()
    available_microcredits = serializers.IntegerField(
        source="available", allow_null=True, help_text="Null in the past."
    )
    held_microcredits = serializers.IntegerField(source="held", allow_null=True, help_text="Null in the past.")


class InstantsForm(forms.Form):
    """Both instants of a balance."""

    effective_at = InstantField(required=False)
    known_at = InstantField(required=False)


INSTANTS = [
    OpenApiParameter("effective_at", OpenApiTypes.DATETIME, description="Accounting time, excluded. Now unless given."),
    OpenApiParameter("known_at", OpenApiTypes.DATETIME, description="Posted until then. Now unless given."),
]


class BalanceViewSet(ActorListViewSet):
    """What the organisation has, now or at a past instant as it was known at another."""

    http_method_names = ["get", "head", "options"]
    scopes: ClassVar = {"list": Scope.CREDITS_READ}
    out = BalanceOut
    queryset = LedgerAccount.objects.none()
    pagination_class = None
    parameters: ClassVar = tuple(InstantsForm.base_fields)

    @extend_schema(parameters=INSTANTS, responses=BalanceOut)
    def list(self, request: Request, **_: Any) -> Response:
        """Return the balance."""
        form = InstantsForm(request.query_params)
        if not form.is_valid():
            raise serializers.ValidationError(
                {name: [str(one) for one in errors] for name, errors in form.errors.items()}
            )
        now = clock.now()
        effective, known = form.cleaned_data["effective_at"], form.cleaned_data["known_at"]
        organisation_id = self.actor.organisation_id
        if effective is None and known is None:
            found = queries.balance(organisation_id, now)
            shown = Known(now, now, found.total, found.owed, found.available, found.held)
        else:
            past = queries.balance_as_of(organisation_id, effective=effective or now, known=known or now)
            shown = Known(effective or now, known or now, past.credit, past.owed)
        return Response(BalanceOut(shown).data)


class ForecastLineOut(MoneyOut):
    """When credit runs out by one method; null where that is never, or not within ten years."""

    money: ClassVar = {"per_day": "per_day"}
    method = serializers.ChoiceField(choices=[(method.value, method.name) for method in Method])
    runs_out_at = serializers.DateTimeField(allow_null=True)
    assumption = serializers.SerializerMethodField()

    def get_assumption(self, row: Any) -> str:
        """Return what is assumed, in the language that the request accepts."""
        return str(ASSUMPTIONS[row.method])


@extend_schema_serializer(many=False)
class ForecastOut(serializers.Serializer[Any]):
    """Forecasts under different assumptions."""

    as_of = serializers.DateTimeField()
    forecasts = ForecastLineOut(many=True)


class ForecastViewSet(ActorListViewSet):
    """When credit runs out."""

    http_method_names = ["get", "head", "options"]
    scopes: ClassVar = {"list": Scope.CREDITS_READ}
    out = ForecastOut
    queryset = LedgerAccount.objects.none()
    pagination_class = None

    @extend_schema(responses=ForecastOut)
    def list(self, request: Request, **_: Any) -> Response:
        """Return one forecast for each method, each with its assumption in words."""
        now = clock.now()
        found = queries.forecasts(self.actor.organisation_id, at=now)
        return Response(ForecastOut({"as_of": now, "forecasts": found}).data)


class ExactMoneyOut(serializers.Serializer[Any]):
    """Rated usage: whole micro-credits of an exact charge."""

    gpu_seconds = serializers.SerializerMethodField()
    amount_microcredits = serializers.SerializerMethodField()
    amount = serializers.SerializerMethodField()
    currency = serializers.SerializerMethodField()

    def get_gpu_seconds(self, row: Any) -> str:
        """Return GPU-seconds as a decimal string."""
        whole, milli = divmod(abs(row.milli_gpu_seconds), 1000)
        return f"{'-' if row.milli_gpu_seconds < 0 else ''}{whole}.{milli:03}"

    def get_amount_microcredits(self, row: Any) -> int:
        """Return whole micro-credits; remainders are carried, never lost."""
        return floor_charge(int(row.exact))

    def get_amount(self, row: Any) -> str:
        """Return the amount as a decimal string."""
        return DecimalStringField().to_representation(floor_charge(int(row.exact)))

    def get_currency(self, row: Any) -> str:
        """Return the currency of every amount."""
        return "EUR"


class LineOut(ExactMoneyOut):
    """Usage of one project, SKU and price; a correction names the earlier month it belongs to."""

    kind = serializers.ChoiceField(choices=[(kind.value, kind.name) for kind in LineKind])
    usage_month = serializers.DateField()
    project = serializers.CharField(source="project.public_id")
    sku = serializers.CharField(source="sku.code")
    price_microcredits_per_gpu_hour = serializers.IntegerField(source="micro_per_gpu_hour")


class StatementOut(ExactMoneyOut):
    """A closed month."""

    id = serializers.CharField(source="public_id")
    month = serializers.DateField()
    closed_at = serializers.DateTimeField()


class StatementDetailOut(StatementOut):
    """A closed month with its lines."""

    lines = serializers.SerializerMethodField()

    @extend_schema_field(LineOut(many=True))
    def get_lines(self, row: Any) -> Any:
        """Return the month's own usage, then corrections of earlier months."""
        return LineOut(self.context["lines"], many=True).data


class MonthStatementViewSet(ReadOnlyActorViewSet):
    """Closed months, newest first. They never change: what is told later stands on the next as a correction."""

    scopes: ClassVar = {"list": Scope.CREDITS_READ, "retrieve": Scope.CREDITS_READ}
    out = StatementOut
    queryset = MonthStatement.objects.none()
    cursor_ordering = ("-month", "-pk")

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's closed months."""
        return queries.month_statements(self.actor)

    @extend_schema(responses=StatementDetailOut)
    def retrieve(self, request: Request, **_: Any) -> Response:
        """Return one month with its lines."""
        closed = self.get_object()
        lines = queries.statement_lines(self.actor, closed)
        return Response(StatementDetailOut(closed, context={"lines": lines}).data)
