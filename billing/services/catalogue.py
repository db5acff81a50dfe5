# SPDX-License-Identifier: Apache-2.0
"""Making SKUs and first prices; doing it twice adds nothing."""

from datetime import datetime

from aion.actor import Actor
from billing.models import Price, PriceBook, Sku
from billing.queries import LIST_BOOK
from billing.services.pricing import end_price, publish_price


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


def put_own_price(
    *, actor: Actor, code: str, name: str, operator_id: int, sku: Sku, micro_per_gpu_hour: int, at: datetime
) -> int:
    """Put an operator's own price in force in the book ``code``, made on first use; return the book's id.

    The price before it ends now, as a version that runs keep; the same amount again changes nothing. Raises Rejected
    where another price is announced.
    """
    book, _ = PriceBook.objects.get_or_create(code=code, defaults={"name": name[:80], "operator_id": operator_id})
    current = Price.objects.in_force_at(at).filter(book=book, sku=sku).first()
    if current is None or current.micro_per_gpu_hour != micro_per_gpu_hour:
        publish_price(actor=actor, book=book, sku=sku, micro_per_gpu_hour=micro_per_gpu_hour, valid_from=at, at=at)
    return int(book.pk)


def announce_own_price(
    *,
    actor: Actor,
    code: str,
    name: str,
    operator_id: int,
    sku: Sku,
    micro_per_gpu_hour: int | None,
    valid_from: datetime,
    at: datetime,
) -> int:
    """Put an operator's own price in force from ``valid_from`` in the book ``code``; return the book's id.

    The price before it ends then; None only ends it, so that the common prices hold from there on. Raises Rejected for
    a date before the last price of the book begins.
    """
    book, _ = PriceBook.objects.get_or_create(code=code, defaults={"name": name[:80], "operator_id": operator_id})
    if micro_per_gpu_hour is None:
        end_price(actor=actor, book=book, sku=sku, ends_at=valid_from, at=at)
    else:
        publish_price(
            actor=actor, book=book, sku=sku, micro_per_gpu_hour=micro_per_gpu_hour, valid_from=valid_from, at=at
        )
    return int(book.pk)


def sku_of(code: str) -> Sku | None:
    """Return the SKU ``code``; a flavour's SKU has the flavour's code."""
    sku: Sku | None = Sku.objects.filter(code=code).first()
    return sku
