# SPDX-License-Identifier: Apache-2.0
"""Framework agreements with purchase orders, their lots, and the dated rules of the law on them."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from billing.procurement.querysets import AgreementQuerySet, RuleQuerySet
from billing.procurement.states import AgreementState
from billing.querysets import OwnedQuerySet


class AgreementRule(models.Model):
    """How long a framework agreement may run at the most, by the law in force on the day it begins."""

    valid_from = models.DateField(_("from"))
    valid_until = models.DateField(_("until"), null=True, blank=True, help_text=_("Excluded; empty while it holds."))
    max_months = models.PositiveSmallIntegerField(_("longest duration (months)"))
    source = models.CharField(_("source"), max_length=200)

    objects = RuleQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-valid_from"]
        verbose_name = _("rule on agreements")
        verbose_name_plural = _("rules on agreements")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["valid_from"], name="one_agreement_rule_a_day"),
            models.CheckConstraint(condition=Q(max_months__gt=0) & ~Q(source=""), name="agreement_rule_has_a_source"),
        ]

    def __str__(self) -> str:
        return self.source


class FrameworkAgreement(models.Model):
    """An accord-cadre à bons de commande: prices fixed beforehand, a maximum, a first and a last day.

    ``ordered_cents`` is kept by a trigger from the orders; the check below refuses more than the maximum, whoever asks.
    """

    public_id = models.CharField(max_length=24, unique=True, default=ids.agreement_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("buyer")
    )
    number = models.CharField(_("number"), max_length=20, unique=True)
    reference = models.CharField(_("the buyer's reference"), max_length=80, blank=True)
    title = models.CharField(_("title"), max_length=160)
    state = models.CharField(
        _("state"), max_length=10, choices=[(s, s) for s in AgreementState], default=AgreementState.DRAFT
    )
    maximum_cents = models.BigIntegerField(_("maximum"))
    ordered_cents = models.BigIntegerField(_("ordered"), default=0, editable=False)
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    price_list = models.JSONField(_("price schedule"), default=list)
    price_version = models.CharField(_("version of the price book"), max_length=60, blank=True)
    revision_rule = models.TextField(_("price revision"), blank=True)
    drafted_by_id = models.BigIntegerField()
    drafted_by = models.CharField(_("drafted by"), max_length=120)
    drafted_at = models.DateTimeField(_("drafted"))
    decided_by_id = models.BigIntegerField(null=True)
    decided_by = models.CharField(_("decided by"), max_length=120, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    reason = models.CharField(_("reason"), max_length=400, blank=True)

    objects = AgreementQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-drafted_at", "-pk"]
        verbose_name = _("framework agreement")
        verbose_name_plural = _("framework agreements")
        indexes: ClassVar = [models.Index(fields=["organisation", "-drafted_at"], name="agreement_by_organisation")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(maximum_cents__gt=0), name="agreement_has_a_maximum"),
            models.CheckConstraint(
                condition=Q(ordered_cents__gte=0, ordered_cents__lte=F("maximum_cents")),
                name="agreement_within_its_maximum",
            ),
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="agreement_ends_after_it_starts"),
            models.CheckConstraint(
                condition=~Q(state=AgreementState.ACTIVE)
                | (Q(decided_by_id__isnull=False) & ~Q(decided_by_id=F("drafted_by_id"))),
                name="agreement_by_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"


class AgreementLot(models.Model):
    """A part of an agreement with a maximum of its own."""

    agreement = models.ForeignKey(FrameworkAgreement, on_delete=models.PROTECT, related_name="lots")
    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    code = models.CharField(_("lot"), max_length=20)
    title = models.CharField(_("title"), max_length=160)
    maximum_cents = models.BigIntegerField(_("maximum"))
    ordered_cents = models.BigIntegerField(_("ordered"), default=0, editable=False)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        verbose_name = _("lot of an agreement")
        verbose_name_plural = _("lots of agreements")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["agreement", "code"], name="one_agreement_lot_a_code"),
            models.CheckConstraint(condition=Q(maximum_cents__gt=0), name="agreement_lot_has_a_maximum"),
            models.CheckConstraint(
                condition=Q(ordered_cents__gte=0, ordered_cents__lte=F("maximum_cents")),
                name="agreement_lot_within_its_maximum",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.title}"
