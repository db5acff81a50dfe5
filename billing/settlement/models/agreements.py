# SPDX-License-Identifier: Apache-2.0
"""What share of its usage an operator gets, and from when to when."""

from decimal import Decimal
from typing import ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from billing.settlement.querysets import ShareQuerySet
from billing.settlement.states import WHOLE
from billing.states import RequestState


class ShareAgreement(models.Model):
    """An operator's share of what usage on its pools was charged, for whole months of usage, agreed by two people.

    Nothing of it ever changes, but that an open one ends once: on the day the next one begins.
    """

    public_id = models.CharField(max_length=24, unique=True, default=ids.share_agreement_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("operator")
    )
    share_basis_points = models.PositiveIntegerField(
        _("share (basis points)"), help_text=_("Hundredths of a per cent: 8,500 is 85 %.")
    )
    valid = DateRangeField(_("months of usage"))
    reason = models.TextField(_("reason"))
    state = models.CharField(
        _("state"), max_length=10, choices=[(s, s) for s in RequestState], default=RequestState.PENDING
    )
    requested_by_id = models.BigIntegerField()
    requested_by = models.CharField(_("asked by"), max_length=120)
    requested_at = models.DateTimeField(_("asked"))
    decided_by_id = models.BigIntegerField(null=True)
    decided_by = models.CharField(_("decided by"), max_length=120, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True)

    objects = ShareQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-requested_at", "-pk"]
        verbose_name = _("share agreement")
        verbose_name_plural = _("share agreements")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(share_basis_points__lte=WHOLE), name="share_at_most_all"),
            models.CheckConstraint(
                condition=Q(valid__isempty=False, valid__startswith__isnull=False), name="share_begins"
            ),
            models.CheckConstraint(
                condition=~Q(state=RequestState.APPROVED)
                | (Q(decided_by_id__isnull=False) & ~Q(decided_by_id=F("requested_by_id"))),
                name="share_four_eyes",
            ),
            ExclusionConstraint(
                name="one_share_in_force",
                expressions=[("organisation", RangeOperators.EQUAL), ("valid", RangeOperators.OVERLAPS)],
                condition=Q(state=RequestState.APPROVED),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation} {self.percent} %"

    @property
    def percent(self) -> Decimal:
        """Return the share as a percentage."""
        return Decimal(self.share_basis_points) / 100
