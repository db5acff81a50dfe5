# SPDX-License-Identifier: Apache-2.0
"""SKUs, price books and their prices. A price is never edited: new ones are prepared for a book (price_drafts.py)."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant

from aion import clock
from aion.figures import NBSP, instant, number
from aion.staff import KeptAdmin, ReadOnlyAdmin
from billing.admin.columns import WithTables, credits_text, money, table
from billing.models import Price, PriceBook, Sku
from billing.queries import LIST_BOOK

FAR = "–"


def period_words(valid: Any) -> str:
    """Write a half-open period of time."""
    start = instant(valid.lower)
    if valid.upper is None:
        return gettext("from %(start)s on") % {"start": start}
    return f"{start} → {instant(valid.upper)}"


def tier_words(price: Price) -> str:
    """Write the volume tiers of a price."""
    tiers = ((number(tier.from_gpu_hours), credits_text(tier.micro_per_gpu_hour)) for tier in price.tiers.all())
    return "; ".join(f"{hours}{NBSP}h: {price_text}" for hours, price_text in tiers) or FAR


@admin.register(Sku)
class SkuAdmin(KeptAdmin):
    """What can be metered. A code that prices and usage refer to stays."""

    list_display: ClassVar = ["code", "name", "accelerator"]
    search_fields: ClassVar = ["code", "name"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Keep the code."""
        return ["code"] if obj is not None else []


@admin.register(PriceBook)
class PriceBookAdmin(WithTables, KeptAdmin):
    """Price books, each with its prices in force; new prices are prepared from here."""

    list_display: ClassVar = ["name", "code", "for_whom"]
    list_select_related: ClassVar = ["operator"]
    search_fields: ClassVar = ["code", "name"]
    actions_detail: ClassVar = ["prepare"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Keep the code, and whom the prices are for."""
        return ["code", "audience", "operator"] if obj is not None else ["operator"]

    @admin.display(description=_("for"))
    def for_whom(self, row: PriceBook) -> Any:
        """Write whose prices these are."""
        if row.audience:
            return row.get_audience_display()
        if row.operator is not None:
            return row.operator
        return _("everybody without a price of their own") if row.code == LIST_BOOK else FAR

    def tables(self, row: PriceBook) -> list[dict[str, Any]]:
        """Show the prices in force and those to come."""
        return [_prices_of(row)]

    @action(description=_("Prepare new prices"), url_path="prepare", variant=ActionVariant.PRIMARY)  # type: ignore[untyped-decorator]
    def prepare(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the form of a new draft."""
        return redirect(f"{reverse('admin:billing_pricedraft_add')}?{urlencode({'book': object_id})}")


def _prices_of(book: PriceBook) -> dict[str, Any]:
    rows = Price.objects.filter(book=book, valid__endswith__isnull=True) | Price.objects.filter(
        book=book, valid__endswith__gt=clock.now()
    )
    listed = [
        [price.sku, credits_text(price.micro_per_gpu_hour), tier_words(price), period_words(price.valid)]
        for price in rows.select_related("sku").prefetch_related("tiers").order_by("sku__code", "valid")
    ]
    return table(_("In force and to come"), [_("GPU"), _("Credits per GPU-hour"), _("Tiers"), _("Valid (UTC)")], listed)


class InForceFilter(admin.SimpleListFilter):
    """When a price holds."""

    title = _("valid")
    parameter_name = "when"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer the three times."""
        return [("now", _("in force")), ("later", _("to come")), ("before", _("over"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the list."""
        now = clock.now()
        wanted = {"now": {"valid__contains": now}, "later": {"valid__startswith__gt": now},
                  "before": {"valid__endswith__lte": now}}.get(str(self.value()))  # fmt: skip
        return queryset.filter(**wanted) if wanted else queryset


@admin.register(Price)
class PriceAdmin(ReadOnlyAdmin):
    """Prices; a new one is prepared and published, never edited."""

    list_display: ClassVar = ["sku", "book", "credits_per_hour", "tiers_text", "period"]
    list_filter: ClassVar = [InForceFilter, "book", "sku"]
    list_select_related: ClassVar = ["sku", "book"]
    search_fields: ClassVar = ["sku__code", "book__name"]
    ordering: ClassVar = ["book", "sku__code", "-valid"]
    show_full_result_count = False
    fields: ClassVar = ["book", "sku", "credits_per_hour", "tiers_text", "period"]
    credits_per_hour = money("micro_per_gpu_hour", _("credits per GPU-hour"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Price]:
        """Return prices with their tiers."""
        rows: QuerySet[Price] = super().get_queryset(request)
        return rows.prefetch_related("tiers")

    @admin.display(description=_("volume tiers a month"))
    def tiers_text(self, row: Price) -> str:
        """Write the tiers."""
        return tier_words(row)

    @admin.display(description=_("valid (UTC)"), ordering="valid")
    def period(self, row: Price) -> str:
        """Write from when to when."""
        return period_words(row.valid)
