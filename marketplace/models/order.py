# SPDX-License-Identifier: Apache-2.0
"""A customer's request for an offer: the commercial facts of one workload. Append-only."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from marketplace.querysets import OrderQuerySet


class Order(models.Model):
    """One order, one hold, one workload; the customer sees the workload's life only."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.order_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    project = models.ForeignKey("tenancy.Project", on_delete=models.PROTECT, related_name="+")
    offer = models.ForeignKey("marketplace.Offer", on_delete=models.PROTECT, related_name="orders")
    workload = models.OneToOneField("clusters.Workload", on_delete=models.PROTECT, related_name="+")
    hold_id = models.BigIntegerField(unique=True, null=True)  # none where a reservation pays
    milli_gpus = models.PositiveBigIntegerField()
    max_seconds = models.PositiveIntegerField()
    amount = models.BigIntegerField(_("worst case (micro-credits)"))
    idempotency_key = models.CharField(max_length=120, null=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    placed_at = models.DateTimeField(_("placed"))

    objects = OrderQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-placed_at", "-pk"]
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organisation", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="order_once_per_key",
            )
        ]

    def __str__(self) -> str:
        return self.public_id
