# SPDX-License-Identifier: Apache-2.0
"""What is for sale."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from marketplace.querysets import OfferQuerySet
from marketplace.states import CapacityClass, OfferState

CLASS_WORDS = (
    (CapacityClass.ON_DEMAND, _("On demand")),
    (CapacityClass.SPOT, _("Spot")),
    (CapacityClass.RESERVED, _("Reserved")),
)
STATE_CHOICES = (
    (OfferState.DRAFT, _("Draft")),
    (OfferState.PROPOSED, _("Proposed")),
    (OfferState.PUBLISHED, _("Published")),
    (OfferState.REJECTED, _("Rejected")),
    (OfferState.WITHDRAWN, _("Withdrawn")),
)


class Offer(models.Model):
    """An operator's pool, sold by the GPU-hour of one SKU."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.offer_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("operator")
    )
    pool = models.ForeignKey("clusters.Pool", on_delete=models.PROTECT, related_name="+", verbose_name=_("pool"))
    sku = models.ForeignKey("billing.Sku", on_delete=models.PROTECT, related_name="+", verbose_name=_("SKU"))
    title = models.CharField(_("title"), max_length=80)
    description = models.CharField(_("description"), max_length=200, blank=True)
    capacity_class = models.CharField(
        _("capacity class"), max_length=12, choices=CLASS_WORDS, default=CapacityClass.ON_DEMAND
    )
    price_book = models.OneToOneField(
        "billing.PriceBook",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("price book"),
    )
    # What the operator asks; approval puts it in force in the offer's own book. Empty: the list price holds.
    own_micro_per_gpu_hour = models.BigIntegerField(_("own price (micro-credits per GPU-hour)"), null=True, blank=True)
    state = models.CharField(_("state"), max_length=12, choices=STATE_CHOICES, default=OfferState.DRAFT)
    proposed_at = models.DateTimeField(_("proposed"), null=True, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decision_reason = models.CharField(_("reason"), max_length=200, blank=True)
    min_milli_gpus = models.PositiveBigIntegerField(_("smallest order (milli-GPUs)"), default=1000)
    max_milli_gpus = models.PositiveBigIntegerField(_("largest order (milli-GPUs)"), default=64_000)
    max_seconds = models.PositiveIntegerField(_("longest run (s)"), default=30 * 86_400)
    position = models.PositiveSmallIntegerField(_("position"), default=100)

    objects = OfferQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["position", "pk"]
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        indexes: ClassVar = [models.Index(fields=["state", "position"], name="offers_by_state")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["pool", "sku", "capacity_class"], name="one_offer_per_pool_sku_and_class"),
            models.CheckConstraint(
                condition=Q(own_micro_per_gpu_hour=None) | Q(own_micro_per_gpu_hour__gt=0), name="offer_price_positive"
            ),
            models.CheckConstraint(
                condition=Q(min_milli_gpus__gt=0, max_milli_gpus__gte=F("min_milli_gpus")), name="offer_sizes"
            ),
        ]

    def __str__(self) -> str:
        return self.title
