# SPDX-License-Identifier: Apache-2.0
"""Money that went to an operator's bank."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from billing.querysets import OwnedQuerySet
from billing.states import RequestState


class Payout(models.Model):
    """A bank transfer to an operator that pays the approved settlements it names; two people record it."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.payout_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("operator")
    )
    amount = models.BigIntegerField(_("amount (micro-credits)"))
    bank_reference = models.CharField(_("bank reference"), max_length=70)
    state = models.CharField(
        _("state"), max_length=10, choices=[(s, s) for s in RequestState], default=RequestState.PENDING
    )
    requested_by_id = models.BigIntegerField()
    requested_by = models.CharField(_("recorded by"), max_length=120)
    requested_at = models.DateTimeField(_("recorded"))
    decided_by_id = models.BigIntegerField(null=True)
    decided_by = models.CharField(_("decided by"), max_length=120, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-requested_at", "-pk"]
        verbose_name = _("payout")
        verbose_name_plural = _("payouts")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payout_positive"),
            models.UniqueConstraint(
                fields=["bank_reference"],
                condition=~Q(state=RequestState.REJECTED),
                name="payout_once_a_bank_reference",
            ),
            models.UniqueConstraint(
                fields=["organisation"],
                condition=Q(state=RequestState.PENDING),
                name="one_payout_waits_an_operator",
            ),
            models.CheckConstraint(
                condition=~Q(state=RequestState.APPROVED)
                | (Q(decided_by_id__isnull=False) & ~Q(decided_by_id=F("requested_by_id"))),
                name="payout_four_eyes",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation} {self.bank_reference}"
