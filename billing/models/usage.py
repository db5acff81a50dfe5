# SPDX-License-Identifier: Apache-2.0
"""Metered usage: who is metered, the records, what was refused, and the hourly roll-up."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.querysets import OwnedQuerySet


class Meter(models.Model):
    """One metered device: (cluster, pod uid) as a bigint. Tenant, price and rate are looked up here, never sent."""

    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey("tenancy.Project", on_delete=models.PROTECT, related_name="+")
    reference = models.CharField(max_length=200, unique=True)
    workload_ref = models.CharField(max_length=24, db_index=True)
    site_code = models.CharField(max_length=40)
    sku = models.ForeignKey("billing.Sku", on_delete=models.PROTECT, related_name="+")
    price = models.ForeignKey("billing.Price", on_delete=models.PROTECT, related_name="+")
    micro_per_gpu_hour = models.BigIntegerField()
    milli_gpus = models.IntegerField()
    hold = models.ForeignKey("billing.Hold", null=True, on_delete=models.PROTECT, related_name="+")
    decision_id = models.BigIntegerField(null=True)
    opened_at = models.DateTimeField()

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("meter")
        verbose_name_plural = _("meters")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(milli_gpus__gt=0, micro_per_gpu_hour__gt=0), name="meter_positive")
        ]

    def __str__(self) -> str:
        return self.reference


class UsageBatch(models.Model):
    """One ingested batch: received = accepted + duplicate + refused."""

    source = models.CharField(max_length=40)
    received = models.IntegerField(default=0)
    accepted = models.IntegerField(default=0)
    duplicate = models.IntegerField(default=0)
    refused = models.IntegerField(default=0)
    posted_at = models.DateTimeField()

    class Meta:
        verbose_name = _("usage batch")
        verbose_name_plural = _("usage batches")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(received=models.F("accepted") + models.F("duplicate") + models.F("refused")),
                name="batch_adds_up",
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.pk}"


class UsageRecord(models.Model):
    """Whole seconds of one meter inside one UTC hour. Append-only; carries its price and exact charge.

    No foreign keys: every id was joined when the row was written (docs/ledger.md has the measured cost).
    ``exact`` is milli-GPUs x seconds x micro-credits per GPU-hour: 1/3,600,000 micro-credit.
    """

    pk = models.CompositePrimaryKey("window_start", "meter_id", "revision")
    window_start = models.DateTimeField()
    meter_id = models.BigIntegerField()
    revision = models.SmallIntegerField(default=0)
    seconds = models.SmallIntegerField()
    milli_gpus = models.IntegerField()
    organisation_id = models.BigIntegerField()
    project_id = models.BigIntegerField()
    sku_id = models.BigIntegerField()
    price_id = models.BigIntegerField()
    hold_id = models.BigIntegerField(null=True)
    micro_per_gpu_hour = models.BigIntegerField()
    exact = models.BigIntegerField()
    batch_id = models.BigIntegerField()

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("usage record")
        verbose_name_plural = _("usage records")
        indexes: ClassVar = [models.Index(fields=["organisation_id", "window_start"], name="usage_by_organisation")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(seconds__gte=1, seconds__lte=3600), name="usage_within_an_hour"),
            models.CheckConstraint(
                condition=Q(exact=models.F("micro_per_gpu_hour") * models.F("milli_gpus") * models.F("seconds")),
                name="usage_exact_charge",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.meter_id}@{self.window_start:%Y-%m-%dT%H:%M}"


class QuarantinedUsage(models.Model):
    """Usage that no rule allows to rate: kept and counted apart, never rated, never dropped."""

    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    window_start = models.DateTimeField(_("window"))
    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="+")
    revision = models.SmallIntegerField(default=0)
    seconds = models.IntegerField(_("seconds"))
    milli_gpus = models.IntegerField(_("milli-GPUs"))
    reason = models.CharField(_("reason"), max_length=40)
    batch = models.ForeignKey(UsageBatch, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(_("recorded"))

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("quarantined usage")
        verbose_name_plural = _("quarantined usage")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["window_start", "meter", "revision", "reason", "seconds"], name="quarantined_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.meter_id}@{self.window_start:%Y-%m-%dT%H:%M} {self.reason}"


class RatingCarry(models.Model):
    """What rating has not yet posted, per organisation and SKU, in 1/3,600,000 micro-credit."""

    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    sku = models.ForeignKey("billing.Sku", on_delete=models.PROTECT, related_name="+")
    carry = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("rating carry")
        verbose_name_plural = _("rating carries")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organisation", "sku"], name="one_carry"),
            models.CheckConstraint(condition=Q(carry__gte=0, carry__lt=3_600_000), name="carry_below_one"),
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id}/{self.sku_id}"


class UsageHour(models.Model):
    """The roll-up that every page reads: one row per organisation, project, SKU, site and hour."""

    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", db_constraint=False
    )
    project = models.ForeignKey("tenancy.Project", on_delete=models.PROTECT, related_name="+", db_constraint=False)
    sku = models.ForeignKey("billing.Sku", on_delete=models.PROTECT, related_name="+", db_constraint=False)
    site_code = models.CharField(max_length=40)
    hour = models.DateTimeField()
    milli_gpu_seconds = models.BigIntegerField()
    exact = models.DecimalField(max_digits=30, decimal_places=0)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("hourly usage")
        verbose_name_plural = _("hourly usage")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organisation", "hour", "project", "sku", "site_code"], name="usage_hour_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id}@{self.hour:%Y-%m-%dT%H}"
