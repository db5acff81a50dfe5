# SPDX-License-Identifier: Apache-2.0
"""What a GPU-hour costs an organisation at an instant."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, Sum
from django.utils.translation import gettext

from aion.money import ceil_charge, exact_charge, share_off
from aion.periods import month_start
from billing.errors import NoPriceInForce
from billing.models import Price, Promotion, UsageHour

LIST_BOOK = "list"
MILLI_SECONDS_PER_GPU_HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class PriceInForce:
    """A price as frozen at launch, with the version it comes from and what lowered it."""

    price_id: int
    sku_id: int
    sku_code: str
    micro_per_gpu_hour: int
    book_code: str = LIST_BOOK
    list_micro: int = 0
    tier_from_gpu_hours: int = 0
    promotion_code: str = ""


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who asks for a price: its kind chooses the book, its use of the month the tier."""

    organisation_id: int | None = None
    audience: str = ""


def prices_in_force(*, sku_ids: Iterable[int], at: datetime, buyer: Buyer | None = None) -> dict[int, PriceInForce]:
    """Return the price of each SKU at ``at``: the buyer's class before the list, its volume tier, the best promotion.

    A constant number of queries. A SKU without a price in force is left out.
    """
    buyer = buyer or Buyer()
    wanted = list(sku_ids)
    books = Q(book__code=LIST_BOOK)
    if buyer.audience:
        books |= Q(book__audience=buyer.audience)
    rows = (
        Price.objects.in_force_at(at)
        .filter(books, sku__in=wanted)
        .select_related("sku", "book")
        .prefetch_related("tiers")
        .order_by("sku_id", "pk")
    )
    listed: dict[int, Price] = {}
    own: dict[int, Price] = {}
    for row in rows:
        (listed if row.book.code == LIST_BOOK else own)[row.sku_id] = row
    used = _used_this_month(buyer, at) if any(row.tiers.all() for row in rows) else {}
    promotions = list(Promotion.objects.in_force_at(at))
    result = {}
    for sku_id in wanted:
        price = own.get(sku_id) or listed.get(sku_id)
        if price is not None:
            base = listed.get(sku_id, price)
            result[sku_id] = _resolve(price, base, used.get(sku_id, 0), promotions, buyer)
    return result


def price_in_force(*, sku_id: int, at: datetime, buyer: Buyer | None = None) -> PriceInForce:
    """Return the price of a SKU at ``at``. Raises NoPriceInForce."""
    found = prices_in_force(sku_ids=[sku_id], at=at, buyer=buyer).get(sku_id)
    if found is None:
        raise NoPriceInForce(gettext("This GPU has no price today: choose another, or ask support."))
    return found


def _used_this_month(buyer: Buyer, at: datetime) -> dict[int, int]:
    rows = UsageHour.objects.filter(organisation_id=buyer.organisation_id or 0).within(month_start(at), at)
    summed = rows.values_list("sku_id").annotate(total=Sum("milli_gpu_seconds"))
    return {sku_id: int(total) // MILLI_SECONDS_PER_GPU_HOUR for sku_id, total in summed}


def _resolve(price: Price, base: Price, gpu_hours: int, promotions: list[Promotion], buyer: Buyer) -> PriceInForce:
    micro, tier_from = price.micro_per_gpu_hour, 0
    for tier in price.tiers.all():
        if gpu_hours >= tier.from_gpu_hours:
            micro, tier_from = tier.micro_per_gpu_hour, tier.from_gpu_hours
    covering = [
        one
        for one in promotions
        if (not one.sku_codes or price.sku.code in one.sku_codes)
        and (not one.audiences or buyer.audience in one.audiences)
    ]
    best = max(covering, key=lambda one: (one.basis_points_off, one.code), default=None)
    if best is not None:
        micro = share_off(micro, best.basis_points_off)
    return PriceInForce(
        price_id=price.pk,
        sku_id=price.sku_id,
        sku_code=price.sku.code,
        micro_per_gpu_hour=micro,
        book_code=price.book.code,
        list_micro=base.micro_per_gpu_hour,
        tier_from_gpu_hours=tier_from,
        promotion_code=best.code if best is not None else "",
    )


def worst_case(*, milli_gpus: int, seconds: int, micro_per_gpu_hour: int) -> int:
    """Return the whole micro-credits that a run can cost at the most: the amount of its hold."""
    return ceil_charge(exact_charge(milli_gpus=milli_gpus, seconds=seconds, micro_per_gpu_hour=micro_per_gpu_hour))
