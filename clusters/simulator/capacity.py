# SPDX-License-Identifier: Apache-2.0
"""Free capacity of nodes and best fit: the fullest node that still takes the pod, then the first by name."""

from collections.abc import Iterable
from typing import Any

from clusters.simulator.patches import labels_match


def requests_of(pod_spec: dict[str, Any]) -> dict[str, int]:
    """Return the extended resources a pod asks for."""
    total: dict[str, int] = {}
    for container in pod_spec.get("containers") or []:
        for name, amount in ((container.get("resources") or {}).get("requests") or {}).items():
            if "/" in name:
                total[name] = total.get(name, 0) + int(amount)
    return total


def _expression(labels: dict[str, str], expression: dict[str, Any]) -> bool:
    key, operator, values = expression["key"], expression["operator"], expression.get("values") or []
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    return (key in labels) is (operator == "Exists")


def tolerated(node: dict[str, Any], pod_spec: dict[str, Any]) -> bool:
    """Tell whether a pod tolerates every NoSchedule taint of a node."""
    tolerations = pod_spec.get("tolerations") or []
    for taint in (node.get("spec") or {}).get("taints") or []:
        if taint.get("effect") != "NoSchedule":
            continue
        if not any(t.get("operator") == "Exists" and t.get("key") in {None, taint["key"]} for t in tolerations):
            return False
    return True


def affine(node: dict[str, Any], pod_spec: dict[str, Any]) -> bool:
    """Tell whether a node satisfies a pod's nodeSelector and required node affinity (terms are OR-ed)."""
    labels = node["metadata"].get("labels") or {}
    selector = ",".join(f"{key}={value}" for key, value in (pod_spec.get("nodeSelector") or {}).items())
    if selector and not labels_match(labels, selector):
        return False
    required = ((pod_spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if not required:
        return True
    return any(
        all(_expression(labels, expression) for expression in term.get("matchExpressions") or [])
        for term in required.get("nodeSelectorTerms") or []
    )


class Capacity:
    """What each node has left, per resource."""

    def __init__(self) -> None:
        """Start without nodes."""
        self.nodes: dict[str, dict[str, Any]] = {}
        self.free: dict[str, dict[str, int]] = {}

    def add(self, node: dict[str, Any]) -> None:
        """Add or replace a node, empty."""
        name = node["metadata"]["name"]
        self.nodes[name] = node
        allocatable = (node.get("status") or {}).get("allocatable") or {}
        self.free[name] = {key: int(value) for key, value in allocatable.items() if "/" in key}

    def take(self, name: str, needs: dict[str, int]) -> None:
        """Occupy a node."""
        for key, amount in needs.items():
            self.free[name][key] = self.free[name].get(key, 0) - amount

    def give(self, name: str, needs: dict[str, int]) -> None:
        """Free a node."""
        if name in self.free:
            for key, amount in needs.items():
                self.free[name][key] += amount

    def given(self, back: Iterable[tuple[str, dict[str, int]]]) -> "Capacity":
        """Return what it would be with these pods' places free."""
        other = Capacity()
        other.nodes, other.free = self.nodes, {name: dict(left) for name, left in self.free.items()}
        for name, needs in back:
            other.give(name, needs)
        return other

    def place(self, pod_spec: dict[str, Any], count: int) -> list[str] | None:
        """Return nodes for ``count`` equal pods, or None when not all of them fit. Occupies nothing."""
        needs = requests_of(pod_spec)
        free = {
            name: dict(left)
            for name, left in self.free.items()
            if self._ready(name)
            and all(key in left and left[key] >= amount for key, amount in needs.items())
            and tolerated(self.nodes[name], pod_spec)
            and affine(self.nodes[name], pod_spec)
        }
        chosen: list[str] = []
        for _ in range(count):
            fitting = [
                (sum(left[key] for key in needs), name)
                for name, left in free.items()
                if all(left[key] >= amount for key, amount in needs.items())
            ]
            if not fitting:
                return None
            name = min(fitting)[1]
            for key, amount in needs.items():
                free[name][key] -= amount
            chosen.append(name)
        return chosen

    def _ready(self, name: str) -> bool:
        conditions = (self.nodes[name].get("status") or {}).get("conditions") or []
        return all(c["status"] == "True" for c in conditions if c["type"] == "Ready")
