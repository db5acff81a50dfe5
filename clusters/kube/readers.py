# SPDX-License-Identifier: Apache-2.0
"""From the API's JSON to value objects. Pure; API times only, never the worker's clock."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aion.periods import parse_rfc3339
from clusters.kube.gateway import JobSeen, NodeSeen, PodSeen
from clusters.kube.manifests import LABEL_WORKLOAD, MILLI_RESOURCE


def _time(value: str | None) -> datetime | None:
    return parse_rfc3339(value) if value else None


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    return next((c for c in status.get("conditions") or [] if c.get("type") == kind), {})


def milli_gpus_of(spec: Mapping[str, Any]) -> int:
    """Return the accelerators that a pod's containers request, in milli-GPUs."""
    total = 0
    for container in spec.get("containers") or []:
        for name, amount in ((container.get("resources") or {}).get("requests") or {}).items():
            if name == MILLI_RESOURCE:
                total += int(amount)
            elif "/" in name:
                total += int(amount) * 1000
    return total


def read_node(item: Mapping[str, Any]) -> NodeSeen:
    """Return a node; one whose Ready condition is not True is lost since the condition's last transition."""
    ready = _condition(item.get("status") or {}, "Ready")
    is_ready = ready.get("status") == "True"
    return NodeSeen(
        name=item["metadata"]["name"],
        ready=is_ready,
        lost_at=None if is_ready else _time(ready.get("lastTransitionTime")),
    )


def read_job(item: Mapping[str, Any]) -> JobSeen:
    """Return a Job."""
    status = item.get("status") or {}
    failed, complete = _condition(status, "Failed"), _condition(status, "Complete")
    suspended = _condition(status, "Suspended")
    return JobSeen(
        name=item["metadata"]["name"],
        namespace=item["metadata"]["namespace"],
        workload=(item["metadata"].get("labels") or {}).get(LABEL_WORKLOAD, ""),
        suspended=bool((item.get("spec") or {}).get("suspend")),
        complete=complete.get("status") == "True",
        failed_reason=failed.get("reason") or "Failed" if failed.get("status") == "True" else "",
        message=failed.get("message") or suspended.get("message") or "",
        finished_at=_time(complete.get("lastTransitionTime") or failed.get("lastTransitionTime")),
        deadline_seconds=(item.get("spec") or {}).get("activeDeadlineSeconds"),
        started_at=_time(status.get("startTime")),
    )


def read_pod(item: Mapping[str, Any]) -> PodSeen:
    """Return a pod. Its end is the last container's finish; its start falls back to the first container's start."""
    meta, spec, status = item["metadata"], item.get("spec") or {}, item.get("status") or {}
    ready = _condition(status, "Ready")
    starts, ends, exit_codes, waiting = [], [], [], ""
    statuses = status.get("containerStatuses") or []
    for container in statuses:
        state = container.get("state") or {}
        terminated, running = state.get("terminated") or {}, state.get("running") or {}
        starts.append(_time(terminated.get("startedAt") or running.get("startedAt")))
        if terminated:
            ends.append(_time(terminated.get("finishedAt")))
            exit_codes.append(int(terminated.get("exitCode", 0)))
        waiting = waiting or (state.get("waiting") or {}).get("reason", "")
    finished = bool(statuses) and len(ends) == len(statuses) and all(ends)
    return PodSeen(
        uid=meta["uid"],
        name=meta["name"],
        namespace=meta["namespace"],
        workload=(meta.get("labels") or {}).get(LABEL_WORKLOAD, ""),
        node=spec.get("nodeName") or "",
        milli_gpus=milli_gpus_of(spec),
        phase=status.get("phase") or "Pending",
        ready_at=_time(ready.get("lastTransitionTime")) if ready.get("status") == "True" else None,
        started_at=min((start for start in starts if start), default=None),
        finished_at=max((end for end in ends if end), default=None) if finished else None,
        exit_code=max(exit_codes) if finished else None,
        waiting_reason=waiting,
        deleting=bool(meta.get("deletionTimestamp")),
        message=status.get("message") or _condition(status, "PodScheduled").get("message") or "",
    )
