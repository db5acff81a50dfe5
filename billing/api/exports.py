# SPDX-License-Identifier: Apache-2.0
"""The usage export over the API."""

from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from django.utils.translation import gettext
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from aion import clock
from aion.actor import Actor, Scope
from aion.api.negotiation import OneForm
from aion.api.views import KnownParameters
from aion.errors import Rejected
from aion.web.downloads import download
from billing import export


class FocusExportViewSet(KnownParameters):
    """Usage and charges of whole UTC days in FOCUS columns, as CSV or Parquet."""

    scopes: ClassVar = {"list": Scope.USAGE_READ}
    http_method_names = ["get", "head", "options"]
    content_negotiation_class = OneForm
    pagination_class = None
    filter_backends = ()
    parameters: ClassVar = ("from", "to")

    @extend_schema(
        operation_id="exports_focus",
        parameters=[
            OpenApiParameter("from", OpenApiTypes.DATE, description="First day; the first of the month if left out."),
            OpenApiParameter(
                "to",
                OpenApiTypes.DATE,
                description=f"First day left out; tomorrow if left out. {export.MAX_DAYS} days at the most.",
            ),
            OpenApiParameter("format", OpenApiTypes.STR, enum=list(export.FORMATS), default="csv"),
        ],
        responses={
            (200, "text/csv"): OpenApiTypes.BINARY,
            (200, "application/vnd.apache.parquet"): OpenApiTypes.BINARY,
        },
    )
    def list(self, request: Request, **_: Any) -> StreamingHttpResponse:
        """Stream the file. Purchases, grants and expiry are in it when the key may also read credits."""
        actor: Actor = request.auth  # type: ignore[assignment]  # what our authentication returns
        asked = request.query_params
        form = asked.get("format", "csv")
        if form not in export.FORMATS:
            raise Rejected(gettext("The format is csv or parquet."), field="format")
        period = export.period_of(asked.get("from", ""), asked.get("to", ""), at=clock.now())
        pieces = export.export_pieces(actor, period=period, form=form)
        name = export.file_name(period, form)
        return download(request._request, pieces, name=name, content_type=export.content_type(form))
