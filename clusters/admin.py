# SPDX-License-Identifier: Apache-2.0
"""Sites, clusters, pools and workloads for staff."""

from typing import Any, ClassVar

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from aion.residency.policy import UNKNOWN
from aion.residency.regions import normalise
from aion.staff import KeptAdmin, KeptForm, ReadOnlyAdmin, gpus_column, state_column
from clusters.models import Cluster, NodeFlavour, PodInterval, Pool, Site, Workload

CODES = ("storage_code", "backup_code", "failover_code", "telemetry_code", "operator_seat")


class SiteForm(KeptForm):
    """Accepts the spellings people use (UK, EL) and stores the code."""

    class Meta:
        model = Site
        fields: ClassVar = "__all__"

    def clean(self) -> dict[str, Any]:
        """Normalise location codes; an empty one is unknown."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        for name in CODES:
            data[name] = normalise(data.get(name) or UNKNOWN)
        return data


@admin.register(Site)
class SiteAdmin(KeptAdmin):
    """Sites with the facts that residency decisions are made on."""

    form = SiteForm
    list_display: ClassVar = ["name", "code", "operator", "country", "pue", "g_co2e_per_kwh", "certificate"]
    list_select_related: ClassVar = ["operator", "country"]
    search_fields: ClassVar = ["name", "code"]


@admin.register(Cluster)
class ClusterAdmin(KeptAdmin):
    """Kubernetes APIs. Credentials are referred to, never stored."""

    list_display: ClassVar = ["code", "site", "api_url", "enabled", "last_seen_at", "last_error"]
    list_select_related: ClassVar = ["site"]
    readonly_fields: ClassVar = ["last_seen_at", "last_error", "clock_skew_seconds"]


@admin.register(NodeFlavour)
class NodeFlavourAdmin(KeptAdmin):
    """Kinds of node."""

    list_display: ClassVar = ["name", "vendor", "kind", "per_node", "memory_gib", "interconnect", "watts"]
    list_filter: ClassVar = ["vendor", "kind"]


@admin.register(Pool)
class PoolAdmin(KeptAdmin):
    """Pools."""

    list_display: ClassVar = ["name", "organisation", "cluster", "flavour", "capacity"]
    list_select_related: ClassVar = ["organisation", "cluster", "flavour"]
    search_fields: ClassVar = ["name", "code"]
    capacity = gpus_column("milli_gpus", _("capacity (GPUs)"))


@admin.register(Workload)
class WorkloadAdmin(ReadOnlyAdmin):
    """Workloads: to look at; customers stop their own."""

    list_display: ClassVar = [
        "name",
        "organisation",
        "project",
        "pool",
        "gpus",
        "state_word",
        "reason",
        "queued_at",
        "ended_at",
    ]
    list_filter: ClassVar = ["state", "reason"]
    list_select_related: ClassVar = ["organisation", "project", "pool"]
    search_fields: ClassVar = ["name", "public_id", "organisation__name"]
    show_full_result_count = False
    gpus = gpus_column("milli_gpus", _("GPUs"))
    state_word = state_column()


@admin.register(PodInterval)
class PodIntervalAdmin(ReadOnlyAdmin):
    """Billed intervals."""

    list_display: ClassVar = [
        "pod_name",
        "organisation",
        "milli_gpus",
        "started_at",
        "ended_at",
        "end_source",
    ]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["pod_name", "pod_uid"]
    show_full_result_count = False
