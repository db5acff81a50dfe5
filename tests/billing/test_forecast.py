# SPDX-License-Identifier: Apache-2.0
"""When credit runs out: pure arithmetic, and the facts it starts from."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aion import clock
from billing import queries
from billing.forecast import Facts, Forecast, LotLeft, Method, forecast, per_day, run_out
from billing.services.metering import Window, post_windows
from tests.worlds import MICRO, Market, Tenant, make_lot, make_meter

AT = datetime(2026, 3, 11, tzinfo=UTC)
WEEK = 7 * 86_400


def days(number: float) -> datetime:
    return AT + timedelta(days=number)


def test_a_balance_is_divided_by_what_is_spent() -> None:
    assert run_out(AT, [(70 * MICRO, None)], 10 * MICRO, 86_400) == days(7)


@pytest.mark.parametrize(("spent", "seconds"), [(0, WEEK), (-5, WEEK), (5, 0)])
def test_without_usage_there_is_no_date(spent: int, seconds: int) -> None:
    assert (run_out(AT, [(MICRO, None)], spent, seconds), per_day(spent, seconds)) == (None, 0)


def test_next_to_no_usage_gives_no_date_that_cannot_be() -> None:
    assert run_out(AT, [(10**15, None)], 1, WEEK) is None


def test_nothing_left_runs_out_now() -> None:
    assert run_out(AT, [], 1, WEEK) == AT


def test_what_expires_before_it_is_spent_is_lost() -> None:
    lots = [(100 * MICRO, days(3)), (20 * MICRO, days(30))]
    assert run_out(AT, lots, 10 * MICRO, 86_400) == days(5)


def test_a_lot_that_expires_while_an_earlier_one_pays_gives_nothing() -> None:
    lots = [(100 * MICRO, days(20)), (50 * MICRO, days(8)), (10 * MICRO, None)]
    assert run_out(AT, lots, 10 * MICRO, 86_400) == days(11)


def test_three_methods_three_dates() -> None:
    facts = Facts(
        at=AT,
        lots=[LotLeft(available=60 * MICRO, held=10 * MICRO)],
        month_spent=50 * MICRO,
        month_seconds=10 * 86_400,
        week_spent=70 * MICRO,
        week_seconds=WEEK,
    )
    assert forecast(facts) == (
        Forecast(Method.LINEAR, days(14), 5 * MICRO),
        Forecast(Method.SEVEN_DAYS, days(7), 10 * MICRO),
        Forecast(Method.RESERVED, days(6), 10 * MICRO),
    )


def test_the_facts_come_from_lots_holds_and_roll_ups(market: Market, mine: Tenant, api: Any) -> None:
    make_lot(mine.organisation, 0 + 100, "Grant", at=AT - timedelta(days=50), expires_at=days(1))
    meter = make_meter(mine, market, milli_gpus=1000, hold=10 * MICRO)
    windows = [Window(AT - timedelta(hours=hour + 1), meter.pk, 3600) for hour in range(4)]
    post_windows(windows=windows, source="test", at=AT)
    spent = 4 * 2_490_000
    linear, seven, reserved = queries.forecasts(mine.organisation.pk, at=AT)
    assert (linear.per_day, seven.per_day) == (spent // 10, spent // 7)
    assert reserved.method is Method.RESERVED
    # The grant of 100 is spent first and lost after a day; its holds are part of it.
    rest = 1000 * MICRO
    assert seven.runs_out_at == days(1) + timedelta(seconds=rest * WEEK // spent)


def test_the_api_says_the_assumption_of_each_forecast(mine: Tenant, api: Any) -> None:
    shown = api(mine.key()).get("/api/v1/forecast").json()
    assert [one["method"] for one in shown["forecasts"]] == ["linear", "seven_days", "reserved"]
    assert [one["runs_out_at"] for one in shown["forecasts"]] == [None, None, None]
    assert "last seven days" in shown["forecasts"][1]["assumption"]
    assert shown["as_of"][:10] == f"{clock.now():%Y-%m-%d}"
