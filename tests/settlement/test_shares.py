# SPDX-License-Identifier: Apache-2.0
"""A share is agreed by two people for whole months, one at a time, and never changes."""

from datetime import date
from typing import Any

import pytest
from django.db import Error, transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from aion.errors import DomainError, NotFound, Rejected
from billing.errors import FourEyesNeeded
from billing.services.metering import Window
from billing.settlement.errors import ShareNotPossible, SharesOverlap
from billing.settlement.models import ShareAgreement
from billing.settlement.services.agreements import agree_share, propose_share, reject_share
from tests.billing.books import staff
from tests.settlement.scenes import APRIL, FEBRUARY, MARCH, MAY, member, over, settle, share, use
from tests.worlds import NOW, Market, Tenant, make_meter


def ask(market: Market, **changes: Any) -> ShareAgreement:
    given = {"actor": staff(), "organisation": member(market), "share_basis_points": 8_500, "first_month": MARCH,
             "end_month": None, "reason": "agreed", "at": NOW, **changes}  # fmt: skip
    return propose_share(**given)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"share_basis_points": 10_001}, "share"),
        ({"share_basis_points": -1}, "share"),
        ({"first_month": date(2026, 3, 2)}, "first_month"),
        ({"end_month": date(2026, 4, 2)}, "end_month"),
        ({"end_month": MARCH}, "end_month"),
        ({"end_month": FEBRUARY}, "end_month"),
        ({"first_month": date(2206, 3, 1)}, "first_month"),
        ({"reason": " "}, "reason"),
    ],
)
def test_a_share_that_makes_no_sense_is_refused_at_its_field(
    market: Market, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(Rejected) as refused:
        ask(market, **changes)
    assert (refused.value.field, ShareAgreement.objects.count()) == (field, 0)


def test_only_a_member_of_the_consortium_has_a_share(mine: Tenant, market: Market) -> None:
    with pytest.raises(ShareNotPossible):
        ask(market, organisation=mine.organisation)


def test_who_proposed_a_share_cannot_agree_to_it(market: Market) -> None:
    first = staff()
    asked = ask(market, actor=first)
    with pytest.raises(FourEyesNeeded):
        agree_share(actor=first, public_id=asked.public_id, at=NOW)
    agree_share(actor=staff(), public_id=asked.public_id, at=NOW)
    with pytest.raises(NotFound):
        agree_share(actor=staff(), public_id=asked.public_id, at=NOW)


def test_a_later_share_ends_an_open_one_and_no_other_overlap_is_agreed(market: Market) -> None:
    first = share(market, first=FEBRUARY)
    share(market, 9_000, first=APRIL)
    first.refresh_from_db()
    assert first.valid == DateRange(FEBRUARY, APRIL)
    for begins, ends in ((FEBRUARY, None), (MARCH, None), (MARCH, MAY), (APRIL, None)):
        with pytest.raises(SharesOverlap):
            ask(market, first_month=begins, end_month=ends)


def test_two_proposals_for_one_time_are_not_both_agreed(market: Market) -> None:
    one, other = ask(market), ask(market)
    agree_share(actor=staff(), public_id=one.public_id, at=NOW)
    with pytest.raises(SharesOverlap):
        agree_share(actor=staff(), public_id=other.public_id, at=NOW)
    reject_share(actor=staff(), public_id=other.public_id, reason="twice", at=NOW)
    assert sorted(ShareAgreement.objects.values_list("state", flat=True)) == ["approved", "rejected"]


def test_a_share_does_not_begin_in_a_month_that_is_settled(mine: Tenant, market: Market) -> None:
    share(market)
    use(Window(NOW, make_meter(mine, market).pk, 60))
    settle(MARCH)
    with pytest.raises(SharesOverlap, match="settled already"):
        ask(market, first_month=MARCH, at=over(MARCH))
    assert share(market, 9_000, first=APRIL, at=over(MARCH)).state == "approved"


@pytest.mark.parametrize(
    "change",
    [
        {"share_basis_points": 9_999},
        {"valid": DateRange(MARCH, None)},
        {"state": "pending"},
        {"decided_by": "x"},
        {"valid": DateRange(FEBRUARY, date(2026, 4, 15))},
    ],
)
def test_the_database_refuses_to_change_a_share(market: Market, change: dict[str, Any]) -> None:
    share(market)
    with pytest.raises(Error), transaction.atomic():
        ShareAgreement.objects.update(**change)


def test_a_share_that_ended_does_not_end_again(market: Market) -> None:
    share(market, end=MAY)
    with pytest.raises(Error), transaction.atomic():
        ShareAgreement.objects.update(valid=DateRange(FEBRUARY, APRIL))


def test_a_share_is_withdrawn_with_a_reason_only(market: Market) -> None:
    asked = ask(market)
    with pytest.raises(DomainError):
        reject_share(actor=staff(), public_id=asked.public_id, reason="", at=NOW)
    reject_share(actor=staff(), public_id=asked.public_id, reason="a slip", at=NOW)
    with pytest.raises(NotFound):
        agree_share(actor=staff(), public_id=asked.public_id, at=NOW)
