# SPDX-License-Identifier: Apache-2.0
"""Payments, refunds and disputes. Amounts of money are integer cents of a euro, credit is micro-credits."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from aion.money import MICRO_PER_CENT
from billing.purchases.querysets import DisputeQuerySet, PaymentQuerySet, RefundQuerySet
from billing.purchases.states import DisputeState, Method, PaymentKind, PaymentState, RefundState


class ProcessorCustomer(models.Model):
    """An organisation's name at the payment processor."""

    organisation = models.OneToOneField("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    processor_id = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()

    objects = PaymentQuerySet.as_manager()

    def __str__(self) -> str:
        return self.processor_id


class Payment(models.Model):
    """One purchase of credit. Its row is there before the processor is asked, and its id is the key for asking."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.payment_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    kind = models.CharField(max_length=10, choices=[(k, k) for k in PaymentKind])
    method = models.CharField(_("method"), max_length=12, choices=[(m, m) for m in Method])
    state = models.CharField(
        _("state"), max_length=10, choices=[(s, s) for s in PaymentState], default=PaymentState.CREATED
    )
    net_cents = models.BigIntegerField(_("net"))
    vat_cents = models.BigIntegerField(_("VAT"))
    gross_cents = models.BigIntegerField(_("total"))
    vat = models.JSONField(default=dict)
    captured_cents = models.BigIntegerField(_("received"), default=0)
    fee_cents = models.BigIntegerField(_("fee"), null=True)
    session_id = models.CharField(max_length=120, null=True, unique=True)
    intent_id = models.CharField(max_length=64, null=True, unique=True)
    charge_id = models.CharField(max_length=64, null=True, unique=True)
    checkout_url = models.TextField(blank=True)
    saved_method = models.CharField(max_length=64, blank=True)
    problem = models.CharField(_("problem"), max_length=300, blank=True)
    lot = models.OneToOneField("billing.LedgerAccount", null=True, on_delete=models.PROTECT, related_name="payment")
    document = models.ForeignKey(
        "invoicing.Document", null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("invoice")
    )
    payout = models.ForeignKey("purchases.Payout", null=True, on_delete=models.PROTECT, related_name="payments")
    requested_by_id = models.BigIntegerField(null=True)
    requested_by = models.CharField(_("bought by"), max_length=120)
    key = models.CharField(max_length=160, null=True)
    created_at = models.DateTimeField(_("when"))
    paid_at = models.DateTimeField(_("paid"), null=True)
    checked_at = models.DateTimeField(_("looked up"), null=True)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        indexes: ClassVar = [
            models.Index(fields=["organisation", "-id"], name="payment_by_organisation"),
            models.Index(
                fields=["checked_at"],
                condition=Q(state__in=["created", "open", "processing"]),
                name="payment_unsettled",
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(gross_cents=F("net_cents") + F("vat_cents"), net_cents__gt=0, vat_cents__gte=0),
                name="payment_adds_up",
            ),
            models.CheckConstraint(
                condition=~Q(state=PaymentState.PAID)
                | Q(captured_cents=F("gross_cents"), lot__isnull=False, paid_at__isnull=False),
                name="payment_paid_in_full_with_a_lot",
            ),
            models.UniqueConstraint(fields=["organisation", "key"], name="payment_once_per_key"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def microcredits(self) -> int:
        """Return the credit that was bought."""
        return self.net_cents * MICRO_PER_CENT


class Refund(models.Model):
    """Credit that goes back to whoever paid for it, on the way it came."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.refund_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds", verbose_name=_("payment"))
    state = models.CharField(
        _("state"), max_length=10, choices=[(s, s) for s in RefundState], default=RefundState.WAITING
    )
    net_cents = models.BigIntegerField(_("net"))
    gross_cents = models.BigIntegerField(_("total"))
    processor_id = models.CharField(max_length=64, null=True, unique=True)
    found = models.BooleanField(default=False)  # made at the processor's own desk, not here
    reason = models.CharField(_("reason"), max_length=200)
    problem = models.CharField(_("problem"), max_length=300, blank=True)
    document = models.ForeignKey(
        "invoicing.Document", null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("credit note")
    )
    requested_by_id = models.BigIntegerField(null=True)
    requested_by = models.CharField(_("asked by"), max_length=120)
    requested_at = models.DateTimeField(_("asked"))
    decided_by = models.CharField(_("decided by"), max_length=120, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)

    objects = RefundQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(net_cents__gte=0, gross_cents__gt=0, gross_cents__gte=F("net_cents")),
                name="refund_above_zero",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id


class Dispute(models.Model):
    """A bank that takes a payment back, for now or for good."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.dispute_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes", verbose_name=_("payment"))
    processor_id = models.CharField(max_length=64, unique=True)
    state = models.CharField(
        _("state"), max_length=6, choices=[(s, s) for s in DisputeState], default=DisputeState.OPEN
    )
    net_cents = models.BigIntegerField(_("net"))
    gross_cents = models.BigIntegerField(_("total"))
    reason = models.CharField(_("reason"), max_length=60)
    opened_at = models.DateTimeField(_("opened"))
    closed_at = models.DateTimeField(_("closed"), null=True)

    objects = DisputeQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(net_cents__gte=0, gross_cents__gt=0), name="dispute_above_zero"),
        ]

    def __str__(self) -> str:
        return self.public_id
