# SPDX-License-Identifier: Apache-2.0
"""Credit goes back where it came from, once, and never what is spent or held."""

import pytest
from django.conf import settings

from aion.actor import Actor, Scope, Via
from aion.audit.models import AuditEvent
from aion.errors import DomainError
from billing import queries
from billing.errors import AlreadyReversed, InvalidAmount, LotNotProlonged, NotReversible, RefundNotPossible
from billing.models import LedgerAccount, Transfer
from billing.services.credits import Restriction, issue_decided, prolong_lot, request_grant
from billing.services.takebacks import reclaim, refund_lot, take_back
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
    assert code_of(lambda: take_back(actor=staff_of(), public_id=usage.public_id, reason="no", at=NOW)) == (
        "not_reversible"
    )


def test_a_grant_carries_its_restrictions_start_and_expiry_to_its_lot(
    mine: Tenant, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.programmes.READERS", [lambda: {"raise": "RAISE the Stakes"}])
    made = request_grant(
        actor=staff(),
        organisation_id=mine.organisation.pk,
        amount=MICRO,
        label="Programme",
        reason="award",
        starts_at=NOW.replace(day=10),
        expires_at=NOW.replace(day=20),
        only=Restriction((market.sku.code,), (market.site.code,), ("raise",), 3),
        at=NOW,
    )
    lot = made.lot
    assert (lot.sku_codes, lot.site_codes, lot.programme_codes, lot.min_level, lot.restricted) == (
        [market.sku.code], [market.site.code], ["raise"], 3, True
    )  # fmt: skip
    assert (lot.starts_at, lot.expires_at) == (NOW.replace(day=10), NOW.replace(day=21, hour=0))


def test_a_grant_for_an_unknown_gpu_is_refused(mine: Tenant) -> None:
    with pytest.raises(DomainError, match="no-such-gpu"):
        request_grant(
            actor=staff(),
            organisation_id=mine.organisation.pk,
            amount=MICRO,
            label="x",
            reason="award",
            expires_at=None,
            only=Restriction(("no-such-gpu",)),
            at=NOW,
        )


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


def decided(tenant: Tenant, *, asked_by: Actor, actor: Actor) -> LedgerAccount:
    return issue_decided(
        actor=actor, asked_by_id=asked_by.user_id or 0, asked_by=asked_by.label, asked_at=NOW,
        organisation_id=tenant.organisation.pk, amount=50_000 * MICRO, label="Award", reason="best of all",
        expires_at=NOW.replace(month=9), only=Restriction(min_level=2), key="award:1", at=NOW,
    )  # fmt: skip


def test_a_grant_that_two_people_decided_is_issued_at_once_and_names_both(mine: Tenant) -> None:
    one, two = staff("one"), staff("two")
    assert code_of(lambda: decided(mine, asked_by=one, actor=one)) == "four_eyes"
    lot = decided(mine, asked_by=one, actor=two)
    assert (lot.available, lot.min_level) == (50_000 * MICRO, 2)
    assert (lot.request.requested_by_id, lot.request.decided_by) == (one.user_id, "two")
    assert drift() == []


def test_a_running_lot_ends_later_and_never_earlier(mine: Tenant) -> None:
    lot = make_lot(mine.organisation, 10, expires_at=NOW.replace(day=20))
    later = prolong_lot(actor=staff_of(), lot_id=lot.pk, expires_at=NOW.replace(day=25), reason="ill", at=NOW)
    assert later.expires_at == NOW.replace(day=26, hour=0)
    for until, at in ((NOW.replace(day=21), NOW), (NOW.replace(month=5), NOW.replace(day=26, hour=0))):
        with pytest.raises(LotNotProlonged):
            prolong_lot(actor=staff_of(), lot_id=lot.pk, expires_at=until, reason="ill", at=at)
