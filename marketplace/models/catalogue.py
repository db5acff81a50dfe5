# SPDX-License-Identifier: Apache-2.0
"""What is for sale."""

from datetime import datetime
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
    # From ``announced_from`` on this is the own price, and empty is the list price: readers compare the time, so that
    # nothing has to happen at that moment.
    announced_micro_per_gpu_hour = models.BigIntegerField(
        _("announced price (micro-credits per GPU-hour)"), null=True, blank=True
    )
    announced_from = models.DateTimeField(_("announced from"), null=True, blank=True)
    storage_class = models.CharField(_("storage class"), max_length=60, blank=True, help_text=_("Empty: the pool's."))
    local_disk_gib = models.PositiveIntegerField(
        _("local disk (GiB) a node"), null=True, blank=True, help_text=_("Empty: the flavour's.")
    )
    state = models.CharField(_("state"), max_length=12, choices=STATE_CHOICES, default=OfferState.DRAFT)
    proposed_by_id = models.BigIntegerField(null=True, editable=False)
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
                condition=Q(announced_micro_per_gpu_hour=None)
                | Q(announced_micro_per_gpu_hour__gt=0, announced_from__isnull=False),
                name="announced_price_has_a_date",
            ),
            models.CheckConstraint(
                condition=Q(min_milli_gpus__gt=0, max_milli_gpus__gte=F("min_milli_gpus")), name="offer_sizes"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def own_at(self, at: datetime) -> int | None:
        """Return its own price at ``at`` in micro-credits per GPU-hour; None where the list price holds."""
        if self.announced_from is not None and self.announced_from <= at:
            return self.announced_micro_per_gpu_hour
        return self.own_micro_per_gpu_hour

    def is_announced(self, at: datetime) -> bool:
        """Tell whether another price is announced for later than ``at``."""
        return self.announced_from is not None and self.announced_from > at

    @property
    def storage(self) -> str:
        """Return the storage class: its own, or else the pool's."""
        return str(self.storage_class or self.pool.storage_class)

    @property
    def disk_gib(self) -> int:
        """Return the local disk of a node in GiB: as the offer says, or else as its flavour does."""
        return int(self.pool.flavour.local_disk_gib if self.local_disk_gib is None else self.local_disk_gib)
