# SPDX-License-Identifier: Apache-2.0
"""Credit lots, ledger entries and usage records over the API."""

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from aion.actor import Scope
from aion.api.filters import InstantFilter
from aion.api.views import ActorListViewSet, ReadOnlyActorViewSet
from billing import queries
from billing.api.serializers import ChargedUsageOut, EntryOut, LotOut, UsageOut
from billing.models import LedgerAccount, Transfer, UsageRecord
from billing.states import TransferKind


class LotViewSet(ReadOnlyActorViewSet):
    """Credit lots. The spending order is: restricted before free, soonest expiry, grant before purchase, id."""

    scopes: ClassVar = {"list": Scope.CREDITS_READ, "retrieve": Scope.CREDITS_READ}
    out = LotOut
    queryset = LedgerAccount.objects.none()

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's lots."""
        return queries.lots(self.actor)


class EntryFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """By kind, lot, accounting time and time of posting."""

    kind = django_filters.ChoiceFilter(choices=[(kind.value, kind.value) for kind in TransferKind])
    effective_after = InstantFilter(field_name="effective_at", lookup_expr="gte")
    effective_before = InstantFilter(field_name="effective_at", lookup_expr="lt")
    created_after = InstantFilter(field_name="created_at", lookup_expr="gte")
    created_before = InstantFilter(field_name="created_at", lookup_expr="lt")
    lot = django_filters.CharFilter(method="by_lot", max_length=40)

    def by_lot(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Keep what debits or credits one lot."""
        return queries.touching(rows, value)


class EntryViewSet(ReadOnlyActorViewSet):
    """Ledger entries, newest first."""

    scopes: ClassVar = {
        "list": Scope.CREDITS_READ,
        "retrieve": Scope.CREDITS_READ,
        "usage": Scope.USAGE_READ,
    }
    out = EntryOut
    filterset_class = EntryFilter
    queryset = Transfer.objects.none()

    @property
    def cursor_ordering(self) -> Any:
        """Entries come newest first, the records behind one as they were metered."""
        behind = getattr(self, "action", "") == "usage"
        return ("meter_id", "hour", "start_second", "revision") if behind else "-pk"

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's entries."""
        return queries.statement(self.actor)

    @extend_schema(filters=False, responses=ChargedUsageOut(many=True))
    @action(detail=True, filterset_class=None)
    def usage(self, request: Request, **_: Any) -> Response:
        """List the usage records that an entry charges: workload, pod, second, price. Empty for what is no usage."""
        return self.paged(queries.charged_records(self.actor, self.get_object()), ChargedUsageOut)


class UsageFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """By window."""

    start_at = InstantFilter(field_name="hour", lookup_expr="gte")
    end_at = InstantFilter(field_name="hour", lookup_expr="lt")


class UsageViewSet(ActorListViewSet):
    """Usage records, newest window first."""

    http_method_names = ["get", "head", "options"]
    scopes: ClassVar = {"list": Scope.USAGE_READ}
    out = UsageOut
    filterset_class = UsageFilter
    queryset = UsageRecord.objects.none()
    cursor_ordering = ("-hour", "-meter_id", "-start_second", "-revision")

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's records."""
        return queries.usage_records(self.actor)
