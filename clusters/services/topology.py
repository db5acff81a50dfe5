# SPDX-License-Identifier: Apache-2.0
"""Registering sites, clusters, flavours and pools; doing it twice adds nothing."""

from decimal import Decimal
from typing import Any

from aion.tenancy.models import Organisation
from clusters.models import Cluster, NodeFlavour, Pool, Site

FRENCH_FACTS: dict[str, Any] = {
    "country_id": "FR",
    "storage_code": "FR",
    "backup_code": "FR",
    "failover_code": "FR",
    "support_from": "FR",
    "telemetry_code": "FR",
    "transit": "EU",
    "operator_seat": "FR",
    "non_eu_max_holder_pct": Decimal(0),
    "non_eu_total_pct": Decimal(0),
}


def ensure_site(*, code: str, name: str, operator: Organisation, **facts: Any) -> Site:
    """Return the site ``code``; a new one is in France unless ``facts`` say otherwise."""
    site, _ = Site.objects.get_or_create(
        code=code, defaults={"name": name, "operator": operator, **FRENCH_FACTS, **facts}
    )
    return site


def ensure_cluster(*, code: str, site: Site, api_url: str, enabled: bool = True) -> Cluster:
    """Return the cluster ``code`` at ``api_url``, which may have moved."""
    cluster, _ = Cluster.objects.update_or_create(
        code=code, defaults={"site": site, "api_url": api_url, "enabled": enabled}
    )
    return cluster


def ensure_flavour(*, code: str, name: str, product: str, per_node: int, **fields: Any) -> NodeFlavour:
    """Return the node flavour ``code``."""
    defaults = {"vendor": "NVIDIA", "kind": "gpu", "memory_gib": 80, **fields}
    flavour, _ = NodeFlavour.objects.get_or_create(
        code=code, defaults={"name": name, "product": product, "per_node": per_node, **defaults}
    )
    return flavour


def ensure_pool(
    *,
    code: str,
    name: str,
    cluster: Cluster,
    flavour: NodeFlavour,
    milli_gpus: int,
    fractions: bool = False,
    storage_class: str = "",
) -> Pool:
    """Return the pool ``code``, owned by the operator of its site."""
    pool, _ = Pool.objects.get_or_create(
        code=code,
        defaults={
            "organisation": cluster.site.operator,
            "cluster": cluster,
            "flavour": flavour,
            "name": name,
            "milli_gpus": milli_gpus,
            "fractions": fractions,
            "storage_class": storage_class,
        },
    )
    return pool
