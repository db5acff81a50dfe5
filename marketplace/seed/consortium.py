# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - the tables read best with one row a line
"""The consortium as operators, three sites in France, pools of several makers, and plausible European list prices."""

import http.client
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from aion.actor import system
from aion.tenancy.models import Organisation, OrganisationKind
from billing.services.catalogue import ensure_price, ensure_sku
from clusters.services.topology import ensure_cluster, ensure_flavour, ensure_pool, ensure_site
from marketplace.models import Offer
from marketplace.replay.site import SiteControl
from marketplace.services.catalogue import publish_offer
from marketplace.states import CapacityClass

MEMBERS = {
    "scaleway": "Scaleway (Iliad)", "bull": "Bull", "orange": "Orange", "edf": "EDF", "genci": "GENCI", "inria": "Inria",
    "hugging-face": "Hugging Face", "kyutai": "Kyutai", "mistral-ai": "Mistral AI", "sipearl": "SiPearl", "vsora": "VSora",
    "quandela": "Quandela", "capgemini": "Capgemini", "artefact": "Artefact", "ardian": "Ardian", "zml": "ZML",
    "sopra-steria": "Sopra Steria", "cma-cgm": "CMA CGM",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Flavour:
    """A kind of node, its SKU and its list price in euros an hour."""

    code: str
    name: str
    vendor: str
    kind: str
    resource: str
    per_node: int
    memory_gib: int
    interconnect: str
    watts: int
    price: str


FLAVOURS = {
    one.code: one
    for one in (
        Flavour(
            "h100-sxm",
            "NVIDIA H100 SXM",
            "NVIDIA",
            "gpu",
            "nvidia.com/gpu",
            8,
            80,
            "InfiniBand 3.2 Tb/s",
            700,
            "2.49",
        ),
        Flavour(
            "h200-sxm",
            "NVIDIA H200 SXM",
            "NVIDIA",
            "gpu",
            "nvidia.com/gpu",
            8,
            141,
            "InfiniBand 3.2 Tb/s",
            700,
            "3.20",
        ),
        Flavour(
            "b200-sxm",
            "NVIDIA B200",
            "NVIDIA",
            "gpu",
            "nvidia.com/gpu",
            8,
            192,
            "InfiniBand 3.2 Tb/s",
            1000,
            "4.85",
        ),
        Flavour("l40s", "NVIDIA L40S", "NVIDIA", "gpu", "nvidia.com/gpu", 8, 48, "Ethernet 100 Gb/s", 350, "1.12"),
        Flavour("mi300x", "AMD MI300X", "AMD", "gpu", "amd.com/gpu", 8, 192, "RoCE 800 Gb/s", 750, "2.30"),
        Flavour(
            "jotunn8",
            "VSora Jotunn8",
            "VSora",
            "npu",
            "vsora.com/accelerator",
            4,
            288,
            "RoCE 400 Gb/s",
            500,
            "1.95",
        ),
        Flavour(
            "rhea1",
            "SiPearl Rhea1 CPU",
            "SiPearl",
            "cpu",
            "sipearl.com/socket",
            2,
            256,
            "Ethernet 200 Gb/s",
            300,
            "0.85",
        ),
        Flavour("mosaiq-12", "Quandela MosaiQ QPU", "Quandela", "qpu", "quandela.com/qpu", 1, 1, "", 3000, "95.00"),
    )
}
# vCPUs, host memory and local disk in GiB of a node; storage class of the pool.
HARDWARE = {
    "h100-sxm": (224, 2048, 30_720, "NVMe, replicated"),
    "h200-sxm": (224, 2048, 30_720, "NVMe, replicated"),
    "b200-sxm": (288, 4096, 61_440, "NVMe, replicated"),
    "l40s": (128, 1024, 7_680, "SSD"),
    "mi300x": (192, 2304, 30_720, "NVMe, replicated"),
    "jotunn8": (96, 768, 7_680, "NVMe"),
    "rhea1": (160, 512, 3_840, "SSD"),
    "mosaiq-12": (32, 256, 1_920, "SSD"),
}
SITES = (
    ("par-1", "Paris DC5", "scaleway", "1.15", 34),
    ("gre-1", "Grenoble Alpes", "bull", "1.10", 31),
    ("lil-1", "Lille Nord", "orange", "1.22", 42),
)
# Site, flavour, accelerators: Nabuchodonosor is the DGX SuperPOD of about 5,000 GPUs in Paris.
POOLS = (
    ("par-1", "h100-sxm", 5008, "Nabuchodonosor"),
    ("par-1", "l40s", 128, "Paris inference"),
    ("gre-1", "h200-sxm", 512, "Grenoble training"),
    ("gre-1", "mi300x", 256, "Grenoble AMD"),
    ("gre-1", "rhea1", 64, "Grenoble CPU"),
    ("lil-1", "b200-sxm", 384, "Lille Blackwell"),
    ("lil-1", "jotunn8", 64, "Lille VSora"),
    ("lil-1", "mosaiq-12", 2, "Lille quantum"),
)


def seed_consortium(*, site_url: str, at: datetime) -> None:
    """Make what is missing, in the database and on the simulated site; doing it twice adds nothing."""
    operators = {slug: _member(slug, name) for slug, name in MEMBERS.items()}
    clusters: dict[str, Any] = {}
    for code, name, operator, pue, grams in SITES:
        site = ensure_site(code=code, name=name, operator=operators[operator], pue=Decimal(pue), g_co2e_per_kwh=grams)
        clusters[code] = ensure_cluster(code=code, site=site, api_url=f"{site_url}/clusters/{code}")
    for position, (site_code, flavour_code, count, name) in enumerate(POOLS):
        pool = _pool(clusters[site_code], FLAVOURS[flavour_code], count, name)
        _offer(pool, FLAVOURS[flavour_code], position, at)
        _load_fleet(clusters[site_code], FLAVOURS[flavour_code], count)


def _member(slug: str, name: str) -> Organisation:
    organisation, _ = Organisation.objects.get_or_create(
        slug=slug, defaults={"name": name, "kind": OrganisationKind.MEMBER, "country_id": "FR"}
    )
    return organisation


def _pool(cluster: Any, flavour: Flavour, count: int, name: str) -> Any:
    vcpus, host_memory, disk, storage = HARDWARE[flavour.code]
    row = ensure_flavour(
        code=flavour.code,
        name=flavour.name,
        product=flavour.name.replace(" ", "-"),
        per_node=flavour.per_node,
        vendor=flavour.vendor,
        kind=flavour.kind,
        resource_name=flavour.resource,
        memory_gib=flavour.memory_gib,
        interconnect=flavour.interconnect,
        watts=flavour.watts,
        vcpus=vcpus,
        host_memory_gib=host_memory,
        local_disk_gib=disk,
    )
    return ensure_pool(
        code=f"{cluster.code}-{flavour.code}",
        name=name,
        cluster=cluster,
        flavour=row,
        milli_gpus=count * 1000,
        storage_class=storage,
    )


def _offer(pool: Any, flavour: Flavour, position: int, at: datetime) -> None:
    sku = ensure_sku(code=flavour.code, name=flavour.name, accelerator=flavour.kind)
    ensure_price(
        actor=system("seed"),
        sku=sku,
        micro_per_gpu_hour=int(Decimal(flavour.price) * 1_000_000),
        valid_from=at,
    )
    offer, made = Offer.objects.get_or_create(
        pool=pool,
        sku=sku,
        capacity_class=CapacityClass.ON_DEMAND,
        defaults={
            "organisation": pool.organisation,
            "title": flavour.name,
            "position": position,
            "max_milli_gpus": min(pool.milli_gpus, 512_000),
        },
    )
    if made:
        publish_offer(actor=system("seed"), offer=offer, at=at)


def _load_fleet(cluster: Any, flavour: Flavour, count: int) -> None:
    nodes = [
        {
            "name": f"{flavour.code}-{index:04d}",
            "labels": {"topology.kubernetes.io/region": cluster.site.code, "aion.eu/flavour": flavour.code},
            "resources": {flavour.resource: flavour.per_node},
        }
        for index in range(-(-count // flavour.per_node))
    ]
    decoy = {
        "name": "decoy-outside-eu",
        "labels": {"topology.kubernetes.io/region": "us-decoy-1"},
        "resources": {"nvidia.com/gpu": 8},
    }
    try:
        SiteControl(cluster.api_url).call("fleet", nodes=[*nodes, decoy])
    except (OSError, http.client.HTTPException) as error:
        raise RuntimeError(f"The simulated site does not take its fleet: {error}") from error
