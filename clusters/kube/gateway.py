# SPDX-License-Identifier: Apache-2.0
"""What the product asks of a cluster: value objects in and out, never objects of the client library."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class NamespaceSpec:
    """A project's namespace with its walls: quota, network policy, queue."""

    name: str
    labels: Mapping[str, str]
    gpu_quota: Mapping[str, str]
    queue: str


@dataclass(frozen=True, slots=True)
class PodSeen:
    """A pod as observed. ``ready_at`` is the time it became Ready, while that is still written on it."""

    uid: str
    name: str
    namespace: str
    workload: str
    node: str
    milli_gpus: int
    phase: str
    ready_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    exit_code: int | None
    waiting_reason: str
    deleting: bool
    message: str = ""

    @property
    def is_over(self) -> bool:
        """Tell whether nothing of it runs or will run; one that never started has no finish to tell."""
        return self.finished_at is not None or self.phase in {"Succeeded", "Failed"} or not self.node


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A Job as observed."""

    name: str
    namespace: str
    workload: str
    suspended: bool
    complete: bool
    failed_reason: str
    message: str
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class NodeSeen:
    """A node as observed; ``lost_at`` when it stopped being Ready."""

    name: str
    ready: bool
    lost_at: datetime | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One consistent look at a cluster. ``at`` is the API server's own clock, read before the pods were listed."""

    at: datetime
    nodes: Mapping[str, NodeSeen]
    pods: Sequence[PodSeen] = field(default_factory=tuple)
    jobs: Sequence[JobSeen] = field(default_factory=tuple)


class ClusterGateway(Protocol):
    """One cluster. Every call has a time-out; raises ClusterUnavailable or RefusedByCluster."""

    def ensure_queue(self, *, name: str, resource: str, quota: str) -> None:
        """Create the pool's Kueue ClusterQueue and flavour, or leave them as they stand."""

    def ensure_namespace(self, spec: NamespaceSpec) -> None:
        """Create namespace, quota, network policy and queue; returns once the quota is in force."""

    def create_job(self, *, namespace: str, manifest: dict[str, Any]) -> None:
        """Create a Job; one of the same name is left as it stands."""

    def delete_job(self, *, namespace: str, name: str) -> None:
        """Delete a Job and its pods with their grace period; a missing one is no error."""

    def release_pod(self, *, namespace: str, name: str) -> None:
        """Take our metering finalizer off a pod; a missing one is no error."""

    def snapshot(self) -> Snapshot:
        """List nodes, our Jobs and our pods, in chunks."""
