# SPDX-License-Identifier: Apache-2.0
"""Rates, rules, mentions and the seller: dated rows that are read, and followed by new versions, never edited."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminTextareaWidget

from aion import clock
from aion.figures import basis_points, day
from aion.staff import AskedAdmin, AskForm, staff_actor
from billing.invoicing.models import Mention, Seller, VatRate, VatRule
from billing.invoicing.services.law import add_version

FAR = "–"


class VersionForm(AskForm):
    """A version that begins on a day to come, and why."""

    begins_on = forms.DateField(
        label=_("Begins on"), widget=UnfoldAdminDateWidget, help_text=_("The version in force ends the day before.")
    )
    change_reason = forms.CharField(
        label=_("Reason"), widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}), max_length=200,
        help_text=_("Why you add this. It goes on the record with your name."),
    )  # fmt: skip


class InForceFilter(admin.SimpleListFilter):
    """When a version holds."""

    title = _("valid")
    parameter_name = "when"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer the three times."""
        return [("now", _("in force")), ("later", _("to come")), ("before", _("over"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the list."""
        today = clock.now().date()
        wanted = {
            "now": {"valid__contains": today},
            "later": {"valid__startswith__gt": today},
            "before": {"valid__endswith__lte": today},
        }.get(str(self.value()))
        return queryset.filter(**wanted) if wanted else queryset


class LawAdmin(AskedAdmin):
    """What all rows of law share."""

    form = VersionForm
    own: ClassVar[tuple[str, ...]] = ()
    list_filter: ClassVar[list[Any]] = [InForceFilter]
    show_full_result_count = False

    @admin.display(description=_("valid"), ordering="valid")
    def period(self, row: Any) -> str:
        """Write from when until when."""
        until = day(row.valid.upper) if row.valid.upper else FAR
        return f"{day(row.valid.lower) if row.valid.lower else FAR} → {until}"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Ask for a version, or show all of one."""
        if obj is None:
            return [*self.own, "source", "note", "begins_on", "change_reason"]
        return [*self.own, "period", "source", "note", "recorded_by"]

    def ask(self, request: HttpRequest, data: dict[str, Any]) -> Any:
        """Add the version through the service."""
        values = {name: data[name] for name in (*self.own, "source", "note")}
        return add_version(
            actor=staff_actor(request), model=self.model, begins_on=data["begins_on"], values=values,
            reason=data["change_reason"], at=clock.now(),
        )  # fmt: skip


@admin.register(VatRate)
class VatRateAdmin(LawAdmin):
    """Standard rates."""

    own = ("territory", "place", "rate_basis_points")
    list_display: ClassVar = ["territory", "place", "rate", "period", "source", "recorded_by"]
    list_filter: ClassVar = [InForceFilter, "place"]
    search_fields: ClassVar = ["territory"]

    @admin.display(description=_("rate"), ordering="rate_basis_points")
    def rate(self, row: VatRate) -> str:
        """Write the rate."""
        return basis_points(row.rate_basis_points)


@admin.register(VatRule)
class VatRuleAdmin(LawAdmin):
    """Rules."""

    own = (
        "code", "place", "buyer", "needs_number", "category", "rate_basis_points", "exemption_code", "mentions",
        "waived",
    )  # fmt: skip
    list_display: ClassVar = ["code", "place", "buyer", "needs_number", "category", "rate", "period", "source"]
    list_filter: ClassVar = [InForceFilter, "place", "category"]
    search_fields: ClassVar = ["code", "source"]

    @admin.display(description=_("rate"))
    def rate(self, row: VatRule) -> Any:
        """Write the rate, or that it is the place's."""
        return _("of the place") if row.rate_basis_points is None else basis_points(row.rate_basis_points)


@admin.register(Mention)
class MentionAdmin(LawAdmin):
    """Texts."""

    own = ("code", "subject", "always", "text_fr", "text_en")
    list_display: ClassVar = ["code", "subject", "always", "text_fr", "period", "source"]
    search_fields: ClassVar = ["code", "text_fr", "text_en"]


@admin.register(Seller)
class SellerAdmin(LawAdmin):
    """Who sells."""

    own = (
        "legal_name", "legal_form", "siren", "siret", "vat_number", "address", "postcode", "city", "country", "email",
        "iban", "bic", "payment_days",
    )  # fmt: skip
    list_display: ClassVar = ["legal_name", "siren", "vat_number", "iban", "period"]
