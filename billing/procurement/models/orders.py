# SPDX-License-Identifier: Apache-2.0
"""Cost centres, purchase orders charged to them, and what the buyer attests of their use."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from billing.procurement.models.agreements import AgreementLot, FrameworkAgreement
from billing.procurement.querysets import OrderQuerySet
from billing.procurement.states import OrderState
from billing.querysets import OwnedQuerySet


class CostCentre(models.Model):
    """A budget line of an organisation. What its orders commit counts for every centre above it as well.

    ``committed_cents`` is kept by a trigger; no order passes the hard cap, and one above the soft cap needs approval.
    """

    public_id = models.CharField(max_length=24, unique=True, default=ids.cost_centre_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    code = models.CharField(_("code"), max_length=40)
    name = models.CharField(_("name"), max_length=120)
    depth = models.PositiveSmallIntegerField(default=0)
    soft_cap_cents = models.BigIntegerField(_("soft cap"), null=True, blank=True)
    hard_cap_cents = models.BigIntegerField(_("hard cap"), null=True, blank=True)
    committed_cents = models.BigIntegerField(_("committed"), default=0, editable=False)
    closed_at = models.DateTimeField(_("closed"), null=True)
    created_at = models.DateTimeField(_("created"))

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = _("cost centre")
        verbose_name_plural = _("cost centres")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organisation", "code"], name="one_cost_centre_a_code"),
            models.CheckConstraint(condition=Q(depth__lte=5), name="cost_centre_tree_is_small"),
            models.CheckConstraint(
                condition=Q(soft_cap_cents=None) | Q(soft_cap_cents__gt=0), name="cost_centre_soft_cap_positive"
            ),
            models.CheckConstraint(
                condition=Q(hard_cap_cents=None) | Q(hard_cap_cents__gt=0), name="cost_centre_hard_cap_positive"
            ),
            models.CheckConstraint(
                condition=Q(soft_cap_cents=None) | Q(hard_cap_cents=None) | Q(soft_cap_cents__lte=F("hard_cap_cents")),
                name="cost_centre_soft_below_hard",
            ),
            models.CheckConstraint(
                condition=Q(committed_cents__gte=0)
                & (Q(hard_cap_cents=None) | Q(committed_cents__lte=F("hard_cap_cents"))),
                name="cost_centre_within_hard_cap",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class BuyerRequirement(models.Model):
    """What a public body wants to read on an invoice, by its SIRET; from the directory of Chorus Pro."""

    siret = models.CharField(_("SIRET"), max_length=14, unique=True)
    name = models.CharField(_("name"), max_length=160)
    needs_service_code = models.BooleanField(_("needs the service code (BT-10)"), default=False)
    needs_engagement = models.BooleanField(_("needs the engagement number (BT-13)"), default=False)
    source = models.CharField(_("source"), max_length=200)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = _("requirement of a public body")
        verbose_name_plural = _("requirements of public bodies")

    def __str__(self) -> str:
        return f"{self.name} ({self.siret})"


class PurchaseOrder(models.Model):
    """A bon de commande: once accepted, its credits are a lot that is drawn against. Amounts are net cents."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.purchase_order_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("buyer")
    )
    agreement = models.ForeignKey(
        FrameworkAgreement, null=True, on_delete=models.PROTECT, related_name="orders", verbose_name=_("agreement")
    )
    agreement_lot = models.ForeignKey(
        AgreementLot, null=True, on_delete=models.PROTECT, related_name="orders", verbose_name=_("lot of the agreement")
    )
    cost_centre = models.ForeignKey(
        CostCentre, null=True, on_delete=models.PROTECT, related_name="orders", verbose_name=_("cost centre")
    )
    number = models.CharField(_("number"), max_length=20, unique=True)
    key = models.CharField(max_length=160, null=True, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=[(s, s) for s in OrderState])
    amount_cents = models.BigIntegerField(_("amount"))
    attested_cents = models.BigIntegerField(_("attested"), default=0, editable=False)
    engagement_number = models.CharField(_("engagement number (BT-13)"), max_length=50, blank=True)
    service_code = models.CharField(_("service code (BT-10)"), max_length=100, blank=True)
    siret = models.CharField(_("SIRET"), max_length=14, blank=True)
    budget_line = models.CharField(_("budget line"), max_length=80, blank=True)
    contract_reference = models.CharField(_("contract reference"), max_length=80, blank=True)
    placed_on = models.DateField(_("ordered"))
    expires_on = models.DateField(_("last day to use it"), null=True)
    placed_by_id = models.BigIntegerField(null=True)
    placed_by = models.CharField(_("placed by"), max_length=120)
    placed_at = models.DateTimeField(_("placed"))
    by_staff = models.BooleanField(_("entered by staff"), default=False)
    approved_by_id = models.BigIntegerField(null=True)
    approved_by = models.CharField(_("approved by"), max_length=120, blank=True)
    approved_at = models.DateTimeField(_("approved"), null=True)
    first_by_id = models.BigIntegerField(null=True)
    first_by = models.CharField(_("acceptance proposed by"), max_length=120, blank=True)
    accepted_by_id = models.BigIntegerField(null=True)
    accepted_by = models.CharField(_("accepted by"), max_length=120, blank=True)
    accepted_at = models.DateTimeField(_("accepted"), null=True)
    cancel_first_by_id = models.BigIntegerField(null=True)
    cancel_first_by = models.CharField(_("cancellation proposed by"), max_length=120, blank=True)
    closed_by = models.CharField(_("refused or cancelled by"), max_length=120, blank=True)
    closed_at = models.DateTimeField(_("refused or cancelled"), null=True)
    reason = models.CharField(_("reason"), max_length=400, blank=True)
    told_percent = models.PositiveSmallIntegerField(default=0, editable=False)
    lot = models.OneToOneField("billing.LedgerAccount", null=True, on_delete=models.PROTECT, related_name="+")

    objects = OrderQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-placed_at", "-pk"]
        verbose_name = _("purchase order")
        verbose_name_plural = _("purchase orders")
        indexes: ClassVar = [models.Index(fields=["organisation", "-placed_at"], name="po_by_organisation")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="po_positive"),
            models.CheckConstraint(
                condition=Q(attested_cents__gte=0, attested_cents__lte=F("amount_cents")),
                name="po_not_over_attested",
            ),
            models.UniqueConstraint(fields=["organisation", "key"], name="po_placed_once"),
            models.CheckConstraint(
                condition=Q(agreement_lot=None) | Q(agreement__isnull=False), name="po_lot_of_an_agreement"
            ),
            models.CheckConstraint(
                condition=~Q(state=OrderState.ACCEPTED) | Q(lot__isnull=False, accepted_at__isnull=False),
                name="po_accepted_has_its_lot",
            ),
            models.CheckConstraint(
                condition=Q(approved_by_id=None) | Q(placed_by_id=None) | ~Q(approved_by_id=F("placed_by_id")),
                name="po_approved_by_another",
            ),
            models.CheckConstraint(
                condition=Q(accepted_by_id=None) | Q(first_by_id=None) | ~Q(accepted_by_id=F("first_by_id")),
                name="po_accepted_by_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return self.number


class ServiceAttestation(models.Model):
    """The service fait: the buyer says that so much was delivered. It is a fact and asks for an invoice of so much."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.attestation_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("buyer")
    )
    order = models.ForeignKey(
        PurchaseOrder, on_delete=models.PROTECT, related_name="attestations", verbose_name=_("purchase order")
    )
    key = models.CharField(max_length=160, null=True, editable=False)
    period_first = models.DateField(_("from"))
    period_last = models.DateField(_("to"))
    amount_cents = models.BigIntegerField(_("amount"))
    attested_by_id = models.BigIntegerField(null=True)
    attested_by = models.CharField(_("attested by"), max_length=120)
    attested_at = models.DateTimeField(_("attested"))
    document = models.OneToOneField("invoicing.Document", on_delete=models.PROTECT, related_name="+")

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("attested service")
        verbose_name_plural = _("attested services")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="attestation_positive"),
            models.CheckConstraint(condition=Q(period_last__gte=F("period_first")), name="attestation_period"),
            models.UniqueConstraint(fields=["order", "key"], name="attested_once"),
        ]

    def __str__(self) -> str:
        return self.public_id
