# SPDX-License-Identifier: Apache-2.0
"""Requests for a higher quota, and quotas beyond the standing ones: for one accelerator, or for a time."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from aion.tenancy.models.organisations import Organisation
from aion.tenancy.models.people import User
from aion.tenancy.models.projects import Project
from aion.tenancy.querysets import OwnedQuerySet, QuotaQuerySet

MAX_MILLI_GPUS = 1_000_000_000


class QuotaState(models.TextChoices):
    """A request waits until staff decide or the organisation takes it back."""

    PENDING = "pending", _("Pending")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class QuotaRequest(models.Model):
    """An organisation asks for more GPUs at one time: for itself, or for one project and itself as far as needed."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.quota_request_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    project = models.ForeignKey(
        Project, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("project")
    )
    milli_gpus_before = models.PositiveBigIntegerField(_("quota when asked (milli-GPUs)"))
    milli_gpus = models.PositiveBigIntegerField(_("asked for (milli-GPUs)"))
    sku_code = models.CharField(_("only for SKU"), max_length=40, blank=True)
    until = models.DateTimeField(_("until"), null=True)
    reason = models.CharField(_("reason"), max_length=500)
    state = models.CharField(_("state"), max_length=12, choices=QuotaState.choices, default=QuotaState.PENDING)
    # People by key: once erased, nothing here tells who they were.
    asked_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("asked by")
    )
    asked_at = models.DateTimeField(_("asked"))
    decided_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided"), null=True)
    decision_reason = models.CharField(_("reason of the decision"), max_length=200, blank=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-asked_at", "-pk"]
        verbose_name = _("quota request")
        verbose_name_plural = _("quota requests")
        indexes: ClassVar = [models.Index(fields=["state", "-asked_at"], name="quota_requests_by_state")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organisation", "project", "sku_code"],
                condition=Q(state=QuotaState.PENDING),
                nulls_distinct=False,
                name="one_pending_quota_request",
            ),
            models.CheckConstraint(condition=Q(milli_gpus__gt=F("milli_gpus_before")), name="quota_request_asks_more"),
            models.CheckConstraint(
                condition=Q(state=QuotaState.PENDING) | Q(decided_at__isnull=False), name="quota_decision_has_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation} · {self.milli_gpus / 1000:g} GPUs"


class Quota(models.Model):
    """More GPUs at one time than the standing quota: of one SKU, or until a date, or both. It never lowers anything."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.quota_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    project = models.ForeignKey(
        Project, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("project")
    )
    request = models.ForeignKey(
        QuotaRequest, on_delete=models.PROTECT, related_name="quotas", verbose_name=_("request")
    )
    sku_code = models.CharField(_("only for SKU"), max_length=40, blank=True)
    milli_gpus = models.PositiveBigIntegerField(_("GPUs at one time (milli-GPUs)"))
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"), null=True)
    # When its end was told: a quota is over by its date alone.
    ended_at = models.DateTimeField(_("ended"), null=True)

    objects = QuotaQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-since", "-pk"]
        verbose_name = _("quota")
        verbose_name_plural = _("quotas")
        indexes: ClassVar = [
            models.Index(fields=["organisation"], name="quotas_by_organisation"),
            models.Index(fields=["until"], condition=Q(ended_at=None), name="quotas_to_end"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(milli_gpus__gt=0), name="quota_positive"),
            models.CheckConstraint(condition=Q(until=None) | Q(until__gte=F("since")), name="quota_not_reversed"),
            models.CheckConstraint(condition=Q(until__isnull=False) | ~Q(sku_code=""), name="quota_beyond_standing"),
        ]

    def __str__(self) -> str:
        return f"{self.organisation} · {self.milli_gpus / 1000:g} GPUs"
