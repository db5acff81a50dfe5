# SPDX-License-Identifier: Apache-2.0
"""Pools over the API."""

from typing import Any, ClassVar

from django.db.models import QuerySet

from aion.actor import Scope
from aion.api.views import ReadOnlyActorViewSet
from clusters import queries
from clusters.api.serializers import PoolOut
from clusters.models import Pool


class PoolViewSet(ReadOnlyActorViewSet):
    """The pools that the organisation operates."""

    scopes: ClassVar = {"list": Scope.POOLS_READ, "retrieve": Scope.POOLS_READ}
    out = PoolOut
    cursor_ordering = "code"
    queryset = Pool.objects.none()

    def rows(self) -> QuerySet[Any]:
        """Return the operator's own pools."""
        return queries.pools_operated_by(self.actor)
