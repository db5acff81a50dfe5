# SPDX-License-Identifier: Apache-2.0
"""From a queued row to Jobs in a cluster. Idempotent by name: killed anywhere, the next try finishes it."""

from datetime import datetime, timedelta

import structlog
from django.db import transaction

from aion.durability import wait_for_disk
from aion.periods import whole_seconds
from aion.tenancy.queries import quota_of, quotas_in_force
from clusters.errors import ClusterUnavailable, RefusedByCluster, ResidencyViolation
from clusters.kube import manifests
from clusters.kube.connect import connect
from clusters.kube.gateway import ClusterGateway, NamespaceSpec
from clusters.models import Cluster, Pool, ProjectNamespace, Workload
from clusters.services import workloads
from clusters.states import Reason, WorkloadState

log = structlog.get_logger(__name__)
MAX_BACKOFF = timedelta(minutes=5)
BATCH = 200


def gateway_of(cluster: Cluster) -> ClusterGateway:
    """Return the gateway of a cluster."""
    return connect(cluster.api_url, cluster.ca_pem, cluster.credential_ref)


def provision_workload(*, workload_id: int, at: datetime, wait: bool = False) -> bool:
    """Create namespace and Jobs for one workload; False when there was nothing to do or somebody else does it.

    The row stays locked while the cluster is called: a killed worker frees it with its connection. ``wait`` waits for
    a row that somebody else works on instead of leaving it to them.
    """
    with transaction.atomic():
        workload = (
            Workload.objects.awaiting_provisioning()
            .filter(pk=workload_id)
            .select_for_update(of=("self",), skip_locked=not wait, no_key=True)
            .select_related("pool__cluster__site", "pool__flavour", "project", "organisation", "reservation")
            .first()
        )
        if workload is None:
            return False
        Workload.objects.filter(pk=workload.pk).update(attempts=workload.attempts + 1)
        try:
            workloads.require_residency(
                pool=workload.pool,
                policy=workload.project.residency_policy,
                organisation_id=workload.organisation_id,
                subject=workload.public_id,
                gate="placement",
                at=at,
            )
            namespace = _ensure_namespace(workload=workload, at=at)
            _create_jobs(workload=workload, namespace=namespace, at=at)
        except ClusterUnavailable as error:
            _postpone(workload=workload, message=error.detail, at=at)
            return False
        except (RefusedByCluster, ResidencyViolation) as error:
            _refuse(workload=workload, message=error.detail, at=at)
            return False
        Workload.objects.filter(pk=workload.pk).update(provisioned_at=at, reason="", message="")
    return True


def provision_pending(*, at: datetime, drain: bool = False) -> int:
    """Provision what waits, oldest first; the sweep that makes a lost message harmless. Returns how many were done.

    ``drain`` also takes what is postponed or worked on by others, and returns when none of it is left undone.
    """
    rows = Workload.objects.awaiting_provisioning()
    if not drain:
        rows = rows.exclude(next_attempt_at__gt=at)
    waiting = list(rows.values_list("pk", flat=True)[:BATCH])
    if waiting:
        wait_for_disk()  # its order may have been seen before it was: a cluster must not know what a crash can undo
    return sum(provision_workload(workload_id=pk, at=at, wait=drain) for pk in waiting)


def stop_on_cluster(*, workload_id: int) -> None:
    """Delete the Jobs of a stopping workload; pods get their grace period, the reconciler records the end."""
    workload = (
        Workload.objects.filter(pk=workload_id, state=WorkloadState.STOPPING)
        .select_related("pool__cluster", "pool__flavour", "project")
        .first()
    )
    if workload is None:
        return
    gateway = gateway_of(workload.pool.cluster)
    for shape in manifests.shapes(milli_gpus=workload.milli_gpus, per_node=workload.pool.flavour.per_node):
        gateway.delete_job(
            namespace=namespace_name(workload.project.public_id, workload.pool.code),
            name=workload.job_name + shape.suffix,
        )


def namespace_name(project_public_id: str, pool_code: str) -> str:
    """Return a fleet-unique namespace name."""
    return f"{project_public_id.replace('_', '-')}-{pool_code}"[:63].rstrip("-")


def seconds_allowed(workload: Workload, told_at: datetime | None) -> int:
    """Return for how long a Job that its cluster was told of at ``told_at`` may run: no longer than its reservation.

    A cluster counts from when it starts the Job; what that adds, ``drain_reservations`` takes off.
    """
    if workload.reservation is None or told_at is None:
        return workload.max_seconds
    return min(workload.max_seconds, whole_seconds(told_at, workload.reservation.ends_at))


def _ensure_namespace(*, workload: Workload, at: datetime) -> str:
    pool: Pool = workload.pool
    name = namespace_name(workload.project.public_id, pool.code)
    quota = quota_of(
        standing=workload.project.milli_gpu_quota,
        quotas=quotas_in_force(workload.organisation_id, at),
        project_id=workload.project_id,
        sku_code=pool.flavour.code,
    )
    row, _ = ProjectNamespace.objects.get_or_create(
        project=workload.project,
        pool=pool,
        defaults={"organisation_id": workload.organisation_id, "name": name, "quota_milli_gpus": quota},
    )
    if row.ready_at is not None and row.quota_milli_gpus == quota:
        return name
    gateway = gateway_of(pool.cluster)
    resource = pool.flavour.resource_name
    gateway.ensure_queue(name=pool.code, resource=resource, quota=str(pool.milli_gpus // 1000))
    gateway.ensure_namespace(
        NamespaceSpec(
            name=name,
            labels={
                manifests.LABEL_ORGANISATION: workload.organisation.public_id,
                manifests.LABEL_PROJECT: workload.project.public_id,
                manifests.LABEL_RESIDENCY: workload.project.residency_policy.split("+", 1)[0].lower(),
            },
            gpu_quota={resource: str(-(-quota // 1000)), manifests.MILLI_RESOURCE: str(quota)},
            queue=pool.code,
        )
    )
    ProjectNamespace.objects.filter(pk=row.pk).update(ready_at=at, quota_milli_gpus=quota)
    return name


def _create_jobs(*, workload: Workload, namespace: str, at: datetime) -> None:
    pool: Pool = workload.pool
    spec = manifests.WorkloadSpec(
        public_id=workload.public_id,
        job_name=workload.job_name,
        name=workload.name,
        organisation=workload.organisation.public_id,
        project=workload.project.public_id,
        site=pool.cluster.site.code,
        region=pool.cluster.site.code,
        image=workload.image,
        command=tuple(workload.command),
        milli_gpus=workload.milli_gpus,
        per_node=pool.flavour.per_node,
        resource_name=pool.flavour.resource_name,
        max_seconds=seconds_allowed(workload, at),
        spot=workload.spot,
    )
    gateway = gateway_of(pool.cluster)
    for shape in manifests.shapes(milli_gpus=spec.milli_gpus, per_node=spec.per_node):
        gateway.create_job(namespace=namespace, manifest=manifests.job(spec, shape))


def _postpone(*, workload: Workload, message: str, at: datetime) -> None:
    wait = min(MAX_BACKOFF, timedelta(seconds=5 * 2 ** min(workload.attempts, 6)))
    Workload.objects.filter(pk=workload.pk).update(next_attempt_at=at + wait)
    workloads.explain(workload=workload, reason=Reason.SITE_UNREACHABLE, message=message, at=at)
    log.warning("provisioning postponed", workload=workload.public_id, attempts=workload.attempts + 1, why=message)


def _refuse(*, workload: Workload, message: str, at: datetime) -> None:
    moved = workloads.move(
        workload=workload,
        to=WorkloadState.FAILED,
        at=at,
        reason=Reason.REFUSED_BY_SITE,
        message=message,
        ended_at=at,
    )
    if moved:
        workloads.release(workload=workload, at=at)
        Workload.objects.filter(pk=workload.pk).update(settled_at=at)
