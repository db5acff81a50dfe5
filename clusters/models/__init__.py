# SPDX-License-Identifier: Apache-2.0
"""Clusters' tables. Other packages use services, queries and string foreign keys."""

from clusters.models.reservation import Reservation
from clusters.models.topology import Cluster, NodeFlavour, Pool, Site
from clusters.models.workload import PodInterval, ProjectNamespace, Workload, WorkloadEvent

__all__ = [
    "Cluster",
    "NodeFlavour",
    "PodInterval",
    "Pool",
    "ProjectNamespace",
    "Reservation",
    "Site",
    "Workload",
    "WorkloadEvent",
]
