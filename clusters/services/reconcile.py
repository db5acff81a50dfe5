# SPDX-License-Identifier: Apache-2.0
"""Desired against observed, level-triggered: each pass looks at the whole cluster and repairs what differs."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from aion.periods import whole_seconds
from aion.residency import services as residency
from billing.services import metering as billing_metering
from clusters.errors import ClusterUnavailable, RefusedByCluster
from clusters.kube import manifests
from clusters.kube.gateway import ClusterGateway, JobSeen, PodSeen, Snapshot
from clusters.models import Cluster, PodInterval, Workload, WorkloadEvent
from clusters.observe import Verdict, interval_of, is_evicted, verdict_of
from clusters.services import provisioning, workloads
from clusters.services.metering import BATCH, meter_intervals
from clusters.services.provisioning import gateway_of, stop_on_cluster
from clusters.states import TERMINAL, EndSource, MeteredBy, Reason, WorkloadState

log = structlog.get_logger(__name__)
METERING_ROUNDS = 100
# So long an operator may send what a run used after it ended; then its hold is released.
OPERATOR_GRACE = timedelta(hours=24)
# Preempted work with less than a minute left before its notice would only wait to be stopped.
LEAST_TO_START_AGAIN = manifests.GRACE_SECONDS + 60
LENGTH_FACTS = ("public_id", "max_seconds", "milli_gpus", "provisioned_at", "reservation__ends_at")
TOUCH = """
UPDATE clusters_podinterval SET last_seen_at = greatest(last_seen_at, %(at)s)
WHERE cluster_id = %(cluster_id)s AND ended_at IS NULL AND pod_uid = ANY (%(uids)s)
"""
# A pod that left the list without telling its end is billed until it was last seen, never further.
CLOSE_MISSING = """
UPDATE clusters_podinterval SET ended_at = last_seen_at, end_source = 'deleted'
WHERE cluster_id = %(cluster_id)s AND ended_at IS NULL AND NOT (pod_uid = ANY (%(uids)s)) AND last_seen_at < %(at)s
"""
# One reconciler a cluster at a time; the lock goes with the connection when the process dies.
LOCK = "SELECT set_config('lock_timeout', '20s', false), pg_advisory_lock(hashtext('aion.reconcile'), %s)"
UNLOCK = "SELECT pg_advisory_unlock(hashtext('aion.reconcile'), %s), set_config('lock_timeout', '0', false)"


def reconcile_all(*, at: datetime) -> dict[str, int]:
    """Look at every connected cluster, then meter and settle. Returns counts for the log."""
    workloads.drain_frozen(at=at)
    workloads.drain_budgets(at=at)
    workloads.drain_reservations(at=at)
    pods = 0
    for cluster in Cluster.objects.filter(enabled=True).select_related("site"):
        try:
            pods += reconcile_cluster(cluster=cluster, at=at)
        except (ClusterUnavailable, RefusedByCluster):
            continue  # it is written on the cluster; the others must not wait for it
    return {"pods": pods, **meter_and_settle(at=at)}


def meter_and_settle(*, at: datetime) -> dict[str, int]:
    """Post every second that is due, then release the holds that nothing more can draw on."""
    accepted = 0
    for _ in range(METERING_ROUNDS):
        batch = meter_intervals(at=at)
        accepted += batch.accepted
        if batch.received < BATCH:  # every due interval that is charged gives a window at least
            break
    return {"accepted": accepted, "settled": settle(at=at)}


def reconcile_and_settle(*, cluster: Cluster, at: datetime) -> None:
    """Do for one cluster what ``reconcile_all`` does, metering only where a run has ended.

    Raises ClusterUnavailable, RefusedByCluster.
    """
    reconcile_cluster(cluster=cluster, at=at)
    if Workload.objects.unsettled().filter(pool__cluster=cluster).exists():
        meter_and_settle(at=at)


def reconcile_cluster(*, cluster: Cluster, at: datetime) -> int:
    """Take one snapshot and write what it shows. Returns how many pods it shows.

    Raises ClusterUnavailable and RefusedByCluster once they are written on the cluster: what is known of it is kept.
    """
    if not Workload.objects.filter(pool__cluster=cluster, cleaned_at=None).exists():
        return 0
    with _only_reconciler(cluster):
        try:
            gateway = gateway_of(cluster)
            # Read before the cluster is: only what stood there already can be missing from the snapshot.
            told = set(
                Workload.objects.filter(pool__cluster=cluster, cleaned_at=None)
                .exclude(provisioned_at=None, attempts=0)
                .values_list("pk", flat=True)
            )
            snapshot = gateway.snapshot()
            observe(cluster=cluster, snapshot=snapshot, told=told, at=at)
            _clean(cluster=cluster, gateway=gateway, snapshot=snapshot, at=at)
        except (ClusterUnavailable, RefusedByCluster) as error:
            Cluster.objects.filter(pk=cluster.pk).update(last_error=error.detail[:200])
            log.warning("cluster not reconciled", cluster=cluster.code, why=error.detail)
            raise
    return len(snapshot.pods)


@contextmanager
def _only_reconciler(cluster: Cluster) -> Iterator[None]:
    """Hold the cluster's lock. Raises ClusterUnavailable when another reconciler holds it for too long."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(LOCK, [cluster.pk])
        except OperationalError as error:
            if isinstance(error.__cause__, LockNotAvailable):
                raise ClusterUnavailable("Another reconciler is still waiting for the cluster.") from error
            raise
        try:
            yield
        finally:
            cursor.execute(UNLOCK, [cluster.pk])


@transaction.atomic
def observe(*, cluster: Cluster, snapshot: Snapshot, told: Collection[int], at: datetime) -> None:
    """Write intervals and states of the workloads ``told`` to the cluster. The same snapshot again changes nothing."""
    Cluster.objects.filter(pk=cluster.pk).update(
        last_seen_at=snapshot.at, last_error="", clock_skew_seconds=int((snapshot.at - at).total_seconds())
    )
    jobs: dict[str, list[JobSeen]] = defaultdict(list)
    pods: dict[str, list[PodSeen]] = defaultdict(list)
    for job in snapshot.jobs:
        jobs[job.workload].append(job)
    for pod in snapshot.pods:
        pods[pod.workload].append(pod)
    rows: Sequence[Workload] = list(Workload.objects.filter(pk__in=told).select_related("pool__cluster__site"))
    _write_intervals(cluster=cluster, rows=rows, pods=pods, jobs=jobs, snapshot=snapshot, at=at)
    for workload in rows:
        if not workload.is_terminal and (workload.provisioned_at or workload.stop_requested_at):
            _write_state(workload, jobs[workload.public_id], pods[workload.public_id], snapshot, at=at)


def _write_intervals(
    *,
    cluster: Cluster,
    rows: Sequence[Workload],
    pods: dict[str, list[PodSeen]],
    jobs: dict[str, list[JobSeen]],
    snapshot: Snapshot,
    at: datetime,
) -> None:
    known = {
        interval.pod_uid: interval
        for interval in PodInterval.objects.filter(cluster=cluster, workload__cleaned_at=None)
    }
    present: list[str] = []
    for workload in rows:
        for pod in pods[workload.public_id]:
            seen = interval_of(pod, snapshot.nodes)
            interval = known.get(pod.uid)
            if interval is None:
                if seen.start is None or workload.pool.metered_by == MeteredBy.OPERATOR:
                    continue
                interval = _open_interval(cluster, workload, pod, seen.start, at=at)
            if seen.end is None:
                present.append(pod.uid)
            elif interval.ended_at is None:
                end = max(seen.end, interval.started_at, interval.metered_until)
                source = EndSource.PREEMPTED if is_evicted(pod, jobs[workload.public_id]) else seen.end_source
                PodInterval.objects.filter(pk=interval.pk, ended_at=None).update(
                    ended_at=end, end_source=source, last_seen_at=max(end, interval.last_seen_at)
                )
    scope: dict[str, Any] = {"cluster_id": cluster.pk, "at": snapshot.at, "uids": present}
    with connection.cursor() as cursor:
        cursor.execute(TOUCH, scope)
        cursor.execute(CLOSE_MISSING, scope)


def _open_interval(cluster: Cluster, workload: Workload, pod: PodSeen, start: datetime, *, at: datetime) -> PodInterval:
    meter_id = None
    if workload.run_id is not None:  # what runs on a reservation is paid with it, and has nothing to be charged by
        meter_id = billing_metering.open_meter(
            reference=f"{cluster.code}/{pod.uid}",
            run_id=workload.run_id,
            milli_gpus=pod.milli_gpus,
            allowed=residency.allows(workload.decision_id),
            at=at,
        )
    return PodInterval.objects.create(
        organisation_id=workload.organisation_id,
        project_id=workload.project_id,
        workload=workload,
        cluster=cluster,
        pod_uid=pod.uid,
        pod_name=pod.name,
        node_name=pod.node,
        milli_gpus=pod.milli_gpus,
        micro_per_gpu_hour=workload.micro_per_gpu_hour,
        decision_id=workload.decision_id,
        meter_id=meter_id,
        started_at=start,
        last_seen_at=start,
        metered_until=start,
    )


def _write_state(
    workload: Workload, jobs: list[JobSeen], pods: list[PodSeen], snapshot: Snapshot, *, at: datetime
) -> None:
    verdict = verdict_of(
        jobs=jobs,
        pods=pods,
        nodes=snapshot.nodes,
        stopping=workload.stop_requested_at is not None,
        stop_reason=workload.stop_reason,
    )
    if verdict is None:
        # Jobs that we created and never stopped are gone: somebody deleted them behind our back.
        verdict = Verdict(WorkloadState.FAILED, Reason.LOST, "The site no longer knows this workload.")
    current = _after_eviction(workload, verdict, at=at)
    if verdict.state is current:
        if current is WorkloadState.QUEUED or verdict.reason != workload.reason:
            workloads.explain(workload=workload, reason=verdict.reason, message=verdict.message, at=at)
        return
    fields: dict[str, datetime | None] = {}
    if verdict.started_at and workload.started_at is None:
        fields["started_at"] = verdict.started_at
    happened = verdict.started_at or at if verdict.state is WorkloadState.RUNNING else at
    if verdict.state in TERMINAL:
        fields["ended_at"] = happened = verdict.ended_at or at
        if workload.started_at is None and verdict.started_at:
            _note(workload, WorkloadState.RUNNING, verdict.started_at)
    workloads.move(
        workload=workload,
        to=verdict.state,
        at=happened,
        reason=verdict.reason,
        message=verdict.message,
        **fields,
    )


def _after_eviction(workload: Workload, verdict: Verdict, *, at: datetime) -> WorkloadState:
    """Return the present state; a run that was taken back between two looks first goes through the steps of that."""
    steps = {
        WorkloadState.RUNNING: (WorkloadState.PREEMPTED, WorkloadState.QUEUED),
        WorkloadState.PREEMPTED: (WorkloadState.QUEUED,),
    }.get(WorkloadState(workload.state), ())
    # Beyond what it shows now there is nothing to catch up with; an end may follow from any state.
    if not verdict.evicted or verdict.state is WorkloadState.PREEMPTED:
        return WorkloadState(workload.state)
    for step in steps:
        if workloads.move(workload=workload, to=step, at=at, reason=Reason.PREEMPTED, message=verdict.message):
            workload.state = step
            workload.reason, workload.message = Reason.PREEMPTED, verdict.message
    return WorkloadState(workload.state)


def _note(workload: Workload, state: WorkloadState, at: datetime) -> None:
    """Write a step that happened between two looks."""
    WorkloadEvent.objects.create(organisation_id=workload.organisation_id, workload_id=workload.pk, at=at, state=state)


def _clean(*, cluster: Cluster, gateway: ClusterGateway, snapshot: Snapshot, at: datetime) -> None:
    """Take our finalizer off the pods of ended workloads, and delete their Jobs."""
    closed = set(
        PodInterval.objects.filter(cluster=cluster, workload__cleaned_at=None)
        .exclude(ended_at=None)
        .values_list("pod_uid", flat=True)
    )
    ended = set(
        Workload.objects.filter(pool__cluster=cluster, cleaned_at=None, ended_at__isnull=False).values_list(
            "public_id", flat=True
        )
    )
    stopping = Workload.objects.filter(pool__cluster=cluster, state=WorkloadState.STOPPING).in_bulk(
        field_name="public_id"
    )
    lengths = _lengths(cluster)
    jobs: dict[str, list[JobSeen]] = defaultdict(list)
    left = set()
    for job in snapshot.jobs:
        jobs[job.workload].append(job)
        if job.workload in ended:
            left.add(job.workload)
            gateway.delete_job(namespace=job.namespace, name=job.name)
        elif job.workload in stopping:
            stop_on_cluster(workload_id=stopping[job.workload].pk)
        elif job.workload in lengths and not job.is_over:
            if job.suspended and lengths[job.workload] < LEAST_TO_START_AGAIN:
                workloads.end_used_up(public_id=job.workload, at=at)
                continue
            deadline = manifests.deadline_of(lengths[job.workload])
            if job.deadline_seconds is not None and job.deadline_seconds != deadline:
                gateway.extend_job(namespace=job.namespace, name=job.name, deadline_seconds=deadline)
    for pod in snapshot.pods:
        # Kept until the workload has ended: its verdict may still need to read how this pod did.
        evicted = pod.is_over and is_evicted(pod, jobs[pod.workload])
        if evicted or (pod.workload in ended and (pod.uid in closed or pod.is_over)):
            gateway.release_pod(namespace=pod.namespace, name=pod.name)
        if pod.workload in ended:
            left.add(pod.workload)
    Workload.objects.filter(pool__cluster=cluster, public_id__in=ended - left, cleaned_at=None).update(cleaned_at=at)


def _lengths(cluster: Cluster) -> dict[str, int]:
    """Return for how many seconds each active workload may run from its Job's start, by public id.

    A Job that starts anew counts from zero: what ran before it was preempted is taken off, so that its hold covers all.
    """
    used: dict[int, int] = defaultdict(int)
    taken = PodInterval.objects.filter(
        cluster=cluster, end_source=EndSource.PREEMPTED, workload__in=Workload.objects.active()
    )
    for workload_id, milli_gpus, start, end in taken.values_list("workload_id", "milli_gpus", "started_at", "ended_at"):
        used[workload_id] += milli_gpus * whole_seconds(start, end)
    rows = Workload.objects.active().filter(pool__cluster=cluster)
    return {
        row.public_id: provisioning.seconds_allowed(row, row.provisioned_at) - -(-used[row.pk] // row.milli_gpus)
        for row in rows.select_related("reservation").only(*LENGTH_FACTS)
    }


def settle(*, at: datetime) -> int:
    """Release the holds of ended workloads whose every second is metered. Returns how many."""
    rows = (
        Workload.objects.unsettled()
        .exclude(pk__in=PodInterval.objects.unfinished().values("workload_id"))
        .exclude(pool__metered_by=MeteredBy.OPERATOR, ended_at__gt=at - OPERATOR_GRACE)
        .only("hold_id")
    )
    count = 0
    for workload in list(rows):
        with transaction.atomic():
            if Workload.objects.filter(pk=workload.pk, settled_at=None).update(settled_at=at):
                workloads.release(workload=workload, at=at)
                count += 1
    return count
