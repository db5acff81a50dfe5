# SPDX-License-Identifier: Apache-2.0
"""Reads of reservations: an actor's own, and how much of each was used."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from aion.actor import Actor
from aion.periods import whole_seconds
from clusters.models import PodInterval, Reservation, Workload
from clusters.queries import workloads
from clusters.querysets import ReservationQuerySet, WorkloadQuerySet


@dataclass(frozen=True, slots=True)
class Use:
    """What of a reservation was used until now and what was not, in milli-GPU-seconds; ``ahead`` is still to come."""

    used: int
    unused: int
    ahead: int


def reservations(actor: Actor) -> ReservationQuerySet:
    """Return the actor's reservations, the latest window first."""
    rows: ReservationQuerySet = Reservation.objects.visible_to(actor)
    return rows.select_related("project", "pool__flavour", "pool__cluster__site__country").order_by("-starts_at", "-pk")


def workloads_on(actor: Actor, row: Reservation) -> WorkloadQuerySet:
    """Return the actor's workloads on a reservation, newest first."""
    found: WorkloadQuerySet = workloads(actor).filter(reservation=row)
    return found


def in_use(rows: Iterable[Reservation]) -> dict[int, int]:
    """Return the milli-GPUs that work which has not ended takes of each reservation, waiting work included."""
    keys = [row.pk for row in rows]
    found = Workload.objects.active().filter(reservation__in=keys).order_by().values("reservation_id")
    taken = {row["reservation_id"]: int(row["total"]) for row in found.annotate(total=Sum("milli_gpus"))}
    return {key: taken.get(key, 0) for key in keys}


def uses_of(rows: Iterable[Reservation], at: datetime) -> dict[int, Use]:
    """Return how much of each reservation was used until ``at``, in one query: what its pods ran inside the window."""
    known = {row.pk: row for row in rows}
    used: dict[int, int] = defaultdict(int)
    intervals = PodInterval.objects.filter(workload__reservation__in=list(known)).values_list(
        "workload__reservation_id", "milli_gpus", "started_at", "ended_at"
    )
    for key, milli_gpus, started_at, ended_at in intervals:
        used[key] += milli_gpus * whole_seconds(started_at, min(ended_at or at, known[key].ends_at))
    return {key: _use(row, used[key], at) for key, row in known.items()}


def _use(row: Reservation, used: int, at: datetime) -> Use:
    whole = row.milli_gpus * whole_seconds(row.starts_at, row.billed_until)
    passed = row.milli_gpus * whole_seconds(row.starts_at, min(row.billed_until, at))
    return Use(used=used, unused=max(0, passed - used), ahead=whole - passed)


def sold_on(offer_ref: str) -> bool:
    """Tell whether a reservation on an offer is not over."""
    return Reservation.objects.promised().filter(offer_ref=offer_ref).exists()


def reserved_on(actor: Actor, offer_ref: str) -> bool:
    """Tell whether the actor's organisation has such a one."""
    return Reservation.objects.visible_to(actor).promised().filter(offer_ref=offer_ref).exists()
