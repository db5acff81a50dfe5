# SPDX-License-Identifier: Apache-2.0
"""How much of an offer somebody could start now: what is free, clipped by quota, and how fresh that is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aion import clock
from aion.actor import Actor
from aion.tenancy.models import Organisation, Project
from aion.tenancy.queries import quota_of, quotas_in_force
from billing import queries as billing
from clusters import queries as clusters
from marketplace.models import Offer
from marketplace.states import CapacityClass

STALE_AFTER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an organisation may still start beside what it runs and waits for, in milli-GPUs. None: nobody asks.

    ``by_sku`` has the SKUs for which a quota of their own allows more, by code.
    """

    milli_gpus: int | None = None
    by_sku: Mapping[str, int] = field(default_factory=dict)

    def of(self, sku_code: str) -> int | None:
        """Return what may still be started of one SKU."""
        return self.by_sku.get(sku_code, self.milli_gpus)


@dataclass(frozen=True, slots=True)
class Availability:
    """``mine`` is what could start now, ``free`` what the pool has, ``limit`` the most for one workload of mine."""

    free: int
    limit: int
    mine: int
    by_quota: bool
    as_of: datetime | None
    stale: bool
    level: str


def allowance_of(actor: Actor, at: datetime | None = None) -> Allowance:
    """Return what the actor's organisation may still start: its own quota and the best of its projects' both count."""
    organisation = Organisation.objects.visible_to(actor).first()
    return Allowance() if organisation is None else allowance_within(actor, organisation, at)


def allowance_within(actor: Actor, organisation: Organisation, at: datetime | None = None) -> Allowance:
    """Return the same for the actor's ``organisation``, which is at hand."""
    if organisation.pk != actor.organisation_id:
        return Allowance()
    projects = dict(Project.objects.visible_to(actor).values_list("pk", "milli_gpu_quota"))
    return _within(actor, organisation.milli_gpu_quota, projects, at)


def shopper_of(actor: Actor, at: datetime | None = None) -> tuple[billing.Buyer, Allowance]:
    """Return who buys for the actor and what may still be started."""
    rows = list(
        Project.objects.visible_to(actor).values_list(
            "organisation__kind", "organisation__milli_gpu_quota", "pk", "milli_gpu_quota"
        )
    )
    if not rows:
        return buyer_of(actor), allowance_of(actor, at)
    kind, standing, *_ = rows[0]
    projects = {pk: quota for *_, pk, quota in rows}
    return billing.Buyer(actor.organisation_id, kind), _within(actor, standing, projects, at)


def buyer_of(actor: Actor) -> billing.Buyer:
    """Return who buys for the actor: its kind of organisation chooses the price book, its usage the tier."""
    row = Organisation.objects.visible_to(actor).values_list("pk", "kind").first()
    return billing.Buyer(*row) if row is not None else billing.Buyer()


def _within(actor: Actor, standing: int, projects: Mapping[int, int], at: datetime | None) -> Allowance:
    quotas = quotas_in_force(actor.organisation_id, at or clock.now())
    use = clusters.in_use(actor)

    def left(sku_code: str, counted: Mapping[int, int]) -> int:
        best = max(
            (
                quota_of(standing=quota, quotas=quotas, project_id=pk, sku_code=sku_code) - counted.get(pk, 0)
                for pk, quota in projects.items()
            ),
            default=0,
        )
        whole = quota_of(standing=standing, quotas=quotas, project_id=None, sku_code=sku_code)
        return max(0, min(whole - sum(counted.values()), best))

    everything = left("", _by_project(use))
    by_sku = {}
    for code in {one.sku_code for one in quotas if one.sku_code}:
        by_sku[code] = max(everything, left(code, _by_project(use, code)))
    return Allowance(everything, by_sku)


def _by_project(use: Mapping[tuple[int, str], clusters.InUse], sku_code: str = "") -> dict[int, int]:
    """Return what counts against quotas, of one SKU or of all."""
    total: dict[int, int] = {}
    for (project_id, code), one in use.items():
        if sku_code in {"", code}:
            total[project_id] = total.get(project_id, 0) + one.whole
    return total


def free_of(offer: Offer, taken: clusters.Occupancy) -> int:
    """Return what the offer's pool has free for work of its class: reserved GPUs are free for spot work alone."""
    if offer.capacity_class == CapacityClass.SPOT:
        return taken.free
    return taken.to_reserve if offer.capacity_class == CapacityClass.RESERVED else taken.on_demand


def availability(
    *, offer: Offer, taken: clusters.Occupancy, allowance: Allowance, wanted: int, at: datetime
) -> Availability:
    """Return how much of ``offer`` could start at ``at``, or be reserved then, as full as its pool is."""
    free = free_of(offer, taken)
    limit = min(offer.max_milli_gpus, offer.pool.milli_gpus)
    allowed = allowance.of(offer.sku.code)
    by_quota = allowed is not None and allowed < min(free, limit)
    if allowed is not None:
        limit = min(limit, allowed)
    as_of = offer.pool.cluster.last_seen_at
    mine = min(free, limit)
    if not offer.pool.fractions:
        mine -= mine % 1000
    level = "unknown" if as_of is None else "none" if mine <= 0 else "now" if mine >= wanted else "partly"
    return Availability(
        free=free,
        limit=limit,
        mine=mine,
        by_quota=by_quota,
        as_of=as_of,
        stale=as_of is None or at - as_of > STALE_AFTER,
        level=level,
    )
