# SPDX-License-Identifier: Apache-2.0
"""Corrections of metered usage, asked for by one member of staff and approved by another."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from billing.querysets import OwnedQuerySet
from billing.states import RequestState


class CorrectionRequest(models.Model):
    """The seconds that a stored window should have had, and why."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.correction_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    meter = models.ForeignKey(
        "billing.Meter", on_delete=models.PROTECT, related_name="corrections", verbose_name=_("meter")
    )
    hour = models.DateTimeField(_("hour"))
    start_second = models.PositiveSmallIntegerField(_("from second"))
    seconds_before = models.SmallIntegerField(_("seconds metered"))
    seconds_after = models.SmallIntegerField(_("seconds that are right"))
    reason = models.TextField(_("reason"))
    state = models.CharField(
        _("state"), max_length=10, choices=[(s, s) for s in RequestState], default=RequestState.PENDING
    )
    requested_by_id = models.BigIntegerField()
    requested_by = models.CharField(_("asked by"), max_length=120)
    requested_at = models.DateTimeField(_("asked"))
    decided_by = models.CharField(_("decided by"), max_length=120, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True)
    batch = models.OneToOneField("billing.UsageBatch", null=True, on_delete=models.PROTECT, related_name="correction")

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-requested_at"]
        verbose_name = _("usage correction")
        verbose_name_plural = _("usage corrections")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(seconds_after__gte=0, seconds_after__lte=3600), name="correction_within_an_hour"
            ),
            models.UniqueConstraint(
                fields=["meter", "hour", "start_second"],
                condition=Q(state=RequestState.PENDING),
                name="one_pending_correction_per_window",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id
