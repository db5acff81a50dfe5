# SPDX-License-Identifier: Apache-2.0
"""What runs: workloads, their timeline, their namespaces and the billed intervals of their pods."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from aion.money import ceil_charge, exact_charge
from clusters.querysets import IntervalQuerySet, OwnedQuerySet, WorkloadQuerySet
from clusters.states import TERMINAL, EndSource, Reason, WorkloadState


class ProjectNamespace(models.Model):
    """A project's namespace in a cluster; ready once quota, network policy and queue stand."""

    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey("tenancy.Project", on_delete=models.PROTECT, related_name="+")
    pool = models.ForeignKey("clusters.Pool", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=63)
    quota_milli_gpus = models.BigIntegerField()
    ready_at = models.DateTimeField(null=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("namespace")
        verbose_name_plural = _("namespaces")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "pool"], name="one_namespace_per_project_and_pool")
        ]

    def __str__(self) -> str:
        return self.name


class Workload(models.Model):
    """One run with its frozen price, its hold and the decision that allowed it."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.workload_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    project = models.ForeignKey(
        "tenancy.Project", on_delete=models.PROTECT, related_name="+", verbose_name=_("project")
    )
    pool = models.ForeignKey("clusters.Pool", on_delete=models.PROTECT, related_name="workloads")
    name = models.CharField(_("name"), max_length=63)
    image = models.CharField(_("image"), max_length=200)
    command = models.JSONField(_("command"), default=list)
    spot = models.BooleanField(
        _("spot"), default=False, help_text=_("Its site may take the capacity back for work on demand.")
    )
    milli_gpus = models.PositiveBigIntegerField(_("milli-GPUs"))
    max_seconds = models.PositiveIntegerField(_("maximum duration (s)"))
    # Who pays: a run and a hold of its own, or the reservation it runs on, which pays for its whole window.
    run_id = models.BigIntegerField(unique=True, null=True)
    reservation = models.ForeignKey(
        "clusters.Reservation",
        null=True,
        on_delete=models.PROTECT,
        related_name="workloads",
        verbose_name=_("reservation"),
    )
    sku_id = models.BigIntegerField()
    price_id = models.BigIntegerField()
    micro_per_gpu_hour = models.BigIntegerField(_("micro-credits per GPU-hour"))
    hold_id = models.BigIntegerField(unique=True, null=True)
    decision_id = models.BigIntegerField()
    created_by = models.CharField(_("launched by"), max_length=120)
    member_id = models.BigIntegerField(null=True)
    state = models.CharField(
        _("state"), max_length=20, choices=[(s, s) for s in WorkloadState], default=WorkloadState.QUEUED
    )
    reason = models.CharField(_("reason"), max_length=32, blank=True, choices=[(r, r) for r in Reason])
    message = models.CharField(_("message"), max_length=300, blank=True)
    queued_at = models.DateTimeField(_("queued"))
    provisioned_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(_("started"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    stop_requested_at = models.DateTimeField(null=True)
    stop_reason = models.CharField(max_length=32, blank=True)
    settled_at = models.DateTimeField(null=True)
    cleaned_at = models.DateTimeField(null=True)

    objects = WorkloadQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-queued_at", "-pk"]
        verbose_name = _("workload")
        verbose_name_plural = _("workloads")
        indexes: ClassVar = [
            models.Index(fields=["organisation", "-queued_at", "-id"], name="workload_by_organisation"),
            models.Index(
                fields=["queued_at"],
                condition=Q(state=WorkloadState.QUEUED, provisioned_at=None),
                name="workload_to_provision",
            ),
            models.Index(fields=["pool"], condition=Q(cleaned_at=None), name="workload_uncleaned"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(milli_gpus__gt=0, max_seconds__gt=0), name="workload_has_a_size"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(state__in=sorted(TERMINAL)),
                name="only_ended_workloads_have_an_end",
            ),
            models.CheckConstraint(
                condition=Q(reservation=None, run_id__isnull=False, hold_id__isnull=False)
                | Q(reservation__isnull=False, run_id=None, hold_id=None, micro_per_gpu_hour=0),
                name="workload_is_paid_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def job_name(self) -> str:
        """Return the stem of the names of its Kubernetes Jobs."""
        return self.public_id.replace("_", "-")

    @property
    def is_terminal(self) -> bool:
        """Tell whether the workload has ended."""
        return self.state in TERMINAL

    @property
    def worst_case(self) -> int:
        """Return the amount of its hold in micro-credits."""
        return ceil_charge(
            exact_charge(
                milli_gpus=self.milli_gpus,
                seconds=self.max_seconds,
                micro_per_gpu_hour=self.micro_per_gpu_hour,
            )
        )

    @property
    def burn_per_hour(self) -> int:
        """Return what it costs per hour while it runs, in micro-credits."""
        return self.milli_gpus * self.micro_per_gpu_hour // 1000


class WorkloadEvent(models.Model):
    """One step of a workload's timeline. Append-only."""

    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    workload = models.ForeignKey(Workload, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField()
    state = models.CharField(max_length=20)
    reason = models.CharField(max_length=32, blank=True)
    message = models.CharField(max_length=300, blank=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["at", "pk"]
        verbose_name = _("workload event")
        verbose_name_plural = _("workload events")

    def __str__(self) -> str:
        return f"{self.workload_id} {self.state}"


class PodInterval(models.Model):
    """The billed interval of one pod: [Ready, last container finished). Kept for ten years."""

    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey("tenancy.Project", on_delete=models.PROTECT, related_name="+")
    workload = models.ForeignKey(Workload, on_delete=models.PROTECT, related_name="intervals")
    cluster = models.ForeignKey("clusters.Cluster", on_delete=models.PROTECT, related_name="+")
    pod_uid = models.CharField(max_length=64)
    pod_name = models.CharField(max_length=253)
    node_name = models.CharField(max_length=253)
    milli_gpus = models.IntegerField()
    micro_per_gpu_hour = models.BigIntegerField()
    decision_id = models.BigIntegerField()
    meter_id = models.BigIntegerField(unique=True, null=True)  # none where a reservation pays
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_source = models.CharField(max_length=12, blank=True, choices=[(s, s) for s in EndSource])
    last_seen_at = models.DateTimeField()
    metered_until = models.DateTimeField()

    objects = IntervalQuerySet.as_manager()

    class Meta:
        verbose_name = _("pod interval")
        verbose_name_plural = _("pod intervals")
        indexes: ClassVar = [
            models.Index(fields=["cluster"], condition=Q(ended_at=None), name="open_intervals"),
            models.Index(
                fields=["metered_until"],
                condition=Q(ended_at=None) | Q(metered_until__lt=F("ended_at")),
                name="intervals_to_meter",
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cluster", "pod_uid"], name="one_interval_per_pod"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")),
                name="interval_not_reversed",
            ),
            models.CheckConstraint(
                condition=Q(metered_until__gte=F("started_at"))
                & (Q(ended_at__isnull=True) | Q(metered_until__lte=F("ended_at"))),
                name="metered_inside_interval",
            ),
        ]

    def __str__(self) -> str:
        return self.pod_name
