# SPDX-License-Identifier: Apache-2.0
"""How much of an offer somebody could start now: what is free, clipped by quota, and how fresh that is."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from aion.actor import Actor
from aion.tenancy.models import Organisation, Project
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
    used = {project: one.used + one.waiting for project, one in clusters.in_use_by_project(actor).items()}
    projects = Project.objects.visible_to(actor).values_list("pk", "milli_gpu_quota")
    best = max((size - used.get(pk, 0) for pk, size in projects), default=0)
    return Allowance(max(0, min(quota - sum(used.values()), best)))


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
