# SPDX-License-Identifier: Apache-2.0
"""A promotion is announced, ended early or withdrawn before it begins; nothing else of it ever changes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from aion.audit.models import AuditEvent
from aion.errors import NotFound, Rejected
from billing.audit import Action
from billing.errors import PromotionNotPossible
from billing.models import Promotion
from billing.services.promotions import (
    MAX_BASIS_POINTS,
    PromotionWish,
    create_promotion,
    end_promotion,
    withdraw_promotion,
)
from tests.billing.books import staff
from tests.worlds import NOW, Market

START, END = NOW + timedelta(days=1), NOW + timedelta(days=11)
SPRING = PromotionWish("spring", "Spring", START, END, 1_000)
SECOND = timedelta(seconds=1)


@pytest.fixture
def spring(db: None) -> Promotion:
    return create_promotion(actor=staff(), wish=SPRING, at=NOW)


def told(action: Action) -> tuple[str, Any]:
    """Return reason and changes of the one entry of the audit log about ``action``."""
    event = AuditEvent.objects.get(action=action)
    return event.reason, event.changes


def test_a_promotion_is_what_was_announced(market: Market) -> None:
    wish = replace(SPRING, sku_codes=[market.sku.code], audiences=["startup"])
    kept = Promotion.objects.get(pk=create_promotion(actor=staff(), wish=wish, at=NOW).pk)
    assert (kept.code, kept.name, kept.basis_points_off, kept.sku_codes, kept.audiences) == (
        "spring", "Spring", 1_000, [market.sku.code], ["startup"],
    )  # fmt: skip
    assert (kept.valid.lower, kept.valid.upper) == (START, END)
    assert told(Action.PROMOTION_CREATED) == ("", {"basis_points_off": 1_000, "valid": [str(START), str(END)]})


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"starts_at": NOW - SECOND}, "starts_at"),
        ({"starts_at": NOW + timedelta(days=36_500), "ends_at": NOW + timedelta(days=36_501)}, "starts_at"),
        ({"ends_at": NOW + timedelta(days=36_500)}, "ends_at"),
        ({"ends_at": START}, "ends_at"),
        ({"basis_points_off": 0}, "basis_points_off"),
        ({"basis_points_off": MAX_BASIS_POINTS + 1}, "basis_points_off"),
        ({"sku_codes": ["no-such"]}, "sku_codes"),
    ],
)
def test_a_promotion_that_could_not_be_is_refused_beside_its_field(db: None, changed: Any, field: str) -> None:
    with pytest.raises(Rejected) as refused:
        create_promotion(actor=staff(), wish=replace(SPRING, **changed), at=NOW)
    assert refused.value.field == field
    assert Promotion.objects.count() == 0


@pytest.mark.parametrize("changed", [{"starts_at": NOW}, {"basis_points_off": 1}, {"basis_points_off": 9_000}])
def test_a_promotion_may_begin_now_and_take_from_a_hundredth_to_ninety_per_cent(db: None, changed: Any) -> None:
    create_promotion(actor=staff(), wish=replace(SPRING, **changed), at=NOW)
    assert Promotion.objects.count() == 1


def test_a_code_is_used_once_and_the_refusal_leaves_the_first_as_it_was(spring: Promotion) -> None:
    with pytest.raises(Rejected) as refused:
        create_promotion(actor=staff(), wish=replace(SPRING, basis_points_off=2_000), at=NOW)
    assert refused.value.field == "code"
    assert [one.basis_points_off for one in Promotion.objects.all()] == [1_000]


@pytest.mark.parametrize(
    ("at", "ends_at"), [(NOW, START + SECOND), (START + SECOND, START + SECOND), (START + 2 * SECOND, END - SECOND)]
)
def test_a_promotion_may_end_earlier_from_the_present_moment_on(spring: Promotion, at: Any, ends_at: Any) -> None:
    ended = end_promotion(actor=staff(), code="spring", ends_at=ends_at, reason="sold out", at=at)
    kept = Promotion.objects.get(pk=spring.pk)
    assert (ended.valid.upper, kept.valid.lower, kept.valid.upper) == (ends_at, START, ends_at)
    assert told(Action.PROMOTION_ENDED) == ("sold out", {"ends_at": [str(END), str(ends_at)]})


@pytest.mark.parametrize(
    ("at", "ends_at"),
    [(NOW, START), (NOW, START - SECOND), (START + 2 * SECOND, START + SECOND), (NOW, END), (NOW, END + SECOND)],
)
def test_a_promotion_never_ends_before_it_begins_nor_in_the_past_nor_later(
    spring: Promotion, at: Any, ends_at: Any
) -> None:
    with pytest.raises(PromotionNotPossible) as refused:
        end_promotion(actor=staff(), code="spring", ends_at=ends_at, reason="r", at=at)
    assert refused.value.field == "ends_at"
    assert Promotion.objects.get(pk=spring.pk).valid.upper == END


def test_a_promotion_is_withdrawn_until_it_begins_and_never_after(spring: Promotion) -> None:
    with pytest.raises(PromotionNotPossible):
        withdraw_promotion(actor=staff(), code="spring", reason="r", at=START)
    assert Promotion.objects.count() == 1
    withdraw_promotion(actor=staff(), code="spring", reason="wrong price", at=START - SECOND)
    assert Promotion.objects.count() == 0
    assert told(Action.PROMOTION_WITHDRAWN) == ("wrong price", {})


def test_ending_and_withdrawing_need_a_reason_and_a_promotion(spring: Promotion) -> None:
    for code, reason, error in (("spring", " ", Rejected), ("no-such", "r", NotFound)):
        with pytest.raises(error):
            end_promotion(actor=staff(), code=code, ends_at=END - SECOND, reason=reason, at=NOW)
        with pytest.raises(error):
            withdraw_promotion(actor=staff(), code=code, reason=reason, at=NOW)
    assert Promotion.objects.get(pk=spring.pk).valid.upper == END
