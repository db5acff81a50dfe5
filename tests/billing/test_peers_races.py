# SPDX-License-Identifier: Apache-2.0
"""Mistakes of the closest peers that need two at the same moment: threads on committed data."""

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db import connection, transaction

from aion.actor import system
from billing import queries
from billing.models import Hold, LedgerAccount
from billing.services.budgets import change_budget
from billing.services.holds import place_hold, release_hold
from billing.services.metering import Window, post_windows
from billing.services.statements import close_month
from billing.states import BudgetScope
from clusters.models import Workload
from marketplace.models import Order
from tests.api.test_api import body
from tests.billing.books import charged, drift, post
from tests.billing.hands import ALERTS, at_once, blocked, names, second_project, share, top_up, while_open
from tests.worlds import (
    MICRO,
    NOW,
    PRICE,
    make_market,
    make_meter,
    make_tenant,
    purpose_of,
)

OVER = datetime(2026, 4, 4, tzinfo=UTC)


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
    answer, waited = while_open(
        lambda: release_hold(hold_id=first.pk, at=NOW),
        lambda: place_hold(purpose=purpose, amount=10 * MICRO, reference="second", at=NOW),
    )
    assert (names([answer]), waited) == (["Hold"], True)


def test_two_shares_set_at_once_cannot_exceed_their_parent(committed: None) -> None:
    tenant = make_tenant(credit=0)
    share(tenant, "", 100, BudgetScope.ORGANISATION)
    other = second_project(tenant)
    answers = at_once(lambda: share(tenant, tenant.project.public_id, 60), lambda: share(tenant, other, 60))
    assert names(answers) == ["Budget", "BudgetNotPossible"]


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


def test_the_same_batch_from_ten_connections_at_once_counts_once(committed: None) -> None:
    tenant, market = make_tenant(credit=1_000, roles=()), make_market()
    meters = [make_meter(tenant, market, hold=5 * MICRO) for _ in range(3)]
    windows = [Window(NOW + timedelta(hours=hour), meter.pk, 600) for meter in meters for hour in range(4)]
    answers = at_once(*[lambda: post_windows(windows=windows, source="ten", at=NOW)] * 10)
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    assert sorted((one.accepted, one.duplicate) for one in answers) == [(0, 12)] * 9 + [(12, 0)]
    assert (charged(tenant), drift()) == (12 * PRICE // 6, [])


def test_two_first_batches_of_a_month_at_once_make_one_partition(committed: None) -> None:
    ensure = "SELECT billing_ensure_usage_partitions('2031-05-02', '2031-05-02')"
    refused: list[Exception] = []

    def second() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute(ensure)
        except Exception as error:  # noqa: BLE001 - the assertion shows it
            refused.append(error)
        finally:
            connection.close()

    other = threading.Thread(target=second)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(ensure)
        other.start()
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while other.is_alive():
            cursor.execute(waits)
            if cursor.fetchone()[0]:
                break
    other.join()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE billing_usagerecord_y2031m05")
    assert refused == []


def test_two_batches_that_burn_one_lot_at_the_same_moment_share_it_and_owe_the_rest(committed: None) -> None:
    stranger, tenant = make_tenant(roles=()), make_tenant(credit=5, roles=())
    post(Window(NOW, make_meter(stranger, make_market()).pk, 60))  # the month and the platform's accounts stand already
    meters = [make_meter(tenant, make_market(price=4 * MICRO)) for _ in range(2)]
    answers: list[Any] = []
    with transaction.atomic():
        LedgerAccount.objects.select_for_update(no_key=True).get(organisation=tenant.organisation)
        both = threading.Thread(
            target=lambda: answers.extend(
                at_once(*[lambda meter=meter: post(Window(NOW, meter.pk, 3600)) for meter in meters])
            )
        )
        both.start()
        while blocked() < 2:  # each has come as far as it can without the lot
            pass
    both.join()
    assert [answer.accepted for answer in answers] == [1, 1]
    balance = queries.balance(tenant.organisation.pk, NOW)
    assert (balance.total, balance.owed, drift()) == (0, 3 * MICRO, [])


def test_two_batches_of_one_organisation_and_gpu_at_the_same_moment_lose_no_part_of_a_micro_credit(
    committed: None,
) -> None:
    tenant, market = make_tenant(credit=5, roles=()), make_market(price=1)
    first, second, third = (make_meter(tenant, market) for _ in range(3))
    post(Window(NOW, third.pk, 1))  # the carry of the two stands already
    answers: list[Any] = []
    with transaction.atomic():
        post(Window(NOW, first.pk, 2000))
        waiting = threading.Thread(target=lambda: answers.extend(at_once(lambda: post(Window(NOW, second.pk, 2000)))))
        waiting.start()
        while not blocked():
            pass
    waiting.join()
    assert [answer.accepted for answer in answers] == [1]
    assert (charged(tenant), drift()) == (1, [])
