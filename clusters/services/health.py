# SPDX-License-Identifier: Apache-2.0
"""A sign of life from every cluster, for capacity and the status of sites."""

from datetime import datetime

from clusters.errors import ClusterUnavailable, RefusedByCluster
from clusters.models import Cluster
from clusters.services.provisioning import gateway_of


def check_clusters(*, at: datetime) -> None:
    """Write when each connected cluster last answered, or why it did not."""
    for cluster in Cluster.objects.filter(enabled=True):
        try:
            snapshot = gateway_of(cluster).snapshot()
        except (ClusterUnavailable, RefusedByCluster) as error:
            Cluster.objects.filter(pk=cluster.pk).update(last_error=error.detail[:200])
        else:
            skew = int((snapshot.at - at).total_seconds())
            Cluster.objects.filter(pk=cluster.pk).update(
                last_seen_at=snapshot.at, last_error="", clock_skew_seconds=skew
            )
