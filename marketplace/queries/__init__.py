# SPDX-License-Identifier: Apache-2.0
"""Reads of the marketplace."""

from django.db.models import QuerySet

from aion.actor import Actor
from marketplace.models import Order
from marketplace.queries.amounts import Amounts, quote_amounts
from marketplace.queries.availability import (
    Allowance,
    Availability,
    allowance_of,
    allowance_within,
    buyer_of,
    shopper_of,
)
from marketplace.queries.catalogue import CatalogueWish, Page, catalogue_lines, catalogue_page
from marketplace.queries.offers import PricedOffer, level_reached, price_list, priced, priced_offer

__all__ = [
    "Allowance",
    "Amounts",
    "Availability",
    "CatalogueWish",
    "Page",
    "PricedOffer",
    "allowance_of",
    "allowance_within",
    "buyer_of",
    "catalogue_lines",
    "catalogue_page",
    "level_reached",
    "orders",
    "price_list",
    "priced",
    "priced_offer",
    "quote_amounts",
    "shopper_of",
]


def orders(actor: Actor) -> QuerySet[Order]:
    """Return the actor's orders, newest first."""
    return Order.objects.visible_to(actor).select_related("workload", "offer")
