# SPDX-License-Identifier: Apache-2.0
"""Rows of reserved capacity."""

from datetime import timedelta
from typing import Any

from aion import clock
from aion.periods import floor_hour
from clusters.models import Pool
from marketplace.models import Offer
from marketplace.services.reservations import confirm_reservation
from tests.isolation.rows import LAUNCHERS, READERS, Row
from tests.marketplace.reserving import offer_on, wish_for
from tests.worlds import Market, Tenant

PUBLIC: dict[str, int] = {}
SIGNED_IN: set[str] = set()
# The page that reserves needs an offer in its address: tests/marketplace/test_reservation_edges.py opens it.
PORTAL: list[Row] = [
    Row("portal:reservations", READERS),
    Row("portal:reserve", LAUNCHERS, status=404),
    Row("portal:reserve_quote", READERS),
    Row("portal:reservation", READERS, "reservation"),
    Row("portal:reservation_cancel", LAUNCHERS, "reservation"),
]
API_KINDS: tuple[str, ...] = ("cancel",)
API: list[tuple[str, str | None, Any, Any]] = [
    ("reservation", "reservation", READERS, LAUNCHERS),
    ("reservation_quote", None, None, READERS),
]
API_WRITES: list[tuple[str, str, str, str, Any, int]] = [
    ("reservation", "reservation", "/cancel", "post", LAUNCHERS, 200),
]
PATHS: dict[str, str] = {"reservation": "reservations", "reservation_quote": "reservation-quotes"}


def things(tenant: Tenant, market: Market) -> dict[str, str]:
    """Return the id of one reservation that may still be cancelled."""
    return {"reservation": _fresh(tenant, offer_on(market))}


def _fresh(tenant: Tenant, offer: Offer) -> str:
    now = clock.now()
    Pool.objects.filter(pk=offer.pool_id).update(milli_gpus=10**9)
    wish = wish_for(tenant, offer, gpus=1, hours=1, starts_at=floor_hour(now) + timedelta(days=9))
    return confirm_reservation(actor=tenant.actor(), wish=wish, at=now).public_id
