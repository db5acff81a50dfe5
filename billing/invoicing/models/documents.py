# SPDX-License-Identifier: Apache-2.0
"""Invoices and credit notes: wanted, checked, numbered, and from then on unchangeable."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from billing.invoicing.querysets import DocumentQuerySet
from billing.invoicing.states import DocumentState, DocumentType, FileKind, Process, Stage, VatCategory

TYPES = [
    (DocumentType.INVOICE, _("Invoice")),
    (DocumentType.CREDIT_NOTE, _("Credit note")),
    (DocumentType.CORRECTED, _("Corrected invoice")),
    (DocumentType.ADVANCE, _("Advance invoice")),
]
PROCESSES = [
    (Process.TO_PAY, _("to be paid")),
    (Process.PAID, _("paid already")),
    (Process.AFTER_ADVANCE, _("final, after an advance")),
]
STATES = [
    (DocumentState.DRAFT, _("Draft")),
    (DocumentState.REFUSED, _("Refused")),
    (DocumentState.ISSUED, _("Issued")),
]
CATEGORIES = [
    (VatCategory.STANDARD, _("at a rate")),
    (VatCategory.REVERSE_CHARGE, _("reverse charge")),
    (VatCategory.OUT_OF_SCOPE, _("outside the scope of French VAT")),
]


class NumberSeries(models.Model):
    """The last number taken of a series in a year. Whoever takes the next one holds this row until the commit."""

    series = models.CharField(max_length=12)
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)
    last_issued_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["series", "year"], name="one_counter_of_a_series")]

    def __str__(self) -> str:
        return f"{self.series}-{self.year}: {self.last}"


class Document(models.Model):
    """One invoice or credit note. Amounts are integer cents of a euro."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.document_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    key = models.CharField(max_length=160, unique=True, editable=False)
    type = models.CharField(_("type"), max_length=3, choices=TYPES)
    process = models.CharField(_("process"), max_length=2, choices=PROCESSES)
    state = models.CharField(_("state"), max_length=8, choices=STATES, default=DocumentState.DRAFT)
    series = models.CharField(max_length=12, default="AION")
    year = models.PositiveSmallIntegerField(null=True)
    sequence = models.PositiveIntegerField(null=True)
    number = models.CharField(_("number"), max_length=35, null=True, unique=True)
    corrects = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="corrections", verbose_name=_("preceding invoice")
    )
    references = models.JSONField(_("references"), default=dict)
    seller = models.JSONField(_("seller"), default=dict)
    buyer = models.JSONField(_("buyer"), default=dict)
    vat_category = models.CharField(_("VAT category"), max_length=2, choices=CATEGORIES)
    vat_rate_basis_points = models.PositiveIntegerField(_("VAT rate"))
    vat_rule = models.CharField(_("VAT rule"), max_length=40)
    exemption_code = models.CharField(_("exemption code"), max_length=30, blank=True)
    mentions = models.JSONField(_("mentions"), default=list)
    notes = models.JSONField(_("texts"), default=list)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    net_cents = models.BigIntegerField(_("net"))
    vat_cents = models.BigIntegerField(_("VAT"))
    gross_cents = models.BigIntegerField(_("total"))
    paid_cents = models.BigIntegerField(_("paid"), default=0)
    period_first = models.DateField(_("first day"), null=True)
    period_last = models.DateField(_("last day"), null=True)
    refusal = models.JSONField(_("refused because"), default=list)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True)
    last_error = models.CharField(_("last error"), max_length=300, blank=True)
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
            models.CheckConstraint(
                condition=Q(number__isnull=True, year__isnull=True, sequence__isnull=True)
                | Q(number__isnull=False, year__isnull=False, sequence__isnull=False),
                name="document_number_has_its_parts",
            ),
            models.CheckConstraint(
                condition=~Q(type__in=[DocumentType.CREDIT_NOTE, DocumentType.CORRECTED]) | Q(corrects__isnull=False),
                name="document_names_what_it_corrects",
            ),
            models.UniqueConstraint(fields=["series", "year", "sequence"], name="document_sequence_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organisation", "-issued_at"], name="documents_of_an_organisation"),
            models.Index(
                fields=["requested_at"], condition=~Q(state=DocumentState.ISSUED), name="documents_not_issued"
            ),
        ]

    def __str__(self) -> str:
        return self.number or self.public_id

    @property
    def due_cents(self) -> int:
        """Return what is left to pay (BT-115)."""
        return self.gross_cents - self.paid_cents

    @property
    def sign(self) -> int:
        """Return -1 where the amounts go back to the buyer."""
        return -1 if self.type == DocumentType.CREDIT_NOTE else 1


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


class DocumentFile(models.Model):
    """An issued document in one of its forms, byte for byte as it left the house."""

    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="files", verbose_name=_("invoice"))
    kind = models.CharField(_("form"), max_length=12, choices=[(k, k) for k in FileKind])
    content = models.BinaryField()
    size = models.PositiveIntegerField(_("bytes"))
    sha256 = models.CharField("SHA-256", max_length=64)
    created_at = models.DateTimeField(_("written"))

    class Meta:
        ordering: ClassVar = ["kind"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["document", "kind"], name="document_file_once")]

    def __str__(self) -> str:
        return f"{self.document_id} {self.kind}"


class DocumentCheck(models.Model):
    """What the rules said of a document at one stage, and which of them were waived and why. Append-only."""

    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="checks", verbose_name=_("invoice"))
    stage = models.CharField(_("stage"), max_length=6, choices=[(s, s) for s in Stage])
    passed = models.BooleanField(_("passed"))
    report = models.JSONField(_("report"), default=list)
    checked_at = models.DateTimeField(_("checked"))

    class Meta:
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return f"{self.document_id} {self.stage}"
