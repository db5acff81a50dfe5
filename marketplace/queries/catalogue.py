# SPDX-License-Identifier: Apache-2.0
"""The catalogue: offers on sale, filtered, sorted and paged by the database, whatever their number."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, BooleanField, Case, Count, F, Func, Q, Value, When, Window
from django.db.models.functions import Coalesce

from aion.residency.policy import Level
from billing import queries as billing
from clusters import queries as clusters
from marketplace.models import Offer
from marketplace.queries.availability import Allowance
from marketplace.queries.offers import PricedOffer, level_of, priced
from marketplace.querysets import OfferQuerySet
from marketplace.states import CapacityClass

SORTS: Mapping[str, tuple[str, ...]] = {
    "position": ("position",),
    "price": ("micro", "position"),
    "-price": ("-micro", "position"),
    "memory": ("pool__flavour__memory_gib", "position"),
    "-memory": ("-pool__flavour__memory_gib", "position"),
    "carbon": ("pool__cluster__site__g_co2e_per_kwh", "position"),
    "-carbon": ("-pool__cluster__site__g_co2e_per_kwh", "position"),
    "pue": ("pool__cluster__site__pue", "position"),
    "-pue": ("-pool__cluster__site__pue", "position"),
}
PIECE = 500
Micro = Coalesce | None


@dataclass(frozen=True, slots=True)
class CatalogueWish:
    """What a buyer looks for; what is empty filters nothing. ``milli_gpus`` is how much one workload would take."""

    text: str = ""
    vendor: str = ""
    kind: str = ""
    memory_min: int = 0
    site: str = ""
    country: str = ""
    capacity_class: str = ""
    level: str = ""
    max_micro: int | None = None
    milli_gpus: int = 1000
    free_only: bool = False
    sort: str = "position"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the catalogue; ``number`` counts from 1 and lies within the pages there are."""

    lines: list[PricedOffer]
    number: int
    pages: int
    count: int


class AnyOf(Func):
    """Whether the first expression is in the second, an array.

    ``IN (SELECT …)`` is a join that the planner puts behind the others: it joined every offer to show 25. An array is
    there before the joins begin; and one of a thousand keys is one parameter.
    """

    arg_joiner = " = ANY("
    template = "%(expressions)s)"
    output_field = BooleanField()


def catalogue_page(
    *, wish: CatalogueWish, at: datetime, buyer: billing.Buyer, allowance: Allowance, number: int, size: int
) -> Page:
    """Return a page of what fits ``wish`` at the buyer's prices. A constant number of queries."""
    common = billing.common_terms(at=at, buyer=buyer)
    micro = _micro(wish, at, buyer, common)
    found = _found(wish, micro, common, at=at, allowance=allowance)
    number = max(1, number)
    keys, count = _cut(found, number, size)
    pages = max(1, -(-count // size))
    if number > pages:
        number = pages
        keys, count = _cut(found, number, size)
    rows = _shown(keys, at)
    taken = clusters.occupancies((offer.pool, offer.occupied, offer.reserved) for offer in rows)
    lines = priced(rows, at=at, buyer=buyer, allowance=allowance, wanted=wish.milli_gpus, taken=taken, common=common)
    return Page(lines, number, pages, count)


def _cut(found: OfferQuerySet, number: int, size: int) -> tuple[list[int], int]:
    """Return the keys of one page in order and how many there are in all, in one query where the page has any."""
    rows = list(found.values_list("pk", Window(Count("*")))[(number - 1) * size : number * size])
    return [pk for pk, _ in rows], rows[0][1] if rows else found.count()


def _shown(keys: list[int], at: datetime) -> list[Any]:
    """Return what lines show of ``keys``, in their order, and how full the pools are."""
    taken = {
        "occupied": clusters.occupied_in_sql("pool_id"),
        "reserved": clusters.reserved_in_sql("pool_id", at),
    }
    return _in_order(keys, Offer.objects.listed().annotate(**taken))


def catalogue_lines(
    *, wish: CatalogueWish, at: datetime, buyer: billing.Buyer, allowance: Allowance
) -> Iterator[PricedOffer]:
    """Yield all that fits ``wish``, some hundred at a time."""
    common = billing.common_terms(at=at, buyer=buyer)
    found = _found(wish, _micro(wish, at, buyer, common), common, at=at, allowance=allowance)
    keys = list(found.values_list("pk", flat=True))
    for start in range(0, len(keys), PIECE):
        ordered = _in_order(keys[start : start + PIECE], Offer.objects.listed())
        yield from priced(ordered, at=at, buyer=buyer, allowance=allowance, wanted=wish.milli_gpus, common=common)


def _in_order(keys: list[int], rows: OfferQuerySet) -> list[Any]:
    found = {offer.pk: offer for offer in rows.filter(pk__in=keys).order_by()}
    return [found[key] for key in keys if key in found]


def _found(
    wish: CatalogueWish, micro: Micro, common: billing.Common, *, at: datetime, allowance: Allowance
) -> OfferQuerySet:
    rows = _with(micro, Offer.objects.listed().filter(_exact(wish), _priced(at, common)))
    if wish.text:
        names = ("title", "pool__flavour__name", "pool__cluster__site__name", "organisation__name")
        anywhere = Q()
        for name in names:
            anywhere |= Q(**{f"{name}__icontains": wish.text})
        rows = rows.filter(anywhere)
    if wish.max_micro is not None:
        rows = rows.filter(micro__lte=wish.max_micro)
    if wish.level:
        least = Level[wish.level]
        sites = [pk for facts, keys in clusters.sites_by_facts().items() if level_of(facts) >= least for pk in keys]
        rows = rows.filter(AnyOf("pool__cluster__site", Value(sites, output_field=ArrayField(BigIntegerField()))))
    if wish.free_only:
        if allowance.milli_gpus is not None and allowance.milli_gpus < wish.milli_gpus:
            allowed = [code for code, left in allowance.by_sku.items() if left >= wish.milli_gpus]
            if not allowed:
                return rows.none()
            rows = rows.filter(sku__code__in=allowed)
        rows = rows.filter(pool__milli_gpus__gte=wish.milli_gpus, max_milli_gpus__gte=wish.milli_gpus).exclude(
            pool__in=clusters.full_pools(wish.milli_gpus)
        )
        demanded, reserved = clusters.scarce_pools(wish.milli_gpus, at)
        rows = rows.exclude(capacity_class=CapacityClass.ON_DEMAND, pool__in=demanded).exclude(
            Q(pool__in=reserved) | Q(pool__reservable_milli_gpus__lt=wish.milli_gpus),
            capacity_class=CapacityClass.RESERVED,
        )
    return rows.order_by(*SORTS[wish.sort], "pk")


def _micro(wish: CatalogueWish, at: datetime, buyer: billing.Buyer, common: billing.Common) -> Micro:
    """Return the buyer's price as an expression, where it is asked for."""
    if wish.max_micro is None and "price" not in wish.sort:
        return None
    return billing.amount_in_sql(own=_own(at), sku="sku", at=at, buyer=buyer, common=common)


def _with(micro: Micro, rows: OfferQuerySet) -> OfferQuerySet:
    if micro is None:
        return rows
    annotated: OfferQuerySet = rows.annotate(micro=micro)
    return annotated


def _own(at: datetime) -> Case:
    """Return the own price at ``at`` as an expression, as ``Offer.own_at`` does in Python."""
    return Case(
        When(announced_from__lte=at, then=F("announced_micro_per_gpu_hour")), default=F("own_micro_per_gpu_hour")
    )


def _priced(at: datetime, common: billing.Common) -> Q:
    before = Q(announced_from=None) | Q(announced_from__gt=at)
    own = Q(before, own_micro_per_gpu_hour__isnull=False)
    announced = Q(announced_from__lte=at, announced_micro_per_gpu_hour__isnull=False)
    return own | announced | Q(sku__in={row.sku_id for row in common.prices})


def _exact(wish: CatalogueWish) -> Q:
    wanted = {
        "pool__flavour__vendor": wish.vendor,
        "pool__flavour__kind": wish.kind,
        "pool__flavour__memory_gib__gte": wish.memory_min,
        "pool__cluster__site__code": wish.site,
        "pool__cluster__site__country": wish.country,
        "capacity_class": wish.capacity_class,
    }
    return Q(**{name: value for name, value in wanted.items() if value})
