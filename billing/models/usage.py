# SPDX-License-Identifier: Apache-2.0
"""Metered usage: who pays, what is metered, the records, what was refused, and the roll-ups that pages read."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from aion.money import EXACT_DIVISOR
from billing.querysets import OwnedQuerySet, UsageDayQuerySet, UsageHourQuerySet


class Run(models.Model):
    """The terms of one run, frozen at launch: who pays, at which price, from which hold. Never changes."""

    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey("tenancy.Project", on_delete=models.PROTECT, related_name="+")
    member_id = models.BigIntegerField(null=True)
    workload_ref = models.CharField(max_length=24, unique=True)
    name = models.CharField(max_length=63)
    site_code = models.CharField(max_length=40)
    sku = models.ForeignKey("billing.Sku", on_delete=models.PROTECT, related_name="+")
    price = models.ForeignKey("billing.Price", on_delete=models.PROTECT, related_name="+")
    micro_per_gpu_hour = models.BigIntegerField()
    hold = models.ForeignKey("billing.Hold", null=True, on_delete=models.PROTECT, related_name="+")
    decision_id = models.BigIntegerField(null=True)
    opened_at = models.DateTimeField()

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(micro_per_gpu_hour__gt=0), name="run_price_positive")
        ]

    def __str__(self) -> str:
        return self.workload_ref


class Meter(models.Model):
    """One metered device, (cluster, pod uid) as a bigint. What it costs is looked up here, never sent.

    Organisation, price and rate repeat the run's, so that a batch joins one small table; ``allowed`` is whether the
    decision at launch allows the usage to be rated.
    """

    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="meters")
    # A cluster's code, a stroke and what its operator calls the device: 40 + 1 + 160.
    reference = models.CharField(max_length=201, unique=True)
    price = models.ForeignKey("billing.Price", on_delete=models.PROTECT, related_name="+")
    micro_per_gpu_hour = models.BigIntegerField()
    milli_gpus = models.IntegerField()
    allowed = models.BooleanField()
    opened_at = models.DateTimeField()

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("meter")
        verbose_name_plural = _("meters")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(milli_gpus__gt=0, micro_per_gpu_hour__gt=0), name="meter_positive"),
            # An hour of it must fit a bigint: micro-credits x milli-GPUs x 3,600.
            models.CheckConstraint(
                condition=Q(micro_per_gpu_hour__lte=2_000_000_000_000_000 / F("milli_gpus")), name="meter_fits_bigint"
            ),
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
                condition=Q(received=F("accepted") + F("duplicate") + F("refused")), name="batch_adds_up"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.pk}"


class UsageRecord(models.Model):
    """Whole seconds of one meter inside one UTC hour, from ``start_second`` on. Append-only; carries its exact charge.

    Partitioned by month of ``hour`` (billing/services/partitions.py). No foreign keys and no second copy of what the
    run says: every id was joined when the row was written (docs/metering.md has the measured cost). A correction is
    a row of the next ``revision`` whose ``seconds`` and ``exact`` are the difference and may be negative.
    ``exact`` is milli-GPUs x seconds x micro-credits per GPU-hour: 1/3,600,000 micro-credit.
    """

    pk = models.CompositePrimaryKey("hour", "meter_id", "start_second", "revision")
    hour = models.DateTimeField()
    meter_id = models.BigIntegerField()
    organisation_id = models.BigIntegerField()
    price_id = models.BigIntegerField()
    batch_id = models.BigIntegerField()
    exact = models.BigIntegerField()
    milli_gpus = models.IntegerField()
    start_second = models.SmallIntegerField()
    seconds = models.SmallIntegerField()
    revision = models.SmallIntegerField(default=0)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        managed = False  # partitions are not Django's; migration 0005 has the SQL
        verbose_name = _("usage record")
        verbose_name_plural = _("usage records")

    def __str__(self) -> str:
        return f"{self.meter_id}@{self.window_start:%Y-%m-%dT%H:%M:%S}"

    @property
    def window_start(self) -> datetime:
        """Return the first instant of the window."""
        return self.hour + timedelta(seconds=self.start_second)

    @property
    def window_end(self) -> datetime:
        """Return the first instant after the window; a correction of fewer seconds has the sign of its difference."""
        return self.window_start + timedelta(seconds=abs(self.seconds))

    @property
    def parts(self) -> int:
        """Return what the exact charge has beyond whole micro-credits, in 1/3,600,000."""
        return self.exact % EXACT_DIVISOR


class QuarantinedUsage(models.Model):
    """Usage that no rule allows to rate: kept and counted apart, never rated, never dropped."""

    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    hour = models.DateTimeField(_("hour"))
    meter = models.ForeignKey(Meter, null=True, on_delete=models.PROTECT, related_name="+")
    reference = models.CharField(_("device"), max_length=201, blank=True)
    start_second = models.IntegerField(_("from second"))
    revision = models.SmallIntegerField(default=0)
    seconds = models.BigIntegerField(_("seconds"))
    milli_gpus = models.BigIntegerField(_("milli-GPUs"))
    reason = models.CharField(_("reason"), max_length=40)
    batch = models.ForeignKey(UsageBatch, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(_("recorded"))

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-recorded_at", "-pk"]
        verbose_name = _("quarantined usage")
        verbose_name_plural = _("quarantined usage")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["hour", "meter", "reference", "start_second", "revision", "reason", "seconds"],
                name="quarantined_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.meter_id or self.reference}@{self.hour:%Y-%m-%dT%H} {self.reason}"


class QuarantineReview(models.Model):
    """What a member of staff found out about quarantined usage, and why it is closed. Append-only."""

    usage = models.OneToOneField(QuarantinedUsage, on_delete=models.PROTECT, related_name="review")
    note = models.TextField(_("finding"))
    reviewed_by = models.CharField(_("by"), max_length=120)
    reviewed_at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("quarantine review")
        verbose_name_plural = _("quarantine reviews")

    def __str__(self) -> str:
        return f"{self.usage_id}"


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
    """Roll-up: one row per organisation, project, SKU, site and hour."""

    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    project = models.ForeignKey(
        "tenancy.Project", on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    sku = models.ForeignKey(
        "billing.Sku", on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    site_code = models.CharField(max_length=40)
    hour = models.DateTimeField()
    milli_gpu_seconds = models.BigIntegerField()
    exact = models.DecimalField(max_digits=30, decimal_places=0)

    objects = UsageHourQuerySet.as_manager()

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


class UsageDay(models.Model):
    """Roll-up: one row per run and UTC day; budgets, statements and the explorer by member or workload read it."""

    pk = models.CompositePrimaryKey("organisation_id", "day", "run_id")
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="days", db_constraint=False, db_index=False)
    day = models.DateTimeField()
    milli_gpu_seconds = models.BigIntegerField()
    exact = models.DecimalField(max_digits=30, decimal_places=0)

    objects = UsageDayQuerySet.as_manager()

    class Meta:
        verbose_name = _("daily usage")
        verbose_name_plural = _("daily usage")

    def __str__(self) -> str:
        return f"{self.run_id}@{self.day:%Y-%m-%d}"
