# SPDX-License-Identifier: Apache-2.0
"""From what a cluster shows to what a customer sees. Pure: facts in, a verdict out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from clusters.kube.gateway import JobSeen, NodeSeen, PodSeen
from clusters.states import EndSource, Reason, WorkloadState

IMAGE_REASONS = frozenset({"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ImageInspectError"})


@dataclass(frozen=True, slots=True)
class IntervalSeen:
    """When a pod was Ready, and until when."""

    start: datetime | None
    end: datetime | None
    end_source: EndSource


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of a workload as its Jobs and pods show it."""

    state: WorkloadState
    reason: Reason = Reason.NONE
    message: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    evicted: bool = False


STOPS = {
    Reason.BUDGET_EXCEEDED: WorkloadState.BUDGET_EXHAUSTED,
    Reason.MAX_DURATION_EXCEEDED: WorkloadState.TIMED_OUT,
}


def stopped_as(stop_reason: str) -> WorkloadState:
    """Return the state in which a stop for ``stop_reason`` ends."""
    return STOPS.get(Reason(stop_reason), WorkloadState.CANCELLED)


def is_evicted(pod: PodSeen, jobs: Sequence[JobSeen]) -> bool:
    """Tell whether the site took ``pod`` back to give its place to others: its Job waits, or has started anew since.

    A Job that starts anew writes a new start; a pod that is deleted because its Job failed began after that.
    """
    own = max((job for job in jobs if pod.name.startswith(f"{job.name}-")), key=lambda job: len(job.name), default=None)
    if own is None or not pod.deleting:
        return False
    begun = pod.ready_at or pod.started_at
    return own.suspended or (begun is not None and own.started_at is not None and begun < own.started_at)


def interval_of(pod: PodSeen, nodes: Mapping[str, NodeSeen]) -> IntervalSeen:
    """Return the billed interval of ``pod``: [Ready, last container finished).

    A pod that ended between two looks has no Ready time left on it: it is billed from its first container's start.
    A pod on a lost node is billed until the node stopped being Ready, never past it.
    """
    if pod.finished_at is not None:
        start = pod.ready_at or pod.started_at
        return IntervalSeen(start, max(pod.finished_at, start) if start else None, EndSource.FINISHED)
    # The node controller takes Ready off the pods of a lost node, so its absence must not hide the loss.
    lost_at, start = _lost_at(pod, nodes), pod.ready_at or pod.started_at
    if lost_at is not None and start is not None:
        return IntervalSeen(start, max(lost_at, start), EndSource.NODE_LOST)
    return IntervalSeen(pod.ready_at, None, EndSource.OPEN)


def _lost_at(pod: PodSeen, nodes: Mapping[str, NodeSeen]) -> datetime | None:
    node = nodes.get(pod.node)
    return node.lost_at if node is not None and pod.finished_at is None else None


def _ended(
    jobs: Sequence[JobSeen], pods: Sequence[PodSeen], nodes: Mapping[str, NodeSeen], stop_reason: str
) -> Verdict | None:
    lost = [at for pod in pods if (at := _lost_at(pod, nodes))]
    finished = [pod.finished_at for pod in pods if pod.finished_at] + lost
    ended_at = max(finished, default=None)
    starts = [start for pod in pods if (start := pod.ready_at or pod.started_at)]
    started_at = min(starts, default=None)
    alive = any(pod.finished_at is None and pod.phase == "Running" and not _lost_at(pod, nodes) for pod in pods)
    failed = next((job for job in jobs if job.failed_reason), None)
    clean = bool(pods) and all(pod.exit_code == 0 for pod in pods)
    if alive:
        return None
    if jobs and all(job.complete for job in jobs):
        return Verdict(WorkloadState.SUCCEEDED, Reason.NONE, "", started_at, ended_at)
    if failed is None:
        return None
    ended_at = ended_at or failed.finished_at
    if stop_reason:
        return Verdict(stopped_as(stop_reason), Reason(stop_reason), "", started_at, ended_at)
    if failed.failed_reason == "DeadlineExceeded":
        # The notice period lies inside the hold: a run that ends by itself within it has done its work.
        if clean:
            return Verdict(WorkloadState.SUCCEEDED, Reason.NONE, "", started_at, ended_at)
        return Verdict(WorkloadState.TIMED_OUT, Reason.MAX_DURATION_EXCEEDED, failed.message, started_at, ended_at)
    reason = Reason.NODE_FAILURE if lost else Reason.EXITED_WITH_ERROR
    return Verdict(WorkloadState.FAILED, reason, failed.message, started_at, ended_at)


def verdict_of(
    *,
    jobs: Sequence[JobSeen],
    pods: Sequence[PodSeen],
    nodes: Mapping[str, NodeSeen],
    stopping: bool,
    stop_reason: str,
) -> Verdict | None:
    """Return what a workload's Jobs and pods say of it, or None when no Job of it is left."""
    evicted = [pod for pod in pods if is_evicted(pod, jobs)]
    pods = [pod for pod in pods if pod not in evicted]
    ended = _ended(jobs, pods, nodes, stop_reason)
    if ended is not None:
        return ended
    if stopping:
        if not jobs and all(pod.is_over for pod in pods):
            ends = [pod.finished_at for pod in pods if pod.finished_at]
            starts = [start for pod in pods if (start := pod.ready_at or pod.started_at)]
            return Verdict(
                stopped_as(stop_reason),
                Reason(stop_reason),
                "",
                min(starts, default=None),
                max(ends, default=None),
            )
        return Verdict(WorkloadState.STOPPING, Reason(stop_reason))
    if not jobs:
        return None
    if any(job.suspended for job in jobs):
        message = next((job.message for job in jobs if job.message), "")
        if any(pod.phase == "Running" and pod.finished_at is None for pod in evicted):
            return Verdict(WorkloadState.PREEMPTED, Reason.PREEMPTED, message, evicted=True)
        reason = Reason.PREEMPTED if evicted else Reason.NO_CAPACITY if message else Reason.NONE
        return Verdict(WorkloadState.QUEUED, reason, message, evicted=True)
    begun = [start for pod in pods if (start := pod.ready_at or (pod.finished_at and pod.started_at))]
    if begun:
        return Verdict(WorkloadState.RUNNING, Reason.NONE, "", min(begun))
    if not pods:
        return Verdict(WorkloadState.ADMITTED, evicted=bool(evicted))
    waiting = next((pod for pod in pods if pod.waiting_reason in IMAGE_REASONS), None)
    if waiting is not None:
        return Verdict(
            WorkloadState.STARTING,
            Reason.IMAGE_ERROR,
            f"The image cannot be pulled: {waiting.waiting_reason}.",
            evicted=bool(evicted),
        )
    message = next((pod.message for pod in pods if pod.message), "")
    reason = Reason.PULLING_IMAGE if not message else Reason.NO_CAPACITY
    return Verdict(WorkloadState.STARTING, reason, message, evicted=bool(evicted))
