# SPDX-License-Identifier: Apache-2.0
"""Changes of offers on sale: what waits comes first, two acts with a reason decide."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from aion.actor import Actor
from aion.money import to_decimal
from aion.staff import Act, DecidedAdmin, Queue, on_one, on_rows, register_queues, state_column
from marketplace.models import Offer, OfferChange
from marketplace.services import offer_changes
from marketplace.states import ChangeKind, ChangeState


def _approve(*, actor: Actor, row: OfferChange, reason: str, at: datetime) -> None:
    offer_changes.approve_change(actor=actor, change=row, reason=reason, at=at)


def _reject(*, actor: Actor, row: OfferChange, reason: str, at: datetime) -> None:
    offer_changes.reject_change(actor=actor, change=row, reason=reason, at=at)


def _amount(micro: int | None) -> Any:
    return _("list price") if micro is None else f"{to_decimal(micro):,.2f}"


def change_words(row: OfferChange) -> str:
    """Write what changes."""
    if row.kind == ChangeKind.PRICE:
        return f"{_amount(row.micro_before)} → {_amount(row.micro_per_gpu_hour)} · {row.valid_from:%Y-%m-%d %H:%M} UTC"
    words = [f"{_name(name)}: {before} → {after}" for name, (before, after) in row.facts.items()]
    return "; ".join(words)


def _name(name: str) -> Any:
    field: Any = Offer._meta.get_field(name)
    return field.verbose_name


def _facts(row: OfferChange) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Operator"), row.organisation),
        (_("Offer"), row.offer),
        (_("Change"), change_words(row)),
        (_("Reason"), row.reason),
    )


APPROVE = Act(
    title=_("Approve"),
    done=_("approved"),
    call=_approve,
    warning=_(
        "A price is announced in the catalogue at once and holds from its date on; it is a promise and cannot be taken "
        "back. Facts change at once. Runs keep the price they start with."
    ),
    facts=_facts,
)
REJECT = Act(
    title=_("Reject"), done=_("rejected"), call=_reject, warning=_("The operator reads the reason."), danger=True,
    facts=_facts,
)  # fmt: skip

register_queues(Queue(_("Changes of offers"), OfferChange, {"state": ChangeState.PROPOSED}, "state__exact=proposed"))


@admin.register(OfferChange)
class OfferChangeAdmin(DecidedAdmin):
    """The queue of changes."""

    list_display: ClassVar = [
        "public_id",
        "organisation",
        "offer",
        "kind",
        "change",
        "reason",
        "state_word",
        "asked_at",
    ]
    list_filter: ClassVar = ["state", "kind", "asked_at"]
    list_select_related: ClassVar = ["organisation", "offer"]
    search_fields: ClassVar = ["public_id", "organisation__name", "offer__title", "offer__public_id"]
    ordering: ClassVar = ["-asked_at"]
    show_full_result_count = False
    waiting: ClassVar = {"state": ChangeState.PROPOSED}
    fields: ClassVar = [
        "public_id", "organisation", "offer", "kind", "change", "reason", "state", "asked_by", "asked_at", "decided_by",
        "decided_at", "decision_reason",
    ]  # fmt: skip
    readonly_fields: ClassVar = ["change"]
    actions: ClassVar = ["approve", "reject"]
    actions_detail: ClassVar = ["approve_one", "reject_one"]
    state_word = state_column()
    approve, reject = on_rows("approve", APPROVE), on_rows("reject", REJECT)
    approve_one, reject_one = on_one("approve_one", APPROVE), on_one("reject_one", REJECT)

    @admin.display(description=_("change"))
    def change(self, row: OfferChange) -> str:
        """Write what changes."""
        return change_words(row)
