# SPDX-License-Identifier: Apache-2.0
"""Share agreements with four eyes."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminDecimalFieldWidget, UnfoldAdminTextareaWidget

from aion import clock
from aion.actor import Actor
from aion.figures import percent
from aion.staff import Act, AskedAdmin, AskForm, Queue, on_one, on_rows, register_queues, staff_actor, state_column
from billing.admin.columns import pending_first
from billing.settlement.models import ShareAgreement
from billing.settlement.services import agreements
from billing.states import RequestState


class ShareForm(AskForm):
    """Which operator gets which share of usage, from which month on."""

    share = forms.DecimalField(
        label=_("Operator's share (%)"),
        min_value=Decimal(0),
        max_value=Decimal(100),
        max_digits=5,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("Of what usage on its sites was charged. The consortium keeps the rest."),
    )
    first_month = forms.DateField(
        label=_("First month"), widget=UnfoldAdminDateWidget, help_text=_("The first day of a month of usage.")
    )
    end_month = forms.DateField(
        label=_("Ends before"),
        required=False,
        widget=UnfoldAdminDateWidget,
        help_text=_("The first day of the month that it does not hold for any more; empty holds until the next one."),
    )

    class Meta:
        model = ShareAgreement
        fields: ClassVar = ["organisation", "reason"]
        widgets: ClassVar = {"reason": UnfoldAdminTextareaWidget(attrs={"rows": 3})}


def _agree(*, actor: Actor, row: ShareAgreement, at: datetime) -> None:
    agreements.agree_share(actor=actor, public_id=row.public_id, at=at)


def _reject(*, actor: Actor, row: ShareAgreement, at: datetime, reason: str) -> None:
    agreements.reject_share(actor=actor, public_id=row.public_id, reason=reason, at=at)


def months(row: ShareAgreement) -> str:
    """Write from which month to which a share holds."""
    return f"{row.valid.lower:%Y-%m} – {f'{row.valid.upper:%Y-%m}' if row.valid.upper else ''}"


def _facts(row: ShareAgreement) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Operator"), row.organisation),
        (_("Share"), percent(row.percent, 2)),
        (_("Months of usage"), months(row)),
        (_("Asked by"), row.requested_by),
        (_("Reason"), row.reason),
    )


AGREE = Act(
    title=_("Agree"),
    done=_("agreed"),
    call=_agree,
    warning=_(
        "The share stands from then on and never changes. An open share that began earlier ends where this one begins. "
        "You agree as the second person; both names go on the record."
    ),
    form=forms.Form,
    facts=_facts,
)
REJECT = Act(title=_("Reject"), done=_("rejected"), call=_reject, danger=True, facts=_facts)
register_queues(Queue(_("Share agreements"), ShareAgreement, {"state": RequestState.PENDING}, "state__exact=pending"))


@admin.register(ShareAgreement)
class ShareAgreementAdmin(AskedAdmin):
    """Shares of operators."""

    form = ShareForm
    autocomplete_fields: ClassVar = ["organisation"]
    list_display: ClassVar = [
        "public_id",
        "organisation",
        "share",
        "period",
        "state_word",
        "requested_by",
        "decided_by",
    ]
    list_filter: ClassVar = ["state"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["public_id", "organisation__name"]
    ordering: ClassVar = [pending_first(), "-requested_at"]
    show_full_result_count = False
    waiting: ClassVar = {"state": RequestState.PENDING}
    actions: ClassVar = ["agree", "reject"]
    actions_detail: ClassVar = ["agree_one", "reject_one"]
    state_word = state_column()
    agree, reject = on_rows("agree", AGREE), on_rows("reject", REJECT)
    agree_one, reject_one = on_one("agree_one", AGREE), on_one("reject_one", REJECT)

    @admin.display(description=_("share"), ordering="share_basis_points")
    def share(self, row: ShareAgreement) -> str:
        """Write the share."""
        return percent(row.percent, 2)

    @admin.display(description=_("months of usage"), ordering="valid")
    def period(self, row: ShareAgreement) -> str:
        """Write the months."""
        return months(row)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Ask for a share, or show all of one."""
        if obj is None:
            return ["organisation", "share", "first_month", "end_month", "reason"]
        return [
            "public_id", "organisation", "share", "period", "reason", "state", "requested_by", "requested_at",
            "decided_by", "decided_at",
        ]  # fmt: skip

    def ask(self, request: HttpRequest, data: dict[str, Any]) -> ShareAgreement:
        """Ask through the service."""
        return agreements.propose_share(
            actor=staff_actor(request),
            organisation=data["organisation"],
            share_basis_points=int(data["share"] * 100),
            first_month=data["first_month"],
            end_month=data["end_month"],
            reason=data["reason"],
            at=clock.now(),
        )
