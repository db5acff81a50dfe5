# SPDX-License-Identifier: Apache-2.0
"""Reads of the marketplace."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from aion.actor import Actor
from aion.residency.policy import Level, Policy, decide
from billing import queries as billing
from clusters import queries as clusters
from marketplace.models import Offer, Order


@dataclass(frozen=True, slots=True)
class PricedOffer:
    """One line of the price list."""

    offer: Offer
    micro_per_gpu_hour: int
    list_micro: int
    free_milli_gpus: int
    as_of: datetime | None
    level: str


def price_list(at: datetime, buyer: billing.Buyer | None = None) -> list[PricedOffer]:
    """Return what is on sale at ``at`` with the buyer's price, free capacity and the level the site reaches."""
    offers = list(Offer.objects.on_sale())
    prices = billing.prices_in_force(sku_ids={offer.sku_id for offer in offers}, at=at, buyer=buyer)
    free = clusters.free_milli_gpus([offer.pool_id for offer in offers])
    return [
        PricedOffer(
            offer=offer,
            micro_per_gpu_hour=prices[offer.sku_id].micro_per_gpu_hour,
            list_micro=prices[offer.sku_id].list_micro,
            free_milli_gpus=free[offer.pool_id],
            as_of=offer.pool.cluster.last_seen_at,
            level=level_reached(offer).name,
        )
        for offer in offers
        if offer.sku_id in prices
    ]


def level_reached(offer: Offer) -> Level:
    """Return the highest level that the offer's site satisfies."""
    facts = offer.pool.cluster.site.facts()
    reached = Level.EEA_RESIDENT
    for level in Level:
        if not decide(Policy(level), facts).allowed:
            break
        reached = level
    return reached


def orders(actor: Actor) -> QuerySet[Order]:
    """Return the actor's orders, newest first."""
    return Order.objects.visible_to(actor).select_related("workload", "offer")
