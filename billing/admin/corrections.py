# SPDX-License-Identifier: Apache-2.0
"""Corrections of metered usage with four eyes. What waits comes first; what was decided shows the money it moved."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from aion import clock
from aion.actor import Actor
from aion.figures import NBSP, instant, number
from aion.staff import Act, AskedAdmin, AskForm, on_one, on_rows, staff_actor, state_column
from billing.admin.columns import WithTables, credits_text, pending_first, table
from billing.models import CorrectionRequest, Transfer
from billing.services import corrections
from billing.states import RequestState


class CorrectionForm(AskForm):
    """Which window of which device, and the seconds it should have."""

    reference = forms.CharField(
        label=_("Device"),
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("As the meter names it: cluster and pod uid."),
    )
    start_second = forms.IntegerField(
        label=_("From second"),
        min_value=0,
        max_value=3599,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("Where the window begins: seconds after the full hour."),
    )
    seconds_after = forms.IntegerField(
        label=_("Seconds that are right"), min_value=0, max_value=3600, widget=UnfoldAdminIntegerFieldWidget
    )

    class Meta:
        model = CorrectionRequest
        fields: ClassVar = ["hour", "start_second", "seconds_after", "reason"]
        widgets: ClassVar = {"reason": UnfoldAdminTextareaWidget(attrs={"rows": 3})}
        help_texts: ClassVar = {
            "hour": _("The full UTC hour that the window lies in."),
        }


def _approve(*, actor: Actor, row: CorrectionRequest, at: datetime) -> None:
    corrections.approve_correction(actor=actor, public_id=row.public_id, at=at)


def _reject(*, actor: Actor, row: CorrectionRequest, at: datetime, reason: str) -> None:
    corrections.reject_correction(actor=actor, public_id=row.public_id, reason=reason, at=at)


def _facts(request: CorrectionRequest) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Organisation"), request.organisation),
        (_("Device"), request.meter.reference),
        (_("Hour"), f"{instant(request.hour)} UTC + {number(request.start_second)}{NBSP}s"),
        (_("Seconds"), f"{request.seconds_before} → {request.seconds_after}"),
        (_("Asked by"), request.requested_by),
        (_("Reason"), request.reason),
    )


APPROVE = Act(
    title=_("Approve"),
    done=_("corrected"),
    call=_approve,
    warning=_(
        "The difference is charged or given back at once, to the lots that paid. It cannot be undone, only corrected "
        "again. You approve as the second person; both names go on the record."
    ),
    form=forms.Form,
    facts=_facts,
)
REJECT = Act(title=_("Reject"), done=_("rejected"), call=_reject, danger=True, facts=_facts)


@admin.register(CorrectionRequest)
class CorrectionRequestAdmin(WithTables, AskedAdmin):
    """The queue of corrections."""

    form = CorrectionForm
    list_display: ClassVar = [
        "public_id", "organisation", "meter", "hour", "seconds", "state_word", "requested_by", "decided_by",
        "requested_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "requested_at"]
    list_select_related: ClassVar = ["organisation", "meter"]
    search_fields: ClassVar = ["public_id", "meter__reference", "organisation__name", "requested_by"]
    ordering: ClassVar = [pending_first(), "-requested_at"]
    show_full_result_count = False
    waiting: ClassVar = {"state": RequestState.PENDING}
    actions: ClassVar = ["approve", "reject"]
    actions_detail: ClassVar = ["approve_one", "reject_one"]
    state_word = state_column()
    approve, reject = on_rows("approve", APPROVE), on_rows("reject", REJECT)
    approve_one, reject_one = on_one("approve_one", APPROVE), on_one("reject_one", REJECT)

    @admin.display(description=_("seconds"))
    def seconds(self, row: CorrectionRequest) -> str:
        """Write before and after."""
        return f"{row.seconds_before} → {row.seconds_after}"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Ask for a correction, or show all of one."""
        if obj is None:
            return ["reference", "hour", "start_second", "seconds_after", "reason"]
        return [
            "public_id", "organisation", "meter", "hour", "start_second", "seconds_before", "seconds_after", "reason",
            "state", "requested_by", "requested_at", "decided_by", "decided_at",
        ]  # fmt: skip

    def ask(self, request: HttpRequest, data: dict[str, Any]) -> CorrectionRequest:
        """Ask through the service."""
        return corrections.request_correction(
            actor=staff_actor(request),
            reference=data["reference"],
            hour=data["hour"],
            start_second=data["start_second"],
            seconds=data["seconds_after"],
            reason=data["reason"],
            at=clock.now(),
        )

    def tables(self, row: CorrectionRequest) -> list[dict[str, Any]]:
        """Show what the correction moved."""
        moved = (
            Transfer.objects.filter(batch__correction=row)
            .select_related("debit_account", "credit_account")
            .order_by("pk")
        )
        rows = [
            [one.public_id, one.kind, one.debit_account, one.credit_account, credits_text(one.amount)] for one in moved
        ]
        headers = [_("Entry"), _("Kind"), _("From"), _("To"), _("Credits")]
        return [table(_("What it moved"), headers, rows)] if rows else []
