# SPDX-License-Identifier: Apache-2.0
"""Invoices and credit notes: wanted, checked, numbered, and from then on unchangeable."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from billing.invoicing.querysets import DocumentQuerySet
from billing.invoicing.states import DocumentState, DocumentType, Process, VatCategory


class Document(models.Model):
    """One invoice or credit note. Amounts are integer cents of a euro."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.document_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    key = models.CharField(max_length=160, unique=True, editable=False)
    type = models.CharField(_("type"), max_length=3, choices=[(t, t) for t in DocumentType])
    process = models.CharField(max_length=2, choices=[(p, p) for p in Process])
    state = models.CharField(
        _("state"), max_length=8, choices=[(s, s) for s in DocumentState], default=DocumentState.DRAFT
    )
    number = models.CharField(_("number"), max_length=35, null=True, unique=True)
    corrects = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="corrections")
    references = models.JSONField(default=dict)
    seller = models.JSONField(default=dict)
    buyer = models.JSONField(default=dict)
    vat_category = models.CharField(max_length=2, choices=[(c, c) for c in VatCategory])
    vat_rate_basis_points = models.PositiveIntegerField()
    vat_rule = models.CharField(max_length=40)
    exemption_code = models.CharField(max_length=30, blank=True)
    mentions = models.JSONField(default=list)
    net_cents = models.BigIntegerField()
    vat_cents = models.BigIntegerField()
    gross_cents = models.BigIntegerField(_("total"))
    paid_cents = models.BigIntegerField(default=0)
    period_first = models.DateField(null=True)
    period_last = models.DateField(null=True)
    refusal = models.JSONField(default=list)
    requested_at = models.DateTimeField(_("wanted"))
    issued_at = models.DateTimeField(_("issued"), null=True)
    due_on = models.DateField(_("due"), null=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(gross_cents=F("net_cents") + F("vat_cents"), net_cents__gte=0, vat_cents__gte=0),
                name="document_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(paid_cents__gte=0, paid_cents__lte=F("gross_cents")), name="document_not_overpaid"
            ),
            models.CheckConstraint(
                condition=Q(state=DocumentState.ISSUED, number__isnull=False, issued_at__isnull=False)
                | (~Q(state=DocumentState.ISSUED) & Q(number__isnull=True, issued_at__isnull=True)),
                name="document_numbered_when_issued",
            ),
        ]

    def __str__(self) -> str:
        return self.number or self.public_id


class DocumentLine(models.Model):
    """One position of a document."""

    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=200)
    description = models.CharField(max_length=500, blank=True)
    quantity_milli = models.BigIntegerField()
    unit = models.CharField(max_length=3)
    unit_price_micro = models.BigIntegerField()
    net_cents = models.BigIntegerField()

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["document", "position"], name="document_line_once"),
        ]

    def __str__(self) -> str:
        return self.name
