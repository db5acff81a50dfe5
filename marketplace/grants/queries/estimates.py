# SPDX-License-Identifier: Apache-2.0
"""What work costs under a programme: the cheapest offer that the programme allows, its energy and emissions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext

from aion.residency.policy import Level
from billing import queries as billing
from clusters import queries as clusters
from marketplace.grants.estimator import HOURS, Compute, OutOfBounds, normalised, training
from marketplace.grants.models import Programme
from marketplace.queries import PricedOffer, price_list

SECONDS = 3600
MILLI = 1000


@dataclass(frozen=True, slots=True)
class ItemWish:
    """One piece of work as an applicant writes it: hours, or model size, tokens and utilisation."""

    title: str
    sku_code: str
    gpu_hours: int | None = None
    params: int | None = None
    tokens: int | None = None
    mfu_bp: int | None = None


@dataclass(frozen=True, slots=True)
class ItemCost:
    """What one piece of work takes."""

    wish: ItemWish
    gpu_hours: int
    normalised_hours: int
    flop: int | None
    micro: int
    watt_hours: int
    g_co2e: int
    micro_per_gpu_hour: int
    site_code: str
    site_name: str


def allowed_offers(programme: Programme, at: datetime, buyer: billing.Buyer | None) -> Mapping[str, PricedOffer]:
    """Return the cheapest offer that the programme allows, by the code of its SKU."""
    found: dict[str, PricedOffer] = {}
    for line in price_list(at, buyer):
        code, site = line.offer.sku.code, line.offer.pool.cluster.site
        if (
            (programme.sku_codes and code not in programme.sku_codes)
            or (programme.site_codes and site.code not in programme.site_codes)
            or Level[line.level] < programme.min_level
        ):
            continue
        if code not in found or line.micro_per_gpu_hour < found[code].micro_per_gpu_hour:
            found[code] = line
    return found


def _compute(wish: ItemWish) -> Compute:
    if wish.params or wish.tokens:
        return training(code=wish.sku_code, params=wish.params or 0, tokens=wish.tokens or 0, mfu_bp=wish.mfu_bp or 0)
    hours = wish.gpu_hours or 0
    if not HOURS[0] <= hours <= HOURS[1]:
        raise OutOfBounds("gpu_hours", gettext("Enter GPU-hours, or model size and tokens to have them estimated."))
    return Compute(0, hours, normalised(wish.sku_code, hours))


def cost_of(wish: ItemWish, offers: Mapping[str, PricedOffer]) -> ItemCost:
    """Return what ``wish`` takes on the cheapest allowed offer. Raises OutOfBounds, which names the field."""
    line = offers.get(wish.sku_code)
    if line is None:
        raise OutOfBounds("sku_code", gettext("This accelerator is not on sale for this call: choose one of the list."))
    compute = _compute(wish)
    site = line.offer.pool.cluster.site
    micro = billing.worst_case(
        milli_gpus=MILLI, seconds=compute.gpu_hours * SECONDS, micro_per_gpu_hour=line.micro_per_gpu_hour
    )
    watt_hours, g_co2e = clusters.energy_of(
        milli_gpu_seconds=compute.gpu_hours * MILLI * SECONDS, watts=line.offer.pool.flavour.watts, site=site
    )
    return ItemCost(
        wish=wish,
        gpu_hours=compute.gpu_hours,
        normalised_hours=compute.normalised_hours,
        flop=compute.flop or None,
        micro=micro,
        watt_hours=watt_hours,
        g_co2e=g_co2e,
        micro_per_gpu_hour=line.micro_per_gpu_hour,
        site_code=site.code,
        site_name=site.name,
    )
