# SPDX-License-Identifier: Apache-2.0
"""Settlements of an operator over the API."""

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from aion.actor import Scope
from aion.api.serializers import MoneyOut
from aion.api.views import ReadOnlyActorViewSet
from billing.settlement import queries
from billing.settlement.models import SettlementStatement
from billing.settlement.states import SettlementState
from billing.states import LineKind

SHOWN = [(state.value, state.name) for state in SettlementState if state != SettlementState.REJECTED]


class SettlementOut(MoneyOut):
    """An operator's month: what its sites were charged, its share, and what the consortium keeps."""

    money: ClassVar = {"charged": "charged", "share": "share", "commission": "commission"}
    id = serializers.CharField(source="public_id")
    month = serializers.DateField()
    revision = serializers.IntegerField(help_text="Above 1 where an earlier draft was rejected.")
    state = serializers.ChoiceField(choices=SHOWN)
    milli_gpu_seconds = serializers.IntegerField()
    prepared_at = serializers.DateTimeField()
    approved_at = serializers.DateTimeField(source="decided_at", allow_null=True)
    bank_reference = serializers.SerializerMethodField(help_text="Of the bank transfer, once it is paid.")

    def get_bank_reference(self, row: Any) -> str | None:
        """Return the reference of the payout that paid it."""
        return str(row.payout.bank_reference) if row.state == SettlementState.PAID else None


class SettlementLineOut(MoneyOut):
    """Usage of one site, SKU and price; a correction names the earlier month it belongs to. Rounded down each."""

    money: ClassVar = {"charged": "charged", "share": "share", "commission": "commission"}
    kind = serializers.ChoiceField(choices=[(kind.value, kind.name) for kind in LineKind])
    usage_month = serializers.DateField()
    site = serializers.CharField(source="site_code")
    sku = serializers.CharField(source="sku.code")
    price_microcredits_per_gpu_hour = serializers.IntegerField(source="micro_per_gpu_hour")
    share_basis_points = serializers.IntegerField()
    milli_gpu_seconds = serializers.IntegerField()
    exact_charge = serializers.CharField(source="exact", help_text="In 1/3,600,000 of a micro-credit, exactly.")


class SettlementFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """Narrows the list."""

    state = django_filters.ChoiceFilter(choices=SHOWN)
    month = django_filters.DateFilter()

    class Meta:
        model = SettlementStatement
        fields: ClassVar = ["state", "month"]


class SettlementViewSet(ReadOnlyActorViewSet):
    """Settlements, newest first. What two people approved never changes; what is told later stands on the next one."""

    scopes: ClassVar = {
        "list": Scope.SETTLEMENTS_READ,
        "retrieve": Scope.SETTLEMENTS_READ,
        "lines": Scope.SETTLEMENTS_READ,
    }
    out = SettlementOut
    queryset = SettlementStatement.objects.none()
    filterset_class = SettlementFilter

    @property
    def cursor_ordering(self) -> Any:
        """Settlements come newest first, the lines of one as they were written."""
        return "pk" if getattr(self, "action", "") == "lines" else ("-month", "-pk")

    def rows(self) -> QuerySet[Any]:
        """Return the operator's settlements that count."""
        return queries.settlements(self.actor)

    @extend_schema(filters=False, responses=SettlementLineOut(many=True))
    @action(detail=True, filterset_class=None)
    def lines(self, request: Request, **_: Any) -> Response:
        """List a settlement's lines: the month's own usage, and corrections of earlier months."""
        return self.paged(queries.lines(self.actor, self.get_object()).order_by("pk"), SettlementLineOut)


def register(router: SimpleRouter) -> None:
    """Add this part's resources."""
    router.register("settlements", SettlementViewSet, basename="settlement")
