# SPDX-License-Identifier: Apache-2.0
"""What can be metered, and what it costs whom and when."""

from typing import ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from aion.tenancy.models import OrganisationKind
from billing.querysets import PriceQuerySet, PromotionQuerySet
from billing.states import DraftState


class Sku(models.Model):
    """A meterable thing: one GPU-hour of one kind of accelerator."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)
    accelerator = models.CharField(_("accelerator"), max_length=40)

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = _("SKU")
        verbose_name_plural = _("SKUs")

    def __str__(self) -> str:
        return self.code


class PriceBook(models.Model):
    """A dated set of prices: the list, or what one class of organisations pays where it differs from the list."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)
    audience = models.CharField(
        _("for"),
        max_length=16,
        choices=OrganisationKind.choices,
        null=True,
        blank=True,
        unique=True,
        help_text=_("Empty for the list, which holds where a class has no price of its own."),
    )

    operator = models.ForeignKey(
        "tenancy.Organisation",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("operator"),
        help_text=_("Whose own prices these are; they hold for one offer and come before the list."),
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(audience=None) | Q(operator=None), name="book_for_class_or_operator")
        ]
        ordering: ClassVar = ["code"]
        verbose_name = _("price book")
        verbose_name_plural = _("price books")

    def __str__(self) -> str:
        return self.name


class Price(models.Model):
    """An amount per GPU-hour over a half-open period. The database refuses two at one time, and any change."""

    book = models.ForeignKey(PriceBook, on_delete=models.PROTECT, related_name="prices")
    sku = models.ForeignKey(Sku, on_delete=models.PROTECT, related_name="prices")
    valid = DateTimeRangeField(_("valid"), default_bounds="[)")
    micro_per_gpu_hour = models.BigIntegerField(_("micro-credits per GPU-hour"))

    objects = PriceQuerySet.as_manager()

    class Meta:
        verbose_name = _("price")
        verbose_name_plural = _("prices")
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(micro_per_gpu_hour__gt=0), name="price_positive"),
            models.CheckConstraint(
                condition=models.Q(valid__isempty=False, valid__startswith__isnull=False, valid__lower_inc=True)
                & models.Q(valid__upper_inc=False),
                name="price_half_open",
            ),
            ExclusionConstraint(
                name="one_price_in_force",
                expressions=[
                    ("book", RangeOperators.EQUAL),
                    ("sku", RangeOperators.EQUAL),
                    ("valid", RangeOperators.OVERLAPS),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sku_id}: {self.micro_per_gpu_hour}"


class PriceTier(models.Model):
    """A lower amount from a volume on: the GPU-hours that the organisation used of the SKU in the calendar month."""

    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="tiers")
    from_gpu_hours = models.PositiveIntegerField(_("from GPU-hours a month"))
    micro_per_gpu_hour = models.BigIntegerField(_("micro-credits per GPU-hour"))

    class Meta:
        ordering: ClassVar = ["from_gpu_hours"]
        verbose_name = _("volume tier")
        verbose_name_plural = _("volume tiers")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["price", "from_gpu_hours"], name="one_tier_per_volume"),
            models.CheckConstraint(condition=Q(micro_per_gpu_hour__gt=0, from_gpu_hours__gt=0), name="tier_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.from_gpu_hours} h: {self.micro_per_gpu_hour}"


class Promotion(models.Model):
    """A share off every price it covers, for launches in a half-open period. The best one counts; they never add up."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)
    valid = DateTimeRangeField(_("valid"), default_bounds="[)")
    basis_points_off = models.PositiveSmallIntegerField(
        _("off (hundredths of a per cent)"), help_text=_("1,000 is ten per cent.")
    )
    sku_codes = ArrayField(models.CharField(max_length=40), default=list, blank=True, verbose_name=_("only for SKUs"))
    audiences = ArrayField(
        models.CharField(max_length=16, choices=OrganisationKind.choices),
        default=list,
        blank=True,
        verbose_name=_("only for kinds of organisation"),
    )

    objects = PromotionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = _("promotion")
        verbose_name_plural = _("promotions")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(basis_points_off__gte=1, basis_points_off__lte=9_000), name="promotion_share"
            ),
            models.CheckConstraint(
                condition=Q(valid__isempty=False, valid__startswith__isnull=False, valid__endswith__isnull=False),
                name="promotion_ends",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PriceDraft(models.Model):
    """Prices that staff prepare for a book: previewed on last month's usage, then published by a second person."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.draft_id, editable=False)
    book = models.ForeignKey(PriceBook, on_delete=models.PROTECT, related_name="drafts", verbose_name=_("price book"))
    valid_from = models.DateTimeField(_("valid from"))
    lines = models.JSONField(_("prices"), default=dict)
    tiers = models.JSONField(_("volume tiers"), default=dict)
    reason = models.TextField(_("reason"))
    state = models.CharField(_("state"), max_length=10, choices=[(s, s) for s in DraftState], default=DraftState.DRAFT)
    created_by_id = models.BigIntegerField()
    created_by = models.CharField(_("prepared by"), max_length=120)
    created_at = models.DateTimeField(_("prepared"))
    decided_by = models.CharField(_("decided by"), max_length=120, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        verbose_name = _("price draft")
        verbose_name_plural = _("price drafts")

    def __str__(self) -> str:
        return f"{self.book} ({self.public_id})"
