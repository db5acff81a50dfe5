# SPDX-License-Identifier: Apache-2.0
"""Territories (for foreign keys) and the record of every residency decision."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from aion.residency.querysets import DecisionQuerySet


class Territory(models.Model):
    """A country or subdivision that may be stored as a location. Whether it is EU is the policy's to say."""

    code = models.CharField(max_length=16, primary_key=True)
    name = models.CharField(max_length=80)

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = _("territory")
        verbose_name_plural = _("territories")

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"


class ResidencyDecision(models.Model):
    """One decision with the facts it was made on. Append-only; plain ids, so that it outlives what it judged."""

    organisation_id = models.BigIntegerField(db_index=True)
    subject = models.CharField(max_length=64)
    gate = models.CharField(max_length=32)
    policy = models.CharField(max_length=80)
    allowed = models.BooleanField()
    reasons = models.JSONField(default=list)
    facts = models.JSONField(default=dict)
    engine_version = models.CharField(max_length=32)
    table_version = models.CharField(max_length=64)
    decided_at = models.DateTimeField()

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-decided_at", "-pk"]
        verbose_name = _("residency decision")
        verbose_name_plural = _("residency decisions")

    def __str__(self) -> str:
        return f"{'allow' if self.allowed else 'deny'} {self.policy} {self.subject}"
