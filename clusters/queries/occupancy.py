# SPDX-License-Identifier: Apache-2.0
"""What of pools is taken now: by work that occupies it, and by reservations whether they are used or not."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from clusters.models import Pool, Reservation, Workload
from clusters.states import WorkloadState

OCCUPYING = (WorkloadState.ADMITTED, WorkloadState.STARTING, WorkloadState.RUNNING, WorkloadState.STOPPING)


@dataclass(frozen=True, slots=True)
class Occupancy:
    """One pool in milli-GPUs: its size, what it sells as reserved, and what of it is taken."""

    size: int
    reservable: int
    occupied: int
    reserved: int = 0
    on_reservation: int = 0
    spot: int = 0

    @property
    def free(self) -> int:
        """Return what no work occupies: spot work may have it."""
        return max(0, self.size - self.occupied)

    @property
    def on_demand(self) -> int:
        """Return what of it nobody has reserved; spot work is where reserved GPUs are not used, while it can be."""
        return max(0, self.free - max(0, self.reserved - self.on_reservation - self.spot))

    @property
    def to_reserve(self) -> int:
        """Return what could be reserved from now on."""
        return max(0, min(self.reservable - self.reserved, self.on_demand))


def occupied_in_sql(pool: str) -> Coalesce:
    """Return what occupies the pool whose key the outer query calls ``pool``, as an expression."""
    return _summed(Workload.objects.filter(pool=OuterRef(pool), state__in=OCCUPYING))


def reserved_in_sql(pool: str, at: datetime) -> Coalesce:
    """Return what is reserved of that pool at ``at``, as an expression."""
    return _summed(Reservation.objects.in_force_at(at).filter(pool=OuterRef(pool)))


def _summed(rows: QuerySet[Any]) -> Coalesce:
    return Coalesce(Subquery(rows.order_by().values("pool").annotate(total=Sum("milli_gpus")).values("total")), 0)


def occupancies(pools: Iterable[tuple[Pool, int, int]]) -> dict[int, Occupancy]:
    """Return the occupancy by pool from what is occupied and reserved; who uses what is asked where any is reserved."""
    known = {pool.pk: (pool, int(occupied), int(reserved)) for pool, occupied, reserved in pools}
    uses = _uses([pk for pk, (_, _, reserved) in known.items() if reserved])
    return {
        pk: Occupancy(pool.milli_gpus, pool.reservable, occupied, reserved, *uses.get(pk, (0, 0)))
        for pk, (pool, occupied, reserved) in known.items()
    }


def _uses(pool_ids: list[int]) -> Mapping[int, tuple[int, int]]:
    if not pool_ids:
        return {}
    rows = (
        Workload.objects.filter(pool__in=pool_ids, state__in=OCCUPYING)
        .order_by()
        .values("pool_id")
        .annotate(
            own=Sum("milli_gpus", filter=Q(reservation__isnull=False), default=0),
            spot=Sum("milli_gpus", filter=Q(spot=True), default=0),
        )
    )
    return {row["pool_id"]: (row["own"], row["spot"]) for row in rows}


def occupancy_of_pools(pool_ids: Iterable[int], at: datetime) -> dict[int, Occupancy]:
    """Return the occupancy of pools by key."""
    rows = Pool.objects.filter(pk__in=list(pool_ids)).annotate(
        occupied=occupied_in_sql("pk"), reserved=reserved_in_sql("pk", at)
    )
    return occupancies((pool, pool.occupied, pool.reserved) for pool in rows)


def free_milli_gpus(pool_ids: Iterable[int]) -> dict[int, int]:
    """Return free capacity per pool: its size less what occupies it."""
    pools = Pool.objects.filter(pk__in=list(pool_ids)).annotate(used=occupied_in_sql("pk"))
    return {pk: max(0, size - int(used)) for pk, size, used in pools.values_list("pk", "milli_gpus", "used")}


def full_pools(milli_gpus: int) -> list[int]:
    """Return the pools with fewer than ``milli_gpus`` free because of what occupies them; one query over what runs."""
    busy = (
        Workload.objects.filter(state__in=OCCUPYING)
        .order_by()
        .values("pool_id", "pool__milli_gpus")
        .annotate(used=Sum("milli_gpus"))
        .filter(used__gt=F("pool__milli_gpus") - milli_gpus)
    )
    return [row["pool_id"] for row in busy]


def scarce_pools(milli_gpus: int, at: datetime) -> tuple[list[int], list[int]]:
    """Return the pools with fewer than so many for work on demand, and for reservations, because of reservations."""
    held = set(Reservation.objects.in_force_at(at).values_list("pool_id", flat=True))
    found = occupancy_of_pools(held, at) if held else {}
    return (
        [pk for pk, one in found.items() if one.on_demand < milli_gpus],
        [pk for pk, one in found.items() if one.to_reserve < milli_gpus],
    )
