# SPDX-License-Identifier: Apache-2.0
"""Requests for a higher quota: what waits comes first, two acts with a reason decide."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from aion.actor import Actor
from aion.figures import gpus, instant
from aion.people.quotas import decide_quota, end_quota
from aion.staff import Act, DecidedAdmin, Queue, gpus_column, on_one, on_rows, register_queues, state_column
from aion.tenancy.models import Quota, QuotaRequest, QuotaState
from billing.admin.columns import pending_first


def _approve(*, actor: Actor, row: QuotaRequest, reason: str, at: datetime) -> None:
    decide_quota(actor=actor, public_id=row.public_id, approve=True, reason=reason, at=at)


def _reject(*, actor: Actor, row: QuotaRequest, reason: str, at: datetime) -> None:
    decide_quota(actor=actor, public_id=row.public_id, approve=False, reason=reason, at=at)


def _facts(row: QuotaRequest) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Organisation"), row.organisation),
        (_("Project"), row.project or _("the whole organisation")),
        (_("GPUs at one time"), f"{gpus(row.milli_gpus_before)} → {gpus(row.milli_gpus)}"),
        (_("Accelerator"), row.sku_code or _("any")),
        (_("Until"), f"{instant(row.until)} UTC" if row.until else _("it stays")),
        (_("What for"), row.reason),
    )


APPROVE = Act(
    title=_("Approve"),
    done=_("the quota holds from now on"),
    call=_approve,
    warning=_(
        "The quota is raised at once; a project's request raises its organisation's quota as far as needed. One of a "
        "single accelerator or until a date comes beside the standing quota and ends by itself. "
        "The organisation reads your reason."
    ),
    facts=_facts,
)
REJECT = Act(
    title=_("Reject"),
    done=_("rejected"),
    call=_reject,
    warning=_("Nothing changes. The organisation reads your reason."),
    danger=True,
    facts=_facts,
)
register_queues(
    Queue(_("Quota requests"), QuotaRequest, {"state": QuotaState.PENDING}, "state__exact=pending"),
)


@admin.register(QuotaRequest)
class QuotaRequestAdmin(DecidedAdmin):
    """The queue of requests."""

    list_display: ClassVar = [
        "public_id", "organisation", "project", "before", "wanted", "sku_code", "until", "reason", "state_word",
        "asked_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "asked_at"]
    list_select_related: ClassVar = ["organisation", "project"]
    search_fields: ClassVar = ["public_id", "organisation__name", "project__name", "reason"]
    ordering: ClassVar = [pending_first(), "-asked_at"]
    show_full_result_count = False
    waiting: ClassVar = {"state": QuotaState.PENDING}
    fields: ClassVar = [
        "public_id", "organisation", "project", "before", "wanted", "sku_code", "until", "reason", "state", "asked_by",
        "asked_at", "decided_by", "decided_at", "decision_reason",
    ]  # fmt: skip
    readonly_fields: ClassVar = ["before", "wanted"]
    actions: ClassVar = ["approve", "reject"]
    actions_detail: ClassVar = ["approve_one", "reject_one"]
    state_word = state_column()
    before = gpus_column("milli_gpus_before", _("quota when asked (GPUs)"))
    wanted = gpus_column("milli_gpus", _("asked for (GPUs)"))
    approve, reject = on_rows("approve", APPROVE), on_rows("reject", REJECT)
    approve_one, reject_one = on_one("approve_one", APPROVE), on_one("reject_one", REJECT)


def _end(*, actor: Actor, row: Quota, reason: str, at: datetime) -> None:
    end_quota(actor=actor, public_id=row.public_id, reason=reason, at=at)


END = Act(
    title=_("End now"),
    done=_("over"),
    call=_end,
    warning=_("Nothing new starts beyond what is left; what runs goes on. The organisation is told."),
    danger=True,
)


@admin.register(Quota)
class QuotaAdmin(DecidedAdmin):
    """Quotas beyond the standing ones, each from a request."""

    list_display: ClassVar = ["organisation", "project", "sku_code", "gpus", "since", "until"]
    list_filter: ClassVar = ["sku_code", "until"]
    list_select_related: ClassVar = ["organisation", "project"]
    search_fields: ClassVar = ["public_id", "organisation__name", "project__name", "sku_code"]
    ordering: ClassVar = ["-since"]
    show_full_result_count = False
    waiting: ClassVar = {"ended_at": None}
    fields: ClassVar = ["public_id", "organisation", "project", "request", "sku_code", "gpus", "since", "until"]
    readonly_fields: ClassVar = ["gpus"]
    actions: ClassVar = ["end"]
    actions_detail: ClassVar = ["end_one"]
    gpus = gpus_column("milli_gpus", _("GPUs at one time"))
    end, end_one = on_rows("end", END), on_one("end_one", END)
