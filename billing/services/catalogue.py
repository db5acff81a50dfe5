# SPDX-License-Identifier: Apache-2.0
"""Making SKUs and first prices; doing it twice adds nothing."""

from datetime import datetime

from aion.actor import Actor
from billing.models import Price, PriceBook, Sku
from billing.queries import LIST_BOOK
from billing.services.pricing import publish_price


def ensure_sku(*, code: str, name: str, accelerator: str) -> Sku:
    """Return the SKU ``code``, made on first use."""
    sku, _ = Sku.objects.get_or_create(code=code, defaults={"name": name, "accelerator": accelerator})
    return sku


def ensure_price(*, actor: Actor, sku: Sku, micro_per_gpu_hour: int, valid_from: datetime) -> Price:
    """Return the SKU's open list price, published on first use."""
    book, _ = PriceBook.objects.get_or_create(code=LIST_BOOK, defaults={"name": "List prices"})
    price: Price | None = Price.objects.filter(book=book, sku=sku, valid__endswith__isnull=True).first()
    return price or publish_price(
        actor=actor,
        book=book,
        sku=sku,
        micro_per_gpu_hour=micro_per_gpu_hour,
        valid_from=valid_from,
        at=valid_from,
    )
