# SPDX-License-Identifier: Apache-2.0
"""Publishing prices."""

from datetime import datetime

from django.db import transaction

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import Rejected
from billing.audit import Action
from billing.models import Price, PriceBook, Sku


@transaction.atomic
def publish_price(
    *, actor: Actor, book: PriceBook, sku: Sku, micro_per_gpu_hour: int, valid_from: datetime, at: datetime
) -> Price:
    """Put a price in force from ``valid_from``; the open one before it ends there.

    Raises Rejected for a price of 0 or less, or a start before the price in force.
    """
    if micro_per_gpu_hour <= 0:
        raise Rejected("A price must be above zero.", field="micro_per_gpu_hour")
    current = Price.objects.select_for_update().filter(book=book, sku=sku, valid__endswith__isnull=True).first()
    if current is not None:
        if valid_from <= current.valid.lower:
            raise Rejected("A new price must start after the one in force.", field="valid_from")
        Price.objects.filter(pk=current.pk).update(valid=(current.valid.lower, valid_from))
    price = Price.objects.create(book=book, sku=sku, valid=(valid_from, None), micro_per_gpu_hour=micro_per_gpu_hour)
    audit.record(
        actor=actor,
        action=Action.PRICE_PUBLISHED,
        subject=price,
        at=at,
        changes={"sku": sku.code, "micro_per_gpu_hour": micro_per_gpu_hour},
    )
    return price
