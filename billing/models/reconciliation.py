# SPDX-License-Identifier: Apache-2.0
"""What the reconciler found, each time it ran."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _


class Reconciliation(models.Model):
    """One run of the reconciler over the whole books. Append-only."""

    at = models.DateTimeField(_("when"))
    checks = models.PositiveSmallIntegerField(_("rules checked"))
    contradictions = models.BigIntegerField(_("contradictions"))
    failed = ArrayField(models.CharField(max_length=80), default=list, verbose_name=_("rules that do not hold"))

    class Meta:
        ordering: ClassVar = ["-at", "-pk"]
        verbose_name = _("reconciliation")
        verbose_name_plural = _("reconciliations")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}"
