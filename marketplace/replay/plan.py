# SPDX-License-Identifier: Apache-2.0
"""What a site and its tenants need so that the trace can happen exactly as it did. Pure."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from clusters.kube.manifests import MILLI_RESOURCE, shapes
from marketplace.replay.trace import Item, Trace

PER_NODE = 8
WHOLE_RESOURCE = "nvidia.com/gpu"
STEP = 3600


@dataclass(slots=True)
class Tenant:
    """One tenant's quota: its own peak, or its largest order when that never ran."""

    name: str
    milli_quota: int = 0
    items: list[Item] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plan:
    """Nodes by resource, tenants by name."""

    whole_nodes: int
    fraction_nodes: int
    fraction_node_milli: int
    tenants: dict[str, Tenant]

    @property
    def milli_gpus(self) -> int:
        """Return the capacity of the pool."""
        return max(1000, self.whole_nodes * PER_NODE * 1000 + self.fraction_nodes * self.fraction_node_milli)


def max_seconds(item: Item) -> int:
    """Return the maximum duration to order: the true one, rounded up to the hour."""
    if item.started is None:
        return STEP
    return max(STEP, -(-(item.ended - item.started) // STEP) * STEP)


def moments(items: Iterable[Item]) -> list[tuple[int, int, int, Item]]:
    """Return (second, 0 end | 1 start, order, item) in the order in which they happen."""
    result = []
    for item in items:
        if item.started is not None and item.places_an_order:
            result.append((item.started, 1, item.line, item))
            result.append((item.ended, 0, item.line, item))
    return sorted(result, key=lambda moment: moment[:3])


def make_plan(trace: Trace) -> Plan:
    """Return quotas (each tenant's own peak) and the nodes that best fit of the true intervals needs."""
    tenants: dict[str, Tenant] = {}
    for item in trace.items:
        tenants.setdefault(item.tenant, Tenant(item.tenant)).items.append(item)
    for tenant in tenants.values():
        level = peak = 0
        for _, starts, _, item in moments(tenant.items):
            level += item.milli_gpus if starts else -item.milli_gpus
            peak = max(peak, level)
        tenant.milli_quota = max([peak, 1, *(item.milli_gpus for item in tenant.items)])
    whole = [item for item in trace.items if item.milli_gpus % 1000 == 0]
    fractions = [item for item in trace.items if item.milli_gpus % 1000]
    fraction_node = max([PER_NODE * 1000, *(item.milli_gpus for item in fractions)])
    return Plan(
        whole_nodes=nodes_needed(whole, PER_NODE * 1000),
        fraction_nodes=nodes_needed(fractions, fraction_node),
        fraction_node_milli=fraction_node,
        tenants=tenants,
    )


def nodes_needed(items: Iterable[Item], node_milli: int) -> int:
    """Return how many nodes best fit opens: the fullest node that takes the pod, then the first; ends before starts."""
    free: list[int] = []
    placed: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for _, starts, line, item in moments(items):
        if not starts:
            for node, milli in placed.pop(line):
                free[node] += milli
            continue
        for shape in shapes(milli_gpus=item.milli_gpus, per_node=PER_NODE):
            for _ in range(shape.pods):
                fitting = [(left, index) for index, left in enumerate(free) if left >= shape.milli_gpus]
                if not fitting:
                    free.append(node_milli)
                    fitting = [(node_milli, len(free) - 1)]
                index = min(fitting)[1]
                free[index] -= shape.milli_gpus
                placed[line].append((index, shape.milli_gpus))
    return len(free)


def fleet(plan: Plan, site: str) -> list[dict[str, object]]:
    """Return the nodes of the site, and one decoy outside the EU that nothing may ever run on."""

    def node(name: str, region: str, resource: str, amount: int) -> dict[str, object]:
        return {
            "name": name,
            "labels": {"topology.kubernetes.io/region": region, "nvidia.com/gpu.product": "replayed"},
            "resources": {resource: amount},
        }

    nodes = [node(f"gpu-{index:05d}", site, WHOLE_RESOURCE, PER_NODE) for index in range(plan.whole_nodes)]
    nodes += [
        node(f"milli-{index:05d}", site, MILLI_RESOURCE, plan.fraction_node_milli)
        for index in range(plan.fraction_nodes)
    ]
    nodes.append(node("decoy-outside-eu", "us-decoy-1", WHOLE_RESOURCE, PER_NODE))
    return nodes
