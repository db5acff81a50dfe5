# SPDX-License-Identifier: Apache-2.0
"""Promo codes over the API."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from aion import clock
from aion.actor import Scope
from aion.api.idempotency import once
from aion.api.serializers import MoneyOut, StrictSerializer, Text
from aion.api.views import ActorListViewSet
from billing import queries
from billing.models import PromoRedemption
from billing.services import vouchers


class RedemptionIn(StrictSerializer):
    """A code; small letters and spaces are fine."""

    code = Text(max_length=60)


class RedemptionOut(MoneyOut):
    """A code that the organisation redeemed, and the credit lot it became."""

    money: ClassVar = {"amount": "promo.amount"}
    code = serializers.CharField(source="promo.code")
    name = serializers.CharField(source="promo.name")
    lot = serializers.CharField(source="lot.public_id")
    expires_at = serializers.DateTimeField(source="lot.expires_at")
    redeemed_at = serializers.DateTimeField(source="at")


class RedemptionViewSet(ActorListViewSet):
    """Promo codes that were redeemed, newest first, and redeeming one."""

    scopes: ClassVar = {"list": Scope.CREDITS_READ, "create": Scope.CREDITS_REDEEM}
    out = RedemptionOut
    queryset = PromoRedemption.objects.none()

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's redemptions."""
        return queries.redemptions(self.actor)

    @extend_schema(request=RedemptionIn, responses={201: RedemptionOut})
    def create(self, request: Request) -> Response:
        """Redeem a code: the credit can be spent at once. Once an organisation; 20 tries an hour."""
        code = self.parsed(RedemptionIn)["code"]
        at = clock.now()
        vouchers.count_try(actor=self.actor, at=at)

        def act() -> tuple[int, Any]:
            redemption = vouchers.redeem(actor=self.actor, code=code, at=at)
            return 201, RedemptionOut(redemption).data

        return once(request, self.actor, act)
