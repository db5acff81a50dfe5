# SPDX-License-Identifier: Apache-2.0
"""Operators for tests: members of the consortium with a site, a pool and an offer on it."""

import itertools
from typing import Any

from aion.actor import system
from aion.tenancy.models import Organisation, OrganisationKind
from billing.services.catalogue import ensure_price, ensure_sku
from clusters.models import Pool
from clusters.services.topology import ensure_cluster, ensure_flavour, ensure_pool, ensure_site
from marketplace.models import Offer
from marketplace.services.offers import OfferWish
from tests.worlds import LONG_AGO, MICRO, PRICE, Tenant, make_tenant

STAFF = system("staff")
_numbers = itertools.count(1)


def make_member(slug: str = "") -> Tenant:
    """Return a member of the consortium, without credit."""
    tenant = make_tenant(slug or f"member-{next(_numbers)}", credit=0)
    Organisation.objects.filter(pk=tenant.organisation.pk).update(kind=OrganisationKind.MEMBER)
    tenant.organisation.refresh_from_db()
    return tenant


def make_pool(
    organisation: Organisation, *, gpus: int = 64, listed: int | None = PRICE, flavour: Any = None, **site: Any
) -> Pool:
    """Return a pool of ``gpus`` on a site of its own; ``listed`` None leaves its SKU without a list price."""
    number = next(_numbers)
    place = ensure_site(code=f"op-{number}", name=f"Operated {number}", operator=organisation, **site)
    cluster = ensure_cluster(code=f"op-{number}", site=place, api_url="http://127.0.0.1:9/clusters/none")
    if flavour is None:
        flavour = ensure_flavour(code=f"op-{number}", name=f"GPU {number}", product="GPU", per_node=8)
    sku = ensure_sku(code=flavour.code, name=flavour.name, accelerator="gpu")
    if listed is not None:
        ensure_price(actor=system("test"), sku=sku, micro_per_gpu_hour=listed, valid_from=LONG_AGO)
    return ensure_pool(
        code=f"op-{number}", name=f"Pool {number}", cluster=cluster, flavour=flavour, milli_gpus=gpus * 1000
    )


def offer_of(organisation: Organisation, *, pool: Pool | None = None, **fields: Any) -> Offer:
    """Return an offer of ``organisation``, on a new pool unless one is given."""
    pool = pool or make_pool(organisation)
    sku = ensure_sku(code=pool.flavour.code, name=pool.flavour.name, accelerator="gpu")
    return Offer.objects.create(
        organisation=organisation,
        pool=pool,
        sku=sku,
        **{"title": f"Offer {next(_numbers)}", "max_milli_gpus": pool.milli_gpus, **fields},
    )


def wish_for(pool: Pool, **fields: Any) -> OfferWish:
    """Return what an operator offers on ``pool``, at 2 credits an hour unless ``own_micro_per_gpu_hour`` says so."""
    own: dict[str, Any] = {"own_micro_per_gpu_hour": 2 * MICRO, "max_milli_gpus": pool.milli_gpus}
    return OfferWish(pool=pool.public_id, title="H100 in Paris", **{**own, **fields})
