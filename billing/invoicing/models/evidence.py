# SPDX-License-Identifier: Apache-2.0
"""Why a sale was taxed as it was: answers of VIES, and the facts of each decision. Append-only."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from aion.tenancy.querysets import OwnedQuerySet
from billing.invoicing.models.documents import Document
from billing.invoicing.querysets import ViesQuerySet
from billing.invoicing.states import NumberState


class ViesAnswer(models.Model):
    """What VIES said of a number, and when. The latest answer counts for thirty days."""

    number = models.CharField(_("VAT number"), max_length=20)
    state = models.CharField(_("state"), max_length=12, choices=[(s, s) for s in NumberState])
    consultation = models.CharField(_("consultation number"), max_length=40, blank=True)
    name = models.CharField(_("name"), max_length=200, blank=True)
    source = models.CharField(_("asked of"), max_length=20)
    detail = models.CharField(_("detail"), max_length=200, blank=True)
    asked_at = models.DateTimeField(_("asked"))

    objects = ViesQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-asked_at", "-pk"]
        verbose_name = _("VIES answer")
        verbose_name_plural = _("VIES answers")
        indexes: ClassVar = [models.Index(fields=["number", "-asked_at"], name="vies_latest")]

    def __str__(self) -> str:
        return f"{self.number}: {self.state}"


class VatEvidence(models.Model):
    """The facts that a document's VAT was decided on."""

    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    document = models.OneToOneField(
        Document, on_delete=models.PROTECT, related_name="evidence", verbose_name=_("invoice")
    )
    decided_at = models.DateTimeField(_("decided"))
    country = models.CharField(_("country"), max_length=16)
    place = models.CharField(_("place"), max_length=10)
    buyer = models.CharField(_("buyer"), max_length=10)
    vat_number = models.CharField(_("VAT number"), max_length=20, blank=True)
    number_check = models.CharField(_("number offline"), max_length=200)
    number_state = models.CharField(_("number"), max_length=12, choices=[(s, s) for s in NumberState])
    vies = models.ForeignKey(ViesAnswer, null=True, on_delete=models.PROTECT, related_name="+", verbose_name="VIES")
    rule = models.CharField(_("rule"), max_length=40)
    rate_basis_points = models.PositiveIntegerField(_("rate"))
    address = models.CharField(_("address"), max_length=300)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("evidence of VAT")
        verbose_name_plural = _("evidence of VAT")

    def __str__(self) -> str:
        return f"{self.document_id}: {self.rule}"
