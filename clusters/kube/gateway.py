# SPDX-License-Identifier: Apache-2.0
"""What the product asks of a cluster: value objects in and out, never objects of the client library."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
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
    deadline_seconds: int | None = None
    started_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Tell whether the Job has ended."""
        return self.complete or bool(self.failed_reason)


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


class Watched(StrEnum):
    """What of ours can be watched. A Job is written after its pods: without it an end would wait for the sweep."""

    PODS = "pods"
    JOBS = "jobs"


@dataclass(frozen=True, slots=True)
class Change:
    """Something of ours changed, or (``bookmark``) nothing did up to ``version``."""

    version: str
    bookmark: bool


class ClusterGateway(Protocol):
    """One cluster. Every call has a time-out; raises ClusterUnavailable or RefusedByCluster."""

    def ensure_queue(self, *, name: str, resource: str, quota: str) -> None:
        """Create the pool's Kueue ClusterQueue and our priority classes; of one that stands only preemption is set."""

    def ensure_namespace(self, spec: NamespaceSpec) -> None:
        """Create namespace, quota, network policy and queue; returns once the quota is in force."""

    def create_job(self, *, namespace: str, manifest: dict[str, Any]) -> None:
        """Create a Job; one of the same name is left as it stands."""

    def extend_job(self, *, namespace: str, name: str, deadline_seconds: int) -> None:
        """Set when the cluster stops a Job by itself; a missing Job is no error."""

    def delete_job(self, *, namespace: str, name: str) -> None:
        """Delete a Job and its pods with their grace period; a missing one is no error."""

    def release_pod(self, *, namespace: str, name: str) -> None:
        """Take our metering finalizer off a pod; a missing one is no error."""

    def snapshot(self) -> Snapshot:
        """List nodes, our Jobs and our pods, in chunks."""

    def version(self, kind: Watched) -> str:
        """Return the version of the cluster's history from which a watch of ``kind`` misses nothing."""

    def watch(self, kind: Watched, *, since: str, seconds: int) -> Generator[Change, None, None]:
        """Yield changes of ours after ``since`` as they happen, and end after ``seconds``.

        It is not retried: the caller knows whether to list again. Raises HistoryExpired when ``since`` is too old.
        """
