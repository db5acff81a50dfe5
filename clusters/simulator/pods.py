# SPDX-License-Identifier: Apache-2.0
"""The scheduler's binding and the kubelets: what happens to a pod, derived from the pod itself."""

import heapq
from datetime import UTC, datetime, timedelta
from typing import Any

from clusters.simulator.capacity import Capacity, requests_of
from clusters.simulator.resources import PODS
from clusters.simulator.store import Key, Object, Store, stamp

SCRIPT_ANNOTATION = "aion.eu/workload-name"
PULL = timedelta(seconds=3)
TERM = timedelta(seconds=2)
ENDS, DEADLINES, STARTS = 0, 1, 2


def parse(text: str) -> datetime:
    """Read a time of the API."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def condition(obj: Object, kind: str) -> dict[str, Any]:
    """Return a condition of an object, or an empty one."""
    return next((c for c in (obj.get("status") or {}).get("conditions") or [] if c["type"] == kind), {})


def set_condition(obj: Object, kind: str, status: str, at: datetime, reason: str = "", message: str = "") -> None:
    """Set a condition; its transition time moves only when the status does."""
    conditions = obj.setdefault("status", {}).setdefault("conditions", [])
    have = next((c for c in conditions if c["type"] == kind), None)
    if have is None:
        have = {"type": kind}
        conditions.append(have)
    if have.get("status") != status:
        have["lastTransitionTime"] = stamp(at)
    have["status"] = status
    for name, value in (("reason", reason), ("message", message)):
        if value:
            have[name] = value


class Pods:
    """Pods of one cluster. Jobs and queues are the subclass's; callers hold the store's lock."""

    store: Store
    capacity: Capacity
    heap: list[tuple[float, int, tuple[int, str], Key]]
    pods_of: dict[str, set[Key]]
    waiting: dict[Key, None]

    @property
    def now(self) -> datetime:
        """Return the site's time."""
        return self.store.clock

    def admit_waiting(self) -> None:
        """Try every queued Job again."""
        raise NotImplementedError

    def sync_job(self, key: Key, job: Object) -> None:
        """Write what a Job's pods mean for it."""
        raise NotImplementedError

    def pod_vanished(self, key: Key, job: Object) -> None:
        """Write what a pod's disappearance means for its Job."""
        raise NotImplementedError

    def script_of(self, obj: Object) -> list[Any] | None:
        """Return [order, start, end, exit code if not 0] that the site was told of a workload, as epoch seconds."""
        name = (obj["metadata"].get("annotations") or {}).get(SCRIPT_ANNOTATION, "")
        found: list[Any] | None = (self.store.side.get("scripts") or {}).get(name)
        return found

    def _push(self, at: datetime, kind: int, order: int, key: Key) -> None:
        heapq.heappush(self.heap, (at.timestamp(), kind, (order, key[2]), key))

    def bind(self, key: Key, pod: Object, node: str) -> None:
        """Schedule a pod; a scripted one is Ready at once, since its true start is known."""
        pod["spec"]["nodeName"] = node
        self.capacity.take(node, requests_of(pod["spec"]))
        set_condition(pod, "PodScheduled", "True", self.now)
        if self.script_of(pod) is not None:
            self._start(key, pod)
            return
        pod["status"]["containerStatuses"] = containers(pod, {"waiting": {"reason": "ContainerCreating"}})
        self.store.update(PODS, pod)
        self._plan_pod(key, pod)

    def schedule(self, key: Key, pod: Object) -> None:
        """Schedule a bare pod that a client created."""
        nodes = self.capacity.place(pod["spec"], 1) if self.capacity.nodes else None
        if nodes:
            self.bind(key, pod, nodes[0])

    def _plan_pod(self, key: Key, pod: Object) -> None:
        due = self._due(pod)
        if due is not None:
            script = self.script_of(pod)
            self._push(due, DEADLINES if self._killed_first(pod, due) else ENDS, script[0] if script else 0, key)

    def _killed_first(self, pod: Object, due: datetime) -> bool:
        if not running(pod):
            return False
        exit_at, _ = self._exit(pod)
        return exit_at is None or due < exit_at

    def _exit(self, pod: Object) -> tuple[datetime | None, int]:
        """Return when a running pod ends by itself, and with which code."""
        script = self.script_of(pod)
        if script is not None:
            code = int(script[3]) if len(script) > 3 else 0
            return (datetime.fromtimestamp(script[2], UTC) if script[2] is not None else None), code
        command = pod["spec"]["containers"][0].get("command") or []
        started = parse(pod["status"]["startTime"])
        if len(command) >= 2 and command[0] == "sleep" and command[1].isdigit():
            return started + PULL + timedelta(seconds=int(command[1])), 0
        if command[:1] == ["false"]:
            return started + PULL + TERM, 1
        return None, 0

    def _due(self, pod: Object) -> datetime | None:
        """Return when something happens to a bound pod next."""
        if finished(pod) or lost(pod):
            return None
        if not running(pod):
            if _waits_for(pod, "ImagePullBackOff"):
                return None
            return parse(condition(pod, "PodScheduled")["lastTransitionTime"]) + PULL
        exit_at, _ = self._exit(pod)
        deletion = pod["metadata"].get("deletionTimestamp")
        if deletion is None:
            return exit_at
        killed = parse(deletion)
        if self.script_of(pod) is None:
            grace = int(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
            killed = min(killed, killed - timedelta(seconds=grace) + TERM)
        return min(killed, exit_at) if exit_at else killed

    def _fire_pod(self, key: Key, pod: Object) -> None:
        due = self._due(pod)
        if due is None or due > self.now:
            return
        if not running(pod):
            if self.script_of(pod) is None and "missing" in pod["spec"]["containers"][0].get("image", ""):
                pod["status"]["containerStatuses"] = containers(pod, {"waiting": {"reason": "ImagePullBackOff"}})
                self.store.update(PODS, pod)
                return
            self._start(key, pod)
            return
        exit_at, code = self._exit(pod)
        self._finish(key, pod, code if exit_at is not None and exit_at <= self.now else 143)

    def _start(self, key: Key, pod: Object) -> None:
        status = pod["status"]
        status.update(phase="Running", startTime=condition(pod, "PodScheduled")["lastTransitionTime"])
        status["containerStatuses"] = containers(pod, {"running": {"startedAt": stamp(self.now)}}, ready=True)
        for kind in ("Initialized", "ContainersReady", "Ready"):
            set_condition(pod, kind, "True", self.now)
        self.store.update(PODS, pod)
        self._plan_pod(key, pod)

    def _finish(self, key: Key, pod: Object, code: int, *, dated: bool = True) -> None:
        status = pod["status"]
        started = ((status.get("containerStatuses") or [{}])[0].get("state") or {}).get("running") or {}
        ended = {"exitCode": code, "reason": "Completed" if code == 0 else "Error"}
        if dated:
            ended |= {"startedAt": started.get("startedAt", stamp(self.now)), "finishedAt": stamp(self.now)}
        status["phase"] = "Succeeded" if code == 0 else "Failed"
        status["containerStatuses"] = containers(pod, {"terminated": ended})
        for kind in ("ContainersReady", "Ready"):
            set_condition(pod, kind, "False", self.now, "PodCompleted")
        self.capacity.give(pod["spec"].get("nodeName", ""), requests_of(pod["spec"]))
        self.store.update(PODS, pod)
        self._after(key, pod)

    def _after(self, key: Key, pod: Object) -> None:
        for job_key, job in self._owners(key, pod):
            self.sync_job(job_key, job)
        if pod["metadata"].get("deletionTimestamp"):
            self.collect(key)
        self.admit_waiting()

    def _owners(self, key: Key, pod: Object) -> list[tuple[Key, Object]]:
        owners: list[tuple[Key, Object]] = []
        for owner in pod["metadata"].get("ownerReferences") or []:
            job_key: Key = ("jobs", key[1], owner["name"])
            job = self.store.objects.get(job_key)
            if job is not None and job["metadata"]["uid"] == owner["uid"]:
                owners.append((job_key, job))
        return owners

    def delete_pod(self, key: Key, pod: Object, *, force: bool = False) -> None:
        """Delete a pod: a running one gets its grace period, a finalizer keeps it readable."""
        grace = 0 if force else int(pod["spec"].get("terminationGracePeriodSeconds") or 30)
        if "deletionTimestamp" not in pod["metadata"]:
            in_use = running(pod) and not force
            pod["metadata"]["deletionTimestamp"] = stamp(self.now + timedelta(seconds=grace if in_use else 0))
            pod["metadata"]["deletionGracePeriodSeconds"] = grace
            self.store.update(PODS, pod)
        if running(pod) and not force and not lost(pod):
            self._plan_pod(key, pod)
            return
        if not finished(pod):
            if pod["spec"].get("nodeName"):
                self.capacity.give(pod["spec"]["nodeName"], requests_of(pod["spec"]))
            if not running(pod):
                pod["status"]["phase"] = "Failed"
                self.store.update(PODS, pod)
        self.collect(key)
        self.admit_waiting()

    def force_delete(self, key: Key) -> None:
        """Take a pod away at once, finalizers and all, as a hurried administrator does. Raises KeyError."""
        pod = self.store.objects[key]
        pod["metadata"].pop("finalizers", None)
        self.delete_pod(key, pod, force=True)

    def delete_job(self, key: Key, job: Object, *, cascade: bool) -> None:
        """Delete a Job, and its pods unless they are orphaned."""
        self.waiting.pop(key, None)
        pods = sorted(self.pods_of.get(job["metadata"]["uid"], ()))
        self.store.remove(key)
        if cascade:
            for pod_key in pods:
                pod = self.store.objects.get(pod_key)
                if pod is not None:
                    self.delete_pod(pod_key, pod)

    def collect(self, key: Key) -> None:
        """Remove an object that is being deleted once its grace is over and no finalizer is left."""
        obj = self.store.objects.get(key)
        if obj is None or "deletionTimestamp" not in obj["metadata"] or obj["metadata"].get("finalizers"):
            return
        if (
            key[0] == "pods"
            and running(obj)
            and not lost(obj)
            and parse(obj["metadata"]["deletionTimestamp"]) > self.now
        ):
            return
        for owner in obj["metadata"].get("ownerReferences") or []:
            self.pods_of.get(owner["uid"], set()).discard(key)
        self.store.remove(key)
        if key[0] == "pods" and not finished(obj):
            for job_key, job in self._owners(key, obj):
                self.pod_vanished(job_key, job)
        namespace = self.store.get("namespaces", "", key[1])
        if namespace is not None and "deletionTimestamp" in namespace["metadata"]:
            self.empty_namespace(key[1])

    def empty_namespace(self, name: str) -> None:
        """Delete a namespace's contents; it goes when it is empty."""
        for key in [key for key in self.store.objects if key[1] == name]:
            obj = self.store.objects.get(key)
            if obj is None:
                continue
            if key[0] == "jobs":
                self.delete_job(key, obj, cascade=True)
            elif key[0] == "pods":
                if "deletionTimestamp" not in obj["metadata"]:
                    self.delete_pod(key, obj)
            elif not obj["metadata"].get("finalizers"):
                self.store.remove(key)
        if not any(key[1] == name for key in self.store.objects):
            self.store.remove(("namespaces", "", name))


def containers(pod: Object, state: dict[str, Any], *, ready: bool = False) -> list[dict[str, Any]]:
    return [
        {
            "name": c["name"],
            "image": c.get("image", ""),
            "ready": ready,
            "restartCount": 0,
            "imageID": "",
            "state": state,
        }
        for c in pod["spec"]["containers"]
    ]


def _waits_for(pod: Object, reason: str) -> bool:
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    return any(((c.get("state") or {}).get("waiting") or {}).get("reason") == reason for c in statuses)


def finished(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}


def running(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") == "Running"


def lost(pod: Object) -> bool:
    return (pod.get("status") or {}).get("reason") == "NodeLost"
