# SPDX-License-Identifier: Apache-2.0
"""Promo codes: asked for with their whole budget, released by a second person above the limit, ended for good."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
)

from aion import clock
from aion.actor import Actor
from aion.money import from_decimal
from aion.staff import Act, AskedAdmin, on_one, on_rows, staff_actor, state_column
from billing.admin.columns import ByState, WithTables, credits_text, money, pending_first, table
from billing.admin.pricing import period_words
from billing.admin.restrictions import RestrictionForm, restriction_of
from billing.models import PromoCode
from billing.services import vouchers
from billing.states import PromoState

SHOWN = 200


class PromoCodeForm(RestrictionForm):
    """A code, how much it gives to how many, and what that may be spent on."""

    credits = forms.DecimalField(
        label=_("Credits for each organisation"),
        min_value=Decimal("0.000001"),
        max_digits=15,
        decimal_places=6,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("Times the number of organisations: above the four-eyes limit a second person must approve."),
    )
    max_redemptions = forms.IntegerField(
        label=_("Organisations at the most"),
        min_value=1,
        max_value=1_000_000,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    starts_at = forms.SplitDateTimeField(label=_("From (UTC)"), widget=UnfoldAdminSplitDateTimeWidget)
    ends_at = forms.SplitDateTimeField(label=_("Until (UTC)"), widget=UnfoldAdminSplitDateTimeWidget)

    class Meta:
        model = PromoCode
        fields: ClassVar = ["code", "name", "lot_days", "reason", "min_level"]
        widgets: ClassVar = {"reason": UnfoldAdminTextareaWidget(attrs={"rows": 3})}


def _approve(*, actor: Actor, row: PromoCode, at: datetime) -> None:
    vouchers.approve_promo_code(actor=actor, public_id=row.public_id, at=at)


def _reject(*, actor: Actor, row: PromoCode, at: datetime, reason: str) -> None:
    vouchers.reject_promo_code(actor=actor, public_id=row.public_id, reason=reason, at=at)


def _end(*, actor: Actor, row: PromoCode, at: datetime, reason: str) -> None:
    vouchers.end_promo_code(actor=actor, public_id=row.public_id, reason=reason, at=at)


def _facts(promo: PromoCode) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Credits for each organisation"), credits_text(promo.amount)),
        (_("Organisations at the most"), promo.max_redemptions),
        (_("Whole budget"), credits_text(promo.budget)),
        (_("Redeemed"), promo.redeemed),
        (_("Valid (UTC)"), period_words(promo.valid)),
        (_("Asked by"), promo.requested_by),
        (_("Reason"), promo.reason),
    )


APPROVE = Act(
    title=_("Approve"),
    done=_("approved"),
    call=_approve,
    warning=_("Who knows the code can redeem it from its first day on. You approve the whole budget as second person."),
    form=forms.Form,
    facts=_facts,
)
REJECT = Act(title=_("Reject"), done=_("rejected"), call=_reject, danger=True, facts=_facts)
END = Act(
    title=_("End"),
    done=_("ended"),
    call=_end,
    warning=_("Nobody can redeem it any more. Credit that was given stays. It cannot be undone."),
    danger=True,
    facts=_facts,
)


@admin.register(PromoCode)
class PromoCodeAdmin(ByState, WithTables, AskedAdmin):
    """Promo codes: those that wait for a second person come first."""

    form = PromoCodeForm
    list_display: ClassVar = ["code", "name", "amount_credits", "use", "state_word", "period", "requested_by"]
    list_filter: ClassVar = ["state"]
    search_fields: ClassVar = ["code", "name", "public_id"]
    ordering: ClassVar = [pending_first(), "-requested_at"]
    show_full_result_count = False
    buttons: ClassVar = {PromoState.PENDING: ("approve", "reject"), PromoState.ACTIVE: ("end",)}
    actions: ClassVar = ["approve", "reject", "end"]
    actions_detail: ClassVar = ["approve_one", "reject_one", "end_one"]
    amount_credits = money("amount", _("credits each"))
    state_word = state_column()
    approve, reject, end = on_rows("approve", APPROVE), on_rows("reject", REJECT), on_rows("end", END)
    approve_one, reject_one = on_one("approve_one", APPROVE), on_one("reject_one", REJECT)
    end_one = on_one("end_one", END)

    @admin.display(description=_("redeemed"), ordering="redeemed")
    def use(self, row: PromoCode) -> str:
        """Write how many of how many."""
        return f"{row.redeemed} / {row.max_redemptions}"

    @admin.display(description=_("valid (UTC)"), ordering="valid")
    def period(self, row: PromoCode) -> str:
        """Write from when to when."""
        return period_words(row.valid)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Ask for a code, or show all of one."""
        if obj is None:
            return [
                "code", "name", "credits", "max_redemptions", "starts_at", "ends_at", "lot_days", "reason",
                "only_skus", "only_sites", "only_programmes", "min_level",
            ]  # fmt: skip
        return [
            "public_id", "code", "name", "amount_credits", "use", "period", "lot_days", "sku_codes", "site_codes",
            "programme_codes", "min_level", "reason", "state", "requested_by", "requested_at", "decided_by",
            "decided_at", "ended_at",
        ]  # fmt: skip

    def tables(self, row: PromoCode) -> list[dict[str, Any]]:
        """Show who redeemed it, newest first."""
        found = row.redemptions.select_related("organisation", "lot").order_by("-pk")[:SHOWN]
        return [
            table(
                _("Redemptions"),
                [_("When"), _("Organisation"), _("Lot"), _("Spent")],
                [(one.at, one.organisation, one.lot.public_id, credits_text(one.lot.debits)) for one in found],
                note=_("The newest %(n)s are shown.") % {"n": SHOWN},
            )
        ]

    def ask(self, request: HttpRequest, data: dict[str, Any]) -> PromoCode:
        """Ask through the service."""
        made = vouchers.request_promo_code(
            actor=staff_actor(request),
            wish=vouchers.PromoWish(
                code=data["code"],
                name=data["name"],
                amount=from_decimal(data["credits"]),
                max_redemptions=data["max_redemptions"],
                starts_at=data["starts_at"],
                ends_at=data["ends_at"],
                lot_days=data["lot_days"],
                reason=data["reason"],
                only=restriction_of(data),
            ),
            at=clock.now(),
        )
        if made.state == PromoState.PENDING:
            messages.info(request, _("Waiting for a second member of staff: the whole budget is above the limit."))
        return made
