# SPDX-License-Identifier: Apache-2.0
"""What an operator earned in a closed month, line by line; fixed from the moment it is written."""

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from aion.money import floor_charge, floor_share
from billing.querysets import OwnedQuerySet
from billing.settlement.querysets import SettlementQuerySet
from billing.settlement.states import SettlementState
from billing.states import LineKind


class SettlementStatement(models.Model):
    """One operator's month. ``charged`` = ``share`` + ``commission``, in whole micro-credits.

    ``exact`` is the charge in 1/3,600,000 micro-credit and ``share_exact`` that times basis points. Whole amounts are
    floors of running sums, less what earlier statements have of them: remainders are carried, never lost. A rejected
    statement stays readable and counts for nothing; the next ``revision`` of the month takes its place.
    """

    public_id = models.CharField(max_length=24, unique=True, default=ids.settlement_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("operator")
    )
    month = models.DateField(_("month"))
    revision = models.PositiveSmallIntegerField(_("revision"), default=1)
    milli_gpu_seconds = models.BigIntegerField(_("milli-GPU-seconds"))
    exact = models.DecimalField(max_digits=32, decimal_places=0)
    share_exact = models.DecimalField(max_digits=38, decimal_places=0)
    charged = models.BigIntegerField(_("charged"))
    share = models.BigIntegerField(_("operator's share"))
    commission = models.BigIntegerField(_("commission"))
    prepared_at = models.DateTimeField(_("prepared"))
    prepared_by = models.CharField(_("prepared by"), max_length=120)
    state = models.CharField(
        _("state"), max_length=10, choices=[(s, s) for s in SettlementState], default=SettlementState.DRAFT
    )
    first_by_id = models.BigIntegerField(null=True)
    first_by = models.CharField(_("first checked by"), max_length=120, blank=True)
    first_at = models.DateTimeField(_("first checked"), null=True)
    decided_by_id = models.BigIntegerField(null=True)
    decided_by = models.CharField(_("decided by"), max_length=120, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    payout = models.ForeignKey(
        "settlement.Payout", null=True, on_delete=models.PROTECT, related_name="statements", verbose_name=_("payout")
    )

    objects = SettlementQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-month", "organisation", "-revision"]
        verbose_name = _("settlement")
        verbose_name_plural = _("settlements")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organisation", "month"],
                condition=~Q(state=SettlementState.REJECTED),
                name="a_month_is_settled_once",
            ),
            models.UniqueConstraint(fields=["organisation", "month", "revision"], name="settlement_revision_once"),
            models.CheckConstraint(condition=Q(charged=F("share") + F("commission")), name="settlement_adds_up"),
            models.CheckConstraint(
                condition=~Q(state__in=[SettlementState.APPROVED, SettlementState.PAID])
                | (Q(first_by_id__isnull=False, decided_by_id__isnull=False) & ~Q(first_by_id=F("decided_by_id"))),
                name="settlement_four_eyes",
            ),
            models.CheckConstraint(
                condition=~Q(state=SettlementState.PAID) | Q(payout__isnull=False), name="settlement_paid_by_a_payout"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation} {self.month:%Y-%m}"


class SettlementLine(models.Model):
    """Usage of one site, SKU and price in one month; a correction names the earlier month it belongs to."""

    statement = models.ForeignKey(SettlementStatement, on_delete=models.PROTECT, related_name="lines")
    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(_("kind"), max_length=10, choices=[(k, k) for k in LineKind])
    usage_month = models.DateField(_("month of usage"))
    site_code = models.CharField(_("site"), max_length=40)
    sku = models.ForeignKey("billing.Sku", on_delete=models.PROTECT, related_name="+")
    micro_per_gpu_hour = models.BigIntegerField(_("micro-credits per GPU-hour"))
    agreement = models.ForeignKey("settlement.ShareAgreement", on_delete=models.PROTECT, related_name="+")
    share_basis_points = models.PositiveIntegerField(_("share (basis points)"))
    milli_gpu_seconds = models.BigIntegerField(_("milli-GPU-seconds"))
    exact = models.DecimalField(max_digits=32, decimal_places=0)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["usage_month", "site_code", "sku", "micro_per_gpu_hour"]
        verbose_name = _("settlement line")
        verbose_name_plural = _("settlement lines")
        indexes: ClassVar = [models.Index(fields=["site_code", "usage_month"], name="settled_site_months")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["statement", "usage_month", "site_code", "sku", "micro_per_gpu_hour"],
                name="a_settlement_line_stands_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.statement_id} {self.site_code} {self.usage_month:%Y-%m}"

    @property
    def charged(self) -> int:
        """Return the charge in micro-credits; the statement carries the remainder."""
        return floor_charge(int(self.exact))

    @property
    def share(self) -> int:
        """Return the operator's part of it in micro-credits; the statement carries the remainder."""
        return floor_share(int(self.exact), self.share_basis_points)

    @property
    def share_percent(self) -> Decimal:
        """Return the agreed share as a percentage."""
        return Decimal(self.share_basis_points) / 100

    @property
    def commission(self) -> int:
        """Return what the consortium keeps of it."""
        return self.charged - self.share
