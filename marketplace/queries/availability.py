# SPDX-License-Identifier: Apache-2.0
"""How much of an offer somebody could start now: what is free, clipped by quota, and how fresh that is."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from aion.actor import Actor
from aion.tenancy.models import Organisation, Project
from billing import queries as billing
from clusters import queries as clusters
from marketplace.models import Offer

STALE_AFTER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an organisation may still start beside what it runs and waits for, in milli-GPUs. None: nobody asks."""

    milli_gpus: int | None = None


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


def allowance_of(actor: Actor) -> Allowance:
    """Return what the actor's organisation may still start: its own quota and the best of its projects' both count."""
    organisation = Organisation.objects.visible_to(actor).first()
    return Allowance() if organisation is None else allowance_within(actor, organisation)


def allowance_within(actor: Actor, organisation: Organisation) -> Allowance:
    """Return the same for the actor's ``organisation``, which is at hand."""
    quota = organisation.milli_gpu_quota
    if organisation.pk != actor.organisation_id:
        return Allowance()
    projects = Project.objects.visible_to(actor).annotate(used=clusters.active_in_sql("pk"))
    return _within(quota, list(projects.values_list("milli_gpu_quota", "used")))


def shopper_of(actor: Actor) -> tuple[billing.Buyer, Allowance]:
    """Return who buys for the actor and what may still be started, in one query where there is a project."""
    rows = list(
        Project.objects.visible_to(actor)
        .annotate(used=clusters.active_in_sql("pk"))
        .values_list("organisation__kind", "organisation__milli_gpu_quota", "milli_gpu_quota", "used")
    )
    if not rows:
        return buyer_of(actor), allowance_of(actor)
    kind, quota, *_ = rows[0]
    return billing.Buyer(actor.organisation_id, kind), _within(quota, [(size, used) for *_, size, used in rows])


def buyer_of(actor: Actor) -> billing.Buyer:
    """Return who buys for the actor: its kind of organisation chooses the price book, its usage the tier."""
    row = Organisation.objects.visible_to(actor).values_list("pk", "kind").first()
    return billing.Buyer(*row) if row is not None else billing.Buyer()


def _within(quota: int, projects: list[tuple[int, int]]) -> Allowance:
    best = max((size - used for size, used in projects), default=0)
    return Allowance(max(0, min(quota - sum(used for _, used in projects), best)))


def availability(*, offer: Offer, free: int, allowance: Allowance, wanted: int, at: datetime) -> Availability:
    """Return how much of ``offer`` could start at ``at`` where its pool has ``free`` milli-GPUs left."""
    limit = min(offer.max_milli_gpus, offer.pool.milli_gpus)
    by_quota = allowance.milli_gpus is not None and allowance.milli_gpus < min(free, limit)
    if allowance.milli_gpus is not None:
        limit = min(limit, allowance.milli_gpus)
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
