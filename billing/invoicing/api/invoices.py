# SPDX-License-Identifier: Apache-2.0
"""Invoices over the API: read, filter, and fetch their files."""

from io import BytesIO
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.http import FileResponse, StreamingHttpResponse
from django.utils.translation import gettext
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from aion import clock
from aion.actor import Scope
from aion.api.filters import InstantFilter
from aion.api.negotiation import OneForm
from aion.api.views import ReadOnlyActorViewSet
from aion.errors import NotFound
from aion.web.downloads import download
from billing import export
from billing.invoicing import words
from billing.invoicing.archive import CONTENT_TYPE, archive_name, zip_pieces
from billing.invoicing.models import Document
from billing.invoicing.queries import documents
from billing.invoicing.states import DocumentState, DocumentType, FileKind, Process, VatCategory

NAMES = {"pdf": FileKind.FACTURX, "ubl": FileKind.UBL, "cii": FileKind.CII}


class InvoiceLineOut(serializers.Serializer[Any]):
    """One line. Quantities are thousandths of the unit, prices millionths of a euro."""

    name = serializers.CharField()
    description = serializers.CharField()
    quantity_milli = serializers.IntegerField()
    unit = serializers.CharField(help_text="UN/ECE Recommendation 20.")
    unit_price_micro = serializers.IntegerField()
    net_cents = serializers.IntegerField()


class InvoiceStatusOut(serializers.Serializer[Any]):
    """One status in an invoice's life on the e-invoicing platform."""

    code = serializers.CharField(help_text="As XP Z12-012 has them, such as 200, 210, 212 and 213.")
    reason = serializers.CharField()
    at = serializers.DateTimeField()


class InvoiceOut(serializers.Serializer[Any]):
    """An invoice or credit note, without its lines. Amounts are integer cents; a credit note's are positive."""

    id = serializers.CharField(source="public_id")
    number = serializers.CharField(allow_null=True, help_text="None until it is issued.")
    type = serializers.ChoiceField(choices=[(one.value, one.name) for one in DocumentType], help_text="UNTDID 1001.")
    process = serializers.ChoiceField(choices=[(one.value, one.name) for one in Process], help_text="BT-23.")
    state = serializers.ChoiceField(choices=[(one.value, one.name) for one in DocumentState])
    corrects = serializers.CharField(
        source="corrects.public_id", allow_null=True, help_text="Id of the invoice that this one follows."
    )
    vat_category = serializers.ChoiceField(choices=[(one.value, one.name) for one in VatCategory])
    vat_rate_basis_points = serializers.IntegerField()
    vat_rule = serializers.CharField()
    exemption_code = serializers.CharField()
    net_cents = serializers.IntegerField()
    vat_cents = serializers.IntegerField()
    gross_cents = serializers.IntegerField()
    paid_cents = serializers.IntegerField(help_text="Paid before it was issued.")
    due_cents = serializers.IntegerField()
    currency = serializers.SerializerMethodField()
    due_on = serializers.DateField(allow_null=True)
    period_first = serializers.DateField(allow_null=True)
    period_last = serializers.DateField(allow_null=True)
    requested_at = serializers.DateTimeField()
    issued_at = serializers.DateTimeField(allow_null=True)
    released = serializers.BooleanField(help_text="Whether its files can be fetched: the last check has passed.")

    def get_currency(self, row: Any) -> str:
        """Return the currency of every amount."""
        return "EUR"


class InvoiceDetailOut(InvoiceOut):
    """An invoice with its lines, references and statuses."""

    references = serializers.DictField(child=serializers.CharField(allow_blank=True))
    lines = InvoiceLineOut(many=True)
    statuses = InvoiceStatusOut(many=True)


class InvoiceFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """By type, state, year and time of issue."""

    type = django_filters.ChoiceFilter(choices=[(one.value, one.value) for one in DocumentType])
    state = django_filters.ChoiceFilter(choices=[(one.value, one.value) for one in DocumentState])
    year = django_filters.NumberFilter(field_name="year", min_value=2000, max_value=2999, decimal_places=0)
    issued_after = InstantFilter(field_name="issued_at", lookup_expr="gte")
    issued_before = InstantFilter(field_name="issued_at", lookup_expr="lt")


class InvoiceViewSet(ReadOnlyActorViewSet):
    """Invoices and credit notes of the key's organisation."""

    scopes: ClassVar = dict.fromkeys(("list", "retrieve", "pdf", "ubl", "cii", "archive"), Scope.INVOICES_READ)
    out = InvoiceOut
    filterset_class = InvoiceFilter
    queryset = Document.objects.none()

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's documents."""
        return documents.documents(self.actor)

    def known_parameters(self) -> list[str]:
        """Return the names that the present action reads."""
        if self.action == "archive":
            return ["from", "to"]
        return [] if self.action in NAMES else super().known_parameters()

    @extend_schema(responses=InvoiceDetailOut)
    def retrieve(self, request: Request, **_: Any) -> Response:
        """Return one with its lines and statuses."""
        return Response(InvoiceDetailOut(self.get_object()).data)

    @extend_schema(filters=False, responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    @action(detail=True, filterset_class=None, content_negotiation_class=OneForm)
    def pdf(self, request: Request, **_: Any) -> FileResponse:
        """Fetch the page, with the CII inside (Factur-X, PDF/A-3)."""
        return self._file("pdf")

    @extend_schema(filters=False, responses={(200, "application/xml"): OpenApiTypes.BINARY})
    @action(detail=True, filterset_class=None, content_negotiation_class=OneForm)
    def ubl(self, request: Request, **_: Any) -> FileResponse:
        """Fetch the invoice as UBL 2.1."""
        return self._file("ubl")

    @extend_schema(filters=False, responses={(200, "application/xml"): OpenApiTypes.BINARY})
    @action(detail=True, filterset_class=None, content_negotiation_class=OneForm)
    def cii(self, request: Request, **_: Any) -> FileResponse:
        """Fetch the invoice as UN/CEFACT CII."""
        return self._file("cii")

    @extend_schema(
        operation_id="invoices_archive",
        filters=False,
        parameters=[
            OpenApiParameter("from", OpenApiTypes.DATE, description="First day; the first of the month if left out."),
            OpenApiParameter("to", OpenApiTypes.DATE, description="First day left out; tomorrow if left out."),
        ],
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    @action(detail=False, filterset_class=None, pagination_class=None, content_negotiation_class=OneForm)
    def archive(self, request: Request, **_: Any) -> StreamingHttpResponse:
        """Fetch the pages and UBL files of a period as one zip."""
        asked = request.query_params
        period = export.period_of(asked.get("from", ""), asked.get("to", ""), at=clock.now())
        return download(
            request._request, zip_pieces(self.actor, period), name=archive_name(period), content_type=CONTENT_TYPE
        )

    def _file(self, name: str) -> FileResponse:
        kept = documents.file_of(self.actor, str(self.kwargs[self.lookup_url_kwarg]), NAMES[name])
        if kept is None:
            raise NotFound(gettext("There is no such file."))
        return FileResponse(
            BytesIO(bytes(kept.content)),
            as_attachment=True,
            filename=words.file_name(kept.document, kept.kind),
            content_type=words.CONTENT_TYPES[NAMES[name]],
        )


def register(router: Any) -> None:
    """Add the resources of this module."""
    router.register("invoices", InvoiceViewSet, basename="invoice")
