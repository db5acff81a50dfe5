# SPDX-License-Identifier: Apache-2.0
"""What is for sale."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from marketplace.querysets import OfferQuerySet
from marketplace.states import OfferState


class Offer(models.Model):
    """An operator's pool, sold by the GPU-hour of one SKU."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.offer_id, editable=False)
    pool = models.ForeignKey("clusters.Pool", on_delete=models.PROTECT, related_name="+", verbose_name=_("pool"))
    sku = models.ForeignKey("billing.Sku", on_delete=models.PROTECT, related_name="+", verbose_name=_("SKU"))
    title = models.CharField(_("title"), max_length=80)
    description = models.CharField(_("description"), max_length=200, blank=True)
    state = models.CharField(_("state"), max_length=12, choices=[(s, s) for s in OfferState], default=OfferState.DRAFT)
    min_milli_gpus = models.PositiveBigIntegerField(_("smallest order (milli-GPUs)"), default=1000)
    max_milli_gpus = models.PositiveBigIntegerField(_("largest order (milli-GPUs)"), default=64_000)
    max_seconds = models.PositiveIntegerField(_("longest run (s)"), default=30 * 86_400)
    position = models.PositiveSmallIntegerField(_("position"), default=100)

    objects = OfferQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["position", "pk"]
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["pool", "sku"], name="one_offer_per_pool_and_sku"),
            models.CheckConstraint(
                condition=Q(min_milli_gpus__gt=0, max_milli_gpus__gte=F("min_milli_gpus")), name="offer_sizes"
            ),
        ]

    def __str__(self) -> str:
        return self.title
