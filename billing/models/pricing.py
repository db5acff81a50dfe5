# SPDX-License-Identifier: Apache-2.0
"""What can be metered, and what it costs when."""

from typing import ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.querysets import PriceQuerySet


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
    """A dated set of prices."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)

    class Meta:
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
