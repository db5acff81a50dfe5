# SPDX-License-Identifier: Apache-2.0
"""A closed month says what was used, line by line, for good; what comes later stands on the next one."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import Error, transaction

from aion.actor import system
from aion.audit.models import AuditEvent
from aion.tenancy.models import Organisation, Project
from billing.errors import MonthNotOver
from billing.models import MonthStatement, StatementLine, UsageDay, UsageHour
from billing.services import statements
from billing.services.expiry import GRACE
from billing.services.metering import Window
from billing.services.pricing import publish_price
from billing.services.statements import Closing, close_month, last_closable, month_of
from tests.billing.books import correct, drift, post
from tests.worlds import LONG_AGO, NOW, PRICE, Market, Tenant, make_meter

MARCH, APRIL, MAY = date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)
HOUR = timedelta(hours=1)


def over(month: date) -> datetime:
    """Return the first instant at which ``month`` may be closed."""
    start = datetime(month.year, month.month, 1, tzinfo=UTC)
    return (start + timedelta(days=32)).replace(day=1) + GRACE


def close(month: date, at: datetime | None = None) -> Closing:
    return close_month(actor=system("test"), month=month, at=at or over(month))


def lines(tenant: Tenant, month: date) -> list[tuple[Any, ...]]:
    rows = StatementLine.objects.filter(organisation=tenant.organisation, statement__month=month)
    return list(rows.values_list("kind", "usage_month", "micro_per_gpu_hour", "milli_gpu_seconds", "exact"))


def used(tenant: Tenant) -> int:
    return int(sum(UsageHour.objects.filter(organisation=tenant.organisation).values_list("exact", flat=True)))


def stated(tenant: Tenant) -> int:
    return int(sum(MonthStatement.objects.filter(organisation=tenant.organisation).values_list("exact", flat=True)))


def test_a_month_closes_after_its_end_and_grace_and_not_a_second_before(mine: Tenant, market: Market) -> None:
    post(Window(NOW, make_meter(mine, market).pk, 3600))
    with pytest.raises(MonthNotOver):
        close(MARCH, over(MARCH) - timedelta(seconds=1))
    assert MonthStatement.objects.count() == 0
    assert close(MARCH) == Closing(MARCH, 1, 0)


def test_who_used_something_only_from_the_next_month_on_gets_no_statement(mine: Tenant, market: Market) -> None:
    post(Window(datetime(2026, 4, 1, tzinfo=UTC), make_meter(mine, market).pk, 3600), at=over(MARCH))
    assert (close(MARCH), MonthStatement.objects.count()) == (Closing(MARCH, 0, 0), 0)


def test_the_statement_equals_the_usage_of_its_month_to_the_second(
    mine: Tenant, theirs: Tenant, market: Market
) -> None:
    meter, other = make_meter(mine, market), make_meter(theirs, market)
    end = datetime(2026, 4, 1, tzinfo=UTC)
    post(Window(end - HOUR, meter.pk, 3600), Window(end, meter.pk, 3600), Window(NOW, other.pk, 1))
    assert close(MARCH) == Closing(MARCH, 2, 0)
    assert lines(mine, MARCH) == [("usage", MARCH, PRICE, 3_600_000, PRICE * 3_600_000)]
    assert lines(theirs, MARCH) == [("usage", MARCH, PRICE, 1_000, PRICE * 1_000)]
    close(APRIL)
    assert lines(mine, APRIL) == [("usage", APRIL, PRICE, 3_600_000, PRICE * 3_600_000)]
    assert (stated(mine), stated(theirs)) == (used(mine), used(theirs))


def test_lines_are_apart_by_project_and_price(mine: Tenant, market: Market) -> None:
    post(Window(NOW, make_meter(mine, market).pk, 3600))
    market.price = publish_price(
        actor=system("test"),
        book=market.price.book,
        sku=market.sku,
        micro_per_gpu_hour=1_000_000,
        valid_from=NOW,
        at=NOW,
    )
    post(Window(NOW, make_meter(mine, market).pk, 3600), Window(NOW, make_meter(mine, market).pk, 1800))
    mine.project = Project.objects.create(
        organisation=mine.organisation, name="Other", slug="other", residency_policy="EU_RESIDENT", milli_gpu_quota=8000
    )
    post(Window(NOW, make_meter(mine, market).pk, 60))
    close(MARCH)
    found = StatementLine.objects.values_list("project__slug", "micro_per_gpu_hour", "milli_gpu_seconds").order_by("pk")
    assert sorted(found) == [("main", 1_000_000, 5_400_000), ("main", PRICE, 3_600_000), ("other", 1_000_000, 60_000)]


def test_closing_again_changes_nothing(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market)
    post(Window(NOW, meter.pk, 3600))
    close(MARCH)
    before = list(MonthStatement.objects.values_list()), list(StatementLine.objects.values_list())
    post(Window(NOW + HOUR, meter.pk, 3600))
    assert close(MARCH) == Closing(MARCH, 0, 1)
    assert (list(MonthStatement.objects.values_list()), list(StatementLine.objects.values_list())) == before
    assert AuditEvent.objects.filter(action="month.closed").count() == 1


def test_late_usage_stands_on_the_next_statement_as_a_correction(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market)
    post(Window(NOW, meter.pk, 3600))
    close(MARCH)
    post(Window(NOW + HOUR, meter.pk, 1800), Window(NOW + timedelta(days=31), meter.pk, 60))
    close(APRIL)
    assert lines(mine, MARCH) == [("usage", MARCH, PRICE, 3_600_000, PRICE * 3_600_000)]
    assert lines(mine, APRIL) == [
        ("correction", MARCH, PRICE, 1_800_000, PRICE * 1_800_000),
        ("usage", APRIL, PRICE, 60_000, PRICE * 60_000),
    ]
    assert (stated(mine), drift()) == (used(mine), [])


def test_a_correction_down_of_a_closed_month_is_a_negative_line(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market)
    post(Window(NOW, meter.pk, 3600))
    close(MARCH)
    correct(meter, NOW, 600, at=over(MARCH))
    close(APRIL)
    assert lines(mine, APRIL) == [("correction", MARCH, PRICE, -3_000_000, -PRICE * 3_000_000)]
    close(MAY)
    assert lines(mine, MAY) == []
    assert (stated(mine), drift()) == (used(mine), [])


def test_a_correction_that_cancels_itself_leaves_no_line(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market)
    post(Window(NOW, meter.pk, 3600))
    close(MARCH)
    correct(meter, NOW, 600, at=over(MARCH))
    correct(meter, NOW, 3600, at=over(MARCH))
    close(APRIL)
    assert (lines(mine, APRIL), stated(mine)) == ([], used(mine))


def test_usage_that_is_taken_back_before_the_close_leaves_no_line(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market)
    post(Window(NOW, meter.pk, 3600))
    correct(meter, NOW, 0, at=NOW + HOUR)
    close(MARCH)
    assert (lines(mine, MARCH), stated(mine)) == ([], 0)


def test_an_older_month_cannot_be_closed_after_a_newer_one(mine: Tenant, market: Market) -> None:
    post(Window(NOW, make_meter(mine, market).pk, 3600))
    close(APRIL)
    with pytest.raises(MonthNotOver):
        close(MARCH, over(APRIL))
    assert lines(mine, APRIL) == [("correction", MARCH, PRICE, 3_600_000, PRICE * 3_600_000)]


def test_every_organisation_is_closed_whatever_the_size_of_a_pass(
    mine: Tenant, theirs: Tenant, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "CHUNK", 1)
    for tenant in (mine, theirs):
        post(Window(NOW, make_meter(tenant, market).pk, 3600))
    assert close(MARCH) == Closing(MARCH, 2, 0)
    assert (stated(mine), stated(theirs)) == (PRICE * 3_600_000, PRICE * 3_600_000)


def test_an_organisation_that_used_nothing_has_no_statement(mine: Tenant) -> None:
    assert close(MARCH) == Closing(MARCH, 0, 0)
    assert MonthStatement.objects.count() == 0


def test_a_killed_close_goes_on_where_it_stopped(
    mine: Tenant, theirs: Tenant, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tenant in (mine, theirs):
        post(Window(NOW, make_meter(tenant, market).pk, 3600))
    real = statements.close_for

    def once(*, organisation_id: int, month: date, at: datetime) -> bool:
        if MonthStatement.objects.exists():
            raise KeyboardInterrupt
        return real(organisation_id=organisation_id, month=month, at=at)

    monkeypatch.setattr(statements, "close_for", once)
    with pytest.raises(KeyboardInterrupt):
        close(MARCH)
    monkeypatch.setattr(statements, "close_for", real)
    assert close(MARCH) == Closing(MARCH, 1, 1)
    assert (stated(mine), stated(theirs)) == (PRICE * 3_600_000, PRICE * 3_600_000)


def test_the_rows_of_a_statement_are_refused_by_the_database_to_everyone(mine: Tenant, market: Market) -> None:
    post(Window(NOW, make_meter(mine, market).pk, 3600))
    close(MARCH)
    for model, change in ((MonthStatement, {"exact": 0}), (StatementLine, {"exact": 0})):
        with pytest.raises(Error), transaction.atomic():
            model.objects.update(**change)
        with pytest.raises(Error), transaction.atomic():
            model.objects.all()._raw_delete("default")
    assert stated(mine) == PRICE * 3_600_000


def test_the_organisation_with_the_first_key_of_all_gets_its_statement(mine: Tenant, market: Market) -> None:
    post(Window(NOW, make_meter(mine, market).pk, 3600))
    first = Organisation(pk=1, name="First", slug="first", kind="company", country_id="FR", created_at=LONG_AGO)
    first.save(force_insert=True)
    UsageDay.objects.filter(organisation=mine.organisation).update(organisation=first)
    assert close(MARCH) == Closing(MARCH, 1, 0)
    assert MonthStatement.objects.get().organisation_id == 1


@pytest.mark.parametrize(
    ("at", "month"),
    [
        (datetime(2026, 4, 3, 23, 59, 59, tzinfo=UTC), date(2026, 2, 1)),
        (datetime(2026, 4, 4, tzinfo=UTC), date(2026, 3, 1)),
        (datetime(2028, 3, 3, 23, 59, 59, tzinfo=UTC), date(2028, 1, 1)),
        (datetime(2028, 3, 4, tzinfo=UTC), date(2028, 2, 1)),
        (datetime(2027, 1, 4, tzinfo=UTC), date(2026, 12, 1)),
    ],
)
def test_the_latest_month_that_may_close_is_known_at_every_edge(at: datetime, month: date) -> None:
    assert last_closable(at) == month
    assert over(month) <= at < over((month + timedelta(days=32)).replace(day=1))


def test_a_leap_day_belongs_to_february(mine: Tenant, market: Market) -> None:
    market.price.valid = (LONG_AGO, None)
    meter = make_meter(mine, market)
    leap = datetime(2028, 2, 29, 23, tzinfo=UTC)
    post(Window(leap, meter.pk, 3600), Window(leap + HOUR, meter.pk, 1800), at=datetime(2028, 3, 1, 2, tzinfo=UTC))
    february = date(2028, 2, 1)
    close(february)
    assert lines(mine, february) == [("usage", february, PRICE, 3_600_000, PRICE * 3_600_000)]


@pytest.mark.parametrize("text", ["2026", "2026-13", "2026-00", "March", "2026-03-01", ""])
def test_a_month_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        month_of(text)
    assert month_of("2026-03") == MARCH
