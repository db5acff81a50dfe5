# SPDX-License-Identifier: Apache-2.0
"""A tenant, a market and a simulated site whose clock the test moves."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from billing import queries as billing
from billing.reconcile import run_checks
from clusters.models import Workload
from clusters.services.provisioning import provision_pending
from clusters.services.reconcile import reconcile_all
from marketplace.replay.site import SiteControl
from marketplace.services.orders import place_order
from tests.worlds import MICRO, NOW, Market, Tenant, launch, make_market, make_tenant

HEALTHY = {"errors": 0, "spare": 0, "hang_seconds": 0.0, "drop_watches": False, "duplicate_events": False}
_counter = iter(range(10**6))


@dataclass
class Scene:
    """A tenant, a market and hands on the site's clock."""

    tenant: Tenant
    market: Market
    site: SiteControl
    server: Any
    name: str
    at: datetime = NOW

    def order(self, **fields: Any) -> Workload:
        order = place_order(actor=self.tenant.actor(), request=launch(self.tenant, self.market, **fields), at=self.at)
        workload: Workload = order.workload
        return workload

    def provision(self) -> None:
        provision_pending(at=self.at, drain=True)

    def pass_time(self, **span: float) -> None:
        self.advance(**span)
        self.look()

    def advance(self, **span: float) -> None:
        """Let the site live on without anybody looking."""
        self.at += timedelta(**span)
        self.site.call("advance", to=self.at.timestamp())

    def look(self) -> None:
        reconcile_all(at=self.at)

    def script(self, name: str, start: datetime | None, end: datetime | None) -> None:
        times = [None if at is None else at.timestamp() for at in (start, end)]
        self.site.call("scripts", scripts={name: [next(_counter), *times]})

    def spent(self) -> int:
        return 1_000 * MICRO - billing.balance(self.tenant.organisation.pk, self.at).total


@contextmanager
def open_scene(site_server: Any, tenant: str = "mine") -> Iterator[Scene]:
    """Set a new cluster of two nodes and a decoy outside the EU; leave the site healthy."""
    port, clusters = site_server
    name = f"c{next(_counter)}"
    url = f"http://127.0.0.1:{port}/clusters/{name}"
    market = make_market(api_url=url)
    site = SiteControl(url)
    site.call("clock", virtual=NOW.timestamp())
    nodes = [
        {
            "name": f"gpu-{n}",
            "labels": {"topology.kubernetes.io/region": market.site.code},
            "resources": {"nvidia.com/gpu": 8},
        }
        for n in range(2)
    ]
    decoy = {
        "name": "decoy",
        "labels": {"topology.kubernetes.io/region": "us"},
        "resources": {"nvidia.com/gpu": 512},
    }
    site.call("fleet", nodes=[*nodes, decoy])
    try:
        yield Scene(make_tenant(tenant), market, site, clusters, name)
    finally:
        clusters.faults.set(HEALTHY)


def fresh(workload: Workload) -> Workload:
    return Workload.objects.get(pk=workload.pk)


def assert_reconciled() -> None:
    assert {check.name: check.examples for check in run_checks() if check.contradictions} == {}
