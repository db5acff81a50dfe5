# SPDX-License-Identifier: Apache-2.0
"""Promotions: announced here, ended early or withdrawn before they begin, never changed otherwise."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminSplitDateTimeWidget,
)

from aion import clock
from aion.actor import Actor
from aion.staff import Act, AskedAdmin, ReasonForm, on_one, staff_actor
from aion.tenancy.models import OrganisationKind
from billing.admin.pricing import period_words
from billing.admin.restrictions import SkusForm
from billing.models import Promotion
from billing.services import promotions


class PromotionForm(SkusForm):
    """A share off, for whom and when."""

    starts_at = forms.SplitDateTimeField(label=_("Begins (UTC)"), widget=UnfoldAdminSplitDateTimeWidget)
    ends_at = forms.SplitDateTimeField(
        label=_("Ends (UTC)"),
        widget=UnfoldAdminSplitDateTimeWidget,
        help_text=_("Launches before that keep their price to the end of the run."),
    )
    per_cent = forms.DecimalField(
        label=_("Per cent off"),
        min_value=Decimal("0.01"),
        max_value=Decimal(90),
        max_digits=4,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("Of several promotions the best one counts; they never add up."),
    )
    only_kinds = forms.MultipleChoiceField(
        label=_("Only for these kinds of organisation"),
        choices=OrganisationKind.choices,
        required=False,
        widget=UnfoldAdminSelectMultipleWidget,
        help_text=_("Choose none for all of them."),
    )

    class Meta:
        model = Promotion
        fields: ClassVar = ["code", "name"]


class EndForm(ReasonForm):
    """When it ends now, and why."""

    ends_at = forms.SplitDateTimeField(
        label=_("Ends (UTC)"),
        widget=UnfoldAdminSplitDateTimeWidget,
        help_text=_("Between now and the end that was announced."),
    )
    field_order = ["ends_at", "reason"]


def _end(*, actor: Actor, row: Promotion, at: datetime, ends_at: datetime, reason: str) -> None:
    promotions.end_promotion(actor=actor, code=row.code, ends_at=ends_at, reason=reason, at=at)


def _withdraw(*, actor: Actor, row: Promotion, at: datetime, reason: str) -> None:
    promotions.withdraw_promotion(actor=actor, code=row.code, reason=reason, at=at)


def share_words(basis_points: int) -> str:
    """Write a share in per cent."""
    return f"{basis_points / 100:g} %"


def _facts(promotion: Promotion) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Valid (UTC)"), period_words(promotion.valid)),
        (_("Off"), share_words(promotion.basis_points_off)),
    )


END = Act(
    title=_("End early"),
    done=_("ends earlier"),
    call=_end,
    warning=_("Launches before the new end keep their price. A promotion is never made longer again."),
    form=EndForm,
    facts=_facts,
)
WITHDRAW = Act(
    title=_("Withdraw"),
    done=_("withdrawn"),
    call=_withdraw,
    warning=_("Only a promotion that has not begun is withdrawn. It cannot be undone."),
    danger=True,
    facts=_facts,
)


@admin.register(Promotion)
class PromotionAdmin(AskedAdmin):
    """Promotions."""

    form = PromotionForm
    list_display: ClassVar = ["name", "code", "off", "period", "sku_codes", "audiences"]
    search_fields: ClassVar = ["code", "name"]
    ordering: ClassVar = ["-valid"]
    actions_detail: ClassVar = ["end_one", "withdraw_one"]
    end_one, withdraw_one = on_one("end_one", END), on_one("withdraw_one", WITHDRAW)

    @admin.display(description=_("off"), ordering="basis_points_off")
    def off(self, row: Promotion) -> str:
        """Write the share."""
        return share_words(row.basis_points_off)

    @admin.display(description=_("valid (UTC)"), ordering="valid")
    def period(self, row: Promotion) -> str:
        """Write from when to when."""
        return period_words(row.valid)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Announce one, or show all of one."""
        if obj is None:
            return ["code", "name", "starts_at", "ends_at", "per_cent", "only_skus", "only_kinds"]
        return ["code", "name", "period", "off", "sku_codes", "audiences"]

    def ask(self, request: HttpRequest, data: dict[str, Any]) -> Promotion:
        """Announce through the service."""
        wish = promotions.PromotionWish(
            code=data["code"],
            name=data["name"],
            starts_at=data["starts_at"],
            ends_at=data["ends_at"],
            basis_points_off=int(data["per_cent"] * 100),
            sku_codes=[sku.code for sku in data["only_skus"]],
            audiences=data["only_kinds"],
        )
        return promotions.create_promotion(actor=staff_actor(request), wish=wish, at=clock.now())
