# SPDX-License-Identifier: Apache-2.0
"""Prices and promotions as staff make them: seen before they hold, published by a second person."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from aion.audit.models import AuditEvent
from billing.models import Price, PriceDraft, Promotion
from billing.services.promotions import PromotionWish, create_promotion
from tests.billing.staffing import SOON, address, press, split
from tests.worlds import MICRO, NOW, Market, make_tenant


def prepare(client: Client, market: Market, price: str = "3.00", tiers: str = "", **data: Any) -> Any:
    given = {**split("valid_from", SOON), "reason": "costs", f"price_{market.sku.pk}": price,
             f"tiers_{market.sku.pk}": tiers, **data}  # fmt: skip
    return client.post(f"{address('pricedraft', 'add')}?book={market.price.book_id}", given)


def test_new_prices_are_prepared_seen_and_published_by_a_second_person(
    first: Client, second: Client, market: Market
) -> None:
    form = first.get(f"{address('pricedraft', 'add')}?book={market.price.book_id}").content.decode()
    assert "2.49" in form
    assert prepare(first, market, "3.00", "1000: 2.80; 5000: 2.60").status_code == 302
    draft = PriceDraft.objects.get()
    page = first.get(address("pricedraft", "change", draft.pk))
    assert page.context["tables"][0]["rows"][0][1:3] == ["2.49", "3.00"]
    assert "must publish them" in press(first, "pricedraft", "publish", draft.pk)[0]
    assert press(second, "pricedraft", "publish", draft.pk) == [f"{draft}: published"]
    price = Price.objects.in_force_at(SOON).get(sku=market.sku)
    tiers = list(price.tiers.values_list("from_gpu_hours", "micro_per_gpu_hour"))
    assert (price.micro_per_gpu_hour, tiers) == (3 * MICRO, [(1000, 2_800_000), (5000, 2_600_000)])
    assert Price.objects.in_force_at(SOON - timedelta(seconds=1)).get(sku=market.sku) == market.price


@pytest.mark.parametrize(
    ("price", "tiers", "field"),
    [("", "", None), ("3.00", "cheap", "tiers"), ("3.00", "1000: 3.50", "tiers"), ("-1", "", "price")],
)
def test_wrong_prices_come_back_with_what_is_wrong(
    first: Client, market: Market, price: str, tiers: str, field: str | None
) -> None:
    answer = prepare(first, market, price, tiers)
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [f"{field}_{market.sku.pk}" if field else "__all__"]
    assert PriceDraft.objects.count() == 0


def test_a_draft_is_discarded_and_never_published_after(first: Client, second: Client, market: Market) -> None:
    prepare(first, market)
    draft = PriceDraft.objects.get()
    press(first, "pricedraft", "discard", draft.pk)
    assert PriceDraft.objects.get().state == "discarded"
    assert "No such draft" in press(second, "pricedraft", "publish", draft.pk)[0]


def promote(client: Client, **data: Any) -> Any:
    given = {"code": "spring", "name": "Spring", **split("starts_at", SOON),
             **split("ends_at", SOON + timedelta(days=10)), "per_cent": "12.5", **data}  # fmt: skip
    return client.post(address("promotion", "add"), given)


def test_a_promotion_is_announced_once_and_withdrawn_before_it_begins(first: Client, market: Market) -> None:
    assert promote(first, only_skus=[market.sku.pk]).status_code == 302
    promotion = Promotion.objects.get()
    assert (promotion.basis_points_off, promotion.sku_codes) == (1_250, [market.sku.code])
    assert promote(first, ends_at_0="2020-01-01", code="x").context["adminform"].form.errors["ends_at"]
    assert promote(first).status_code == 200
    press(first, "promotion", "withdraw", promotion.pk, reason="too early")
    assert (Promotion.objects.count(), AuditEvent.objects.filter(action="promotion.withdrawn").count()) == (0, 1)


def test_a_promotion_that_has_begun_only_ends_earlier(first: Client, db: None) -> None:
    start = NOW - timedelta(days=365)
    wish = PromotionWish("spring", "Spring", start, SOON, 1_000)
    promotion = create_promotion(actor=make_tenant().actor(), wish=wish, at=start)
    assert "has begun" in press(first, "promotion", "withdraw", promotion.pk, reason="x")[0]
    assert "lies after" in press(first, "promotion", "end", promotion.pk, reason="x", **split("ends_at", start))[0]
    new_end = SOON - timedelta(days=20)
    press(first, "promotion", "end", promotion.pk, reason="sold out", **split("ends_at", new_end))
    promotion.refresh_from_db()
    assert promotion.valid.upper == new_end
    for change in ({"valid": (start, SOON)}, {"basis_points_off": 2_000}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Promotion.objects.update(**change)
