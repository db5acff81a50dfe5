# SPDX-License-Identifier: Apache-2.0
"""From which volume on prepaid credit must be declared, and which part of it was reached when."""

from typing import ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.settlement.querysets import DatedQuerySet


class NetworkThreshold(models.Model):
    """The volume above which a limited network is declared, as a dated, sourced fact of the law."""

    amount = models.BigIntegerField(_("amount (micro-credits)"))
    valid = DateRangeField(_("in force"))
    source = models.CharField(_("source"), max_length=200)

    objects = DatedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-valid"]
        verbose_name = _("limited-network threshold")
        verbose_name_plural = _("limited-network thresholds")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="threshold_positive"),
            ExclusionConstraint(name="one_threshold_in_force", expressions=[("valid", RangeOperators.OVERLAPS)]),
        ]

    def __str__(self) -> str:
        return self.source


class GaugeAlert(models.Model):
    """That a step of the threshold was reached in a year: waits on the staff site until somebody has seen to it."""

    threshold = models.ForeignKey(NetworkThreshold, on_delete=models.PROTECT, related_name="alerts")
    year = models.PositiveSmallIntegerField(_("year"))
    percent = models.PositiveSmallIntegerField(_("per cent"))
    volume = models.BigIntegerField(_("sold in twelve months (micro-credits)"))
    outstanding = models.BigIntegerField(_("outstanding (micro-credits)"))
    raised_at = models.DateTimeField(_("reached"))
    seen_by = models.CharField(_("seen by"), max_length=120, blank=True)
    seen_at = models.DateTimeField(_("seen"), null=True)
    note = models.CharField(_("what was done"), max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["-raised_at", "-percent"]
        verbose_name = _("limited-network alert")
        verbose_name_plural = _("limited-network alerts")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["threshold", "year", "percent"], name="gauge_alert_once_a_year")
        ]

    def __str__(self) -> str:
        return f"{self.year}: {self.percent} %"
