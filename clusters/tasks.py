# SPDX-License-Identifier: Apache-2.0
"""Doorbells of clusters: ids in, one call, extra arguments tolerated."""

from typing import Any

from celery import shared_task

from aion import clock
from clusters.services import health, provisioning, reconcile, reservations


@shared_task(name="clusters.provision_workload")
def provision_workload(*, workload_id: int, **_: Any) -> bool:
    """Provision one workload."""
    return provisioning.provision_workload(workload_id=workload_id, at=clock.now())


@shared_task(name="clusters.provision_pending", ignore_result=False)
def provision_pending(*, drain: bool = False, **_: Any) -> int:
    """Provision what waits."""
    return provisioning.provision_pending(at=clock.now(), drain=drain)


@shared_task(name="clusters.stop_workload")
def stop_workload(*, workload_id: int, **_: Any) -> None:
    """Delete a stopping workload's Jobs."""
    provisioning.stop_on_cluster(workload_id=workload_id)


@shared_task(name="clusters.reconcile_all", ignore_result=False)
def reconcile_all(**_: Any) -> dict[str, int]:
    """Look at every cluster, meter, settle."""
    return reconcile.reconcile_all(at=clock.now())


@shared_task(name="clusters.sweep_reservations")
def sweep_reservations(**_: Any) -> dict[str, int]:
    """Start, end, meter and settle reservations."""
    return reservations.sweep(at=clock.now())


@shared_task(name="clusters.check_clusters")
def check_clusters(**_: Any) -> None:
    """Ask every cluster for a sign of life."""
    health.check_clusters(at=clock.now())
