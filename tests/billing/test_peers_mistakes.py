# SPDX-License-Identifier: Apache-2.0
"""Mistakes that were found in the closest peers: each is a promise here."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from celery import current_app
from django.db import Error, IntegrityError, connection, transaction
from django.db.models import ProtectedError

from aion.actor import system
from aion.errors import Rejected
from aion.periods import week_start
from billing import queries
from billing.errors import BudgetExceeded, BudgetNotPossible, InsufficientCredit, MonthNotOver
from billing.models import Budget, Hold, HoldLeg, LedgerAccount, MonthStatement, Transfer, UsageBatch, UsageRecord
from billing.services import credits, statements
from billing.services.budgets import BudgetWish, change_budget, create_budget, end_budget, period_end
from billing.services.holds import place_hold
from billing.services.ingest import RunTerms, ingest_readings
from billing.services.metering import Window
from billing.services.statements import close_month
from billing.states import BudgetPeriod, BudgetScope
from clusters.models import Workload
from marketplace.models import Order
from marketplace.services.orders import place_order
from tests.billing.books import charged, correct, drift, post
from tests.billing.hands import ALERTS, second_project, share, top_up
from tests.worlds import (
    MICRO,
    NOW,
    PRICE,
    Market,
    Tenant,
    launch,
    make_lot,
    make_market,
    make_meter,
    make_tenant,
    purpose_of,
)

OVER = datetime(2026, 4, 4, tzinfo=UTC)


def test_the_same_key_for_another_amount_or_organisation_is_refused(mine: Tenant, theirs: Tenant) -> None:
    top_up(mine, "key")
    with pytest.raises(Rejected):
        top_up(mine, "key", 1)
    with pytest.raises(Rejected):
        top_up(theirs, "key")
    assert Transfer.objects.filter(idempotency_key="key").count() == 1


def test_shares_that_exceed_their_parent_are_refused(mine: Tenant) -> None:
    share(mine, "", 100, BudgetScope.ORGANISATION)
    first, other = share(mine, mine.project.public_id, 60), second_project(mine)
    with pytest.raises(BudgetNotPossible):
        share(mine, other, 41)
    second = share(mine, other, 40)
    for budget, amount in ((first, 61), (second, 41)):
        with pytest.raises(BudgetNotPossible):
            change_budget(
                actor=mine.actor(), public_id=budget.public_id, name="x", amount=amount * MICRO, steps=ALERTS, at=NOW
            )
    whole = Budget.objects.get(scope=BudgetScope.ORGANISATION)
    with pytest.raises(BudgetNotPossible):
        change_budget(actor=mine.actor(), public_id=whole.public_id, name="x", amount=99 * MICRO, steps=ALERTS, at=NOW)
    amounts = Budget.objects.order_by("pk").values_list("amount", flat=True)
    assert list(amounts) == [100 * MICRO, 60 * MICRO, 40 * MICRO]


def test_an_old_month_is_never_closed_after_a_newer_one(mine: Tenant, market: Market) -> None:
    post(Window(NOW, make_meter(mine, market).pk, 3600))
    close_month(actor=system("test"), month=date(2026, 4, 1), at=OVER + timedelta(days=31))
    with pytest.raises(MonthNotOver):
        close_month(actor=system("test"), month=date(2026, 3, 1), at=OVER + timedelta(days=31))
    assert MonthStatement.objects.count() == 1


def test_an_order_without_credit_is_refused_and_leaves_nothing(market: Market) -> None:
    poor = make_tenant(credit=0)
    with pytest.raises(InsufficientCredit):
        place_order(actor=poor.actor(), request=launch(poor, market), at=NOW)
    assert [model.objects.count() for model in (Order, Workload, Hold, HoldLeg)] == [0, 0, 0, 0]


def test_an_identical_retry_at_the_limit_is_answered_as_before(mine: Tenant, market: Market) -> None:
    request = launch(mine, market, gpus=1, hours=1)
    share(mine, "", 3, BudgetScope.ORGANISATION)
    first = place_order(actor=mine.actor(), request=request, at=NOW, idempotency_key="k")
    again = place_order(actor=mine.actor(), request=request, at=NOW, idempotency_key="k")
    assert (first.pk, Order.objects.count()) == (again.pk, 1)
    with pytest.raises(BudgetExceeded):
        place_order(actor=mine.actor(), request=launch(mine, market, gpus=1), at=NOW, idempotency_key="other")


def test_a_usage_retry_with_no_credit_left_is_counted_as_a_repeat(market: Market) -> None:
    poor = make_tenant(credit=1)
    window = Window(NOW, make_meter(poor, market).pk, 3600)
    results = [post(window) for _ in range(2)]
    assert [(one.accepted, one.duplicate, one.refused) for one in results] == [(1, 0, 0), (0, 1, 0)]
    assert queries.balance(poor.organisation.pk, NOW).owed == PRICE - MICRO


@pytest.mark.parametrize("seconds", [-1, 0, 3601, -32_768])
def test_negative_or_absurd_usage_is_refused_by_the_database(mine: Tenant, market: Market, seconds: int) -> None:
    meter = make_meter(mine, market)
    with pytest.raises(IntegrityError), transaction.atomic():
        post(Window(NOW, meter.pk, seconds), Window(NOW + timedelta(hours=1), meter.pk, 60))
    assert (UsageRecord.objects.count(), UsageBatch.objects.count(), charged(mine)) == (0, 0, 0)


def test_negative_usage_of_an_operator_comes_back_by_line_and_the_good_line_lands(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market)
    terms = RunTerms(meter.run.workload_ref, meter.run_id, "own", 1000, 3600, NOW - timedelta(days=1), None, True)
    readings = [(0, terms.workload_ref, "gpu", NOW, -60, 1000, 0), (1, terms.workload_ref, "gpu", NOW, 60, 1000, 0)]
    result = ingest_readings(
        organisation_id=mine.organisation.pk, readings=readings, terms=[terms], source="op", at=NOW + timedelta(hours=1)
    )
    assert [(one.line, one.code) for one in result.refusals] == [(0, "end_before_start")]
    assert (result.batch.accepted, result.batch.refused, charged(mine)) == (1, 1, PRICE // 60)
    assert drift() == []


def test_later_usage_never_changes_a_closed_statement(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market)
    post(Window(NOW, meter.pk, 3600))
    close_month(actor=system("test"), month=date(2026, 3, 1), at=OVER)
    before = list(MonthStatement.objects.values())
    post(Window(NOW + timedelta(hours=1), meter.pk, 3600))
    correct(meter, NOW, 60)
    assert list(MonthStatement.objects.values()) == before
    close_month(actor=system("test"), month=date(2026, 4, 1), at=OVER + timedelta(days=31))
    kinds = {line.kind for line in MonthStatement.objects.get(month=date(2026, 4, 1)).lines.all()}
    assert (kinds, drift()) == ({"correction"}, [])
    for change in ("UPDATE billing_monthstatement SET exact = 0", "DELETE FROM billing_statementline"):
        with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)


def test_deleting_an_organisation_deletes_none_of_its_facts(mine: Tenant, market: Market) -> None:
    post(Window(NOW, make_meter(mine, market).pk, 3600))
    close_month(actor=system("test"), month=date(2026, 3, 1), at=OVER)
    with pytest.raises(ProtectedError), transaction.atomic():
        mine.organisation.delete()
    for table in ("billing_transfer", "tenancy_organisation"):
        with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table}")
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert (MonthStatement.objects.count(), charged(mine)) == (1, PRICE)


def test_many_small_charges_add_up_to_the_rate_of_their_sum(mine: Tenant) -> None:
    market = make_market(price=1)
    meters = [make_meter(mine, market, milli_gpus=1) for _ in range(3)]
    for hour in range(24):
        for meter in meters:
            post(Window(NOW + timedelta(hours=hour), meter.pk, 3599))
    assert charged(mine) == 3 * 24 * 3599 // 3_600_000 == 0
    large = make_meter(mine, market, milli_gpus=8000)
    post(Window(NOW, large.pk, 3599))
    assert charged(mine) == (3 * 24 * 3599 + 8000 * 3599) // 3_600_000
    assert drift() == []


def test_all_limits_are_checked_and_not_only_the_first(mine: Tenant, market: Market) -> None:
    made = [
        create_budget(
            actor=mine.actor(),
            wish=BudgetWish(name=scope, scope=scope, period=period, amount=amount * MICRO, steps=ALERTS),
            at=NOW,
        )
        for scope, period, amount in (
            (BudgetScope.ORGANISATION, BudgetPeriod.LIFETIME, 900),
            (BudgetScope.ORGANISATION, BudgetPeriod.MONTH, 800),
            (BudgetScope.ORGANISATION, BudgetPeriod.DAY, 5),
            (BudgetScope.WORKLOAD, BudgetPeriod.LIFETIME, 3),
        )
    ]
    purpose = purpose_of(mine, market)
    for budget, amount in zip(reversed(made), (4, 6, 801, 901), strict=True):
        with pytest.raises(BudgetExceeded) as refused:
            place_hold(purpose=purpose, amount=amount * MICRO, reference="r", at=NOW)
        assert refused.value.details["over_microcredits"] >= MICRO
        end_budget(actor=mine.actor(), public_id=budget.public_id, at=NOW)
    assert place_hold(purpose=purpose, amount=901 * MICRO, reference="r", at=NOW).amount == 901 * MICRO


def test_a_dead_broker_loses_nothing_of_an_order(committed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant, market = make_tenant(), make_market()

    def dead(*_: Any, **__: Any) -> None:
        raise OSError("no broker")

    monkeypatch.setattr(current_app, "send_task", dead)
    order = place_order(actor=tenant.actor(), request=launch(tenant, market, gpus=1), at=NOW)
    assert (Workload.objects.get().hold_id, Hold.objects.get().amount) == (order.hold_id, PRICE)


def test_an_event_that_cannot_be_told_leaves_no_lot_half_made(mine: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError("no event")

    monkeypatch.setattr(credits, "emit", broken)
    with pytest.raises(RuntimeError), transaction.atomic():
        top_up(mine, "key")
    assert (LedgerAccount.objects.filter(kind="lot").count(), Transfer.objects.count()) == (1, 1)
    monkeypatch.undo()
    assert top_up(mine, "key").credits == 5_000 * MICRO


def test_a_statement_whose_lines_fail_is_not_there(
    mine: Tenant, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(Window(NOW, make_meter(mine, market).pk, 3600))
    broken = statements.CLOSE.replace("%(organisation_id)s, CASE", "NULL, CASE")
    assert broken != statements.CLOSE
    with monkeypatch.context() as patch:
        patch.setattr(statements, "CLOSE", broken)
        with pytest.raises(IntegrityError), transaction.atomic():
            close_month(actor=system("test"), month=date(2026, 3, 1), at=OVER)
    assert MonthStatement.objects.count() == 0
    assert close_month(actor=system("test"), month=date(2026, 3, 1), at=OVER).closed == 1


@pytest.mark.parametrize("batches", [1, 2])
def test_a_lot_issued_later_never_pays_for_usage_before_its_start(db: None, market: Market, batches: int) -> None:
    tenant = make_tenant(credit=0)
    meter = make_meter(tenant, market)
    lot = make_lot(tenant.organisation, 100, at=NOW + timedelta(hours=5))
    early, late = Window(NOW, meter.pk, 3600), Window(NOW + timedelta(hours=5), meter.pk, 3600)
    post(*([early, late] if batches == 1 else [late]))
    post(early)
    lot.refresh_from_db()
    assert (lot.debits, queries.balance(tenant.organisation.pk, NOW).owed) == (PRICE, PRICE)
    assert drift() == []


@pytest.mark.parametrize(
    ("at", "day", "week", "month"),
    [
        ("2028-02-29T23:59:59", "2028-03-01", "2028-03-06", "2028-03-01"),
        ("2026-02-28T00:00:00", "2026-03-01", "2026-03-02", "2026-03-01"),
        ("2026-01-31T12:00:00", "2026-02-01", "2026-02-02", "2026-02-01"),
        ("2026-12-31T23:59:59", "2027-01-01", "2027-01-04", "2027-01-01"),
        ("2026-03-29T01:30:00", "2026-03-30", "2026-03-30", "2026-04-01"),
        ("2026-10-25T02:30:00", "2026-10-26", "2026-10-26", "2026-11-01"),
    ],
)
def test_periods_end_where_the_calendar_says(
    mine: Tenant, market: Market, at: str, day: str, week: str, month: str
) -> None:
    instant = datetime.fromisoformat(at).replace(tzinfo=UTC)
    ends = {BudgetPeriod.DAY: day, BudgetPeriod.WEEK: week, BudgetPeriod.MONTH: month}
    for period, end in ends.items():
        wish = BudgetWish(name=period, scope=BudgetScope.ORGANISATION, period=period, amount=MICRO, steps=ALERTS)
        create_budget(actor=mine.actor(), wish=wish, at=NOW)
        assert period_end(period, instant) == datetime.fromisoformat(end).replace(tzinfo=UTC)
    starts = {
        one.period: one.period_start
        for one in queries.budget_standings(organisation_id=mine.organisation.pk, at=instant)
    }
    assert starts == {
        "day": instant.replace(hour=0, minute=0, second=0),
        "week": week_start(instant),
        "month": instant.replace(day=1, hour=0, minute=0, second=0),
    }
    before = [one.period_start for one in queries.budget_standings(organisation_id=mine.organisation.pk, at=instant)]
    post(Window(instant.replace(minute=0, second=0), make_meter(mine, market).pk, 60))
    spent = [one.spent for one in queries.budget_standings(organisation_id=mine.organisation.pk, at=instant)]
    assert (spent, len(before)) == ([PRICE // 60] * 3, 3)
    following = max(datetime.fromisoformat(end).replace(tzinfo=UTC) for end in ends.values())
    assert [one.spent for one in queries.budget_standings(organisation_id=mine.organisation.pk, at=following)] == [
        0,
        0,
        0,
    ]
