# SPDX-License-Identifier: Apache-2.0
"""Money for staff: ledger and usage are read-only; credits are granted with a reason and, above a limit, four eyes."""

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from aion import clock
from aion.errors import DomainError
from aion.money import decimal_string, from_decimal
from aion.staff import KeptAdmin, ReadOnlyAdmin, staff_actor, state_column
from billing.models import (
    CreditRequest,
    Hold,
    LedgerAccount,
    Price,
    PriceBook,
    QuarantinedUsage,
    Sku,
    Transfer,
    UsageBatch,
    UsageHour,
)
from billing.services import credits as credit_services


def money(name: str, title: Any) -> Any:
    """Return an admin column that writes a micro-credit field as credits."""

    @admin.display(description=title, ordering=name)
    def column(_: Any, row: Any) -> str:
        whole, _point, rest = decimal_string(getattr(row, name)).partition(".")
        return f"{int(whole):,}.{rest.rstrip('0'):0<2}" if int(whole) else f"{whole}.{rest.rstrip('0'):0<2}"

    return column


@admin.register(LedgerAccount)
class LedgerAccountAdmin(ReadOnlyAdmin):
    """Accounts and lots."""

    list_display: ClassVar = [
        "label",
        "organisation",
        "kind",
        "origin",
        "issued",
        "spent",
        "on_hold",
        "expires_at",
    ]
    list_filter: ClassVar = ["kind", "origin"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["label", "public_id", "organisation__name"]
    issued = money("credits", _("credited"))
    spent = money("debits", _("debited"))
    on_hold = money("held", _("held"))


@admin.register(Transfer)
class TransferAdmin(ReadOnlyAdmin):
    """Ledger entries."""

    list_display: ClassVar = [
        "public_id",
        "organisation",
        "kind",
        "amount_credits",
        "description",
        "effective_at",
    ]
    list_filter: ClassVar = ["kind"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["public_id", "organisation__name", "description"]
    show_full_result_count = False
    amount_credits = money("amount", _("credits"))


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    """Holds."""

    list_display: ClassVar = [
        "public_id",
        "organisation",
        "amount_credits",
        "state_word",
        "created_at",
        "closed_at",
    ]
    list_filter: ClassVar = ["state"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["public_id", "reference", "organisation__name"]
    show_full_result_count = False
    amount_credits = money("amount", _("credits"))
    state_word = state_column()


@admin.register(UsageHour)
class UsageHourAdmin(ReadOnlyAdmin):
    """Usage by hour."""

    list_display: ClassVar = ["hour", "organisation", "project", "sku", "site_code", "milli_gpu_seconds"]
    list_select_related: ClassVar = ["organisation", "project", "sku"]
    show_full_result_count = False


@admin.register(QuarantinedUsage)
class QuarantinedUsageAdmin(ReadOnlyAdmin):
    """Usage that no rule allows to rate."""

    list_display: ClassVar = [
        "hour",
        "organisation",
        "seconds",
        "milli_gpus",
        "reason",
        "recorded_at",
    ]
    list_filter: ClassVar = ["reason"]
    list_select_related: ClassVar = ["organisation"]


@admin.register(UsageBatch)
class UsageBatchAdmin(ReadOnlyAdmin):
    """Ingested batches."""

    list_display: ClassVar = ["id", "source", "received", "accepted", "duplicate", "refused", "posted_at"]
    show_full_result_count = False


@admin.register(Sku, PriceBook)
class CatalogueAdmin(KeptAdmin):
    """SKUs and price books."""

    list_display: ClassVar = ["code", "name"]


@admin.register(Price)
class PriceAdmin(ReadOnlyAdmin):
    """Prices; a new one is published, never edited."""

    list_display: ClassVar = ["sku", "book", "credits_per_hour", "valid"]
    list_select_related: ClassVar = ["sku", "book"]
    credits_per_hour = money("micro_per_gpu_hour", _("credits per GPU-hour"))


class GrantForm(forms.ModelForm):  # type: ignore[type-arg]
    """A grant of credits, in credits."""

    credits = forms.DecimalField(
        label=_("Credits"),
        min_value=Decimal("0.000001"),
        max_digits=15,
        decimal_places=6,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("1 credit = 1 euro. Above the four-eyes limit a second member of staff must approve."),
    )

    class Meta:
        model = CreditRequest
        fields: ClassVar = ["organisation", "credits", "label", "reason", "expires_at"]


@admin.register(CreditRequest)
class CreditRequestAdmin(KeptAdmin):
    """Grants of credits: the queue that waits for a decision comes first."""

    form = GrantForm
    list_display: ClassVar = [
        "label",
        "organisation",
        "amount_credits",
        "state_word",
        "requested_by",
        "decided_by",
        "requested_at",
    ]
    list_filter: ClassVar = ["state"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["label", "organisation__name"]
    actions: ClassVar = ["approve", "reject"]
    amount_credits = money("amount", _("credits"))
    state_word = state_column()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow the list's actions, never an edit."""
        return obj is None and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: CreditRequest, form: Any, change: bool) -> None:
        """Ask through the service; a refusal is shown and nothing is stored."""
        data = form.cleaned_data
        try:
            made = credit_services.request_grant(
                actor=staff_actor(request),
                organisation_id=data["organisation"].pk,
                amount=from_decimal(data["credits"]),
                label=data["label"],
                reason=data["reason"],
                expires_at=data["expires_at"],
                at=clock.now(),
            )
        except DomainError as error:
            messages.error(request, error.detail)
            return
        obj.pk = made.pk
        if made.lot_id is None:
            messages.info(request, _("Waiting for a second member of staff: the amount is above the limit."))

    @admin.action(description=_("Approve"))
    def approve(self, request: HttpRequest, rows: QuerySet[CreditRequest]) -> None:
        """Approve as the second person."""
        for row in rows:
            try:
                credit_services.approve_grant(actor=staff_actor(request), public_id=row.public_id, at=clock.now())
            except DomainError as error:
                messages.error(request, f"{row}: {error.detail}")
            else:
                messages.success(request, f"{row}: {_('approved')}")

    @admin.action(description=_("Reject"))
    def reject(self, request: HttpRequest, rows: QuerySet[CreditRequest]) -> None:
        """Reject."""
        for row in rows:
            try:
                credit_services.reject_grant(
                    actor=staff_actor(request),
                    public_id=row.public_id,
                    reason="rejected in the admin",
                    at=clock.now(),
                )
            except DomainError as error:
                messages.error(request, f"{row}: {error.detail}")
