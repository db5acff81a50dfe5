# SPDX-License-Identifier: Apache-2.0
"""Closed months: what an organisation used, line by line, fixed for good."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from aion import ids
from billing.querysets import OwnedQuerySet
from billing.states import LineKind


class MonthStatement(models.Model):
    """One organisation's closed month. Usage that arrives later stands on the next one, as a correction."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.statement_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    month = models.DateField(_("month"))
    exact = models.DecimalField(max_digits=32, decimal_places=0)
    milli_gpu_seconds = models.BigIntegerField(_("milli-GPU-seconds"))
    closed_at = models.DateTimeField(_("closed"))

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-month", "organisation"]
        verbose_name = _("month statement")
        verbose_name_plural = _("month statements")
        constraints: ClassVar = [models.UniqueConstraint(fields=["organisation", "month"], name="a_month_closes_once")]

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.month:%Y-%m}"


class StatementLine(models.Model):
    """Usage of one project, SKU and price in one month; a correction names the earlier month it belongs to."""

    statement = models.ForeignKey(MonthStatement, on_delete=models.PROTECT, related_name="lines")
    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(_("kind"), max_length=10, choices=[(k, k) for k in LineKind])
    usage_month = models.DateField(_("month of usage"))
    project = models.ForeignKey("tenancy.Project", on_delete=models.PROTECT, related_name="+")
    sku = models.ForeignKey("billing.Sku", on_delete=models.PROTECT, related_name="+")
    micro_per_gpu_hour = models.BigIntegerField(_("micro-credits per GPU-hour"))
    milli_gpu_seconds = models.BigIntegerField(_("milli-GPU-seconds"))
    exact = models.DecimalField(max_digits=32, decimal_places=0)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["usage_month", "project", "sku", "micro_per_gpu_hour"]
        verbose_name = _("statement line")
        verbose_name_plural = _("statement lines")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["statement", "usage_month", "project", "sku", "micro_per_gpu_hour"], name="a_line_stands_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.statement_id} {self.usage_month:%Y-%m}"
