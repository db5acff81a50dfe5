# SPDX-License-Identifier: Apache-2.0
"""What so many GPUs for so long cost and use: one computation for the estimate, the calculator and the launch."""

from dataclasses import dataclass

from billing import queries as billing
from billing.queries import PriceInForce
from clusters import queries as clusters
from marketplace.models import Offer


@dataclass(frozen=True, slots=True)
class Amounts:
    """Worst case and rate in micro-credits, estimated energy and carbon."""

    amount: int
    per_hour: int
    watt_hours: int
    g_co2e: int


def quote_amounts(*, offer: Offer, price: PriceInForce, milli_gpus: int, seconds: int) -> Amounts:
    """Return what ``milli_gpus`` of ``offer`` cost and use in ``seconds`` at ``price``."""
    watt_hours, g_co2e = clusters.energy_of(
        milli_gpu_seconds=milli_gpus * seconds, watts=offer.pool.flavour.watts, site=offer.pool.cluster.site
    )
    micro = price.micro_per_gpu_hour
    return Amounts(
        amount=billing.worst_case(milli_gpus=milli_gpus, seconds=seconds, micro_per_gpu_hour=micro),
        per_hour=milli_gpus * micro // 1000,
        watt_hours=watt_hours,
        g_co2e=g_co2e,
    )
