# SPDX-License-Identifier: Apache-2.0
"""A hold reserves the worst case over lots in spending order, or nothing."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from psycopg.pq import TransactionStatus

from aion.durability import ON_DISK
from aion.errors import NotFound
from billing import queries
from billing.errors import InsufficientCredit, InvalidAmount
from billing.models import Hold, HoldLeg, LedgerAccount
from billing.reconcile import run_checks
from billing.services.holds import (
    Purpose,
    check_hold,
    extend_hold,
    place_hold,
    purpose_of,
    reduce_hold,
    release_hold,
)
from billing.services.metering import Window, post_windows
from billing.states import Origin
from tests.billing.books import drift
from tests.billing.hands import at_once, names, share, while_open
from tests.worlds import MICRO, NOW, Tenant, make_lot, make_market, make_meter, make_tenant


def hold(tenant: Tenant, amount: int, reference: str = "run", **fields: Any) -> Hold:
    purpose = Purpose(
        organisation_id=tenant.organisation.pk,
        project_id=tenant.project.pk,
        **{"sku_code": "h100", "site_code": "paris", **fields},
    )
    return place_hold(purpose=purpose, amount=amount, reference=reference, at=NOW)


def test_lots_are_spent_restricted_before_free_then_soonest_expiry_then_grant_then_id(db: None) -> None:
    tenant = make_tenant(credit=0)
    organisation = tenant.organisation
    never = make_lot(organisation, 10, "purchase that never expires")
    late_grant = make_lot(organisation, 10, "late", origin=Origin.GRANT, expires_at=NOW + timedelta(days=90))
    soon_purchase = make_lot(organisation, 10, "soon, purchase", expires_at=NOW + timedelta(days=5))
    soon_grant = make_lot(organisation, 10, "soon, grant", origin=Origin.GRANT, expires_at=NOW + timedelta(days=5))
    restricted = make_lot(organisation, 10, "restricted", sku_codes=["h100"], expires_at=NOW + timedelta(days=300))
    make_lot(organisation, 10, "other GPU only", sku_codes=["mi300x"])
    make_lot(organisation, 10, "expired", expires_at=NOW - timedelta(hours=10))
    make_lot(organisation, 10, "not yet", starts_at=NOW + timedelta(days=1))
    placed = hold(tenant, 45 * MICRO)
    legs = HoldLeg.objects.filter(hold=placed).order_by("position").values_list("lot_id", "amount")
    assert list(legs) == [
        (restricted.pk, 10 * MICRO),
        (soon_grant.pk, 10 * MICRO),
        (soon_purchase.pk, 10 * MICRO),
        (late_grant.pk, 10 * MICRO),
        (never.pk, 5 * MICRO),
    ]


def test_a_hold_that_no_lot_covers_reserves_nothing_and_says_what_is_missing(mine: Tenant) -> None:
    with pytest.raises(InsufficientCredit) as refused:
        hold(mine, 1_000 * MICRO + 1)
    assert refused.value.details["missing_microcredits"] == 1
    assert (Hold.objects.count(), queries.balance(mine.organisation.pk, NOW).held) == (0, 0)


def test_a_refusal_inside_a_transaction_leaves_it_usable_and_what_it_did_before(mine: Tenant) -> None:
    with transaction.atomic():
        kept = hold(mine, 600 * MICRO, "kept")
        with pytest.raises(InsufficientCredit) as refused:
            hold(mine, 400 * MICRO + 1, "too much")
        after = hold(mine, 400 * MICRO, "the rest")
    assert refused.value.details["available_microcredits"] == 400 * MICRO
    assert set(Hold.objects.values_list("pk", flat=True)) == {kept.pk, after.pk}
    assert queries.balance(mine.organisation.pk, NOW).available == 0


def test_a_refused_hold_leaves_no_row_no_lock_and_no_transaction_behind(committed: None) -> None:
    tenant = make_tenant(credit=5, roles=())
    with pytest.raises(InsufficientCredit):
        hold(tenant, 6 * MICRO)
    assert (Hold.objects.count(), HoldLeg.objects.count()) == (0, 0)
    assert connection.connection.info.transaction_status == TransactionStatus.IDLE
    assert names(at_once(lambda: hold(tenant, 5 * MICRO))) == ["Hold"]


def test_a_hold_alone_is_committed_and_reads_back_as_it_was_returned(committed: None) -> None:
    tenant = make_tenant(credit=5, roles=())
    placed = hold(tenant, 5 * MICRO, member_id=7, programme_code="p", level=1)
    stored = at_once(lambda: Hold.objects.get(pk=placed.pk))[0]
    compared = [field.attname for field in Hold._meta.fields]
    assert {name: getattr(stored, name) for name in compared} == {name: getattr(placed, name) for name in compared}
    placed.validate_unique()  # it is known as stored, and so no twin of itself
    assert LedgerAccount.objects.get(organisation=tenant.organisation).held == 5 * MICRO


def test_a_reference_is_held_once_and_the_second_reserves_nothing(committed: None) -> None:
    tenant = make_tenant(credit=5, roles=())
    hold(tenant, MICRO)
    with pytest.raises(IntegrityError, match="hold_once_per_reference"):
        hold(tenant, MICRO)
    assert (Hold.objects.count(), LedgerAccount.objects.get(organisation=tenant.organisation).held) == (1, MICRO)


def test_a_hold_is_one_statement_alone_and_inside_a_transaction(committed: None) -> None:
    tenant = make_tenant(credit=5, roles=())
    with CaptureQueriesContext(connection) as alone:
        hold(tenant, MICRO, "alone")
    with transaction.atomic(), CaptureQueriesContext(connection) as inside:
        hold(tenant, MICRO, "inside")
    assert (len(alone), len(inside)) == (1, 1)


def test_a_hold_alone_is_on_disk_once_it_is_placed(committed: None) -> None:
    tenant = make_tenant(credit=5, roles=())
    with durable_session(), connection.cursor() as cursor:
        for number in range(20):
            cursor.execute("SELECT pg_current_wal_insert_lsn()")
            (before,) = cursor.fetchone()
            hold(tenant, MICRO // 10, f"run-{number}")
            cursor.execute("SELECT pg_current_wal_flush_lsn() > %s::pg_lsn", [before])
            assert cursor.fetchone() == (True,)


@pytest.mark.parametrize("capped", [False, True])
def test_a_holds_locks_do_not_wait_for_the_disk_but_its_caller_and_doorbells_do(committed: None, capped: bool) -> None:
    tenant = make_tenant(credit=5)
    if capped:
        share(tenant, str(tenant.project.public_id), 5)
    told: list[Any] = []

    def tell(expression: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {expression}")
            told.append(cursor.fetchone()[0])

    def watch(execute: Any, sql: str, *rest: Any) -> Any:
        if sql == ON_DISK:
            tell("pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
        return execute(sql, *rest)

    with durable_session(), connection.execute_wrapper(watch):
        with transaction.atomic():
            hold(tenant, MICRO)
            tell("current_setting('synchronous_commit')")
            transaction.on_commit(lambda: tell("pg_current_wal_flush_lsn() - '0/0'::pg_lsn"))
        tell("current_setting('synchronous_commit')")
    at_commit, committed_at, on_disk, afterwards = told
    assert (at_commit, afterwards) == ("off", "on")
    assert on_disk >= committed_at


@contextmanager
def durable_session() -> Iterator[None]:
    """Wait for the disk at each commit, as in production; the tests' server does not by itself."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
        try:
            yield
        finally:
            cursor.execute("RESET synchronous_commit")


def alone_and_inside(tenant: Tenant, alone: int, inside: int, **fields: Any) -> tuple[Any, bool]:
    """Hold ``inside`` in a transaction, ``alone`` beside it; return what became of that, and whether it had to wait."""
    return while_open(lambda: hold(tenant, inside, "inside"), lambda: hold(tenant, alone, "alone", **fields))


def test_a_hold_whose_lot_has_less_once_it_is_locked_spreads_over_the_next(committed: None) -> None:
    tenant = make_tenant(credit=0, roles=())
    soon = make_lot(tenant.organisation, 10, "soon", expires_at=NOW + timedelta(days=5))
    later = make_lot(tenant.organisation, 10, "later")
    placed, waited = alone_and_inside(tenant, 5 * MICRO, 8 * MICRO)
    assert waited
    legs = HoldLeg.objects.filter(hold=placed).order_by("position").values_list("lot_id", "position", "amount")
    assert list(legs) == [(soon.pk, 1, 2 * MICRO), (later.pk, 2, 3 * MICRO)]
    assert Hold.objects.count() == 2
    assert drift() == []


def test_a_hold_whose_lot_has_less_once_it_is_locked_and_no_other_covers_it_leaves_nothing(committed: None) -> None:
    tenant = make_tenant(credit=10, roles=())
    refused, waited = alone_and_inside(tenant, 5 * MICRO, 8 * MICRO)
    assert waited
    assert isinstance(refused, InsufficientCredit)
    assert (Hold.objects.count(), HoldLeg.objects.count()) == (1, 1)
    assert LedgerAccount.objects.get(organisation=tenant.organisation).held == 8 * MICRO


def test_a_hold_takes_the_last_micro_credit_that_another_left_it(committed: None) -> None:
    tenant = make_tenant(credit=10, roles=())
    placed, waited = alone_and_inside(tenant, 2 * MICRO, 8 * MICRO)
    assert waited
    assert HoldLeg.objects.get(hold=placed).amount == 2 * MICRO
    assert LedgerAccount.objects.get(organisation=tenant.organisation).held == 10 * MICRO


def test_holds_on_different_lots_do_not_wait_for_each_other(committed: None) -> None:
    tenant = make_tenant(credit=0, roles=())
    for sku in ("h100", "mi300x"):
        make_lot(tenant.organisation, 10, sku, sku_codes=[sku])
    placed, waited = alone_and_inside(tenant, 5 * MICRO, 8 * MICRO, sku_code="mi300x")
    assert (placed.amount, waited) == (5 * MICRO, False)


def test_a_hold_alone_waits_for_a_transaction_that_frees_credit_and_holds_some_of_it_again(committed: None) -> None:
    tenant = make_tenant(credit=10, roles=())
    first = hold(tenant, 10 * MICRO, "first")
    answer, waited = while_open(
        lambda: release_hold(hold_id=first.pk, at=NOW),
        lambda: hold(tenant, 4 * MICRO, "alone"),
        lambda: hold(tenant, 6 * MICRO, "inside"),
    )
    assert (names([answer]), waited) == (["Hold"], True)
    assert LedgerAccount.objects.get(organisation=tenant.organisation).held == 10 * MICRO


def test_releasing_twice_gives_back_once(mine: Tenant) -> None:
    placed = hold(mine, 600 * MICRO)
    assert queries.balance(mine.organisation.pk, NOW).available == 400 * MICRO
    assert [release_hold(hold_id=placed.pk, at=NOW), release_hold(hold_id=placed.pk, at=NOW)] == [True, False]
    assert queries.balance(mine.organisation.pk, NOW).available == 1_000 * MICRO


def test_a_hold_that_was_extended_on_the_same_lot_gives_back_both_parts(mine: Tenant) -> None:
    placed = hold(mine, 600 * MICRO)
    extend_hold(hold_id=placed.pk, amount=100 * MICRO, at=NOW)
    legs = HoldLeg.objects.filter(hold=placed).order_by("position")
    assert list(legs.values_list("position", "amount")) == [(1, 600 * MICRO), (2, 100 * MICRO)]
    assert release_hold(hold_id=placed.pk, at=NOW)
    assert queries.balance(mine.organisation.pk, NOW).available == 1_000 * MICRO
    assert list(legs.values_list("released", flat=True)) == [600 * MICRO, 100 * MICRO]


def test_an_open_hold_gives_back_its_tail_in_parts_and_what_is_left_is_still_captured_and_released(db: None) -> None:
    tenant, market = make_tenant(credit=0), make_market(price=MICRO)
    lots = [
        make_lot(tenant.organisation, credit, expires_at=NOW + timedelta(days=days))
        for credit, days in ((20, 20), (20, 30), (100, 40))
    ]
    meter = make_meter(tenant, market, milli_gpus=1000, hold=45 * MICRO)
    held = Hold.objects.get()

    def legs() -> list[tuple[int, ...]]:
        rows = HoldLeg.objects.order_by("position").values_list("amount", "captured", "released")
        on_lots = LedgerAccount.objects.filter(pk__in=[lot.pk for lot in lots]).order_by("pk")
        left = sum(amount - captured - released for amount, captured, released in rows)
        assert (left, drift()) == (sum(on_lots.values_list("held", flat=True)), [])
        return [tuple(figure // MICRO for figure in row) for row in rows]

    def use(*hours: int) -> None:
        post_windows(
            windows=[Window(NOW + timedelta(hours=hour), meter.pk, 3600) for hour in hours],
            source="test", at=NOW + timedelta(days=3),
        )  # fmt: skip

    reduce_hold(hold_id=held.pk, keep=45 * MICRO)
    assert legs() == [(20, 0, 0), (20, 0, 0), (5, 0, 0)]
    reduce_hold(hold_id=held.pk, keep=30 * MICRO)
    assert legs() == [(20, 0, 0), (20, 0, 10), (5, 0, 5)]
    use(*range(22))
    assert legs() == [(20, 20, 0), (20, 2, 10), (5, 0, 5)]
    reduce_hold(hold_id=held.pk, keep=3 * MICRO)
    assert legs() == [(20, 20, 0), (20, 2, 15), (5, 0, 5)]
    use(22, 23, 24, 25)  # one more than is left of it: that one is paid by what is free
    assert legs() == [(20, 20, 0), (20, 5, 15), (5, 0, 5)]
    extend_hold(hold_id=held.pk, amount=4 * MICRO, at=NOW)
    assert legs() == [(20, 20, 0), (20, 5, 15), (5, 0, 5), (4, 0, 0)]
    release_hold(hold_id=held.pk, at=NOW)
    assert legs() == [(20, 20, 0), (20, 5, 15), (5, 0, 5), (4, 0, 4)]


def test_a_hold_gives_back_a_single_micro_credit_and_both_its_parts_on_one_lot(mine: Tenant) -> None:
    placed = hold(mine, 5)
    extend_hold(hold_id=placed.pk, amount=5, at=NOW)
    for keep in (9, 1, 0):
        reduce_hold(hold_id=placed.pk, keep=keep)
        assert LedgerAccount.objects.get(organisation=mine.organisation).held == keep
    assert [leg.released for leg in HoldLeg.objects.order_by("position")] == [5, 5]
    release_hold(hold_id=placed.pk, at=NOW)
    with pytest.raises(NotFound):
        reduce_hold(hold_id=placed.pk, keep=0)


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_less_than_one_micro_credit_is_held(mine: Tenant, amount: int) -> None:
    placed = hold(mine, 1)
    with pytest.raises(InvalidAmount):
        hold(mine, amount)
    with pytest.raises(InvalidAmount):
        check_hold(purpose=purpose_of(placed), amount=amount, at=NOW)
    with pytest.raises(InvalidAmount):
        extend_hold(hold_id=placed.pk, amount=amount, at=NOW)
    check_hold(purpose=purpose_of(placed), amount=1, at=NOW)
    assert extend_hold(hold_id=placed.pk, amount=1, at=NOW).amount == 2


def test_a_settled_hold_cannot_be_extended(mine: Tenant) -> None:
    placed = hold(mine, MICRO)
    release_hold(hold_id=placed.pk, at=NOW + timedelta(hours=1))
    with pytest.raises(NotFound):
        extend_hold(hold_id=placed.pk, amount=1, at=NOW)
    placed.refresh_from_db()
    assert (placed.amount, placed.closed_at) == (MICRO, NOW + timedelta(hours=1))


def test_an_extension_or_a_look_beyond_the_credit_says_what_is_missing_and_reserves_nothing(mine: Tenant) -> None:
    placed = hold(mine, 999 * MICRO)
    check_hold(purpose=purpose_of(placed), amount=MICRO, at=NOW)
    for act in (
        lambda: extend_hold(hold_id=placed.pk, amount=MICRO + 1, at=NOW),
        lambda: check_hold(purpose=purpose_of(placed), amount=MICRO + 1, at=NOW),
    ):
        with pytest.raises(InsufficientCredit) as refused:
            act()
        assert refused.value.details == {
            "needed_microcredits": MICRO + 1, "available_microcredits": MICRO, "missing_microcredits": 1,
        }  # fmt: skip
    assert queries.balance(mine.organisation.pk, NOW).held == 999 * MICRO


def test_the_last_micro_credit_of_a_hold_comes_back(mine: Tenant) -> None:
    assert release_hold(hold_id=hold(mine, 1).pk, at=NOW)
    assert queries.balance(mine.organisation.pk, NOW).held == 0


def test_a_purpose_without_a_level_takes_nothing_from_a_lot_that_asks_for_one(db: None) -> None:
    tenant = make_tenant(credit=0)
    make_lot(tenant.organisation, 1, min_level=1)
    with pytest.raises(InsufficientCredit):
        hold(tenant, 1)
    assert hold(tenant, 1, level=1).amount == 1


def test_under_a_budget_the_legs_are_counted_from_one_as_without(mine: Tenant) -> None:
    share(mine, str(mine.project.public_id), 1_000)
    assert [leg.position for leg in HoldLeg.objects.filter(hold=hold(mine, MICRO))] == [1]


def test_a_strangers_lot_is_never_touched(mine: Tenant, theirs: Tenant) -> None:
    hold(mine, 1_000 * MICRO)
    assert LedgerAccount.objects.get(organisation=theirs.organisation).held == 0


def test_fifty_threads_cannot_overspend_one_lot(committed: None) -> None:
    tenant = make_tenant(credit=5, roles=())
    outcomes: list[str] = []

    def spend(number: int) -> None:
        try:
            hold(tenant, MICRO, reference=f"run-{number}")
            outcomes.append("held")
        except InsufficientCredit:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=spend, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (outcomes.count("held"), outcomes.count("refused")) == (5, 45)
    assert LedgerAccount.objects.get(organisation=tenant.organisation).held == 5 * MICRO
    assert [check.name for check in run_checks() if check.contradictions and "runs" not in check.name] == []
