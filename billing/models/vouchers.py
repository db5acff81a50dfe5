# SPDX-License-Identifier: Apache-2.0
"""Promo codes, and which organisation has redeemed which of them."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField, DateTimeRangeField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from billing.models.ledger import LedgerAccount
from billing.querysets import OwnedQuerySet, PromoCodeQuerySet
from billing.states import PromoState


class PromoCode(models.Model):
    """Credit for whoever knows a code: once an organisation, for so many organisations, within a period.

    The whole budget (``amount`` x ``max_redemptions``) is what one person may or may not release alone.
    """

    public_id = models.CharField(max_length=24, unique=True, default=ids.promo_code_id, editable=False)
    code = models.CharField(
        _("code"),
        max_length=40,
        unique=True,
        validators=[RegexValidator(r"^[A-Z0-9-]{6,40}$", _("Use 6 to 40 capital letters, digits and hyphens."))],
    )
    name = models.CharField(_("name"), max_length=120)
    amount = models.BigIntegerField(_("amount (micro-credits)"))
    max_redemptions = models.PositiveIntegerField(_("organisations at the most"))
    redeemed = models.PositiveIntegerField(_("redeemed"), default=0)
    valid = DateTimeRangeField(_("valid"), default_bounds="[)")
    lot_days = models.PositiveSmallIntegerField(_("days to spend it"))
    sku_codes = ArrayField(models.CharField(max_length=40), default=list, blank=True, verbose_name=_("only for"))
    site_codes = ArrayField(models.CharField(max_length=40), default=list, blank=True, verbose_name=_("only at"))
    programme_codes = ArrayField(
        models.CharField(max_length=40), default=list, blank=True, verbose_name=_("only for programmes")
    )
    min_level = models.PositiveSmallIntegerField(_("only from residency level"), default=0)
    reason = models.TextField(_("reason"))
    state = models.CharField(
        _("state"), max_length=10, choices=[(s, s) for s in PromoState], default=PromoState.PENDING
    )
    requested_by_id = models.BigIntegerField()
    requested_by = models.CharField(_("asked by"), max_length=120)
    requested_at = models.DateTimeField(_("asked"))
    decided_by_id = models.BigIntegerField(null=True)
    decided_by = models.CharField(_("decided by"), max_length=120, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)

    objects = PromoCodeQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-requested_at"]
        verbose_name = _("promo code")
        verbose_name_plural = _("promo codes")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, max_redemptions__gt=0, lot_days__gt=0), name="promo_code_gives_something"
            ),
            models.CheckConstraint(condition=Q(redeemed__lte=F("max_redemptions")), name="promo_code_within_its_cap"),
            models.CheckConstraint(
                condition=Q(valid__isempty=False, valid__startswith__isnull=False, valid__endswith__isnull=False),
                name="promo_code_ends",
            ),
            models.CheckConstraint(
                condition=Q(decided_by_id=None) | ~Q(decided_by_id=F("requested_by_id")),
                name="promo_code_four_eyes",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def budget(self) -> int:
        """Return what all redemptions together may come to, in micro-credits."""
        return self.amount * self.max_redemptions


class PromoRedemption(models.Model):
    """That an organisation redeemed a code, and the lot it got for it. Append-only."""

    promo = models.ForeignKey(PromoCode, on_delete=models.PROTECT, related_name="redemptions")
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    lot = models.OneToOneField(LedgerAccount, on_delete=models.PROTECT, related_name="redemption")
    user_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(_("when"))

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("redemption")
        verbose_name_plural = _("redemptions")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["promo", "organisation"], name="promo_code_once_an_organisation")
        ]

    def __str__(self) -> str:
        return f"{self.promo_id} for {self.organisation_id}"


class PromoTry(models.Model):
    """A code somebody tried a short while ago, right or wrong, so that codes cannot be guessed."""

    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.CASCADE, related_name="+")
    user_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("try of a promo code")
        verbose_name_plural = _("tries of promo codes")
        indexes: ClassVar = [models.Index(fields=["user_id", "at"], name="promo_tries_of_a_person")]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.at}"
