# SPDX-License-Identifier: Apache-2.0
"""Kueue, the Job controller, the scheduler and the kubelets, on one clock that only ``advance`` moves.

Everything due is derived from the objects themselves, so that a site killed at any line goes on where it was.
"""

import heapq
import random
import string
from datetime import UTC, datetime, timedelta

from clusters.simulator.capacity import Capacity, requests_of
from clusters.simulator.pods import DEADLINES, STARTS, condition, finished, lost, parse, set_condition
from clusters.simulator.preemption import QUEUE_LABEL, Preemption, evicted
from clusters.simulator.resources import JOBS, NODES, PODS
from clusters.simulator.store import Key, Object, Store, stamp


class Controllers(Preemption):
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

    def rebuild(self) -> None:
        """Derive capacity, due times and queues from the stored objects."""
        self.capacity = Capacity()
        self.heap, self.pods_of, self.waiting = [], {}, {}
        for key in self.store.keys("nodes"):
            self.capacity.add(self.store.objects[key])
        for key in self.store.keys("pods"):
            pod = self.store.objects[key]
            self._own(key, pod)
            if pod["spec"].get("nodeName") and not finished(pod):
                self.capacity.take(pod["spec"]["nodeName"], requests_of(pod["spec"]))
                self._plan_pod(key, pod)
        for key in self.store.keys("jobs"):
            job = self.store.objects[key]
            self._plan_job(key, job)
            if not job["spec"].get("suspend"):
                self.sync_job(key, job)

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
            return  # a deadline that was moved on has an entry of its own
        if parse(started) + timedelta(seconds=seconds) <= self.now:
            self._doom(key, job, "DeadlineExceeded", "Job was active longer than specified deadline")

    def admit_waiting(self) -> None:
        """Try every queued Job, the highest priority first, then the oldest (best effort FIFO)."""
        if self.making_room:
            return
        jobs = {key: self.store.objects.get(key) for key in self.waiting}
        for key, job in sorted(jobs.items(), key=lambda one: -self.priority_of(one[1]) if one[1] else 0):
            if job is None or not job["spec"].get("suspend") or self._admit(key, job):
                self.waiting.pop(key, None)

    def _admit(self, key: Key, job: Object) -> bool:
        spec, pods = job["spec"]["template"]["spec"], int(job["spec"].get("parallelism") or 1)
        needs = {name: amount * pods for name, amount in requests_of(spec).items()}
        why = self._quota_says(key[1], needs) or self._queue_says(key[1], job, needs)
        nodes = None if why else self.capacity.place(spec, pods)
        if nodes is None and not why:
            self.make_room(job, pods)
            nodes = self.capacity.place(spec, pods)
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
        return sum(requests_of(pod["spec"]).get(resource, 0) for pod in pods if not finished(pod))

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
            if not evicted(self.store.objects[pod])
        }
        wanted = int(job["spec"].get("completions") or 1)
        missing = [index for index in range(wanted) if str(index) not in have]
        if missing and nodes is None:
            nodes = self.capacity.place(job["spec"]["template"]["spec"], len(missing))
        for position, index in enumerate(missing):
            self._create_pod(job, index, nodes[position] if nodes else None)
        job["status"].update(active=len(missing), ready=0)
        self.sync_job(key, job)

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

    def sync_job(self, key: Key, job: Object) -> None:
        """Write what a Job's pods mean for it."""
        if _job_over(job) or job["spec"].get("suspend"):
            return
        pods = [self.store.objects[pod] for pod in self.pods_of.get(job["metadata"]["uid"], ())]
        pods = [pod for pod in pods if not evicted(pod)]
        phases = [pod["status"].get("phase") for pod in pods]
        succeeded, failed = phases.count("Succeeded"), phases.count("Failed")
        live = sum(not finished(pod) and not lost(pod) for pod in pods)
        before = dict(job["status"])
        job["status"].update(active=live, succeeded=succeeded, failed=failed)
        target = condition(job, "FailureTarget")
        if not target and (failed or any(lost(pod) for pod in pods)):
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
            if not finished(pod):
                self.delete_pod(pod_key, pod)
        current = self.store.objects.get(key)
        if current is not None:
            self.sync_job(key, current)

    def pod_vanished(self, key: Key, job: Object) -> None:
        """Count a pod that left without an end as failed, as the Job controller does."""
        if not _job_over(job) and not condition(job, "FailureTarget"):
            self._doom(key, job, "BackoffLimitExceeded", "Job has reached the specified backoff limit")

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
            if pod["spec"].get("nodeName") == name and not finished(pod):
                pod["status"]["message"] = "NodeLost: the node stopped answering"
                pod["status"]["reason"] = "NodeLost"
                if condition(pod, "Ready"):
                    set_condition(pod, "Ready", "False", self.now)
                self.store.update(PODS, pod)
                self._after(key, pod)


def _job_over(job: Object) -> bool:
    return any(condition(job, kind).get("status") == "True" for kind in ("Complete", "Failed"))
