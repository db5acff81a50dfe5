# SPDX-License-Identifier: Apache-2.0
"""First prices and operators' own: doing it twice adds nothing, and a price before ends as a version."""

from datetime import timedelta
from typing import Any

import pytest

from billing.models import Price, PriceBook, Sku
from billing.services import catalogue
from tests.billing.books import staff
from tests.worlds import NOW, Market

DAY = timedelta(days=1)


def own(market: Market, micro: int, at: Any = NOW) -> int:
    return catalogue.put_own_price(
        actor=staff(), code="off_own", name="n" * 90, operator_id=market.site.operator_id, sku=market.sku,
        micro_per_gpu_hour=micro, at=at,
    )  # fmt: skip


def announce(market: Market, micro: int | None, *, valid_from: Any) -> int:
    return catalogue.announce_own_price(
        actor=staff(), code="off_own", name="n" * 90, operator_id=market.site.operator_id, sku=market.sku,
        micro_per_gpu_hour=micro, valid_from=valid_from, at=NOW,
    )  # fmt: skip


def versions(book: int) -> list[tuple[int, Any, Any]]:
    rows = Price.objects.filter(book=book).order_by("pk")
    return [(row.micro_per_gpu_hour, row.valid.lower, row.valid.upper) for row in rows]


def test_a_sku_and_its_first_list_price_are_made_once(db: None) -> None:
    actor = staff()
    first, again = (
        catalogue.ensure_sku(code="x100", name=name, accelerator="gpu") for name in ("X100", "another name")
    )
    assert (again.pk, again.name, Sku.objects.filter(code="x100").count()) == (first.pk, "X100", 1)
    price = catalogue.ensure_price(actor=actor, sku=first, micro_per_gpu_hour=5, valid_from=NOW)
    assert catalogue.ensure_price(actor=actor, sku=first, micro_per_gpu_hour=6, valid_from=NOW + DAY) == price
    assert (price.micro_per_gpu_hour, price.book.code, price.book.name) == (5, "list", "List prices")
    assert catalogue.sku_of("x100") == first
    assert catalogue.sku_of("none") is None


def test_an_own_price_is_in_force_at_once_and_the_same_amount_again_changes_nothing(market: Market) -> None:
    book = own(market, 5)
    assert own(market, 5, NOW + DAY) == book
    assert versions(book) == [(5, NOW, None)]
    own(market, 6, NOW + 2 * DAY)
    assert versions(book) == [(5, NOW, NOW + 2 * DAY), (6, NOW + 2 * DAY, None)]
    assert PriceBook.objects.get(pk=book).name == "n" * 80


def test_an_announced_price_follows_the_one_before_from_its_day_on(market: Market) -> None:
    book = own(market, 5)
    assert announce(market, 7, valid_from=NOW + DAY) == book
    assert versions(book) == [(5, NOW, NOW + DAY), (7, NOW + DAY, None)]


@pytest.mark.parametrize("first", [True, False])
def test_no_announced_price_ends_the_one_before_and_leaves_the_common_prices(market: Market, first: bool) -> None:
    if first:
        own(market, 5)
    book = announce(market, 7, valid_from=NOW + DAY)
    announce(market, None, valid_from=NOW + 2 * DAY)
    assert versions(book)[-1] == (7, NOW + DAY, NOW + 2 * DAY)
    assert PriceBook.objects.get(pk=book).name == "n" * 80
