# SPDX-License-Identifier: Apache-2.0
"""Credit lots, ledger entries and usage records over the API."""

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet

from aion.actor import Scope
from aion.api.filters import InstantFilter
from aion.api.views import ReadOnlyActorViewSet
from billing import queries
from billing.api.serializers import EntryOut, LotOut, UsageOut
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


class EntryFilter(django_filters.FilterSet):  # type: ignore[misc]
    """By kind and accounting time."""

    kind = django_filters.ChoiceFilter(choices=[(kind.value, kind.value) for kind in TransferKind])
    effective_after = InstantFilter(field_name="effective_at", lookup_expr="gte")
    effective_before = InstantFilter(field_name="effective_at", lookup_expr="lt")


class EntryViewSet(ReadOnlyActorViewSet):
    """Ledger entries, newest first."""

    scopes: ClassVar = {"list": Scope.CREDITS_READ, "retrieve": Scope.CREDITS_READ}
    out = EntryOut
    filterset_class = EntryFilter
    queryset = Transfer.objects.none()

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's entries."""
        return queries.statement(self.actor)


class UsageFilter(django_filters.FilterSet):  # type: ignore[misc]
    """By window."""

    start_at = InstantFilter(field_name="hour", lookup_expr="gte")
    end_at = InstantFilter(field_name="hour", lookup_expr="lt")


class UsageViewSet(ReadOnlyActorViewSet):
    """Usage records, newest window first."""

    scopes: ClassVar = {"list": Scope.USAGE_READ}
    out = UsageOut
    filterset_class = UsageFilter
    queryset = UsageRecord.objects.none()
    cursor_ordering = ("-hour", "-meter_id", "-start_second", "-revision")

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's records."""
        return queries.usage_records(self.actor)
