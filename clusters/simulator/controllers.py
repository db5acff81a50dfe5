# SPDX-License-Identifier: Apache-2.0
"""Kueue, the Job controller, the scheduler and the kubelets, on one clock that only ``advance`` moves.

Everything due is derived from the objects themselves, so that a site killed at any line goes on where it was.
"""

import heapq
import random
import string
from datetime import UTC, datetime, timedelta
from typing import Any

from clusters.simulator.capacity import Capacity, requests_of
from clusters.simulator.resources import RESOURCES
from clusters.simulator.store import Key, Object, Store, stamp

JOBS, PODS = RESOURCES[("batch", "v1", "jobs")], RESOURCES[("", "v1", "pods")]
NODES, NAMESPACES = RESOURCES[("", "v1", "nodes")], RESOURCES[("", "v1", "namespaces")]
QUOTAS, EVENTS = RESOURCES[("", "v1", "resourcequotas")], RESOURCES[("", "v1", "events")]
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
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


class Controllers:
    """All controllers of one cluster. Callers hold the store's lock."""

    def __init__(self, store: Store) -> None:
        """Rebuild what is derived from the store."""
        self.store = store
        self.capacity = Capacity()
        self.heap: list[tuple[float, int, tuple[int, str], Key]] = []
        self.pods_of: dict[str, set[Key]] = {}
        self.waiting: dict[Key, None] = {}
        self.rebuild()

    @property
    def virtual(self) -> bool:
        """Tell whether the clock is moved from outside."""
        return bool(self.store.side.get("virtual"))

    @property
    def now(self) -> datetime:
        """Return the site's time."""
        return self.store.clock

    def script_of(self, obj: Object) -> list[Any] | None:
        """Return [order, start, end] that a replay told the site of a workload, as epoch seconds."""
        name = (obj["metadata"].get("annotations") or {}).get(SCRIPT_ANNOTATION, "")
        found: list[Any] | None = (self.store.side.get("scripts") or {}).get(name)
        return found

    def rebuild(self) -> None:
        """Derive capacity, due times and queues from the stored objects."""
        self.capacity = Capacity()
        self.heap, self.pods_of, self.waiting = [], {}, {}
        for key in self.store.keys("nodes"):
            self.capacity.add(self.store.objects[key])
        for key in self.store.keys("pods"):
            pod = self.store.objects[key]
            self._own(key, pod)
            if pod["spec"].get("nodeName") and not _finished(pod):
                self.capacity.take(pod["spec"]["nodeName"], requests_of(pod["spec"]))
                self._plan_pod(key, pod)
        for key in self.store.keys("jobs"):
            job = self.store.objects[key]
            self._plan_job(key, job)
            if not job["spec"].get("suspend"):
                self._sync(key, job)

    def advance(self, to: datetime) -> None:
        """Fire everything due until ``to``. In virtual time, starts at exactly ``to`` wait for the next call."""
        limit = to.timestamp()
        while self.heap:
            due, kind, _, key = self.heap[0]
            if due > limit or (due == limit and kind == STARTS and self.virtual):
                break
            heapq.heappop(self.heap)
            self.store.tick(datetime.fromtimestamp(due, UTC))
            self._fire(key)
        self.store.tick(to)
        self.store.mark_clock()

    def next_due(self) -> float | None:
        """Return when something is due next, as epoch seconds."""
        return self.heap[0][0] if self.heap else None

    def _push(self, at: datetime, kind: int, order: int, key: Key) -> None:
        heapq.heappush(self.heap, (at.timestamp(), kind, (order, key[2]), key))

    def _fire(self, key: Key) -> None:
        obj = self.store.objects.get(key)
        if obj is None:
            return
        if key[0] == "jobs":
            self._fire_job(key, obj)
        else:
            self._fire_pod(key, obj)

    # Jobs ------------------------------------------------------------------------------------------------------------

    def job_created(self, key: Key, job: Object) -> None:
        """Take a new Job into the queue, or start it when Kueue has no say in it."""
        self._plan_job(key, job)
        if not job["spec"].get("suspend"):
            self._begin(key, job, None)
        elif self.script_of(job) is None:
            self.admit_waiting()

    def _plan_job(self, key: Key, job: Object) -> None:
        if job["spec"].get("suspend"):
            if QUEUE_LABEL not in (job["metadata"].get("labels") or {}):
                return
            script = self.script_of(job)
            if script is None:
                self.waiting[key] = None
            elif script[1] is not None:
                start = max(datetime.fromtimestamp(script[1], UTC), self.now)
                self._push(start, STARTS, script[0], key)
            return
        seconds, started = (
            job["spec"].get("activeDeadlineSeconds"),
            (job.get("status") or {}).get("startTime"),
        )
        if seconds and started and not _job_over(job):
            self._push(parse(started) + timedelta(seconds=seconds), DEADLINES, 0, key)

    def _fire_job(self, key: Key, job: Object) -> None:
        if job["spec"].get("suspend"):
            if not self._admit(key, job):
                self.waiting[key] = None
            return
        seconds, started = (
            job["spec"].get("activeDeadlineSeconds"),
            (job.get("status") or {}).get("startTime"),
        )
        if not seconds or not started or _job_over(job) or condition(job, "FailureTarget"):
            return
        if parse(started) + timedelta(seconds=seconds) <= self.now:
            self._doom(key, job, "DeadlineExceeded", "Job was active longer than specified deadline")

    def admit_waiting(self) -> None:
        """Try every queued Job, oldest first (best effort FIFO)."""
        for key in list(self.waiting):
            job = self.store.objects.get(key)
            if job is None or not job["spec"].get("suspend") or self._admit(key, job):
                self.waiting.pop(key, None)

    def _admit(self, key: Key, job: Object) -> bool:
        spec, pods = job["spec"]["template"]["spec"], int(job["spec"].get("parallelism") or 1)
        needs = {name: amount * pods for name, amount in requests_of(spec).items()}
        why = self._quota_says(key[1], needs) or self._queue_says(key[1], job, needs)
        nodes = None if why else self.capacity.place(spec, pods)
        if nodes is None:
            message = why or f"couldn't assign flavors to pod set main: {pods} pods do not fit on any set of nodes"
            if condition(job, "Suspended").get("message") != message:
                set_condition(job, "Suspended", "True", self.now, "QuotaReservedFalse", message)
                self.store.update(JOBS, job)
            return False
        self._begin(key, job, nodes)
        return True

    def _quota_says(self, namespace: str, needs: dict[str, int]) -> str:
        for key in self.store.keys("resourcequotas", namespace):
            hard = (self.store.objects[key].get("status") or {}).get("hard") or {}
            for name, amount in needs.items():
                limit = hard.get(f"requests.{name}")
                if limit is None:
                    continue
                used = self.used_in(namespace, name)
                if used + amount > int(limit):
                    return f"exceeded quota: {key[2]}, requested: {name}={amount}, used: {used}, limited: {limit}"
        return ""

    def used_in(self, namespace: str, resource: str) -> int:
        """Return what the non-terminal pods of a namespace request."""
        pods = (self.store.objects[key] for key in self.store.keys("pods", namespace))
        return sum(requests_of(pod["spec"]).get(resource, 0) for pod in pods if not _finished(pod))

    def _queue_says(self, namespace: str, job: Object, needs: dict[str, int]) -> str:
        local = self.store.get("localqueues", namespace, job["metadata"]["labels"][QUEUE_LABEL])
        if local is None:
            return f"LocalQueue {job['metadata']['labels'][QUEUE_LABEL]} doesn't exist"
        queue = self.store.get("clusterqueues", "", local["spec"]["clusterQueue"])
        if queue is None:
            return f"ClusterQueue {local['spec']['clusterQueue']} doesn't exist"
        for group in (queue.get("spec") or {}).get("resourceGroups") or []:
            for resource in group["flavors"][0]["resources"]:
                need, nominal = needs.get(resource["name"], 0), int(resource["nominalQuota"])
                if need > nominal:
                    return f"insufficient quota for {resource['name']}: request {need} > maximum capacity {nominal}"
        return ""

    def _begin(self, key: Key, job: Object, nodes: list[str] | None) -> None:
        job["spec"]["suspend"] = False
        status = job.setdefault("status", {})
        status["startTime"] = stamp(self.now)
        set_condition(job, "Suspended", "False", self.now, "JobResumed", "Job resumed")
        self.store.update(JOBS, job)
        self._plan_job(key, job)
        self._ensure_pods(key, job, nodes)

    def _ensure_pods(self, key: Key, job: Object, nodes: list[str] | None) -> None:
        uid = job["metadata"]["uid"]
        have = {
            self.store.objects[pod]["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]
            for pod in self.pods_of.get(uid, ())
        }
        wanted = int(job["spec"].get("completions") or 1)
        missing = [index for index in range(wanted) if str(index) not in have]
        if missing and nodes is None:
            nodes = self.capacity.place(job["spec"]["template"]["spec"], len(missing))
        for position, index in enumerate(missing):
            self._create_pod(job, index, nodes[position] if nodes else None)
        job["status"].update(active=len(missing), ready=0)
        self._sync(key, job)

    def _create_pod(self, job: Object, index: int, node: str | None) -> None:
        template = job["spec"]["template"]
        meta = template.get("metadata") or {}
        tail = "".join(random.choices(string.ascii_lowercase + string.digits, k=5))  # noqa: S311 - a name, not a secret
        name = job["metadata"]["name"]
        pod: Object = {
            "metadata": {
                "name": f"{name}-{index}-{tail}",
                "namespace": job["metadata"]["namespace"],
                "labels": {**(meta.get("labels") or {}), "batch.kubernetes.io/job-name": name},
                "annotations": {
                    **(meta.get("annotations") or {}),
                    "batch.kubernetes.io/job-completion-index": str(index),
                },
                "ownerReferences": [
                    {
                        "apiVersion": "batch/v1",
                        "kind": "Job",
                        "name": name,
                        "uid": job["metadata"]["uid"],
                        "controller": True,
                    }
                ],
            },
            "spec": dict(template["spec"]),
            "status": {"phase": "Pending"},
        }
        if meta.get("finalizers"):
            pod["metadata"]["finalizers"] = list(meta["finalizers"])
        self.store.create(PODS, pod)
        key: Key = ("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])
        self._own(key, pod)
        if node is not None:
            self.bind(key, pod, node)

    def _own(self, key: Key, pod: Object) -> None:
        for owner in pod["metadata"].get("ownerReferences") or []:
            self.pods_of.setdefault(owner["uid"], set()).add(key)

    def _sync(self, key: Key, job: Object) -> None:
        """Write what a Job's pods mean for it."""
        if _job_over(job):
            return
        pods = [self.store.objects[pod] for pod in self.pods_of.get(job["metadata"]["uid"], ())]
        phases = [pod["status"].get("phase") for pod in pods]
        succeeded, failed = phases.count("Succeeded"), phases.count("Failed")
        live = sum(not _finished(pod) and not _lost(pod) for pod in pods)
        before = dict(job["status"])
        job["status"].update(active=live, succeeded=succeeded, failed=failed)
        target = condition(job, "FailureTarget")
        if not target and (failed or any(_lost(pod) for pod in pods)):
            self._doom(key, job, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
            return
        if target and not live:
            set_condition(job, "Failed", "True", self.now, target["reason"], target["message"])
        elif not target and succeeded >= int(job["spec"].get("completions") or 1):
            set_condition(job, "Complete", "True", self.now)
            job["status"]["completionTime"] = stamp(self.now)
        if job["status"] != before or _job_over(job):
            self.store.update(JOBS, job)

    def _doom(self, key: Key, job: Object, reason: str, message: str) -> None:
        set_condition(job, "FailureTarget", "True", self.now, reason, message)
        self.store.update(JOBS, job)
        for pod_key in sorted(self.pods_of.get(job["metadata"]["uid"], ())):
            pod = self.store.objects[pod_key]
            if not _finished(pod):
                self.delete_pod(pod_key, pod)
        current = self.store.objects.get(key)
        if current is not None:
            self._sync(key, current)

    # Pods ------------------------------------------------------------------------------------------------------------

    def bind(self, key: Key, pod: Object, node: str) -> None:
        """Schedule a pod; a scripted one is Ready at once, since its true start is known."""
        pod["spec"]["nodeName"] = node
        self.capacity.take(node, requests_of(pod["spec"]))
        set_condition(pod, "PodScheduled", "True", self.now)
        if self.script_of(pod) is not None:
            self._start(key, pod)
            return
        pod["status"]["containerStatuses"] = _containers(pod, {"waiting": {"reason": "ContainerCreating"}})
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
        if not _running(pod):
            return False
        exit_at, _ = self._exit(pod)
        return exit_at is None or due < exit_at

    def _exit(self, pod: Object) -> tuple[datetime | None, int]:
        """Return when a running pod ends by itself, and with which code."""
        script = self.script_of(pod)
        if script is not None:
            return (datetime.fromtimestamp(script[2], UTC) if script[2] is not None else None), 0
        command = pod["spec"]["containers"][0].get("command") or []
        started = parse(pod["status"]["startTime"])
        if len(command) >= 2 and command[0] == "sleep" and command[1].isdigit():
            return started + PULL + timedelta(seconds=int(command[1])), 0
        if command[:1] == ["false"]:
            return started + PULL + TERM, 1
        return None, 0

    def _due(self, pod: Object) -> datetime | None:
        """Return when something happens to a bound pod next."""
        if _finished(pod) or _lost(pod):
            return None
        if not _running(pod):
            if "missing" in pod["spec"]["containers"][0].get("image", ""):
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
        if not _running(pod):
            self._start(key, pod)
            return
        exit_at, code = self._exit(pod)
        self._finish(key, pod, code if exit_at is not None and exit_at <= self.now else 143)

    def _start(self, key: Key, pod: Object) -> None:
        status = pod["status"]
        status.update(phase="Running", startTime=condition(pod, "PodScheduled")["lastTransitionTime"])
        status["containerStatuses"] = _containers(pod, {"running": {"startedAt": stamp(self.now)}}, ready=True)
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
        status["containerStatuses"] = _containers(pod, {"terminated": ended})
        for kind in ("ContainersReady", "Ready"):
            set_condition(pod, kind, "False", self.now, "PodCompleted")
        self.capacity.give(pod["spec"].get("nodeName", ""), requests_of(pod["spec"]))
        self.store.update(PODS, pod)
        self._after(key, pod)

    def _after(self, key: Key, pod: Object) -> None:
        for owner in pod["metadata"].get("ownerReferences") or []:
            job_key: Key = ("jobs", key[1], owner["name"])
            job = self.store.objects.get(job_key)
            if job is not None and job["metadata"]["uid"] == owner["uid"]:
                self._sync(job_key, job)
        if pod["metadata"].get("deletionTimestamp"):
            self.collect(key)
        self.admit_waiting()

    def delete_pod(self, key: Key, pod: Object, *, force: bool = False) -> None:
        """Delete a pod: a running one gets its grace period, a finalizer keeps it readable."""
        grace = 0 if force else int(pod["spec"].get("terminationGracePeriodSeconds") or 30)
        if "deletionTimestamp" not in pod["metadata"]:
            running = _running(pod) and not force
            pod["metadata"]["deletionTimestamp"] = stamp(self.now + timedelta(seconds=grace if running else 0))
            pod["metadata"]["deletionGracePeriodSeconds"] = grace
            self.store.update(PODS, pod)
        if _running(pod) and not force and not _lost(pod):
            self._plan_pod(key, pod)
            return
        if not _finished(pod):
            if pod["spec"].get("nodeName"):
                self.capacity.give(pod["spec"]["nodeName"], requests_of(pod["spec"]))
            if not _running(pod):
                pod["status"]["phase"] = "Failed"
                self.store.update(PODS, pod)
        self.collect(key)
        self.admit_waiting()

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
            and _running(obj)
            and not _lost(obj)
            and parse(obj["metadata"]["deletionTimestamp"]) > self.now
        ):
            return
        for owner in obj["metadata"].get("ownerReferences") or []:
            self.pods_of.get(owner["uid"], set()).discard(key)
        self.store.remove(key)
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

    # Nodes -----------------------------------------------------------------------------------------------------------

    def lose_node(self, name: str) -> None:
        """Stop a node's heartbeat: it is Unknown, its pods are never heard of again."""
        node = self.store.get("nodes", "", name)
        if node is None:
            raise KeyError(name)
        set_condition(node, "Ready", "Unknown", self.now, "NodeStatusUnknown", "Kubelet stopped posting node status.")
        self.store.update(NODES, node)
        for key in list(self.store.keys("pods")):
            pod = self.store.objects[key]
            if pod["spec"].get("nodeName") == name and not _finished(pod):
                pod["status"]["message"] = "NodeLost: the node stopped answering"
                pod["status"]["reason"] = "NodeLost"
                self.store.update(PODS, pod)
                self._after(key, pod)


def _containers(pod: Object, state: dict[str, Any], *, ready: bool = False) -> list[dict[str, Any]]:
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


def _finished(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}


def _running(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") == "Running"


def _lost(pod: Object) -> bool:
    return (pod.get("status") or {}).get("reason") == "NodeLost"


def _job_over(job: Object) -> bool:
    return any(condition(job, kind).get("status") == "True" for kind in ("Complete", "Failed"))
