# SPDX-License-Identifier: Apache-2.0
"""Quotes, the numbers of all papers of procurement, and money that came in by bank."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from billing.procurement.querysets import QuoteQuerySet
from billing.procurement.states import BankTransferState, QuoteState, Series
from billing.querysets import OwnedQuerySet


class NumberSeries(models.Model):
    """The last number of one series in one year. Its row is locked by who takes the next, so that none is lost."""

    series = models.CharField(max_length=2, choices=[(s, s) for s in Series])
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["series", "year"], name="one_series_a_year")]

    def __str__(self) -> str:
        return f"{self.series}-{self.year}-{self.last:05d}"


class Quote(models.Model):
    """What an amount of credits costs an organisation until a day. Amounts are integer cents of a euro."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.quote_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    number = models.CharField(_("number"), max_length=20, null=True, unique=True)
    state = models.CharField(_("state"), max_length=10, choices=[(s, s) for s in QuoteState], default=QuoteState.DRAFT)
    credits = models.PositiveBigIntegerField(_("credits"))
    note = models.TextField(_("note"), blank=True)
    price_list = models.JSONField(_("price list"), default=list)
    price_version = models.CharField(_("version of the price book"), max_length=60, blank=True)
    net_cents = models.BigIntegerField()
    vat_cents = models.BigIntegerField(default=0)
    gross_cents = models.BigIntegerField(_("total"))
    vat_category = models.CharField(max_length=2, blank=True)
    vat_rate_basis_points = models.PositiveIntegerField(default=0)
    vat_rule = models.CharField(max_length=40, blank=True)
    requested_by_id = models.BigIntegerField(null=True)
    requested_by = models.CharField(_("asked by"), max_length=120)
    requested_at = models.DateTimeField(_("asked"))
    offered_by = models.CharField(_("offered by"), max_length=120, blank=True)
    offered_at = models.DateTimeField(_("offered"), null=True)
    valid_until = models.DateTimeField(_("valid until"), null=True)
    decided_by = models.CharField(_("decided by"), max_length=120, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True)
    reason = models.CharField(_("reason"), max_length=400, blank=True)
    settled_at = models.DateTimeField(_("paid"), null=True)
    lot = models.OneToOneField("billing.LedgerAccount", null=True, on_delete=models.PROTECT, related_name="+")
    document = models.OneToOneField("invoicing.Document", null=True, on_delete=models.PROTECT, related_name="+")

    objects = QuoteQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-requested_at", "-pk"]
        verbose_name = _("quote")
        verbose_name_plural = _("quotes")
        indexes: ClassVar = [
            models.Index(fields=["organisation", "-requested_at"], name="quote_by_organisation"),
            models.Index(fields=["valid_until"], condition=Q(state=QuoteState.OFFERED), name="open_quotes"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(credits__gt=0, net_cents=F("credits") * 100, vat_cents__gte=0)
                & Q(gross_cents=F("net_cents") + F("vat_cents")),
                name="quote_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[QuoteState.DRAFT, QuoteState.WITHDRAWN])
                | Q(number__isnull=False, offered_at__isnull=False, valid_until__gt=F("offered_at")),
                name="quote_numbered_when_offered",
            ),
            models.CheckConstraint(
                condition=Q(settled_at=None, lot=None, document=None)
                | Q(state=QuoteState.ACCEPTED, settled_at__isnull=False, lot__isnull=False, document__isnull=False),
                name="quote_settled_as_a_whole",
            ),
        ]

    def __str__(self) -> str:
        return self.number or self.public_id

    @property
    def awaits_payment(self) -> bool:
        """Tell whether the quote is accepted and its total has not arrived."""
        return self.state == QuoteState.ACCEPTED and self.settled_at is None


class BankTransfer(models.Model):
    """Money that came in by bank: for a quote, or for the invoice of an attested service. Recorded by staff."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.bank_transfer_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    quote = models.ForeignKey(Quote, null=True, on_delete=models.PROTECT, related_name="transfers")
    attestation = models.ForeignKey(
        "procurement.ServiceAttestation", null=True, on_delete=models.PROTECT, related_name="transfers"
    )
    amount_cents = models.BigIntegerField(_("amount"))
    received_on = models.DateField(_("received"))
    bank_reference = models.CharField(_("bank reference"), max_length=80, unique=True)
    state = models.CharField(
        _("state"), max_length=10, choices=[(s, s) for s in BankTransferState], default=BankTransferState.PENDING
    )
    refusal = models.CharField(_("why it was refused"), max_length=400, blank=True)
    recorded_by_id = models.BigIntegerField()
    recorded_by = models.CharField(_("recorded by"), max_length=120)
    recorded_at = models.DateTimeField(_("recorded"))
    decided_by_id = models.BigIntegerField(null=True)
    decided_by = models.CharField(_("decided by"), max_length=120, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-recorded_at", "-pk"]
        verbose_name = _("bank transfer")
        verbose_name_plural = _("bank transfers")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="bank_transfer_positive"),
            models.CheckConstraint(
                condition=Q(quote__isnull=False, attestation=None) | Q(quote=None, attestation__isnull=False),
                name="bank_transfer_for_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(decided_by_id=None) | ~Q(decided_by_id=F("recorded_by_id")),
                name="bank_transfer_by_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return self.bank_reference
