# SPDX-License-Identifier: Apache-2.0
"""Credit goes back where it came from, once, and never what is spent or held."""

from typing import Any

import pytest
from django.conf import settings

from aion.actor import Actor, Scope, Via
from aion.audit.models import AuditEvent
from aion.errors import DomainError, NotFound, Rejected
from billing import queries
from billing.audit import Action
from billing.errors import AlreadyReversed, InvalidAmount, NotReversible, ReclaimNotPossible, RefundNotPossible
from billing.models import LedgerAccount, Transfer
from billing.services.takebacks import most_refundable, reclaim, refund_lot, take_back
from billing.states import Origin
from tests.billing.books import drift
from tests.worlds import MICRO, NOW, Market, Tenant, make_lot, make_meter, make_tenant, make_user


def staff(name: str = "staff") -> Actor:
    return Actor(make_user(f"{name}@aion.example").pk, None, "staff", frozenset(Scope), Via.ADMIN, name)


def refund(lot: LedgerAccount, amount: int, key: str = "k") -> Transfer:
    return refund_lot(actor=staff_of(), public_id=lot.public_id, amount=amount, reason="asked for", key=key, at=NOW)


def staff_of() -> Actor:
    return Actor(1, None, "staff", frozenset(Scope), Via.ADMIN, "staff")


def code_of(act: object) -> str:
    with pytest.raises(DomainError) as refused:
        act()  # type: ignore[operator]
    return refused.value.code


def test_unspent_purchased_credit_is_refunded_once_per_key(mine: Tenant) -> None:
    lot = LedgerAccount.objects.get(organisation=mine.organisation)
    first, again = refund(lot, 400 * MICRO), refund(lot, 400 * MICRO)
    assert (first.pk, first.kind, first.credit_account.kind) == (again.pk, "refund", "funding")
    assert queries.balance(mine.organisation.pk, NOW).available == 600 * MICRO
    assert AuditEvent.objects.filter(action="lot.refunded").count() == 1
    with pytest.raises(RefundNotPossible):
        refund(lot, 300 * MICRO)
    assert drift() == []


def test_a_refund_takes_at_most_what_is_neither_spent_nor_held(mine: Tenant, market: Market) -> None:
    make_meter(mine, market, hold=999 * MICRO)
    lot = LedgerAccount.objects.get(organisation=mine.organisation)
    with pytest.raises(RefundNotPossible):
        refund(lot, MICRO + 1)
    assert refund(lot, MICRO).amount == MICRO
    assert drift() == []


def test_what_was_not_bought_or_has_expired_is_not_refunded(mine: Tenant) -> None:
    granted = make_lot(mine.organisation, 10, origin=Origin.GRANT)
    expired = make_lot(mine.organisation, 10, expires_at=NOW.replace(day=1))
    for lot in (granted, expired):
        with pytest.raises(RefundNotPossible):
            refund(lot, MICRO)
    with pytest.raises(InvalidAmount):
        refund(granted, 0)


def test_a_grant_is_reversed_whole_and_once(mine: Tenant) -> None:
    lot = make_lot(mine.organisation, 10, origin=Origin.GRANT)
    transfer = Transfer.objects.get(credit_account=lot)
    take_back(actor=staff_of(), public_id=transfer.public_id, reason="wrong organisation", at=NOW)
    lot.refresh_from_db()
    assert lot.available == 0
    with pytest.raises(AlreadyReversed):
        take_back(actor=staff_of(), public_id=transfer.public_id, reason="again", at=NOW)
    assert drift() == []


def test_a_grant_that_is_partly_held_is_not_reversed_and_says_what_is_left(market: Market) -> None:
    tenant = make_tenant(credit=10)
    make_meter(tenant, market, hold=4 * MICRO)
    transfer = Transfer.objects.get(organisation=tenant.organisation)
    with pytest.raises(NotReversible, match=r"6\.00 are still there \(4\.00 are held\)"):
        take_back(actor=staff_of(), public_id=transfer.public_id, reason="mistake", at=NOW)


def test_a_grant_that_is_held_to_the_last_micro_credit_has_nothing_left(market: Market) -> None:
    tenant = make_tenant(credit=10)
    make_meter(tenant, market, hold=10 * MICRO)
    transfer = Transfer.objects.get(organisation=tenant.organisation)
    with pytest.raises(NotReversible, match=r"0\.00 are still there \(10\.00 are held\)"):
        take_back(actor=staff_of(), public_id=transfer.public_id, reason="mistake", at=NOW)


def test_above_the_four_eyes_limit_two_people_take_back_together(mine: Tenant) -> None:
    lot = make_lot(mine.organisation, settings.FOUR_EYES_LIMIT_MICROCREDITS // MICRO + 1, origin=Origin.GRANT)
    public_id = Transfer.objects.get(credit_account=lot).public_id
    with pytest.raises(NotReversible, match=r"manage\.py take_back"):
        take_back(actor=staff_of(), public_id=public_id, reason="mistake", at=NOW)
    made = take_back(actor=staff_of(), public_id=public_id, reason="mistake", second="b@aion.example", at=NOW)
    assert AuditEvent.objects.get(subject_id=made.public_id).reason == "mistake (agreed by b@aion.example)"


def test_refunds_of_a_lot_stop_at_the_four_eyes_limit_in_one_part_or_in_many(mine: Tenant) -> None:
    limit = settings.FOUR_EYES_LIMIT_MICROCREDITS
    lot = make_lot(mine.organisation, 10 * limit // MICRO)
    with pytest.raises(RefundNotPossible, match=r"needs a second person.*manage\.py take_back") as refused:
        refund(lot, limit + 1)
    assert refused.value.field == "amount"
    first = refund(lot, limit - MICRO, "first")
    refund(lot, MICRO, "second")
    with pytest.raises(RefundNotPossible, match="counted over all refunds of this lot"):
        refund(lot, 1, "third")
    assert refund(lot, limit - MICRO, "first").pk == first.pk
    lot.refresh_from_db()
    assert lot.available == 9 * limit
    assert refund(make_lot(mine.organisation, 1), MICRO, "another lot").amount == MICRO
    assert drift() == []


def test_usage_is_never_reversed_by_hand(mine: Tenant, market: Market) -> None:
    from billing.services.metering import Window, post_windows

    post_windows(windows=[Window(NOW, make_meter(mine, market).pk, 3600)], source="test", at=NOW)
    usage = Transfer.objects.get(kind="usage")
    with pytest.raises(NotReversible, match="put right by a correction"):
        take_back(actor=staff_of(), public_id=usage.public_id, reason="no", at=NOW)


def reclaim_of(lot: LedgerAccount, amount: int, key: str = "r", **fields: object) -> Transfer:
    return reclaim(actor=staff_of(), public_id=lot.public_id, amount=amount, reason="unused", key=key,
                   **{"at": NOW, **fields})  # type: ignore[arg-type]  # fmt: skip


def test_part_of_a_grant_is_reclaimed_once_per_key_and_never_what_is_held(market: Market) -> None:
    tenant = make_tenant("granted", credit=0)
    lot = make_lot(tenant.organisation, 100, origin=Origin.GRANT)
    make_meter(tenant, market, hold=40 * MICRO)
    assert code_of(lambda: reclaim_of(lot, 60 * MICRO + 1)) == "reclaim_not_possible"
    first, again = reclaim_of(lot, 50 * MICRO), reclaim_of(lot, 50 * MICRO)
    assert (first.pk, first.kind, first.credit_account.kind) == (again.pk, "reclaim", "funding")
    assert code_of(lambda: reclaim_of(lot, 10 * MICRO)) == "reclaim_not_possible"
    assert queries.balance(tenant.organisation.pk, NOW).available == 10 * MICRO
    told = AuditEvent.objects.get(action=Action.LOT_RECLAIMED)
    assert (told.reason, told.changes) == ("unused", {"amount": "50.000000", "transfer": first.public_id})
    assert reclaim_of(lot, 10 * MICRO, "the rest").amount == 10 * MICRO
    with pytest.raises(ReclaimNotPossible, match=r"^0\.00 credits"):
        reclaim_of(lot, 1, "nothing left")
    assert drift() == []


def test_bought_and_expired_credit_is_never_reclaimed(mine: Tenant) -> None:
    bought = LedgerAccount.objects.get(organisation=mine.organisation)
    expired = make_lot(mine.organisation, 10, origin=Origin.GRANT, expires_at=NOW.replace(day=1))
    assert {code_of(lambda lot=lot: reclaim_of(lot, 1)) for lot in (bought, expired)} == {"reclaim_not_possible"}
    assert code_of(lambda: reclaim_of(bought, 0)) == "invalid_amount"


def test_reclaims_above_the_limit_over_a_lots_life_need_a_second_person(mine: Tenant) -> None:
    limit = settings.FOUR_EYES_LIMIT_MICROCREDITS
    lot = make_lot(mine.organisation, 2 * limit // MICRO, origin=Origin.GRANT)
    reclaim_of(lot, limit, "one")
    assert code_of(lambda: reclaim_of(lot, 1, "two")) == "reclaim_not_possible"
    assert reclaim_of(lot, 1, "two", second="second").amount == 1


@pytest.mark.parametrize(
    ("changed", "error", "field"),
    [
        ({"amount": -1}, InvalidAmount, "amount"),
        ({"reason": " "}, Rejected, "reason"),
        ({"key": " "}, Rejected, "key"),
        ({"public_id": "lot_none"}, NotFound, None),
    ],
)
@pytest.mark.parametrize(("act", "origin"), [(refund_lot, Origin.PURCHASE), (reclaim, Origin.GRANT)])
def test_nothing_goes_back_without_amount_reason_key_and_lot(
    mine: Tenant, act: Any, origin: Origin, changed: dict[str, Any], error: type[DomainError], field: str | None
) -> None:
    lot = make_lot(mine.organisation, 10, origin=origin)
    asked = {"public_id": lot.public_id, "amount": MICRO, "reason": "r", "key": "k", **changed}
    with pytest.raises(error) as refused:
        act(actor=staff_of(), at=NOW, **asked)
    assert refused.value.field == field
    lot.refresh_from_db()
    assert lot.available == 10 * MICRO


@pytest.mark.parametrize(("act", "origin"), [(refund_lot, Origin.PURCHASE), (reclaim, Origin.GRANT)])
def test_a_key_takes_back_one_amount_of_one_lot_and_never_another(mine: Tenant, act: Any, origin: Origin) -> None:
    lot, other = make_lot(mine.organisation, 10, origin=origin), make_lot(mine.organisation, 10, origin=origin)

    def take(of: LedgerAccount, amount: int) -> Transfer:
        made: Transfer = act(actor=staff_of(), public_id=of.public_id, amount=amount, reason="r", key="k", at=NOW)
        return made

    assert take(lot, MICRO) == take(lot, MICRO)
    for of, amount in ((lot, MICRO + 1), (other, MICRO)):
        with pytest.raises(DomainError) as refused:
            take(of, amount)
        assert refused.value.field == "key"
    assert drift() == []


def test_a_reversal_needs_a_reason_and_a_transfer(mine: Tenant) -> None:
    public_id = Transfer.objects.get(organisation=mine.organisation).public_id
    with pytest.raises(Rejected) as refused:
        take_back(actor=staff_of(), public_id=public_id, reason=" ", at=NOW)
    assert refused.value.field == "reason"
    with pytest.raises(NotFound):
        take_back(actor=staff_of(), public_id="tr_none", reason="r", at=NOW)
    assert queries.balance(mine.organisation.pk, NOW).available == 1_000 * MICRO


@pytest.mark.parametrize(("act", "origin"), [(refund_lot, Origin.PURCHASE), (reclaim, Origin.GRANT)])
def test_a_lot_goes_back_until_the_second_before_its_end(mine: Tenant, act: Any, origin: Origin) -> None:
    lot = make_lot(mine.organisation, 10, "l" * 120, origin=origin, expires_at=NOW.replace(day=20, hour=0))
    with pytest.raises(DomainError, match="has expired"):
        act(actor=staff_of(), public_id=lot.public_id, amount=MICRO, reason="r", key="k", at=lot.expires_at)
    last = NOW.replace(day=19, hour=23, minute=59, second=59)
    made = act(actor=staff_of(), public_id=lot.public_id, amount=MICRO, reason="r", key="k", at=last)
    assert made.description.endswith(": " + "l" * 120)


def test_what_one_person_may_refund_is_what_is_free_within_the_limit_of_the_lot(mine: Tenant) -> None:
    limit = settings.FOUR_EYES_LIMIT_MICROCREDITS
    small, large = make_lot(mine.organisation, 7), make_lot(mine.organisation, 2 * limit // MICRO)
    assert [most_refundable(small), most_refundable(large)] == [7 * MICRO, limit]
    refund(large, limit, "whole")
    refund(small, 6 * MICRO, "part")
    for lot in (small, large):
        lot.refresh_from_db()
    assert [most_refundable(small), most_refundable(large)] == [MICRO, 0]
