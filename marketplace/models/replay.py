# SPDX-License-Identifier: Apache-2.0
"""How far a replay has come, so that a killed one goes on."""

from typing import ClassVar

from django.db import models


class ReplayRun(models.Model):
    """One trace file, by content. ``cursor`` is the virtual second up to which everything is done."""

    digest = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    prefix = models.CharField(max_length=20, unique=True)
    cursor = models.BigIntegerField()
    end = models.BigIntegerField()
    gpu_milli_seconds_expected = models.BigIntegerField()
    prepared_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return self.name
