# SPDX-License-Identifier: Apache-2.0
"""Offers and orders for staff: operators write offers, staff decide on them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from aion import clock
from aion.actor import Actor
from aion.money import to_decimal
from aion.staff import (
    Act,
    DecidedAdmin,
    Queue,
    ReadOnlyAdmin,
    gpus_column,
    hours_column,
    on_one,
    on_rows,
    register_queues,
    state_column,
)
from billing.admin.columns import money
from marketplace.models import Offer, Order
from marketplace.queries import level_reached
from marketplace.services import offers
from marketplace.states import OfferState


def _approve(*, actor: Actor, row: Offer, at: datetime, reason: str) -> None:
    offers.approve_offer(actor=actor, offer=row, at=at, reason=reason)


def _reject(*, actor: Actor, row: Offer, at: datetime, reason: str) -> None:
    offers.reject_offer(actor=actor, offer=row, reason=reason, at=at)


def _withdraw(*, actor: Actor, row: Offer, at: datetime, reason: str) -> None:
    offers.take_off_sale(actor=actor, offer=row, reason=reason, at=at)


def _facts(offer: Offer) -> Sequence[tuple[Any, Any]]:
    site = offer.pool.cluster.site
    missing = site.missing_facts()
    return (
        (_("Operator"), offer.organisation),
        (_("Pool"), f"{offer.pool} · {site}"),
        (_("Capacity class"), offer.get_capacity_class_display()),
        (_("Price per GPU-hour"), price_words(offer)),
        (_("Residency"), ", ".join(missing) if missing else level_reached(offer).name),
    )


def price_words(offer: Offer) -> Any:
    """Write what the operator asks."""
    now = clock.now()
    micro = offer.own_at(now)
    words = _("list price") if micro is None else f"{to_decimal(micro):,.2f}"
    if not offer.is_announced(now):
        return words
    later = offer.announced_micro_per_gpu_hour
    then = _("list price") if later is None else f"{to_decimal(later):,.2f}"
    return f"{words} → {then} ({offer.announced_from:%Y-%m-%d})"


APPROVE = Act(
    title=_("Approve"),
    done=_("on sale"),
    call=_approve,
    warning=_("It goes on sale at once at its price. Runs keep the price they start with."),
    facts=_facts,
)
REJECT = Act(
    title=_("Reject"), done=_("rejected"), call=_reject, warning=_("The operator reads the reason."), danger=True,
    facts=_facts,
)  # fmt: skip
WITHDRAW = Act(
    title=_("Withdraw"),
    done=_("withdrawn"),
    call=_withdraw,
    warning=_("Nothing new starts on it; what runs goes on. The operator reads the reason."),
    danger=True,
    facts=_facts,
)

register_queues(Queue(_("Proposed offers"), Offer, {"state": OfferState.PROPOSED}, "state__exact=proposed"))


BUTTONS: dict[str, tuple[str, ...]] = {
    OfferState.PROPOSED: ("approve_one", "reject_one"),
    OfferState.PUBLISHED: ("withdraw_one",),
}


@admin.register(Offer)
class OfferAdmin(DecidedAdmin):
    """Offers; publishing is refused while residency facts or a price are missing."""

    list_display: ClassVar = ["title", "organisation", "pool", "capacity_class", "price", "gpus", "state_word"]
    list_filter: ClassVar = ["state", "capacity_class"]
    list_select_related: ClassVar = ["organisation", "pool"]
    search_fields: ClassVar = ["public_id", "title", "organisation__name"]
    ordering: ClassVar = ["-proposed_at", "position", "pk"]
    actions: ClassVar = ["approve", "reject", "withdraw"]
    actions_detail: ClassVar = ["approve_one", "reject_one", "withdraw_one"]
    approve, approve_one = on_rows("approve", APPROVE), on_one("approve_one", APPROVE)
    reject, reject_one = on_rows("reject", REJECT), on_one("reject_one", REJECT)
    withdraw, withdraw_one = on_rows("withdraw", WITHDRAW), on_one("withdraw_one", WITHDRAW)
    fields: ClassVar = [
        "public_id", "organisation", "pool", "sku", "title", "description", "capacity_class", "price_book", "own_price",
        "announced_price", "announced_from", "storage_class", "local_disk_gib", "state", "proposed_at", "decided_at",
        "decision_reason", "smallest", "gpus", "longest", "position",
    ]  # fmt: skip
    state_word = state_column()
    smallest = gpus_column("min_milli_gpus", _("smallest order (GPUs)"))
    gpus = gpus_column("max_milli_gpus", _("largest order (GPUs)"))
    longest = hours_column("max_seconds", _("longest run (h)"))
    own_price = money("own_micro_per_gpu_hour", _("own price (credits per GPU-hour)"))
    announced_price = money("announced_micro_per_gpu_hour", _("announced price (credits per GPU-hour)"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Return the buttons that fit what the offer is at."""
        row = self.get_object(request, unquote(str(object_id)))
        fitting = BUTTONS.get(row.state, ()) if row is not None else ()
        return [one for one in super().get_actions_detail(request, object_id) if one.action_name.endswith(fitting)]

    @admin.display(description=_("price per GPU-hour"), ordering="own_micro_per_gpu_hour")
    def price(self, row: Offer) -> Any:
        """Write the price that is asked."""
        return price_words(row)


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    """Orders."""

    list_display: ClassVar = ["public_id", "organisation", "offer", "workload", "gpus", "worst_case", "placed_at"]
    list_select_related: ClassVar = ["organisation", "offer", "workload"]
    search_fields: ClassVar = ["public_id", "organisation__name"]
    show_full_result_count = False
    fields: ClassVar = ["public_id", "organisation", "project", "offer", "workload", "hold_id", "gpus", "longest",
                        "worst_case", "idempotency_key", "placed_at"]  # fmt: skip
    gpus = gpus_column("milli_gpus", _("GPUs"))
    longest = hours_column("max_seconds", _("longest run (h)"))
    worst_case = money("amount", _("worst case (credits)"))
