# SPDX-License-Identifier: Apache-2.0
"""Kueue's preemption within one ClusterQueue: who waits with a higher priority takes the place of lower ones.

A preempted Job is suspended, its pods get their grace period, and it waits again. Scripted Jobs take no part: when they
start and end is known beforehand.
"""

from clusters.simulator.capacity import requests_of
from clusters.simulator.pods import Pods, condition, finished, set_condition
from clusters.simulator.resources import JOBS, PODS
from clusters.simulator.store import Key, Object

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
PRIORITY_LABEL = "kueue.x-k8s.io/priority-class"
EVICTED = "simulator/evicted"


def evicted(pod: Object) -> bool:
    """Tell whether a pod was deleted because its Job was preempted: the Job counts it no more."""
    return EVICTED in (pod["metadata"].get("annotations") or {})


class Preemption(Pods):
    """What makes room for a Job. Callers hold the store's lock."""

    making_room = False

    def priority_of(self, job: Object) -> int:
        """Return the value of a Job's priority class; without one it is 0."""
        name = (job["metadata"].get("labels") or {}).get(PRIORITY_LABEL, "")
        found = self.store.get("workloadpriorityclasses", "", name)
        return int(found["value"]) if found is not None else 0

    def queue_of(self, job: Object) -> Object | None:
        """Return the ClusterQueue of a Job."""
        name = (job["metadata"].get("labels") or {}).get(QUEUE_LABEL, "")
        local = self.store.get("localqueues", job["metadata"]["namespace"], name)
        return None if local is None else self.store.get("clusterqueues", "", local["spec"]["clusterQueue"])

    def make_room(self, job: Object, pods: int) -> None:
        """Preempt the fewest lower Jobs whose places let ``job`` fit; none where they would not, or leave already."""
        queue, spec = self.queue_of(job), job["spec"]["template"]["spec"]
        rule = ((queue or {}).get("spec") or {}).get("preemption") or {}
        if queue is None or rule.get("withinClusterQueue") != "LowerPriority" or self.script_of(job) is not None:
            return
        leaving = [place for key in self.store.keys("pods") if (place := self._place(key, leaving=True))]
        if self.capacity.given(leaving).place(spec, pods) is not None:
            return
        chosen: list[Key] = []
        for key in self._lower(queue, self.priority_of(job)):
            chosen.append(key)
            if self._fits(leaving, chosen, spec, pods):
                break
        else:
            return
        for key in list(chosen):
            if self._fits(leaving, [one for one in chosen if one != key], spec, pods):
                chosen.remove(key)
        self.making_room = True
        for key in chosen:
            self._preempt(key, self.store.objects[key])
        self.making_room = False

    def _lower(self, queue: Object, priority: int) -> list[Key]:
        """Return the running Jobs of a queue below ``priority``: the lowest first, of equals the latest start."""
        found = []
        for key in self.store.keys("jobs"):
            job = self.store.objects[key]
            status = job.get("status") or {}
            over = any(condition(job, kind) for kind in ("Complete", "Failed", "FailureTarget"))
            if job["spec"].get("suspend") or over or self.script_of(job) is not None or self.queue_of(job) is not queue:
                continue
            if self.priority_of(job) < priority:
                found.append((self.priority_of(job), status.get("startTime", ""), key))
        found.sort(key=lambda one: one[1:], reverse=True)
        return [key for _, _, key in sorted(found, key=lambda one: one[0])]

    def _fits(self, leaving: list[tuple[str, dict[str, int]]], chosen: list[Key], spec: Object, pods: int) -> bool:
        uids = [self.store.objects[key]["metadata"]["uid"] for key in chosen]
        back = [place for uid in uids for key in self.pods_of.get(uid, ()) if (place := self._place(key))]
        return self.capacity.given([*leaving, *back]).place(spec, pods) is not None

    def _place(self, key: Key, *, leaving: bool = False) -> tuple[str, dict[str, int]] | None:
        """Return the node that a pod occupies and with what; with ``leaving`` only if it is being deleted."""
        pod = self.store.objects[key]
        deleted = "deletionTimestamp" in pod["metadata"]
        if not pod["spec"].get("nodeName") or finished(pod) or deleted is not leaving:
            return None
        return pod["spec"]["nodeName"], requests_of(pod["spec"])

    def _preempt(self, key: Key, job: Object) -> None:
        job["spec"]["suspend"] = True
        job["status"].pop("startTime", None)
        job["status"].update(active=0, ready=0)
        message = "Preempted to accommodate a workload of higher priority in the ClusterQueue"
        set_condition(job, "Suspended", "True", self.now, "JobSuspended", message)
        self.store.update(JOBS, job)
        self.waiting[key] = None
        for pod_key in sorted(self.pods_of.get(job["metadata"]["uid"], ())):
            pod = self.store.objects[pod_key]
            if evicted(pod):
                continue
            pod["metadata"].setdefault("annotations", {})[EVICTED] = "true"
            self.store.update(PODS, pod)
            if not finished(pod):
                self.delete_pod(pod_key, pod)
