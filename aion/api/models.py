# SPDX-License-Identifier: Apache-2.0
"""Answers kept under an Idempotency-Key, committed with their effect."""

from typing import ClassVar

from django.db import models


class IdempotencyRecord(models.Model):
    """The answer to one write. The row is inserted first, in the effect's own transaction."""

    organisation_id = models.BigIntegerField()
    key = models.CharField(max_length=120)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["organisation_id", "key"], name="one_answer_per_key")]

    def __str__(self) -> str:
        return self.key
