# SPDX-License-Identifier: Apache-2.0
"""Changes of offers on sale over the API."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from aion import clock
from aion.actor import Scope
from aion.api.idempotency import once
from aion.api.serializers import StrictSerializer, Text
from aion.api.views import ActorViewSet, without_body
from marketplace.models import OfferChange
from marketplace.services import offer_changes
from marketplace.services.offers import MAX_DISK, MAX_MICRO, REASON, STORAGE
from marketplace.states import ChangeKind, ChangeState

KINDS = [(one.value, one.name) for one in ChangeKind]
STATES = [(one.value, one.name) for one in ChangeState]
MOST = 10**15
NAMES = {
    "own_price_microcredits_per_gpu_hour": "own_micro_per_gpu_hour",
    "max_duration_seconds": "max_seconds",
}


class PriceIn(StrictSerializer):
    """Another price from a date on; null is the list price."""

    price_microcredits_per_gpu_hour = serializers.IntegerField(min_value=1, max_value=MAX_MICRO, allow_null=True)
    valid_from = serializers.DateTimeField(help_text="In the future; a price that rises needs nine days.")
    reason = Text(max_length=REASON, help_text="AION decides with it.")


class FactsIn(StrictSerializer):
    """Other facts; what is left out stays."""

    title = Text(max_length=80, required=False)
    description = Text(max_length=200, required=False, allow_blank=True)
    storage_class = Text(max_length=STORAGE, required=False, allow_blank=True)
    local_disk_gib = serializers.IntegerField(min_value=0, max_value=MAX_DISK, required=False, allow_null=True)
    min_milli_gpus = serializers.IntegerField(min_value=1, max_value=MOST, required=False)
    max_milli_gpus = serializers.IntegerField(min_value=1, max_value=MOST, required=False)
    max_duration_seconds = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False)
    reason = Text(max_length=REASON, help_text="AION decides with it.")


class OfferChangeOut(serializers.Serializer[Any]):
    """What an operator wants to change, and what was decided."""

    id = serializers.CharField(source="public_id")
    offer = serializers.CharField(source="offer.public_id")
    kind = serializers.ChoiceField(choices=KINDS)
    price_microcredits_before = serializers.IntegerField(
        source="micro_before", allow_null=True, help_text="Null: the list price held."
    )
    price_microcredits_per_gpu_hour = serializers.IntegerField(
        source="micro_per_gpu_hour", allow_null=True, help_text="Null: the list price."
    )
    valid_from = serializers.DateTimeField(allow_null=True)
    facts = serializers.DictField(child=serializers.ListField(), help_text="Each as [before, after].")
    reason = serializers.CharField()
    state = serializers.ChoiceField(choices=STATES)
    asked_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    decision_reason = serializers.CharField()


class OfferChangeViewSet(ActorViewSet):
    """Changes of the offers that the key's organisation has on sale; AION decides on what is proposed."""

    http_method_names = ["get", "head", "options", "post"]
    scopes: ClassVar = dict.fromkeys(("list", "retrieve", "withdraw"), Scope.OFFERS_WRITE)
    out = OfferChangeOut
    queryset = OfferChange.objects.none()

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's changes."""
        return OfferChange.objects.visible_to(self.actor).select_related("offer")

    @extend_schema(request=None, responses={200: OfferChangeOut})
    @action(detail=True, methods=["post"])
    @without_body
    def withdraw(self, request: Request, **_: Any) -> Response:
        """Take a proposal back."""

        def act() -> tuple[int, Any]:
            change = offer_changes.withdraw_change(actor=self.actor, public_id=self.kwargs["id"], at=clock.now())
            return 200, OfferChangeOut(change).data

        return once(request, self.actor, act)
