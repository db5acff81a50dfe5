# SPDX-License-Identifier: Apache-2.0
"""The one row that holds virtual time."""

from typing import ClassVar

from django.db import models


class VirtualClock(models.Model):
    """At most one row: the instant that a replay has reached."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=models.Q(id=1), name="clock_single_row")]

    def __str__(self) -> str:
        return self.at.isoformat()
