# SPDX-License-Identifier: Apache-2.0
"""The way out: one row for each document that goes to the e-invoicing platform, and what came back of it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from aion.tenancy.querysets import OwnedQuerySet
from billing.invoicing.models.documents import Document
from billing.invoicing.querysets import DispatchQuerySet
from billing.invoicing.states import DispatchState


class Dispatch(models.Model):
    """An issued document that the platform is to get, once: ``key`` is what makes a repeated sending harmless."""

    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    document = models.OneToOneField(
        Document, on_delete=models.PROTECT, related_name="dispatch", verbose_name=_("invoice")
    )
    key = models.CharField(max_length=64, unique=True, editable=False)
    state = models.CharField(
        _("state"), max_length=8, choices=[(s, s) for s in DispatchState], default=DispatchState.PENDING
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"))
    last_error = models.CharField(_("last error"), max_length=300, blank=True)
    address = models.CharField(_("address in the directory"), max_length=125, blank=True)
    flow_id = models.CharField(_("flow"), max_length=64, blank=True)
    created_at = models.DateTimeField(_("created"))
    sent_at = models.DateTimeField(_("sent"), null=True)

    objects = DispatchQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("dispatch")
        verbose_name_plural = _("dispatches")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state=DispatchState.SENT, sent_at__isnull=False) | ~Q(state=DispatchState.SENT),
                name="dispatch_sent_has_its_time",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_attempt_at"], condition=Q(state="pending"), name="dispatch_due")
        ]

    def __str__(self) -> str:
        return self.key


class LifecycleStatus(models.Model):
    """One status in the life of a document: told by the platform, or by us (212: what was collected, per rate)."""

    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="statuses", verbose_name=_("invoice"))
    ref = models.CharField(max_length=80, unique=True, editable=False)
    code = models.CharField(_("code"), max_length=3)
    ours = models.BooleanField(_("told by us"), default=False)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    amounts = models.JSONField(_("collected"), default=list)
    at = models.DateTimeField(_("at"))

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["at", "pk"]
        verbose_name = _("life-cycle status")
        verbose_name_plural = _("life-cycle statuses")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(code__regex=r"^[2-6][0-9]{2}$"), name="lifecycle_code_is_one")
        ]

    def __str__(self) -> str:
        return f"{self.code}"


class StatusReport(models.Model):
    """A status of ours that the platform is still to be told of."""

    status = models.OneToOneField(LifecycleStatus, on_delete=models.PROTECT, related_name="report")
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    last_error = models.CharField(max_length=300, blank=True)
    told_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["next_attempt_at"], condition=Q(told_at=None), name="report_due")]

    def __str__(self) -> str:
        return f"{self.status_id}"


class LoopbackFlow(models.Model):
    """What the loopback platform took: in its place stands a platform that the state has approved."""

    key = models.CharField(max_length=64, unique=True)
    number = models.CharField(max_length=35)
    buyer = models.CharField(max_length=125)
    sha256 = models.CharField(max_length=64)
    statuses = models.JSONField(default=list)
    received_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return self.number
