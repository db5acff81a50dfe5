# SPDX-License-Identifier: Apache-2.0
"""Reads of the marketplace."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from aion.actor import Actor
from aion.residency.policy import Level, Policy, decide
from aion.tenancy.models import Organisation
from billing import queries as billing
from billing.queries import PriceInForce
from clusters import queries as clusters
from marketplace.models import Offer, Order


@dataclass(frozen=True, slots=True)
class PricedOffer:
    """One line of the price list."""

    offer: Offer
    price: PriceInForce
    free_milli_gpus: int
    as_of: datetime | None
    level: str

    @property
    def micro_per_gpu_hour(self) -> int:
        """Return what the buyer pays."""
        return self.price.micro_per_gpu_hour

    @property
    def list_micro(self) -> int:
        """Return what the list says."""
        return self.price.list_micro


def buyer_of(actor: Actor) -> billing.Buyer:
    """Return who buys for the actor: its kind of organisation chooses the price book, its usage the tier."""
    row = Organisation.objects.visible_to(actor).values_list("pk", "kind").first()
    return billing.Buyer(*row) if row is not None else billing.Buyer()


def price_list(at: datetime, buyer: billing.Buyer | None = None) -> list[PricedOffer]:
    """Return what is on sale at ``at`` with the buyer's price, free capacity and the level the site reaches."""
    offers = list(Offer.objects.on_sale())
    prices = billing.prices_in_force(sku_ids={offer.sku_id for offer in offers}, at=at, buyer=buyer)
    free = clusters.free_milli_gpus([offer.pool_id for offer in offers])
    return [
        PricedOffer(
            offer=offer,
            price=prices[offer.sku_id],
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
