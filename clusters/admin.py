# SPDX-License-Identifier: Apache-2.0
"""Sites, clusters, pools, reservations and workloads for staff."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from aion.actor import Actor
from aion.residency.policy import UNKNOWN
from aion.residency.regions import normalise
from aion.staff import (
    Act,
    DecidedAdmin,
    KeptAdmin,
    KeptForm,
    ReadOnlyAdmin,
    gpus_column,
    on_one,
    on_rows,
    state_column,
)
from clusters.models import Cluster, NodeFlavour, PodInterval, Pool, Reservation, Site, Workload
from clusters.services import capacity, reservations
from clusters.states import ReservationState

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


class PoolForm(KeptForm):
    """Keeps what is promised of a pool."""

    class Meta:
        model = Pool
        fields: ClassVar = "__all__"

    def clean(self) -> dict[str, Any]:
        """Refuse less than is reserved at some time from now on; the database does, but says so less kindly."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        sold = data.get("reservable_milli_gpus")
        sold = data.get("milli_gpus") if sold is None else sold
        promised = capacity.most_promised(self.instance.pk) if self.instance.pk else 0
        if sold is not None and sold < promised:
            raise ValidationError(
                _("%(gpus)s GPUs of it are reserved at one time: sell no fewer until then.")
                % {"gpus": f"{promised / 1000:g}"}
            )
        return data


@admin.register(Pool)
class PoolAdmin(KeptAdmin):
    """Pools."""

    form = PoolForm
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


def _cancel(*, actor: Actor, row: Reservation, reason: str, at: datetime) -> None:
    reservations.cancel_for_operator(actor=actor, row=row, reason=reason, at=at)


def _promise(row: Reservation) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Organisation"), row.organisation),
        (_("Pool"), row.pool),
        (_("GPUs"), f"{row.milli_gpus / 1000:g}"),
        (_("Window"), f"{row.starts_at:%Y-%m-%d %H:%M} – {row.ends_at:%Y-%m-%d %H:%M} UTC"),
    )


CANCEL = Act(
    title=_("Cancel"),
    done=_("cancelled"),
    call=_cancel,
    warning=_(
        "The customer was promised these GPUs. Nothing of the window is charged, all that is held for it goes back, "
        "and the customer reads the reason."
    ),
    danger=True,
    facts=_promise,
)


@admin.register(Reservation)
class ReservationAdmin(DecidedAdmin):
    """Promised GPUs: to look at, and to take back before they start."""

    list_display: ClassVar = [
        "public_id", "organisation", "project", "pool", "gpus", "starts_at", "ends_at", "state_word", "metered_until",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "pool", "starts_at"]
    list_select_related: ClassVar = ["organisation", "project", "pool"]
    search_fields: ClassVar = ["public_id", "organisation__name", "offer_ref", "title"]
    show_full_result_count = False
    waiting: ClassVar = {"state": ReservationState.CONFIRMED}
    actions: ClassVar = ["cancel"]
    actions_detail: ClassVar = ["cancel_one"]
    gpus = gpus_column("milli_gpus", _("GPUs"))
    state_word = state_column()
    cancel, cancel_one = on_rows("cancel", CANCEL), on_one("cancel_one", CANCEL)


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
