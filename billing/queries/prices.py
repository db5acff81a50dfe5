# SPDX-License-Identifier: Apache-2.0
"""What a GPU-hour costs an organisation at an instant."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    BigIntegerField,
    F,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
)
from django.db.models.functions import Cast, Coalesce
from django.utils.translation import gettext

from aion.money import ceil_charge, exact_charge, share_off
from aion.periods import month_start
from billing.errors import NoPriceInForce
from billing.models import Price, PriceTier, Promotion, Sku, UsageHour

LIST_BOOK = "list"
MILLI_SECONDS_PER_GPU_HOUR = 3_600_000
NUMBERS: Any = ArrayField(BigIntegerField())


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
    own: bool = False

    @property
    def has_terms(self) -> bool:
        """Tell whether there is more to say of it than whose price it is: class, tier or promotion."""
        of_class = self.book_code != LIST_BOOK and not self.own
        return of_class or bool(self.promotion_code or self.tier_from_gpu_hours)


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who asks for a price: its kind chooses the book, its use of the month the tier."""

    organisation_id: int | None = None
    audience: str = ""


Wanted = tuple[int, int | None]


@dataclass(frozen=True, slots=True)
class Priced:
    """What is read of a price; ``tiers`` are GPU-hours of the month and the price from there on, rising."""

    pk: int
    sku_id: int
    book_id: int
    micro_per_gpu_hour: int
    sku_code: str
    book_code: str
    book_operator: int | None
    tiers: Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class Common:
    """What the prices of all offers have in common for a buyer: those of the list and of its class, and promotions."""

    prices: Sequence[Priced]
    promotions: Sequence[Promotion]


def common_terms(*, at: datetime, buyer: Buyer) -> Common:
    """Return the prices at ``at`` in nobody's own book, and the promotions in force. Two queries."""
    return Common(_in_force(_common_books(buyer), at), list(Promotion.objects.in_force_at(at)))


def offer_prices(
    *,
    wanted: Iterable[Wanted],
    at: datetime,
    buyer: Buyer | None = None,
    common: Common | None = None,
) -> dict[Wanted, PriceInForce]:
    """Return the price at ``at`` of each SKU in the price book named beside it; without a book the common ones hold.

    A book of its own comes first, while a price of it is in force; then the buyer's class, then the list. Volume tiers
    and the best promotion in force follow. A constant number of queries; ``common`` is what is at hand already. What
    has no price in force is left out.
    """
    buyer, wanted = buyer or Buyer(), set(wanted)
    skus, books = {sku for sku, _ in wanted}, {book for _, book in wanted if book is not None}
    rows: list[Priced]
    if common is None:
        rows = _in_force(_common_books(buyer) | Q(book__in=books), at, skus)
        promotions: Sequence[Promotion] = list(Promotion.objects.in_force_at(at))
    else:
        rows = [*common.prices, *(_in_force(Q(book__in=books), at, skus) if books else ())]
        promotions = common.promotions
    found: dict[tuple[int, int | str], Priced] = {}
    for row in rows:
        place: int | str = row.book_id
        if row.book_operator is None:
            place = "list" if row.book_code == LIST_BOOK else "class"
        found[row.sku_id, place] = row
    used = _used_this_month(buyer, at) if any(row.tiers for row in rows) else {}
    result = {}
    for sku_id, book_id in wanted:
        listed = found.get((sku_id, "list"))
        own = found.get((sku_id, book_id)) if book_id is not None else None
        price = own or found.get((sku_id, "class")) or listed
        if price is not None:
            base = own or listed or price
            result[sku_id, book_id] = _resolve(price, base, used.get(sku_id, 0), promotions, buyer)
    return result


def prices_in_force(*, sku_ids: Iterable[int], at: datetime, buyer: Buyer | None = None) -> dict[int, PriceInForce]:
    """Return the common price of each SKU at ``at``: no operator's own. What has none is left out."""
    found = offer_prices(wanted=[(sku_id, None) for sku_id in sku_ids], at=at, buyer=buyer)
    return {sku_id: price for (sku_id, _), price in found.items()}


def price_in_force(
    *, sku_id: int, at: datetime, buyer: Buyer | None = None, book_id: int | None = None
) -> PriceInForce:
    """Return the price of a SKU at ``at``, in an offer's own book where it has one. Raises NoPriceInForce."""
    found = offer_prices(wanted=[(sku_id, book_id)], at=at, buyer=buyer).get((sku_id, book_id))
    if found is None:
        raise NoPriceInForce(gettext("This GPU has no price today: choose another, or ask support."))
    return found


def amount_in_sql(*, own: Any, sku: str, at: datetime, buyer: Buyer, common: Common) -> Coalesce:
    """Return what ``buyer`` pays as an expression to sort and filter by; NULL where there is no price.

    ``own`` is the expression of an offer's own price at ``at``, ``sku`` the column of its SKU. SKUs are few: their
    prices are written into the statement, and the amounts are those of ``offer_prices``.
    """
    skus = dict(Sku.objects.values_list("pk", "code")) if common.promotions else {}
    shares = {pk: best.basis_points_off for pk, code in skus.items() if (best := _best(common.promotions, code, buyer))}
    wanted = {(row.sku_id, None) for row in common.prices}
    found = offer_prices(wanted=wanted, at=at, buyer=buyer, common=common)
    amount: Any = own
    if shares:
        amount = (
            own * (10_000 - Coalesce(_looked_up(sku, shares), 0, output_field=BigIntegerField())) + 9_999
        ) / 10_000
    usual = _looked_up(sku, {pk: price.micro_per_gpu_hour for (pk, _), price in found.items()})
    return Coalesce(amount, usual, output_field=BigIntegerField())


def _looked_up(column: str, values: Mapping[int, int]) -> Func:
    """Return the value of ``column``'s key as one expression, however many keys there are; NULL for none of them."""
    keys, amounts = (Cast(Value(list(part), output_field=NUMBERS), NUMBERS) for part in (values, values.values()))
    place = Func(keys, F(column), function="array_position", output_field=IntegerField())
    return Func(amounts, place, template="(%(expressions)s]", arg_joiner=")[", output_field=BigIntegerField())


def sku_choices() -> list[tuple[str, str]]:
    """Return code and name of each SKU, by name."""
    return list(Sku.objects.order_by("name", "code").values_list("code", "name"))


def price_versions(*, sku_id: int, book_id: int | None) -> QuerySet[Price]:
    """Return the dated prices of a SKU in a book, or on the list, newest first."""
    where = Q(book=book_id) if book_id is not None else Q(book__code=LIST_BOOK)
    return Price.objects.filter(where, sku=sku_id).order_by("-valid")


def _common_books(buyer: Buyer) -> Q:
    listed = Q(book__code=LIST_BOOK)
    return listed | Q(book__audience=buyer.audience) if buyer.audience else listed


def _in_force(books: Q, at: datetime, skus: set[int] | None = None) -> list[Priced]:
    """Return the prices in ``books`` at ``at`` with their tiers, and of SKU and book only what is asked of them."""
    found = Price.objects.in_force_at(at).filter(books)
    if skus is not None:
        found = found.filter(sku__in=skus)
    step = Func("from_gpu_hours", "micro_per_gpu_hour", template="ARRAY[%(expressions)s]", output_field=NUMBERS)
    tiers = PriceTier.objects.filter(price=OuterRef("pk")).order_by("from_gpu_hours").values_list(step)
    rows = found.order_by("sku_id", "pk").values_list(
        "pk", "sku_id", "book_id", "micro_per_gpu_hour", "sku__code", "book__code", "book__operator_id",
        ArraySubquery(tiers),
    )  # fmt: skip
    return [Priced(*row) for row in rows]


def _used_this_month(buyer: Buyer, at: datetime) -> dict[int, int]:
    rows = UsageHour.objects.filter(organisation_id=buyer.organisation_id or 0).within(month_start(at), at)
    summed = rows.values_list("sku_id").annotate(total=Sum("milli_gpu_seconds"))
    return {sku_id: int(total) // MILLI_SECONDS_PER_GPU_HOUR for sku_id, total in summed}


def _best(promotions: Sequence[Promotion], sku_code: str, buyer: Buyer) -> Promotion | None:
    covering = [
        one
        for one in promotions
        if (not one.sku_codes or sku_code in one.sku_codes) and (not one.audiences or buyer.audience in one.audiences)
    ]
    return max(covering, key=lambda one: (one.basis_points_off, one.code), default=None)


def _resolve(
    price: Priced, base: Priced, gpu_hours: int, promotions: Sequence[Promotion], buyer: Buyer
) -> PriceInForce:
    micro, tier_from = price.micro_per_gpu_hour, 0
    for begins, tier in price.tiers:
        if gpu_hours >= begins:
            micro, tier_from = tier, begins
    best = _best(promotions, price.sku_code, buyer)
    if best is not None:
        micro = share_off(micro, best.basis_points_off)
    return PriceInForce(
        price_id=price.pk,
        sku_id=price.sku_id,
        sku_code=price.sku_code,
        micro_per_gpu_hour=micro,
        book_code=price.book_code,
        list_micro=base.micro_per_gpu_hour,
        tier_from_gpu_hours=tier_from,
        promotion_code=best.code if best is not None else "",
        own=price.book_operator is not None,
    )


def worst_case(*, milli_gpus: int, seconds: int, micro_per_gpu_hour: int) -> int:
    """Return the whole micro-credits that a run can cost at the most: the amount of its hold."""
    return ceil_charge(exact_charge(milli_gpus=milli_gpus, seconds=seconds, micro_per_gpu_hour=micro_per_gpu_hour))
