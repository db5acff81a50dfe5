# SPDX-License-Identifier: Apache-2.0
"""Records of a month go as a whole: the oldest, closed and proved, and never before."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from structlog.testing import capture_logs

from aion import clock
from billing.errors import MonthNotOver
from billing.models import MonthStatement, UsageDay, UsageHour, UsageRecord
from billing.services.metering import Window, post_windows
from billing.services.partitions import drop_month, ensure, months
from tests.worlds import Market, Tenant, make_meter

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
BEGINS, ENDS = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
LATER = datetime(2026, 5, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def use(tenant: Tenant, market: Market, *starts: datetime) -> None:
    meter = make_meter(tenant, market)
    post_windows(windows=[Window(start, meter.pk, 60) for start in starts], source="test", at=LATER)


def close(month: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: LATER)
    call_command("close_month", month, verbosity=0)


def refusal(month: date) -> str:
    with pytest.raises(MonthNotOver) as refused:
        drop_month(month=month)
    return str(refused.value.detail)


def test_a_partition_is_there_for_each_month_from_the_first_to_the_last(db: None) -> None:
    before = set(months())
    ensure(first=datetime(2031, 11, 30, 23, tzinfo=UTC), last=datetime(2032, 1, 1, tzinfo=UTC))
    ensure(first=datetime(2031, 12, 1, tzinfo=UTC), last=datetime(2031, 12, 1, tzinfo=UTC))
    assert sorted(set(months()) - before) == [date(2031, 11, 1), date(2031, 12, 1), date(2032, 1, 1)]


def test_a_month_without_records_is_not_dropped(db: None) -> None:
    assert refusal(date(2019, 7, 1)) == "No records of 2019-07 are kept."


def test_the_oldest_month_goes_first(mine: Tenant, market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    use(mine, market, ENDS - HOUR, ENDS)
    close("2026-03", monkeypatch)
    close("2026-04", monkeypatch)
    assert months()[:2] == [MARCH, APRIL]
    assert refusal(APRIL) == "Drop the oldest month first: 2026-03."
    drop_month(month=MARCH)
    drop_month(month=APRIL)
    assert UsageRecord.objects.count() == 0


@pytest.mark.parametrize("start", [BEGINS, ENDS - HOUR])
def test_a_month_in_which_something_was_used_is_closed_first(mine: Tenant, market: Market, start: datetime) -> None:
    use(mine, market, start)
    assert refusal(MARCH) == "1 organisation has no statement of 2026-03 yet: close it first."


def test_all_organisations_without_a_statement_are_counted(mine: Tenant, theirs: Tenant, market: Market) -> None:
    use(mine, market, BEGINS, BEGINS + timedelta(days=1))
    use(theirs, market, BEGINS)
    assert refusal(MARCH) == "2 organisations have no statement of 2026-03 yet: close it first."


def test_the_first_hour_of_the_next_month_waits_for_that_months_close(
    mine: Tenant, theirs: Tenant, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(mine, market, BEGINS)
    use(theirs, market, ENDS)
    close("2026-03", monkeypatch)
    assert list(MonthStatement.objects.values_list("organisation_id", flat=True)) == [mine.organisation.pk]
    drop_month(month=MARCH)
    assert months()[0] == APRIL


def test_records_that_contradict_what_was_made_of_them_are_kept(
    mine: Tenant, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(mine, market, BEGINS)
    close("2026-03", monkeypatch)
    UsageDay.objects.update(milli_gpu_seconds=1)
    assert refusal(MARCH) == ("The records contradict what was made of them (roll-ups = records): find out why first.")
    assert UsageRecord.objects.count() == 1


def test_what_is_dropped_is_gone_with_its_table_and_the_log_says_so(
    mine: Tenant, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(mine, market, BEGINS)
    close("2026-03", monkeypatch)
    with capture_logs() as said:
        drop_month(month=MARCH)
    assert ("usage records dropped", "2026-03") in [(one["event"], one.get("month")) for one in said]
    assert MARCH not in months()
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('billing_usagerecord_y2026m03')")
        assert cursor.fetchone() == (None,)
    assert UsageHour.objects.count() == 1
