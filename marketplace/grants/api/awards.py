# SPDX-License-Identifier: Apache-2.0
"""Awards over the API."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from aion.actor import Scope
from aion.api.serializers import MoneyOut
from aion.api.views import ReadOnlyActorViewSet
from billing.api.vouchers import RedemptionViewSet
from marketplace.grants.models import Award
from marketplace.grants.queries import awards as queries
from marketplace.grants.states import AwardState


class AwardOut(MoneyOut):
    """An award: its terms, its lot, and how far it is used."""

    money: ClassVar = {
        "granted": "amount",
        "spent": "used.spent",
        "held": "lot.held",
        "available": "lot.available",
    }
    id = serializers.CharField(source="public_id")
    programme = serializers.CharField(source="programme.public_id")
    application = serializers.CharField(source="application.public_id")
    title = serializers.CharField(source="application.title")
    project = serializers.CharField(source="project.public_id", default=None, allow_null=True)
    lot = serializers.CharField(source="lot.public_id")
    state = serializers.ChoiceField(choices=[(state.value, state.name) for state in AwardState])
    granted_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    report_due_on = serializers.DateField()
    reason = serializers.CharField(source="decision.reason")
    runs = serializers.IntegerField(source="used.runs")
    milli_gpu_seconds = serializers.IntegerField(source="used.milli_gpu_seconds")
    watt_hours = serializers.IntegerField(source="used.watt_hours")
    g_co2e = serializers.IntegerField(source="used.g_co2e")


class AwardViewSet(ReadOnlyActorViewSet):
    """Awards of the organisation, newest first, with figures from the ledger."""

    scopes: ClassVar = {"list": Scope.GRANTS_READ, "retrieve": Scope.GRANTS_READ}
    out = AwardOut
    queryset = Award.objects.none()

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's awards."""
        return queries.awards(self.actor)

    def list(self, request: Request, **_: Any) -> Response:
        """List awards, in a constant number of queries."""
        page = list(self.paginate_queryset(self.rows()) or [])
        return self.get_paginated_response(AwardOut(_with_use(page), many=True).data)

    def retrieve(self, request: Request, **_: Any) -> Response:
        """Return one award."""
        return Response(AwardOut(_with_use([self.get_object()])[0]).data)


def _with_use(rows: list[Award]) -> list[Award]:
    used = queries.draw_downs(rows)
    for row in rows:
        given: Any = row
        given.used = used[row.pk]
    return rows


def register(router: SimpleRouter) -> None:
    """Add this part's resources."""
    router.register("promo-redemptions", RedemptionViewSet, basename="promo_redemption")
    router.register("grant-awards", AwardViewSet, basename="grant_award")
