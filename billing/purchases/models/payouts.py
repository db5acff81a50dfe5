# SPDX-License-Identifier: Apache-2.0
"""What the processor paid out to our bank account, compared with what it should have been."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class Payout(models.Model):
    """One transfer of the processor. ``difference_cents`` is what its lines do not explain; zero, or an alarm."""

    processor_id = models.CharField(_("payout"), max_length=64, unique=True)
    paid_on = models.DateField(_("paid on"))
    amount_cents = models.BigIntegerField(_("amount"))
    charges_cents = models.BigIntegerField(_("payments"), default=0)
    refunds_cents = models.BigIntegerField(_("refunds"), default=0)
    disputes_cents = models.BigIntegerField(_("disputes"), default=0)
    fees_cents = models.BigIntegerField(_("fees"), default=0)
    difference_cents = models.BigIntegerField(_("difference"), default=0)
    unknown = models.JSONField(_("unknown"), default=list)
    checked_at = models.DateTimeField(_("compared"))

    class Meta:
        ordering: ClassVar = ["-paid_on", "-pk"]
        verbose_name = _("payout of the processor")
        verbose_name_plural = _("payouts of the processor")

    def __str__(self) -> str:
        return self.processor_id
