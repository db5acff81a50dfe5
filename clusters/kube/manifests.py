# SPDX-License-Identifier: Apache-2.0
"""Pure builders of what we send to a cluster."""

from dataclasses import dataclass
from typing import Any

LABEL_WORKLOAD = "aion.eu/workload"
LABEL_ORGANISATION = "aion.eu/organisation"
LABEL_PROJECT = "aion.eu/project"
LABEL_RESIDENCY = "aion.eu/residency"
ANNOTATION_NAME = "aion.eu/workload-name"
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
QUEUE_NAME = "on-demand"
PRIORITY_LABEL = "kueue.x-k8s.io/priority-class"
PRIORITY_ON_DEMAND, PRIORITY_SPOT = "aion-on-demand", "aion-spot"
PRIORITIES = {PRIORITY_ON_DEMAND: 1000, PRIORITY_SPOT: 100}
METERING_FINALIZER = "aion.eu/metering"
MILLI_RESOURCE = "aion.eu/gpu-milli"
GRACE_SECONDS = 120
# Work on demand takes the place of spot work in its own pool; nothing else is ever preempted.
PREEMPTION = {"withinClusterQueue": "LowerPriority"}


@dataclass(frozen=True, slots=True)
class JobShape:
    """How a workload is cut into one Job: ``pods`` equal pods of ``milli_gpus``."""

    suffix: str
    pods: int
    milli_gpus: int


@dataclass(frozen=True, slots=True)
class WorkloadSpec:
    """What a workload's Jobs are made from."""

    public_id: str
    job_name: str
    name: str
    organisation: str
    project: str
    site: str
    region: str
    image: str
    command: tuple[str, ...]
    milli_gpus: int
    per_node: int
    resource_name: str
    max_seconds: int
    spot: bool = False


def shapes(*, milli_gpus: int, per_node: int) -> list[JobShape]:
    """Cut a workload into Jobs: whole nodes as one Indexed Job, the rest as one pod; a fraction is always one pod."""
    if milli_gpus % 1000:
        return [JobShape("", 1, milli_gpus)]
    full, rest = divmod(milli_gpus, per_node * 1000)
    result = []
    if full:
        result.append(JobShape("", full, per_node * 1000))
    if rest:
        result.append(JobShape("-rest" if full else "", 1, rest))
    return result


def requests_for(*, milli_gpus: int, resource_name: str) -> dict[str, str]:
    """Return the resource request: whole GPUs by their own resource, a fraction in milli-GPUs."""
    if milli_gpus % 1000:
        return {MILLI_RESOURCE: str(milli_gpus)}
    return {resource_name: str(milli_gpus // 1000)}


def namespace(*, name: str, labels: dict[str, str]) -> dict[str, Any]:
    """Return a namespace under the restricted Pod Security level."""
    security = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {**labels, **security}},
    }


def resource_quota(*, gpu_quota: dict[str, str]) -> dict[str, Any]:
    """Return the quota of a project's namespace."""
    hard = {f"requests.{resource}": amount for resource, amount in gpu_quota.items()}
    hard |= {"services.loadbalancers": "0", "services.nodeports": "0"}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "aion"}, "spec": {"hard": hard}}


def network_policy() -> dict[str, Any]:
    """Return default deny, but for DNS and the same namespace."""
    same: list[dict[str, Any]] = [{"podSelector": {}}]
    dns = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "aion-default-deny"},
        "spec": {
            "podSelector": {},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": same}],
            "egress": [
                {"to": same},
                {"to": dns, "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]},
            ],
        },
    }


def local_queue(*, queue: str) -> dict[str, Any]:
    """Return the namespace's Kueue LocalQueue."""
    return {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "LocalQueue",
        "metadata": {"name": QUEUE_NAME},
        "spec": {"clusterQueue": queue},
    }


def priority_class(*, name: str) -> dict[str, Any]:
    """Return one of our Kueue WorkloadPriorityClasses: of two workloads of a queue the higher value comes first."""
    return {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "WorkloadPriorityClass",
        "metadata": {"name": name},
        "value": PRIORITIES[name],
    }


def cluster_queue(*, name: str, resource: str, quota: str) -> dict[str, Any]:
    """Return the pool's Kueue ClusterQueue."""
    resources = [{"name": resource, "nominalQuota": quota}]
    covered = [resource]
    if resource != MILLI_RESOURCE:
        covered.append(MILLI_RESOURCE)
        resources.append({"name": MILLI_RESOURCE, "nominalQuota": str(int(quota) * 1000)})
    return {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "ClusterQueue",
        "metadata": {"name": name},
        "spec": {
            "namespaceSelector": {},
            "preemption": PREEMPTION,
            "resourceGroups": [{"coveredResources": covered, "flavors": [{"name": name, "resources": resources}]}],
        },
    }


def deadline_of(max_seconds: int) -> int:
    """Return when the cluster sends SIGTERM: a grace period before the hold is used up."""
    return max(1, max_seconds - GRACE_SECONDS)


def job(spec: WorkloadSpec, shape: JobShape) -> dict[str, Any]:
    """Return one Job. The cluster itself stops it: SIGTERM comes a grace period before the hold is used up."""
    labels = {
        LABEL_WORKLOAD: spec.public_id,
        LABEL_ORGANISATION: spec.organisation,
        LABEL_PROJECT: spec.project,
        QUEUE_LABEL: QUEUE_NAME,
        PRIORITY_LABEL: PRIORITY_SPOT if spec.spot else PRIORITY_ON_DEMAND,
    }
    resources = requests_for(milli_gpus=shape.milli_gpus, resource_name=spec.resource_name)
    container: dict[str, Any] = {
        "name": "main",
        "image": spec.image,
        "resources": {"requests": resources, "limits": resources},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    if spec.command:
        container["command"] = list(spec.command)
    template = {
        "metadata": {
            "labels": labels,
            "annotations": {ANNOTATION_NAME: spec.name},
            "finalizers": [METERING_FINALIZER],
        },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [
                            {
                                "matchExpressions": [
                                    {
                                        "key": "topology.kubernetes.io/region",
                                        "operator": "In",
                                        "values": [spec.region],
                                    }
                                ]
                            }
                        ]
                    }
                }
            },
            "containers": [container],
        },
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": spec.job_name + shape.suffix,
            "labels": labels,
            "annotations": {ANNOTATION_NAME: spec.name},
        },
        "spec": {
            "suspend": True,
            "parallelism": shape.pods,
            "completions": shape.pods,
            "completionMode": "Indexed" if shape.pods > 1 else "NonIndexed",
            "backoffLimit": 0,
            "activeDeadlineSeconds": deadline_of(spec.max_seconds),
            "template": template,
        },
    }
