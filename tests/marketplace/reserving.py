# SPDX-License-Identifier: Apache-2.0
"""Hands of the tests of reserved capacity."""

from datetime import datetime, timedelta
from typing import Any

from clusters.models import Reservation
from marketplace.models import Offer
from marketplace.services.reservations import Wish, confirm_reservation
from marketplace.states import CapacityClass, OfferState
from tests.worlds import NOW, Market, Tenant

HOUR = timedelta(hours=1)


def offer_on(market: Market, capacity_class: str = CapacityClass.RESERVED, **fields: Any) -> Offer:
    """Return the market's offer of a class, on its own pool."""
    return Offer.objects.get_or_create(
        organisation=market.offer.organisation,
        pool=market.pool,
        sku=market.sku,
        capacity_class=capacity_class,
        defaults={"title": "H100 ahead", "state": OfferState.PUBLISHED, "max_milli_gpus": 10**9, **fields},
    )[0]


def wish_for(
    tenant: Tenant, offer: Offer, *, gpus: float = 8, start: float = 0, hours: float = 4, **fields: Any
) -> Wish:
    """Return a wish for ``hours`` from so many hours after NOW on."""
    starts_at = fields.pop("starts_at", NOW + start * HOUR)
    values = {
        "project_id": tenant.project.public_id,
        "offer_id": offer.public_id,
        "milli_gpus": int(gpus * 1000),
        "starts_at": starts_at,
        "ends_at": starts_at + hours * HOUR,
        **fields,
    }
    return Wish(**values)


def reserve(
    tenant: Tenant, market: Market, *, at: datetime = NOW, key: str | None = None, **fields: Any
) -> Reservation:
    """Reserve on the market's pool."""
    wish = wish_for(tenant, offer_on(market), **fields)
    return confirm_reservation(actor=tenant.actor(), wish=wish, at=at, idempotency_key=key)
