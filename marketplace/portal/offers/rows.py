# SPDX-License-Identifier: Apache-2.0
"""Lines of the catalogue as its table writes them.

The same line is written for everybody who sees the same values in the same language, so it is written once and kept:
25 lines of template took a third of the page's time. Nothing can go stale, since all that a line shows is in its key.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language

from billing.queries import PriceInForce
from marketplace.models.catalogue import CLASS_WORDS
from marketplace.portal.offers.buyers import Viewer
from marketplace.queries import PricedOffer
from marketplace.states import CapacityClass

KEPT = 4096


@dataclass(frozen=True, slots=True)
class Line:
    """All that ``offers/row.html`` reads of a line."""

    public_id: str
    title: str
    memory_gib: int
    vendor: str
    interconnect: str
    site: str
    operator: str
    country: str
    capacity_class: str
    residency: str
    level: str
    stale: bool
    mine: int
    by_quota: bool
    free: int
    size: int
    as_of: datetime | None
    g_co2e_per_kwh: int
    pue: Decimal
    price: PriceInForce
    announced_from: datetime | None
    announced_micro_per_gpu_hour: int | None

    @property
    def class_word(self) -> str:
        """Return the capacity class in words."""
        return str(dict(CLASS_WORDS)[CapacityClass(self.capacity_class)])


@dataclass(frozen=True, slots=True)
class Places:
    """Where a line's links lead: the price list, and for who may launch where to launch and to reserve."""

    prices: str
    wanted_for: str
    launch: str = ""
    reserve: str = ""


def places_for(viewer: Viewer, wanted_for: str) -> Places:
    """Return the links of every line for ``viewer``, who asked for the prices of ``wanted_for``."""
    prices = reverse("portal:prices")
    if viewer.organisation is None or not viewer.may_launch:
        return Places(prices, wanted_for)
    slug = viewer.organisation.slug
    return Places(prices, wanted_for, reverse("portal:launch", args=[slug]), reverse("portal:reserve", args=[slug]))


def row_of(line: PricedOffer, places: Places) -> str:
    """Return the row of ``line`` in the present language."""
    return written(line_of(line), places, get_language() or "")


def billed() -> str:
    """Return the table of what is billed in which state in the present language."""
    return _billed(get_language() or "")


@lru_cache(maxsize=KEPT)
def _billed(_language: str) -> str:
    return render_to_string("offers/billed.html")


@lru_cache(maxsize=KEPT)
def written(line: Line, places: Places, _language: str) -> str:
    """Return the row."""
    return render_to_string("offers/row.html", {"line": line, "places": places})


def line_of(line: PricedOffer) -> Line:
    """Return what the row shows of ``line``."""
    offer, pool, it = line.offer, line.offer.pool, line.availability
    flavour, site = pool.flavour, pool.cluster.site
    return Line(
        public_id=offer.public_id,
        title=offer.title,
        memory_gib=flavour.memory_gib,
        vendor=flavour.vendor,
        interconnect=flavour.interconnect,
        site=site.name,
        operator=offer.organisation.name,
        country=site.country_id,
        capacity_class=offer.capacity_class,
        residency=line.level,
        level=it.level,
        stale=it.stale,
        mine=it.mine,
        by_quota=it.by_quota,
        free=it.free,
        size=pool.milli_gpus,
        as_of=it.as_of if it.stale else None,
        g_co2e_per_kwh=site.g_co2e_per_kwh,
        pue=site.pue,
        price=line.price,
        announced_from=line.announced_from,
        announced_micro_per_gpu_hour=line.announced_micro,
    )
