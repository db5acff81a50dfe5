# SPDX-License-Identifier: Apache-2.0
"""Pools, and the usage that their operators meter themselves, over the API."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from aion import clock
from aion.actor import Scope
from aion.api.idempotency import once
from aion.api.views import ActorViewSet, ReadOnlyActorViewSet
from aion.errors import Rejected
from clusters import queries
from clusters.api.serializers import IngestOut, PoolOut, UsageEventIn
from clusters.models import Pool
from clusters.services.ingest import ingest_events

MAX_BYTES = 8 * 2**20
EXAMPLE = {
    "specversion": "1.0",
    "id": "2026-05-04T10/pod-7f",
    "source": "https://metering.operator.example",
    "type": "eu.aion.usage.v1",
    "subject": "wl_8h2k4qw7m1v9ya5n",
    "data": {
        "device": "0b8f5b9e-pod-uid",
        "window_start": "2026-05-04T10:00:00Z",
        "window_end": "2026-05-04T11:00:00Z",
        "milli_gpus": 8000,
        "revision": 0,
    },
}


class RawParser(BaseParser):
    """Hands the body on as bytes: it is decoded once, by the service."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Read the body. Raises Rejected for one that is too long."""
        body: bytes = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise Rejected(gettext("A batch has at most 8 MiB: send fewer events at a time."))
        return body


class CloudEventsBatchParser(RawParser):
    """The media type of CloudEvents batches."""

    media_type = "application/cloudevents-batch+json"


class UsageIngestViewSet(ActorViewSet):
    """Usage of the pools that the operator meters itself, as CloudEvents in batches of up to 10,000."""

    http_method_names = ["post", "options"]
    scopes: ClassVar = {"ingest": Scope.USAGE_INGEST}
    parser_classes = [RawParser, CloudEventsBatchParser]
    out = IngestOut
    queryset = Pool.objects.none()

    def rows(self) -> QuerySet[Any]:
        """There is nothing to list."""
        return Pool.objects.none()

    @extend_schema(
        operation_id="usage_records_ingest",
        request=UsageEventIn(many=True),
        responses={200: IngestOut},
        examples=[OpenApiExample("one hour of one pod", value=[EXAMPLE], request_only=True)],
    )
    def ingest(self, request: Request) -> Response:
        """Post a batch: good lines land, bad ones come back by index with the reason, repeats change nothing.

        A window lies inside one UTC hour. A repeat with the same content is counted as duplicate, with other content
        refused. A correction carries the next ``revision`` and the seconds that are right. 429 says when to come back.
        """

        def act() -> tuple[int, Any]:
            body = request.data if isinstance(request.data, bytes) else b""
            return 200, IngestOut(ingest_events(actor=self.actor, body=body, at=clock.now())).data

        return once(request, self.actor, act)


class PoolViewSet(ReadOnlyActorViewSet):
    """The pools that the organisation operates."""

    scopes: ClassVar = {"list": Scope.POOLS_READ, "retrieve": Scope.POOLS_READ}
    out = PoolOut
    cursor_ordering = "code"
    queryset = Pool.objects.none()

    def rows(self) -> QuerySet[Any]:
        """Return the operator's own pools."""
        return queries.pools_operated_by(self.actor)
