# SPDX-License-Identifier: Apache-2.0
"""Grants of credits: asked for with a reason and, above a limit, decided by a second person. What waits comes first."""

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
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from aion import clock
from aion.actor import Actor
from aion.money import from_decimal
from aion.residency.policy import Level
from aion.staff import Act, AskedAdmin, on_one, on_rows, staff_actor, state_column
from aion.web.templatetags.aion import LEVEL_WORDS
from billing.admin.columns import credits_text, money, pending_first
from billing.admin.restrictions import SkusForm
from billing.models import CreditRequest
from billing.places import places
from billing.services import credits as credit_services
from billing.states import RequestState


def codes(text: str) -> list[str]:
    """Return the codes in a text: separated by commas or spaces."""
    return text.replace(",", " ").split()


class GrantForm(SkusForm):
    """A grant of credits, in credits, and what it may be spent on."""

    credits = forms.DecimalField(
        label=_("Credits"),
        min_value=Decimal("0.000001"),
        max_digits=15,
        decimal_places=6,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("1 credit = 1 euro. Above the four-eyes limit a second member of staff must approve."),
    )
    only_sites = forms.MultipleChoiceField(
        label=_("Only at these sites"),
        choices=lambda: sorted((code, f"{place.name} ({code})") for code, place in places().items()),
        required=False,
        widget=UnfoldAdminSelectMultipleWidget,
        help_text=_("Choose none for all of them."),
    )
    only_programmes = forms.CharField(
        label=_("Only for these programmes"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Codes of programmes, separated by commas. Empty for all work."),
    )
    min_level = forms.TypedChoiceField(
        label=_("Only from residency level"),
        choices=[(credit_services.NO_LEVEL, _("None")), *((one.value, LEVEL_WORDS[one.name]) for one in Level)],
        coerce=int,
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = CreditRequest
        fields: ClassVar = ["organisation", "label", "reason", "min_level", "starts_at", "expires_at"]
        widgets: ClassVar = {"reason": UnfoldAdminTextareaWidget(attrs={"rows": 3})}


def _approve(*, actor: Actor, row: CreditRequest, at: datetime) -> None:
    credit_services.approve_grant(actor=actor, public_id=row.public_id, at=at)


def _reject(*, actor: Actor, row: CreditRequest, at: datetime, reason: str) -> None:
    credit_services.reject_grant(actor=actor, public_id=row.public_id, reason=reason, at=at)


def _facts(request: CreditRequest) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Organisation"), request.organisation),
        (_("Credits"), credits_text(request.amount)),
        (_("Only for"), ", ".join(request.sku_codes + request.site_codes + request.programme_codes) or "–"),
        (_("Expires"), request.expires_at or _("never")),
        (_("Asked by"), request.requested_by),
        (_("Reason"), request.reason),
    )


APPROVE = Act(
    title=_("Approve"),
    done=_("approved"),
    call=_approve,
    warning=_("The credits can be spent at once. You approve as the second person; both names go on the record."),
    form=forms.Form,
    facts=_facts,
)
REJECT = Act(title=_("Reject"), done=_("rejected"), call=_reject, danger=True, facts=_facts)


@admin.register(CreditRequest)
class CreditRequestAdmin(AskedAdmin):
    """Grants of credits: the queue that waits for a decision comes first."""

    form = GrantForm
    list_display: ClassVar = [
        "label", "organisation", "amount_credits", "state_word", "requested_by", "decided_by", "requested_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "requested_at"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["label", "organisation__name", "public_id", "requested_by"]
    ordering: ClassVar = [pending_first(), "-requested_at"]
    autocomplete_fields: ClassVar = ["organisation"]
    show_full_result_count = False
    waiting: ClassVar = {"state": RequestState.PENDING}
    actions: ClassVar = ["approve", "reject"]
    actions_detail: ClassVar = ["approve_one", "reject_one"]
    amount_credits = money("amount", _("credits"))
    state_word = state_column()
    approve, reject = on_rows("approve", APPROVE), on_rows("reject", REJECT)
    approve_one, reject_one = on_one("approve_one", APPROVE), on_one("reject_one", REJECT)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Ask for a grant, or show all of one."""
        if obj is None:
            return [
                "organisation", "credits", "label", "reason", "only_skus", "only_sites", "only_programmes",
                "min_level", "starts_at", "expires_at",
            ]  # fmt: skip
        return [
            "public_id", "organisation", "amount_credits", "label", "reason", "sku_codes", "site_codes",
            "programme_codes", "min_level", "starts_at", "expires_at", "state", "requested_by",
            "requested_at", "decided_by", "decided_at", "lot",
        ]  # fmt: skip

    def ask(self, request: HttpRequest, data: dict[str, Any]) -> CreditRequest:
        """Ask through the service."""
        made = credit_services.request_grant(
            actor=staff_actor(request),
            organisation_id=data["organisation"].pk,
            amount=from_decimal(data["credits"]),
            label=data["label"],
            reason=data["reason"],
            starts_at=data["starts_at"],
            expires_at=data["expires_at"],
            only=credit_services.Restriction(
                sku_codes=tuple(sku.code for sku in data["only_skus"]),
                site_codes=tuple(data["only_sites"]),
                programme_codes=tuple(codes(data["only_programmes"])),
                min_level=data["min_level"],
            ),
            at=clock.now(),
        )
        if made.lot_id is None:
            messages.info(request, _("Waiting for a second member of staff: the amount is above the limit."))
        return made
