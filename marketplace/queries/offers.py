# SPDX-License-Identifier: Apache-2.0
"""Offers as a buyer sees them: price, level reached and what is available."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from aion.residency.policy import Facts, Level, Policy, decide
from billing import queries as billing
from billing.queries import PriceInForce
from clusters import queries as clusters
from marketplace.models import Offer
from marketplace.queries.availability import Allowance, Availability, availability


@dataclass(frozen=True, slots=True)
class PricedOffer:
    """One line of the price list."""

    offer: Offer
    price: PriceInForce
    availability: Availability
    level: str
    announced_from: datetime | None = None

    @property
    def micro_per_gpu_hour(self) -> int:
        """Return what the buyer pays."""
        return self.price.micro_per_gpu_hour

    @property
    def announced_micro(self) -> int | None:
        """Return the operator's price from ``announced_from`` on, before promotions; None is the list price."""
        return self.offer.announced_micro_per_gpu_hour if self.announced_from is not None else None

    @property
    def list_micro(self) -> int:
        """Return what the list says."""
        return self.price.list_micro

    @property
    def free_milli_gpus(self) -> int:
        """Return what the pool has free for this class of work."""
        return self.availability.free

    @property
    def as_of(self) -> datetime | None:
        """Return when the cluster last answered."""
        return self.availability.as_of


def price_list(at: datetime, buyer: billing.Buyer | None = None, *, limit: int | None = None) -> list[PricedOffer]:
    """Return what is on sale at ``at`` with the buyer's price, the first ``limit`` by position."""
    return priced(list(Offer.objects.listed()[:limit]), at=at, buyer=buyer)


def priced_offer(*, public_id: str, at: datetime, buyer: billing.Buyer, allowance: Allowance) -> PricedOffer | None:
    """Return one offer that is on sale; None if it is not, or has no price."""
    found = list(Offer.objects.on_sale().filter(public_id=public_id))
    return next(iter(priced(found, at=at, buyer=buyer, allowance=allowance)), None)


def priced(
    offers: Sequence[Offer],
    *,
    at: datetime,
    buyer: billing.Buyer | None = None,
    allowance: Allowance | None = None,
    wanted: int = 1000,
    taken: Mapping[int, clusters.Occupancy] | None = None,
    common: billing.Common | None = None,
) -> list[PricedOffer]:
    """Return offers with price, level and availability of ``wanted`` milli-GPUs; those without a price are left out.

    A constant number of queries for any number of offers. ``taken`` is how full pools are, and ``common`` what prices
    have in common, where that is at hand.
    """
    wanted_prices = {(one.sku_id, one.price_book_id) for one in offers}
    prices = billing.offer_prices(wanted=wanted_prices, at=at, buyer=buyer, common=common)
    if taken is None:
        taken = clusters.occupancy_of_pools([offer.pool_id for offer in offers], at)
    return [
        PricedOffer(
            offer=offer,
            price=prices[offer.sku_id, offer.price_book_id],
            availability=availability(
                offer=offer, taken=taken[offer.pool_id], allowance=allowance or Allowance(), wanted=wanted, at=at
            ),
            level=level_reached(offer).name,
            announced_from=offer.announced_from if offer.is_announced(at) else None,
        )
        for offer in offers
        if (offer.sku_id, offer.price_book_id) in prices
    ]


def level_reached(offer: Offer) -> Level:
    """Return the highest level that the offer's site satisfies."""
    return level_of(offer.pool.cluster.site.facts())


@lru_cache(maxsize=4096)
def level_of(facts: Facts) -> Level:
    """Return the highest level that ``facts`` satisfy; the policy is pure, so that a site is judged once."""
    reached = Level.EEA_RESIDENT
    for level in Level:
        if not decide(Policy(level), facts).allowed:
            break
        reached = level
    return reached
