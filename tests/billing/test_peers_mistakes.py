# SPDX-License-Identifier: Apache-2.0
"""Mistakes that were found in the closest peers: each is a promise here."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from celery import current_app
from django.core.cache import cache
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
from billing.services.credits import issue_lot
from billing.services.holds import place_hold, release_hold
from billing.services.ingest import RunTerms, ingest_readings
from billing.services.metering import Window, post_windows
from billing.services.statements import close_month
from billing.states import BudgetAction, BudgetPeriod, BudgetScope, Origin
from clusters.models import Workload
from marketplace.models import Order
from marketplace.services.orders import place_order
from tests.api.test_api import body
from tests.billing.books import charged, correct, drift, post
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

ALERTS = ((100, BudgetAction.ALERT),)
OVER = datetime(2026, 4, 4, tzinfo=UTC)


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Run ``acts`` in threads that start together; return what each returned or raised."""
    barrier = threading.Barrier(len(acts))
    answers: dict[int, Any] = {}

    def run(number: int, act: Callable[[], Any]) -> None:
        try:
            barrier.wait()
            answers[number] = act()
        except Exception as error:  # noqa: BLE001 - the test looks at what was raised
            answers[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answers[number] for number in range(len(acts))]


def top_up(tenant: Tenant, key: str, amount: int = 5_000 * MICRO) -> LedgerAccount:
    return issue_lot(
        actor=system("test"), organisation_id=tenant.organisation.pk, amount=amount, label="Top-up",
        origin=Origin.PURCHASE, key=key, at=NOW,
    )  # fmt: skip


def share(tenant: Tenant, project: str, amount: int, scope: BudgetScope = BudgetScope.PROJECT) -> Budget:
    wish = BudgetWish(
        name="Share", scope=scope, period=BudgetPeriod.MONTH, amount=amount * MICRO, project_id=project, steps=ALERTS
    )
    return create_budget(actor=tenant.actor(), wish=wish, at=NOW)


def second_project(tenant: Tenant) -> str:
    return str(
        type(tenant.project)
        .objects.create(
            organisation=tenant.organisation, name="B", slug="b", residency_policy="EU_RESIDENT", milli_gpu_quota=8000
        )
        .public_id
    )


def names(answers: list[Any]) -> list[str]:
    return sorted(type(answer).__name__ for answer in answers)


def test_two_top_ups_and_a_spend_at_once_while_a_month_closes_lose_nothing(committed: None) -> None:
    tenant, market = make_tenant(credit=1, roles=()), make_market()
    meter = make_meter(tenant, market)
    post(Window(NOW, meter.pk, 3600))
    answers = at_once(
        lambda: top_up(tenant, "a"),
        lambda: top_up(tenant, "b"),
        lambda: post(Window(NOW + timedelta(hours=1), meter.pk, 3600)),
        lambda: close_month(actor=system("test"), month=date(2026, 3, 1), at=OVER),
    )
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    balance = queries.balance(tenant.organisation.pk, OVER)
    assert balance.total - balance.owed == 10_001 * MICRO - 2 * PRICE
    assert drift() == []


def test_the_same_top_up_at_once_from_many_sides_is_one_lot(committed: None) -> None:
    tenant = make_tenant(credit=0, roles=())
    answers = at_once(*[lambda: top_up(tenant, "stripe:evt_1")] * 6)
    assert names(answers) == ["LedgerAccount"] * 6
    assert len({answer.pk for answer in answers}) == 1
    assert queries.balance(tenant.organisation.pk, NOW).available == 5_000 * MICRO


def test_the_same_key_for_another_amount_or_organisation_is_refused(mine: Tenant, theirs: Tenant) -> None:
    top_up(mine, "key")
    with pytest.raises(Rejected):
        top_up(mine, "key", 1)
    with pytest.raises(Rejected):
        top_up(theirs, "key")
    assert Transfer.objects.filter(idempotency_key="key").count() == 1


def test_two_spends_of_the_same_credit_at_once_leave_one_refused(committed: None) -> None:
    tenant, market = make_tenant(credit=100, roles=()), make_market()

    def spend(number: int) -> Hold:
        return place_hold(purpose=purpose_of(tenant, market), amount=60 * MICRO, reference=f"run-{number}", at=NOW)

    answers = at_once(*[lambda number=number: spend(number) for number in range(2)])
    assert names(answers) == ["Hold", "InsufficientCredit"]
    assert LedgerAccount.objects.get(organisation=tenant.organisation).held == 60 * MICRO


def test_a_hold_waits_for_the_release_that_is_about_to_free_its_credit(committed: None) -> None:
    tenant, market = make_tenant(credit=10, roles=()), make_market()
    purpose = purpose_of(tenant, market)
    first = place_hold(purpose=purpose, amount=10 * MICRO, reference="first", at=NOW)
    answers: list[Any] = []

    def ask() -> None:
        answers.extend(at_once(lambda: place_hold(purpose=purpose, amount=10 * MICRO, reference="second", at=NOW)))

    waiting = threading.Thread(target=ask)
    with transaction.atomic():
        release_hold(hold_id=first.pk, at=NOW)
        waiting.start()
        while not answers and not blocked():
            pass
    waiting.join()
    assert names(answers) == ["Hold"]


def blocked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted")
        return cursor.fetchone() is not None


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


def test_two_shares_set_at_once_cannot_exceed_their_parent(committed: None) -> None:
    tenant = make_tenant(credit=0)
    share(tenant, "", 100, BudgetScope.ORGANISATION)
    other = second_project(tenant)
    answers = at_once(lambda: share(tenant, tenant.project.public_id, 60), lambda: share(tenant, other, 60))
    assert names(answers) == ["Budget", "BudgetNotPossible"]


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


def test_a_second_post_at_the_same_moment_creates_no_second_order(committed: None, api: Any) -> None:
    tenant, market = make_tenant(), make_market()
    key, sent = tenant.key(), body(tenant, market)

    def launched() -> Any:
        return api(key).post("/api/v1/workloads", sent, format="json", HTTP_IDEMPOTENCY_KEY="k")

    answers = at_once(*[launched] * 4)
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert launched().status_code == 201
    assert (Order.objects.count(), Hold.objects.count(), Workload.objects.count()) == (1, 1, 1)
    cache.clear()


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


def test_a_cap_that_is_changed_leaves_no_moment_without_one(committed: None) -> None:
    tenant, market = make_tenant(credit=1_000), make_market()
    budget = share(tenant, "", 10, BudgetScope.ORGANISATION)

    def change(number: int) -> Any:
        for turn in range(5):
            amount = (9 + (number + turn) % 2) * MICRO
            change_budget(
                actor=tenant.actor(), public_id=budget.public_id, name="x", amount=amount, steps=ALERTS, at=NOW
            )

    def ask(number: int) -> Any:
        return place_hold(purpose=purpose_of(tenant, market), amount=4 * MICRO, reference=f"r{number}", at=NOW)

    answers = at_once(*[lambda n=n: (change if n % 3 == 0 else ask)(n) for n in range(15)])
    assert names(answers).count("Hold") == 2
    assert set(names(answers)) == {"Hold", "BudgetExceeded", "NoneType"}


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


def test_the_same_batch_from_ten_connections_at_once_counts_once(committed: None) -> None:
    tenant, market = make_tenant(credit=1_000, roles=()), make_market()
    meters = [make_meter(tenant, market, hold=5 * MICRO) for _ in range(3)]
    windows = [Window(NOW + timedelta(hours=hour), meter.pk, 600) for meter in meters for hour in range(4)]
    answers = at_once(*[lambda: post_windows(windows=windows, source="ten", at=NOW)] * 10)
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    assert sorted((one.accepted, one.duplicate) for one in answers) == [(0, 12)] * 9 + [(12, 0)]
    assert (charged(tenant), drift()) == (12 * PRICE // 6, [])


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
