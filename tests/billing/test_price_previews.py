# SPDX-License-Identifier: Apache-2.0
"""Before a book is published: what its prices would have changed on last month's real usage, and for whom."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from aion.actor import system
from aion.audit.models import AuditEvent
from aion.errors import NotFound, Rejected
from billing.audit import Action
from billing.errors import FourEyesNeeded
from billing.models import Price, PriceBook, PriceDraft
from billing.queries import price_in_force
from billing.services.catalogue import put_own_price
from billing.services.pricing import (
    Tier,
    discard_draft,
    prepare_prices,
    preview_prices,
    publish_draft,
    publish_price,
)
from tests.billing.books import staff, use_hours
from tests.worlds import LONG_AGO, MICRO, NOW, PRICE, Market, Tenant, make_market

SECOND = timedelta(seconds=1)


def class_book(mine: Tenant) -> PriceBook:
    made: PriceBook = PriceBook.objects.create(code="own", name="Own", audience=mine.organisation.kind)
    return made


def test_a_preview_shows_what_last_months_real_usage_would_have_cost(mine: Tenant, market: Market) -> None:
    use_hours(mine, market, 3, at=datetime(2026, 2, 28, 23, tzinfo=NOW.tzinfo))
    use_hours(mine, market, 2, at=datetime(2026, 2, 1, tzinfo=NOW.tzinfo))
    use_hours(mine, market, 7, at=datetime(2026, 3, 1, tzinfo=NOW.tzinfo))
    use_hours(mine, market, 7, at=datetime(2026, 1, 31, 23, tzinfo=NOW.tzinfo))
    first, second = staff(), staff()
    draft = prepare_prices(
        actor=first,
        book=market.price.book,
        lines={market.sku.code: 3_000_000},
        valid_from=NOW + SECOND,
        reason="cost",
        at=NOW,
    )
    (effect,) = preview_prices(draft=draft, at=NOW)
    assert (effect.before, effect.after, effect.milli_gpu_seconds) == (PRICE, 3_000_000, 5 * 3_600_000)
    assert (effect.charged, effect.would_be, effect.difference) == (5 * PRICE, 15_000_000, 5 * (3_000_000 - PRICE))
    for alone in (first, system("a task")):
        with pytest.raises(FourEyesNeeded):
            publish_draft(actor=alone, public_id=draft.public_id, at=NOW)
    publish_draft(actor=second, public_id=draft.public_id, at=NOW)
    assert price_in_force(sku_id=market.sku.pk, at=NOW + SECOND).micro_per_gpu_hour == 3_000_000
    with pytest.raises(NotFound):
        publish_draft(actor=second, public_id=draft.public_id, at=NOW)


def test_a_preview_counts_only_buyers_of_the_book(mine: Tenant, market: Market) -> None:
    own = class_book(mine)
    publish_price(actor=staff(), book=own, sku=market.sku, micro_per_gpu_hour=2, valid_from=LONG_AGO, at=NOW)
    use_hours(mine, market, 3, at=datetime(2026, 2, 10, tzinfo=NOW.tzinfo))

    def seconds(where: PriceBook) -> int:
        draft = prepare_prices(
            actor=staff(), book=where, lines={market.sku.code: 1}, valid_from=NOW + SECOND, reason="r", at=NOW
        )
        return preview_prices(draft=draft, at=NOW)[0].milli_gpu_seconds

    assert [seconds(own), seconds(market.price.book)] == [3 * 3_600_000, 0]


def test_the_preview_of_the_list_counts_a_class_for_what_its_own_book_does_not_price(
    market: Market, mine: Tenant
) -> None:
    other = make_market()
    own = class_book(mine)
    publish_price(actor=mine.actor(), book=own, sku=other.sku, micro_per_gpu_hour=1, valid_from=NOW.replace(year=2025),
                  at=NOW)  # fmt: skip
    for place in (market, other):
        use_hours(mine, place, 1, at=NOW)
    draft = PriceDraft(book=market.price.book, lines={market.sku.code: 3 * MICRO, other.sku.code: 3 * MICRO})
    effects = preview_prices(draft=draft, at=NOW + timedelta(days=30))
    assert {one.sku: (one.charged, one.would_be) for one in effects} == {
        market.sku: (PRICE, 3 * MICRO), other.sku: (0, 0)
    }  # fmt: skip


def test_the_preview_leaves_out_what_ran_at_an_operators_own_price(market: Market, mine: Tenant) -> None:
    own = put_own_price(
        actor=mine.actor(), code="off_own", name="Own", operator_id=market.site.operator_id, sku=market.sku,
        micro_per_gpu_hour=MICRO, at=NOW - timedelta(days=1),
    )  # fmt: skip
    at_own_price = replace(market, price=Price.objects.get(book=own))
    for place, gpus in ((market, 1), (at_own_price, 5)):
        use_hours(mine, place, gpus, at=NOW)
    later, lines = NOW + timedelta(days=30), {market.sku.code: 3 * MICRO}
    of_class = class_book(mine)
    for book in (market.price.book, of_class):
        (effect,) = preview_prices(draft=PriceDraft(book=book, lines=lines), at=later)
        assert (effect.milli_gpu_seconds, effect.charged, effect.would_be) == (3_600_000, PRICE, 3 * MICRO)


def prepare(market: Market, **changed: Any) -> PriceDraft:
    """Prepare three credits an hour for the list, otherwise than that in what is ``changed``."""
    asked: dict[str, Any] = {
        "actor": staff(), "book": market.price.book, "lines": {market.sku.code: 3 * MICRO},
        "valid_from": NOW + SECOND, "reason": "cost", "at": NOW,
    }  # fmt: skip
    return prepare_prices(**{**asked, **changed})


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"actor": system("a task")}, None),
        ({"reason": " "}, "reason"),
        ({"valid_from": NOW}, "valid_from"),
        ({"valid_from": NOW + timedelta(days=36_500)}, "valid_from"),
        ({"lines": {}}, "lines"),
        ({"lines": {"no-such": 1}}, "lines"),
        ({"tiers": {"no-such": [Tier(1, 1)]}}, "tiers"),
        ({"tiers": {"own": [Tier(1, 3 * MICRO)]}}, "tiers"),
    ],
)
def test_a_draft_that_could_not_hold_is_refused_beside_its_field(
    market: Market, changed: dict[str, Any], field: str | None
) -> None:
    tiers = {code.replace("own", market.sku.code): ladder for code, ladder in changed.get("tiers", {}).items()}
    with pytest.raises(Rejected) as refused:
        prepare(market, **{**changed, "tiers": tiers})
    assert (refused.value.field, PriceDraft.objects.count()) == (field, 0)


@pytest.mark.parametrize("micro", [0, -1])
def test_a_draft_gives_nothing_away(market: Market, micro: int) -> None:
    with pytest.raises(Rejected) as refused:
        prepare(market, lines={market.sku.code: micro})
    assert refused.value.field == "lines"


def test_a_draft_starts_after_every_price_that_is_known(market: Market) -> None:
    publish_price(
        actor=staff(), book=market.price.book, sku=market.sku, micro_per_gpu_hour=1, valid_from=NOW + 2 * SECOND, at=NOW
    )
    for too_soon in (NOW + SECOND, NOW + 2 * SECOND):
        with pytest.raises(Rejected, match=f"A price of {market.sku.code} starts") as refused:
            prepare(market, valid_from=too_soon)
        assert refused.value.field == "valid_from"
    assert prepare(market, valid_from=NOW + 3 * SECOND).lines == {market.sku.code: 3 * MICRO}


def test_a_draft_is_in_the_audit_log_from_its_preparation_to_its_end(market: Market) -> None:
    draft = prepare(market)
    discard_draft(actor=staff(), public_id=draft.public_id, at=NOW)
    told = AuditEvent.objects.filter(subject_id=draft.public_id).order_by("pk")
    assert list(told.values_list("action", "reason", "changes")) == [
        (Action.PRICES_PREPARED, "cost", {"lines": {market.sku.code: 3 * MICRO}}),
        (Action.PRICES_DISCARDED, "", {}),
    ]
    (price,) = publish_draft(actor=staff(), public_id=prepare(market).public_id, at=NOW)
    published = AuditEvent.objects.get(action=Action.PRICE_PUBLISHED, subject_id=str(price.pk))
    assert published.changes == {"sku": market.sku.code, "micro_per_gpu_hour": 3 * MICRO, "tiers": 0}


def test_a_preview_says_where_tiers_end_and_shows_nothing_where_nothing_was_used(market: Market) -> None:
    def ends(**changed: Any) -> bool:
        (effect,) = preview_prices(draft=prepare(market, **changed), at=NOW + 2 * SECOND)
        assert (effect.milli_gpu_seconds, effect.charged, effect.would_be) == (0, 0, 0)
        return effect.ends_tiers

    assert not ends()
    publish_price(
        actor=staff(), book=market.price.book, sku=market.sku, micro_per_gpu_hour=2, valid_from=NOW + SECOND, at=NOW,
        tiers=[Tier(10, 1)],
    )  # fmt: skip
    later = {"valid_from": NOW + 3 * SECOND}
    assert ends(**later)
    assert not ends(**later, tiers={market.sku.code: [Tier(10, 1)]})
