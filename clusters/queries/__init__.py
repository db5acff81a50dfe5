# SPDX-License-Identifier: Apache-2.0
"""Reads of clusters for every edge and for the marketplace."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

from aion.actor import Actor
from aion.money import exact_charge, floor_charge
from aion.periods import whole_seconds
from aion.residency.models import ResidencyDecision
from aion.residency.policy import Facts
from billing.places import Place
from clusters.models import Cluster, NodeFlavour, PodInterval, Pool, Reservation, Site, Workload, WorkloadEvent
from clusters.models.topology import FACT_NAMES, FACTS
from clusters.queries.occupancy import (
    OCCUPYING,
    Occupancy,
    free_milli_gpus,
    full_pools,
    occupancies,
    occupancy_of_pools,
    occupied_in_sql,
    reserved_in_sql,
    scarce_pools,
)
from clusters.querysets import WorkloadQuerySet
from clusters.states import ACTIVE, WorkloadState

__all__ = [
    "OCCUPYING",
    "Occupancy",
    "free_milli_gpus",
    "full_pools",
    "occupancies",
    "occupancy_of_pools",
    "occupied_in_sql",
    "reserved_in_sql",
    "scarce_pools",
]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a workload has used until now, at its frozen price."""

    milli_gpu_seconds: int
    microcredits: int
    watt_hours: int
    g_co2e: int


@dataclass(frozen=True, slots=True)
class Running:
    """What an organisation uses at this moment."""

    milli_gpus: int
    burn_per_hour: int
    workloads: int
    unfinished: int


@dataclass(frozen=True, slots=True)
class InUse:
    """What counts against a quota at this moment: GPUs that work occupies, and GPUs that work waits for."""

    used: int = 0
    waiting: int = 0

    @property
    def whole(self) -> int:
        """Return both together: what a quota has no more room for."""
        return self.used + self.waiting

    def __add__(self, other: "InUse") -> "InUse":
        return InUse(self.used + other.used, self.waiting + other.waiting)


@dataclass(frozen=True, slots=True)
class SiteCapacity:
    """What a site has, and who operates it."""

    code: str
    operator_id: int
    operator: str
    milli_gpus: int


def energy_of(*, milli_gpu_seconds: int, watts: int, site: Site) -> tuple[int, int]:
    """Return estimated Wh at the meter of the site (with PUE) and gCO2e, from rated power; never measured."""
    return energy(milli_gpu_seconds=milli_gpu_seconds, watts=watts, pue=site.pue, g_per_kwh=site.g_co2e_per_kwh)


def energy(*, milli_gpu_seconds: int, watts: int, pue: Decimal, g_per_kwh: int) -> tuple[int, int]:
    """Return Wh and gCO2e."""
    watt_hours = Decimal(milli_gpu_seconds) * watts * pue / (1000 * 3600)
    return int(watt_hours), int(watt_hours * g_per_kwh / 1000)


def workloads(actor: Actor) -> WorkloadQuerySet:
    """Return the actor's workloads, newest first."""
    rows: WorkloadQuerySet = Workload.objects.visible_to(actor)
    shown = ("project", "reservation", "pool__flavour", "pool__cluster__site__country")
    return rows.select_related(*shown).order_by("-queued_at", "-pk")


def workload_events(actor: Actor, workload: Workload) -> QuerySet[WorkloadEvent]:
    """Return a workload's timeline."""
    return WorkloadEvent.objects.visible_to(actor).filter(workload=workload).order_by("pk")


def decision_of(actor: Actor, workload: Workload) -> ResidencyDecision | None:
    """Return the decision that allowed a workload."""
    decision: ResidencyDecision | None = (
        ResidencyDecision.objects.visible_to(actor).filter(pk=workload.decision_id).first()
    )
    return decision


def costs_of(rows: Iterable[Workload], at: datetime) -> dict[int, Cost]:
    """Return the cost until ``at`` of each workload in one query: billed intervals at the frozen price."""
    rows = list(rows)
    seconds: dict[int, int] = {}
    intervals = PodInterval.objects.filter(workload__in=[row.pk for row in rows]).values_list(
        "workload_id", "milli_gpus", "started_at", "ended_at"
    )
    for workload_id, milli_gpus, started_at, ended_at in intervals:
        used = milli_gpus * whole_seconds(started_at, ended_at or at)
        seconds[workload_id] = seconds.get(workload_id, 0) + used
    result = {}
    for row in rows:
        used = seconds.get(row.pk, 0)
        watt_hours, g_co2e = energy_of(milli_gpu_seconds=used, watts=row.pool.flavour.watts, site=row.pool.cluster.site)
        exact = exact_charge(milli_gpus=used, seconds=1, micro_per_gpu_hour=row.micro_per_gpu_hour)
        result[row.pk] = Cost(used, floor_charge(exact), watt_hours, g_co2e)
    return result


def intervals_of(actor: Actor, workload: Workload) -> QuerySet[PodInterval]:
    """Return the billed intervals of a workload."""
    return PodInterval.objects.visible_to(actor).filter(workload=workload).order_by("started_at", "pk")


def running_of(organisation_id: int | None, at: datetime) -> Running:
    """Return GPUs in use and the burn rate of an organisation: its running pods, and what it has reserved for now."""
    row = (
        PodInterval.objects.open()
        .filter(organisation_id=organisation_id or 0)
        .aggregate(milli=Sum("milli_gpus", default=0), burn=Sum(F("milli_gpus") * F("micro_per_gpu_hour"), default=0))
    )
    work = Workload.objects.filter(organisation_id=organisation_id or 0, state__in=ACTIVE).aggregate(
        unfinished=Count("pk"), running=Count("pk", filter=Q(state=WorkloadState.RUNNING))
    )
    reserved = Reservation.objects.in_force_at(at).filter(organisation_id=organisation_id or 0)
    rate = reserved.aggregate(burn=Sum(F("milli_gpus") * F("micro_per_gpu_hour"), default=0))["burn"]
    return Running(row["milli"], (row["burn"] + rate) // 1000, work["running"], work["unfinished"])


def open_window_exact(organisation_id: int | None, at: datetime) -> int:
    """Return the exact charge of what runs now and is not metered yet."""
    total = 0
    rows = PodInterval.objects.unfinished().filter(organisation_id=organisation_id or 0)
    for milli, price, until, ended in rows.values_list("milli_gpus", "micro_per_gpu_hour", "metered_until", "ended_at"):
        total += milli * price * whole_seconds(until, ended or at)
    for row in Reservation.objects.filter(organisation_id=organisation_id or 0, settled_at=None, starts_at__lt=at):
        seconds = whole_seconds(row.metered_until, min(row.billed_until, at))
        total += row.milli_gpus * row.micro_per_gpu_hour * seconds
    return total


def sites_by_facts() -> dict[Facts, list[int]]:
    """Return the keys of the sites that share their residency facts."""
    # Not a row for each: there may be a thousand sites, of few kinds, and a page of the catalogue asks for all of them.
    named = Site.objects.order_by().values_list(Coalesce("subdivision_id", "country_id"), *FACTS, "certificate")
    return {_facts(tuple(facts)): sites for *facts, sites in named.annotate(sites=ArrayAgg("pk"))}


@lru_cache(maxsize=4096)
def _facts(values: tuple[Any, ...]) -> Facts:
    return Facts(**dict(zip(("site", *FACT_NAMES, "certificate"), values, strict=True)))


def vendors_and_countries() -> tuple[list[str], list[tuple[str, str]]]:
    """Return who makes the accelerators of the pools, and code and name of the countries with a site, by name."""
    vendors = NodeFlavour.objects.order_by().values_list("vendor", Value(""))
    countries = Site.objects.order_by().values_list("country_id", "country__name")
    found = sorted(vendors.union(countries), key=lambda row: (row[1], row[0]))
    return [code for code, name in found if not name], [(code, name) for code, name in found if name]


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """What decides which offers a pool can carry."""

    pk: int
    milli_gpus: int
    flavour_code: str
    flavour_name: str

    @classmethod
    def of(cls, pool: Pool) -> "PoolFacts":
        """Read them from a pool and its flavour."""
        return cls(pool.pk, pool.milli_gpus, pool.flavour.code, pool.flavour.name)


def pools_operated_by(actor: Actor) -> QuerySet[Pool]:
    """Return the pools that the actor's organisation operates."""
    return Pool.objects.operated_by(actor).select_related("cluster__site", "flavour").order_by("code")


def site_figures() -> dict[str, tuple[Decimal, int]]:
    """Return PUE and gCO2e per kWh by site code."""
    return {code: (pue, grams) for code, pue, grams in Site.objects.values_list("code", "pue", "g_co2e_per_kwh")}


def site_names() -> dict[str, str]:
    """Return the name of each site by its code."""
    return dict(Site.objects.values_list("code", "name"))


def site_capacities() -> list[SiteCapacity]:
    """Return each site's capacity in one query."""
    rows = Site.objects.order_by("code").annotate(size=Sum("clusters__pools__milli_gpus", default=0))
    return [SiteCapacity(*row) for row in rows.values_list("code", "operator_id", "operator__name", "size")]


def places() -> dict[str, Place]:
    """Return each site's name and operator by its code, for what billing says of sites."""
    rows = Site.objects.values_list("code", "name", "operator__name", "operator_id")
    return {code: Place(name, operator, operator_id) for code, name, operator, operator_id in rows}


def watts_by_sku() -> dict[str, int]:
    """Return rated power by SKU code (a SKU has the code of its flavour)."""
    return dict(NodeFlavour.objects.values_list("code", "watts"))


def unreachable_clusters() -> QuerySet[Cluster]:
    """Return connected clusters whose last call failed."""
    return Cluster.objects.filter(enabled=True).exclude(last_error="")


def in_use(actor: Actor) -> dict[tuple[int, str], InUse]:
    """Return what the actor's work uses and waits for in milli-GPUs, by project and SKU code, in one query."""
    rows = Workload.objects.visible_to(actor).filter(state__in=ACTIVE).order_by()
    total: dict[tuple[int, str], InUse] = {}
    for project_id, code, state, milli_gpus in rows.values_list(
        "project_id", "pool__flavour__code", "state", Sum("milli_gpus")
    ):
        one = InUse(used=milli_gpus) if state in OCCUPYING else InUse(waiting=milli_gpus)
        total[project_id, code] = total.get((project_id, code), InUse()) + one
    return total


def in_use_by_project(actor: Actor) -> dict[int, InUse]:
    """Return the same by project alone."""
    total: dict[int, InUse] = {}
    for (project_id, _), one in in_use(actor).items():
        total[project_id] = total.get(project_id, InUse()) + one
    return total


def active_count(organisation_id: int | None) -> int:
    """Return how many workloads have not ended."""
    return Workload.objects.filter(organisation_id=organisation_id or 0, state__in=ACTIVE).count()


def unprovisioned() -> bool:
    """Tell whether a workload waits for its cluster to be told of it."""
    return Workload.objects.awaiting_provisioning().exists()


def uncleaned(organisations: Iterable[int]) -> int:
    """Return how many workloads of ``organisations`` still have something on a cluster."""
    return Workload.objects.filter(organisation__in=list(organisations), cleaned_at=None).count()


def pod_count(organisations: Iterable[int]) -> int:
    """Return how many pods of ``organisations`` were billed."""
    return PodInterval.objects.filter(organisation__in=list(organisations)).count()


def unmetered_windows(organisations: Iterable[int]) -> int:
    """Return how many intervals of ``organisations`` are not metered to their end."""
    return PodInterval.objects.unfinished().filter(organisation__in=list(organisations)).count()
