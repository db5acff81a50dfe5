# SPDX-License-Identifier: Apache-2.0
"""Credit that is bought by itself when the balance runs low."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.purchases.querysets import PaymentQuerySet


class AutoRecharge(models.Model):
    """Below ``below_microcredits`` buy ``net_cents``, at most ``monthly_cap_cents`` (both net) in a calendar month."""

    organisation = models.OneToOneField(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    enabled = models.BooleanField(_("on"), default=False)
    below_microcredits = models.BigIntegerField(_("below"))
    net_cents = models.BigIntegerField(_("amount"))
    monthly_cap_cents = models.BigIntegerField(_("at most a month"))
    saved_method = models.CharField(max_length=64)
    method_label = models.CharField(_("method"), max_length=60)
    failures = models.PositiveSmallIntegerField(default=0)
    stopped_reason = models.CharField(_("why stopped"), max_length=200, blank=True)
    set_by = models.CharField(_("set by"), max_length=120)
    set_at = models.DateTimeField(_("set"))

    objects = PaymentQuerySet.as_manager()

    class Meta:
        verbose_name = _("automatic recharge")
        verbose_name_plural = _("automatic recharges")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(below_microcredits__gte=0, net_cents__gt=0, monthly_cap_cents__gte=F("net_cents")),
                name="recharge_within_its_cap",
            )
        ]

    def __str__(self) -> str:
        return str(self.organisation)
