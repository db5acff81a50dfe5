# SPDX-License-Identifier: Apache-2.0
"""The world of a replay: operator, site, pool, offer, price, and each tenant with credit for the sum of its holds."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.text import slugify

from aion.actor import system
from aion.tenancy.models import Organisation, OrganisationKind, Project
from billing import queries as billing
from billing.services import credits as credit_services
from billing.services.catalogue import ensure_price, ensure_sku
from billing.states import Origin
from clusters.services.topology import ensure_cluster, ensure_flavour, ensure_pool, ensure_site
from marketplace.models import Offer, ReplayRun
from marketplace.replay.plan import PER_NODE, Plan, Tenant, max_seconds
from marketplace.replay.trace import Trace
from marketplace.states import OfferState

MICRO_PER_GPU_HOUR = 2_490_000
BEFORE = timedelta(days=30)
FOREVER = 2**31 - 1


@dataclass(frozen=True, slots=True)
class World:
    """What the driver needs to place orders."""

    offer: Offer
    projects: dict[str, Project]


def begin(trace: Trace) -> ReplayRun:
    """Return the run of this file's content, made on first sight."""
    run, _ = ReplayRun.objects.get_or_create(
        digest=trace.digest,
        defaults={
            "name": trace.name[:200],
            "prefix": trace.prefix,
            "cursor": 0,
            "end": trace.end,
            "gpu_milli_seconds_expected": trace.expected,
        },
    )
    return run


@transaction.atomic
def build_world(trace: Trace, plan: Plan, *, site_url: str) -> World:
    """Make what is missing, valid from before the trace's start; doing it twice adds nothing."""
    since = trace.origin - BEFORE
    actor = system("replay")
    operator = _organisation("replay-operator", "Replay operator", OrganisationKind.MEMBER, 0)
    site = ensure_site(code=f"{trace.prefix}-site", name=f"Replayed site ({trace.prefix})", operator=operator)
    cluster = ensure_cluster(code=f"{trace.prefix}-site", site=site, api_url=site_url)
    flavour = ensure_flavour(code="replayed-gpu", name="Replayed GPU", product="replayed", per_node=PER_NODE)
    pool = ensure_pool(
        code=f"{trace.prefix}-pool",
        name=f"Replayed pool ({trace.prefix})",
        cluster=cluster,
        flavour=flavour,
        milli_gpus=plan.milli_gpus,
        fractions=True,
    )
    sku = ensure_sku(code="replayed-gpu", name="Replayed GPU", accelerator="GPU")
    ensure_price(actor=actor, sku=sku, micro_per_gpu_hour=MICRO_PER_GPU_HOUR, valid_from=since)
    offer, _ = Offer.objects.get_or_create(
        pool=pool,
        sku=sku,
        defaults={
            "organisation": operator,
            "title": f"Replayed GPU ({trace.prefix})",
            "state": OfferState.PUBLISHED,
            "min_milli_gpus": 1,
            "max_milli_gpus": max(1000, plan.milli_gpus, *(t.milli_quota for t in plan.tenants.values())),
            "max_seconds": FOREVER,
            "position": 999,
        },
    )
    projects = {
        name: _tenant(trace, plan.tenants[name], index, since) for index, name in enumerate(sorted(plan.tenants))
    }
    return World(offer, projects)


def _organisation(slug: str, name: str, kind: str, quota: int) -> Organisation:
    organisation, _ = Organisation.objects.get_or_create(
        slug=slug, defaults={"name": name, "kind": kind, "country_id": "FR", "milli_gpu_quota": quota}
    )
    return organisation


def slug_of(trace: Trace, tenant: str, index: int) -> str:
    """Return a tenant's address: readable, and unique even where two names read alike."""
    return f"{trace.prefix}-{index:03d}-{slugify(tenant) or 'tenant'}"[:40].rstrip("-").lower()


def _tenant(trace: Trace, tenant: Tenant, index: int, since: datetime) -> Project:
    organisation = _organisation(
        slug_of(trace, tenant.name, index), tenant.name[:120], OrganisationKind.RESEARCH, tenant.milli_quota
    )
    project, _ = Project.objects.get_or_create(
        organisation=organisation,
        slug="default",
        defaults={
            "name": "Default",
            "residency_policy": "EU_RESIDENT",
            "milli_gpu_quota": tenant.milli_quota,
        },
    )
    amount = sum(
        billing.worst_case(milli_gpus=item.milli_gpus, seconds=max_seconds(item), micro_per_gpu_hour=MICRO_PER_GPU_HOUR)
        for item in tenant.items
        if item.places_an_order
    )
    if amount:
        credit_services.issue_lot(
            actor=system("replay", organisation_id=organisation.pk),
            organisation_id=organisation.pk,
            amount=amount,
            label="Credit for the trace",
            origin=Origin.GRANT,
            key=f"replay:{trace.prefix}:{organisation.slug}",
            at=since,
            reason="Sum of the holds of the replayed trace",
        )
    return project
