# SPDX-License-Identifier: Apache-2.0
"""What the law says, as dated rows: where which rate holds, how a sale is taxed, what must be written, who sells."""

from typing import ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateRangeField, RangeOperators
from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from billing.invoicing.querysets import LawQuerySet
from billing.invoicing.states import BuyerKind, Place, VatCategory

# A boolean has no operator class of btree_gist in every PostgreSQL that is supported; an integer says the same.
NEEDS = Cast("needs_number", models.IntegerField())
SAME, OVER = RangeOperators.EQUAL, RangeOperators.OVERLAPS
PLACES = [
    (Place.HOME, _("France")),
    (Place.EU, _("another member state")),
    (Place.MONACO, _("Monaco")),
    (Place.DOM, _("Guadeloupe, Martinique, Réunion")),
    (Place.DOM_NONE, _("Guyane, Mayotte")),
    (Place.OUTSIDE, _("outside the Union's VAT area")),
]
BUYERS = [
    (BuyerKind.ANY, _("any buyer")),
    (BuyerKind.BUSINESS, _("business")),
    (BuyerKind.PUBLIC, _("public body")),
    (BuyerKind.CONSUMER, _("consumer")),
]


class Dated(models.Model):
    """A row of law: from when until when it holds, where that is written, and who entered it."""

    valid = DateRangeField(_("valid"))
    source = models.CharField(_("source"), max_length=300)
    note = models.CharField(_("note"), max_length=500, blank=True)
    recorded_by = models.CharField(_("recorded by"), max_length=120, default="migration")

    objects = LawQuerySet.as_manager()

    class Meta:
        abstract = True


class VatRate(Dated):
    """A territory: where it is for VAT, and its standard rate. A territory without a row is outside the VAT area."""

    territory = models.CharField(_("territory"), max_length=16)
    place = models.CharField(_("place"), max_length=10, choices=PLACES)
    rate_basis_points = models.PositiveIntegerField(_("standard rate (hundredths of a per cent)"))

    class Meta:
        ordering: ClassVar = ["territory", "-valid"]
        verbose_name = _("VAT rate")
        verbose_name_plural = _("VAT rates")
        constraints: ClassVar = [
            ExclusionConstraint(name="one_vat_rate_in_force", expressions=[("territory", SAME), ("valid", OVER)]),
            models.CheckConstraint(condition=Q(rate_basis_points__lte=10_000), name="vat_rate_is_a_share"),
        ]

    def __str__(self) -> str:
        return f"{self.territory} {self.rate_basis_points / 100:g} %"


class VatRule(Dated):
    """How a sale to one kind of buyer in one place is taxed. A rate of NULL is the standard rate of that place.

    ``waived`` names rules of the French set that cannot hold for such a document, with the reason in ``note``.
    """

    code = models.SlugField(_("code"), max_length=40)
    place = models.CharField(_("place"), max_length=10, choices=PLACES)
    buyer = models.CharField(_("buyer"), max_length=10, choices=BUYERS, default=BuyerKind.ANY)
    needs_number = models.BooleanField(_("needs a confirmed VAT number"), default=False)
    category = models.CharField(_("category"), max_length=2, choices=[(c, c) for c in VatCategory])
    rate_basis_points = models.PositiveIntegerField(_("rate (hundredths of a per cent)"), null=True, blank=True)
    exemption_code = models.CharField(_("exemption code"), max_length=30, blank=True)
    mentions = ArrayField(models.SlugField(max_length=40), verbose_name=_("mentions"), default=list, blank=True)
    waived = ArrayField(
        models.CharField(max_length=20), verbose_name=_("rules that cannot hold"), default=list, blank=True
    )

    class Meta:
        ordering: ClassVar = ["place", "code", "-valid"]
        verbose_name = _("VAT rule")
        verbose_name_plural = _("VAT rules")
        constraints: ClassVar = [
            ExclusionConstraint(name="one_vat_rule_of_a_code", expressions=[("code", SAME), ("valid", OVER)]),
            ExclusionConstraint(
                name="one_vat_rule_of_a_case",
                expressions=[("place", SAME), ("buyer", SAME), (NEEDS, SAME), ("valid", OVER)],
            ),
            models.CheckConstraint(
                condition=Q(category=VatCategory.STANDARD, exemption_code="")
                | (~Q(category=VatCategory.STANDARD) & ~Q(exemption_code="") & Q(rate_basis_points=0)),
                name="vat_rule_exempts_with_a_code",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Mention(Dated):
    """A text that must stand on documents, in French and in English; ``subject`` is its code in UNTDID 4451."""

    code = models.SlugField(_("code"), max_length=40)
    subject = models.CharField(_("subject code"), max_length=3, blank=True)
    always = models.BooleanField(_("on every document"), default=False)
    text_fr = models.CharField(_("French"), max_length=500)
    text_en = models.CharField(_("English"), max_length=500)

    class Meta:
        ordering: ClassVar = ["code", "-valid"]
        verbose_name = _("mention")
        verbose_name_plural = _("mentions")
        constraints: ClassVar = [
            ExclusionConstraint(name="one_mention_in_force", expressions=[("code", SAME), ("valid", OVER)]),
        ]

    def __str__(self) -> str:
        return self.code


class Seller(Dated):
    """Who sells: name, numbers, address and account as they stand on documents of that time."""

    legal_name = models.CharField(_("legal name"), max_length=160)
    legal_form = models.CharField(_("form and capital"), max_length=160)
    siren = models.CharField(max_length=9)
    siret = models.CharField(max_length=14)
    vat_number = models.CharField(_("VAT number"), max_length=20)
    address = models.CharField(_("address"), max_length=120)
    postcode = models.CharField(_("postcode"), max_length=10)
    city = models.CharField(_("city"), max_length=60)
    country = models.CharField(_("country"), max_length=2)
    email = models.EmailField(_("e-mail address"))
    iban = models.CharField("IBAN", max_length=34)
    bic = models.CharField("BIC", max_length=11)
    payment_days = models.PositiveSmallIntegerField(_("days to pay"), default=30)

    class Meta:
        ordering: ClassVar = ["-valid"]
        verbose_name = _("seller")
        verbose_name_plural = _("sellers")
        constraints: ClassVar = [ExclusionConstraint(name="one_seller_in_force", expressions=[("valid", OVER)])]

    def __str__(self) -> str:
        return self.legal_name
