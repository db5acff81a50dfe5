# SPDX-License-Identifier: Apache-2.0
"""Which resources the simulated API serves, and what it knows of their fields."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind: its place in the API."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        """Return what stands in ``apiVersion``."""
        return f"{self.group}/{self.version}" if self.group else self.version


def _all() -> dict[tuple[str, str, str], Resource]:
    table = [
        ("", "v1", "namespaces", "Namespace", False),
        ("", "v1", "nodes", "Node", False),
        ("", "v1", "pods", "Pod", True),
        ("", "v1", "configmaps", "ConfigMap", True),
        ("", "v1", "resourcequotas", "ResourceQuota", True),
        ("", "v1", "limitranges", "LimitRange", True),
        ("", "v1", "serviceaccounts", "ServiceAccount", True),
        ("", "v1", "events", "Event", True),
        ("batch", "v1", "jobs", "Job", True),
        ("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", True),
        ("rbac.authorization.k8s.io", "v1", "roles", "Role", True),
        ("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", True),
        ("kueue.x-k8s.io", "v1beta2", "clusterqueues", "ClusterQueue", False),
        ("kueue.x-k8s.io", "v1beta2", "resourceflavors", "ResourceFlavor", False),
        ("kueue.x-k8s.io", "v1beta2", "localqueues", "LocalQueue", True),
        ("kueue.x-k8s.io", "v1beta2", "workloadpriorityclasses", "WorkloadPriorityClass", False),
    ]
    return {
        (group, version, plural): Resource(group, version, plural, kind, ns)
        for group, version, plural, kind, ns in table
    }


RESOURCES = _all()
JOBS, PODS = RESOURCES[("batch", "v1", "jobs")], RESOURCES[("", "v1", "pods")]
NODES = RESOURCES[("", "v1", "nodes")]
_META = {"apiVersion", "kind", "metadata", "spec", "status"}
_JOB_SPEC = {
    "parallelism", "completions", "completionMode", "backoffLimit", "activeDeadlineSeconds", "template",
    "suspend",
    "ttlSecondsAfterFinished", "selector", "manualSelector", "podFailurePolicy", "podReplacementPolicy",
    "maxFailedIndexes",
    "backoffLimitPerIndex", "successPolicy", "managedBy",
}  # fmt: skip
_POD_SPEC = {
    "containers", "initContainers", "restartPolicy", "automountServiceAccountToken", "terminationGracePeriodSeconds",
    "tolerations", "affinity", "nodeSelector", "nodeName", "schedulerName", "serviceAccountName", "volumes",
    "hostNetwork",
    "priorityClassName", "runtimeClassName", "securityContext", "activeDeadlineSeconds", "imagePullSecrets", "hostname",
    "subdomain", "dnsPolicy", "enableServiceLinks", "topologySpreadConstraints", "ephemeralContainers",
}  # fmt: skip
_CONTAINER = {
    "name", "image", "command", "args", "env", "envFrom", "resources", "securityContext", "ports", "volumeMounts",
    "workingDir", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "imagePullPolicy", "tty", "stdin",
    "terminationMessagePath", "terminationMessagePolicy",
}  # fmt: skip


def unknown_fields(resource: Resource, body: dict[str, Any]) -> list[str]:
    """Return the fields that strict validation refuses: those of Jobs and pods, deep enough to catch a typo."""
    found: list[str] = []

    def check(path: str, value: Any, allowed: set[str]) -> None:
        if isinstance(value, dict):
            found.extend(f"{path}{key}" for key in value if key not in allowed)

    def check_pod(path: str, spec: Any) -> None:
        check(path, spec, _POD_SPEC)
        for index, container in enumerate((spec or {}).get("containers") or []):
            check(f"{path}containers[{index}].", container, _CONTAINER)

    if resource.kind in {"Job", "Pod", "ResourceQuota", "NetworkPolicy", "ClusterQueue", "LocalQueue"}:
        check("", body, _META)
    if resource.kind == "Job":
        spec = body.get("spec") or {}
        check("spec.", spec, _JOB_SPEC)
        check_pod("spec.template.spec.", (spec.get("template") or {}).get("spec"))
    if resource.kind == "Pod":
        check_pod("spec.", body.get("spec"))
    if resource.kind == "ResourceQuota":
        check("spec.", body.get("spec"), {"hard", "scopes", "scopeSelector"})
    if resource.kind == "ClusterQueue" and "cohort" in (body.get("spec") or {}):
        found.append("spec.cohort")
    return found


def invalid(resource: Resource, body: dict[str, Any]) -> str:
    """Return why the content is invalid, or nothing."""
    if resource.kind == "Job":
        template = ((body.get("spec") or {}).get("template") or {}).get("spec") or {}
        if not template.get("containers"):
            return "spec.template.spec.containers: Required value"
        return _invalid_containers(template, "spec.template.spec")
    if resource.kind == "Pod":
        spec = body.get("spec") or {}
        if not spec.get("containers"):
            return "spec.containers: Required value"
        return _invalid_containers(spec, "spec")
    return ""


def _invalid_containers(spec: dict[str, Any], path: str) -> str:
    for index, container in enumerate(spec["containers"]):
        resources = container.get("resources") or {}
        requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
        for name, amount in {**requests, **limits}.items():
            if "/" not in name:
                continue
            where = f"{path}.containers[{index}].resources"
            if not str(amount).isdigit():
                return f'{where}: Invalid value: "{amount}": must be an integer'
            if str(limits.get(name)) != str(requests.get(name, limits.get(name))):
                return f"{where}.limits: Required value: Limit must be set equal to request for {name}"
    return ""
