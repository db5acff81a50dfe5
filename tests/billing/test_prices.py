# SPDX-License-Identifier: Apache-2.0
"""What a GPU-hour costs whom: the class before the list, tiers by the month's use, the best promotion, frozen."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import Error, IntegrityError, transaction

from aion.actor import system
from aion.audit.models import AuditEvent
from aion.errors import NotFound, Rejected
from billing import queries
from billing.audit import Action
from billing.errors import NoPriceInForce
from billing.models import Price, PriceBook, PriceDraft, Promotion, Run
from billing.queries import Buyer, PriceInForce, price_in_force
from billing.services.pricing import (
    Tier,
    discard_draft,
    end_price,
    prepare_prices,
    publish_draft,
    publish_price,
)
from marketplace.services.orders import place_order
from tests.billing.books import staff, use_hours
from tests.worlds import LONG_AGO, NOW, PRICE, Market, Tenant, launch

SECOND = timedelta(seconds=1)


def book(code: str, audience: str | None) -> PriceBook:
    made: PriceBook = PriceBook.objects.create(code=code, name=code, audience=audience)
    return made


def publish(where: PriceBook, market: Market, micro: int, *, since: datetime = LONG_AGO, tiers: Any = ()) -> Price:
    return publish_price(
        actor=system("test"),
        book=where,
        sku=market.sku,
        micro_per_gpu_hour=micro,
        valid_from=since,
        at=NOW,
        tiers=tiers,
    )


def asked(market: Market, *, at: datetime = NOW, tenant: Tenant | None = None, audience: str = "") -> PriceInForce:
    organisation = tenant.organisation.pk if tenant else None
    return price_in_force(sku_id=market.sku.pk, at=at, buyer=Buyer(organisation, audience))


def promotion(code: str, off: int, **fields: Any) -> Promotion:
    fields = {"valid": (LONG_AGO, NOW + timedelta(days=90)), **fields}
    made: Promotion = Promotion.objects.create(code=code, name=code, basis_points_off=off, **fields)
    return made


def test_a_class_pays_its_own_book_and_others_the_list(market: Market) -> None:
    own = publish(book("startups", "startup"), market, 2_000_000)
    found = asked(market, audience="startup")
    assert (found.price_id, found.micro_per_gpu_hour, found.book_code, found.list_micro) == (
        own.pk, 2_000_000, "startups", PRICE
    )  # fmt: skip
    for audience in ("public", "member", ""):
        assert asked(market, audience=audience).micro_per_gpu_hour == PRICE


def test_a_class_without_a_price_for_the_gpu_pays_the_list_even_where_it_is_dearer(market: Market) -> None:
    own = book("startups", "startup")
    assert asked(market, audience="startup").book_code == "list"
    publish(own, market, PRICE + 1)
    assert asked(market, audience="startup").micro_per_gpu_hour == PRICE + 1


def test_a_new_price_holds_from_its_instant_on(market: Market) -> None:
    publish(market.price.book, market, 3_000_000, since=NOW)
    assert [asked(market, at=at).micro_per_gpu_hour for at in (NOW - SECOND, NOW)] == [PRICE, 3_000_000]
    with pytest.raises(NoPriceInForce):
        asked(market, at=LONG_AGO - SECOND)


def test_a_tier_counts_from_its_volume_in_the_calendar_month(mine: Tenant, market: Market) -> None:
    since = NOW - timedelta(days=10)
    publish(market.price.book, market, 2_000_000, since=since, tiers=(Tier(3, 1_000_000), Tier(5, 900_000)))
    month = datetime(2026, 3, 1, tzinfo=NOW.tzinfo)

    def pays(at: datetime = NOW) -> tuple[int, int]:
        found = asked(market, tenant=mine, at=at)
        return found.micro_per_gpu_hour, found.tier_from_gpu_hours

    use_hours(mine, market, 50, at=month - timedelta(hours=1))
    assert pays() == (2_000_000, 0)
    use_hours(mine, market, 2, at=month)
    assert pays() == (2_000_000, 0)
    use_hours(mine, market, 1, at=month + timedelta(hours=1))
    assert pays() == (1_000_000, 3)
    use_hours(mine, market, 2, at=month + timedelta(hours=2))
    assert pays() == (900_000, 5)
    assert pays(datetime(2026, 4, 1, tzinfo=NOW.tzinfo)) == (2_000_000, 0)


def test_another_tenants_volume_is_not_mine(mine: Tenant, theirs: Tenant, market: Market) -> None:
    publish(market.price.book, market, 2_000_000, since=NOW - timedelta(days=10), tiers=(Tier(1, 1_000_000),))
    use_hours(theirs, market, 5, at=NOW - timedelta(hours=3))
    assert asked(market, tenant=mine).micro_per_gpu_hour == 2_000_000
    assert asked(market, tenant=theirs).micro_per_gpu_hour == 1_000_000


def test_the_best_promotion_counts_and_they_never_add_up(market: Market) -> None:
    promotion("ten", 1_000)
    promotion("twenty", 2_000)
    promotion("other-gpu", 9_000, sku_codes=["mi300x"])
    promotion("members", 5_000, audiences=["member"])
    promotion("over", 8_000, valid=(LONG_AGO, NOW))
    promotion("to-come", 8_000, valid=(NOW + SECOND, NOW + timedelta(days=1)))
    found = asked(market, audience="startup")
    assert (found.micro_per_gpu_hour, found.promotion_code) == (PRICE * 8 // 10, "twenty")
    assert asked(market, audience="member").micro_per_gpu_hour == PRICE // 2


def test_a_promotion_rounds_up_and_takes_from_the_tier(mine: Tenant, market: Market) -> None:
    publish(market.price.book, market, 1_000_003, since=NOW - timedelta(days=10), tiers=(Tier(1, 999_999),))
    use_hours(mine, market, 1, at=NOW - timedelta(hours=3))
    promotion("third", 3_333, sku_codes=[market.sku.code])
    found = asked(market, tenant=mine)
    assert found.micro_per_gpu_hour == -(-999_999 * 6_667 // 10_000)
    assert (found.tier_from_gpu_hours, found.promotion_code) == (1, "third")


def test_a_run_keeps_the_price_it_started_with(mine: Tenant, market: Market) -> None:
    promotion("half", 5_000, valid=(LONG_AGO, NOW + timedelta(hours=1)))
    order = place_order(actor=mine.actor(), request=launch(mine, market, gpus=1, hours=2), at=NOW)
    publish(market.price.book, market, 9_000_000, since=NOW + timedelta(minutes=5))
    run = Run.objects.get(workload_ref=order.workload.public_id)
    assert (run.price_id, run.micro_per_gpu_hour) == (market.price.pk, PRICE // 2)
    assert order.amount == PRICE
    assert asked(market, at=NOW + timedelta(hours=1)).micro_per_gpu_hour == 9_000_000


def test_prices_of_many_gpus_take_a_constant_number_of_queries(
    market: Market, mine: Tenant, django_assert_num_queries: Any
) -> None:
    publish(market.price.book, market, 2_000_000, since=NOW - timedelta(days=10), tiers=(Tier(1, 1_000_000),))
    with django_assert_num_queries(3):
        found = queries.prices_in_force(
            sku_ids=[market.sku.pk, -1], at=NOW, buyer=Buyer(mine.organisation.pk, "startup")
        )
    assert list(found) == [market.sku.pk]


@pytest.mark.parametrize(
    "tiers",
    [
        (Tier(0, 1),),
        (Tier(1, PRICE),),
        (Tier(1, 0),),
        (Tier(1, 10), Tier(1, 9)),
        (Tier(1, 10), Tier(2, 10)),
    ],
)
def test_a_tier_that_is_no_discount_is_refused(market: Market, tiers: tuple[Tier, ...]) -> None:
    with pytest.raises(Rejected) as refused:
        publish(market.price.book, market, PRICE, since=NOW, tiers=tiers)
    assert refused.value.field == "tiers"
    assert Price.objects.count() == 1


@pytest.mark.parametrize(("micro", "since", "field"), [(0, NOW, "micro_per_gpu_hour"), (1, LONG_AGO, "valid_from")])
def test_a_price_of_nothing_or_before_the_one_in_force_is_refused(
    market: Market, micro: int, since: datetime, field: str
) -> None:
    with pytest.raises(Rejected) as refused:
        publish(market.price.book, market, micro, since=since)
    assert refused.value.field == field


def test_the_database_refuses_to_change_a_price_or_to_reopen_one(market: Market) -> None:
    publish(market.price.book, market, 1, since=NOW)
    ended = Price.objects.get(pk=market.price.pk)
    for change in ({"valid": (LONG_AGO, None)}, {"micro_per_gpu_hour": 1}, {"valid": (LONG_AGO, NOW - SECOND)}):
        with pytest.raises(Error), transaction.atomic():
            Price.objects.filter(pk=ended.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        Promotion.objects.create(code="all", name="All", valid=(LONG_AGO, NOW), basis_points_off=9_001)


def test_a_late_or_discarded_draft_publishes_nothing(market: Market) -> None:
    late, thrown = (
        prepare_prices(
            actor=staff(),
            book=market.price.book,
            lines={market.sku.code: 5},
            valid_from=NOW + SECOND,
            reason="r",
            at=NOW,
        )
        for _ in range(2)
    )
    discard_draft(actor=staff(), public_id=thrown.public_id, at=NOW)
    with pytest.raises(NotFound):
        publish_draft(actor=staff(), public_id=thrown.public_id, at=NOW)
    with pytest.raises(Rejected) as refused:
        publish_draft(actor=staff(), public_id=late.public_id, at=NOW + SECOND)
    assert refused.value.field == "valid_from"
    assert (Price.objects.count(), PriceDraft.objects.filter(state="draft").count()) == (1, 1)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"valid_from": NOW}, "valid_from"),
        ({"lines": {}}, "lines"),
        ({"lines": {"unknown": 5}}, "lines"),
    ],
)
def test_a_draft_that_cannot_hold_is_refused(market: Market, change: dict[str, Any], field: str) -> None:
    fields = {"lines": {market.sku.code: 5}, "valid_from": NOW + SECOND, "reason": "r", **change}
    with pytest.raises(Rejected) as refused:
        prepare_prices(actor=staff(), book=market.price.book, at=NOW, **fields)
    assert refused.value.field == field


@pytest.mark.parametrize("micro", [0, -1])
def test_a_price_of_nothing_is_refused(market: Market, micro: int) -> None:
    lines = {market.sku.code: micro}
    with pytest.raises(Rejected, match="above zero"):
        prepare_prices(actor=staff(), book=market.price.book, at=NOW, lines=lines, valid_from=NOW + SECOND, reason="r")


def test_a_price_ends_without_another_and_runs_keep_it(mine: Tenant, market: Market) -> None:
    where = market.price.book
    for too_soon in (LONG_AGO - SECOND, LONG_AGO):
        with pytest.raises(Rejected) as refused:
            end_price(actor=staff(), book=where, sku=market.sku, ends_at=too_soon, at=NOW)
        assert refused.value.field == "valid_from"
    end_price(actor=staff(), book=where, sku=market.sku, ends_at=NOW, at=NOW)
    assert asked(market, at=NOW - SECOND).micro_per_gpu_hour == PRICE
    with pytest.raises(NoPriceInForce):
        asked(market, at=NOW)
    told = AuditEvent.objects.get(action=Action.PRICE_ENDED)
    assert (told.subject_id, told.changes) == (str(market.price.pk), {"ends_at": str(NOW)})
    end_price(actor=staff(), book=where, sku=market.sku, ends_at=NOW + SECOND, at=NOW)
    assert Price.objects.get(pk=market.price.pk).valid.upper == NOW
