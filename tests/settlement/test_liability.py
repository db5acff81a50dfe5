# SPDX-License-Identifier: Apache-2.0
"""What is owed in unspent credit is the sum of what is left; the limit of a limited network is watched in time."""

import csv
from datetime import date, timedelta
from io import StringIO
from typing import Any

import pytest
from django.db import Error, transaction
from django.db.models import F, Sum
from django.test import Client

from aion.errors import NotFound
from billing.models import LedgerAccount
from billing.services.expiry import GRACE, expire_lots
from billing.services.metering import Window
from billing.services.takebacks import refund_lot
from billing.settlement.models import GaugeAlert, NetworkThreshold
from billing.settlement.queries.liability import Every, gauge, movements
from billing.settlement.services.gauge import acknowledge, raise_alerts
from billing.states import Origin
from tests.billing.books import staff
from tests.settlement.scenes import HOUR, use
from tests.worlds import MICRO, NOW, PRICE, Market, make_lot, make_meter, make_tenant, text

LATER = NOW + timedelta(days=20)


@pytest.fixture
def tenant(market: Market) -> Any:
    """Let credit be bought, granted, used, refunded and expire, and more be used than there is."""
    found = make_tenant(credit=0)
    bought = make_lot(found.organisation, 100, at=NOW)
    make_lot(found.organisation, 50, "RAISE", origin=Origin.GRANT, at=NOW, expires_at=NOW + timedelta(days=5))
    use(Window(NOW, make_meter(found, market).pk, 3600))
    refund_lot(actor=staff(), public_id=bought.public_id, amount=10 * MICRO, reason="asked", key="k", at=NOW + HOUR)
    expire_lots(at=NOW + timedelta(days=6) + GRACE)
    poor = make_tenant(credit=0)
    use(Window(NOW, make_meter(poor, market).pk, 1800))
    return found


def test_each_period_says_what_came_what_went_and_what_was_left(tenant: Any) -> None:
    found = {one.origin: one for one in movements(start=date(2026, 3, 1), end=LATER, every=Every.MONTH)}
    bought, granted, owed = found["purchase"], found["grant"], found["receivable"]
    assert (bought.issued, bought.spent, bought.expired, bought.returned, bought.owed) == (
        100 * MICRO, 0, 0, 10 * MICRO, 90 * MICRO,
    )  # fmt: skip
    assert (granted.issued, granted.spent, granted.expired, granted.owed) == (
        50 * MICRO, PRICE, 50 * MICRO - PRICE, 0,
    )  # fmt: skip
    assert (owed.issued, owed.spent, owed.owed) == (PRICE // 2, 0, PRICE // 2)


def test_what_is_left_is_the_sum_of_the_lots(tenant: Any) -> None:
    days = movements(start=date(2025, 1, 1), end=LATER, every=Every.DAY)
    latest: dict[str, int] = {}
    for one in days:
        latest.setdefault(one.origin, one.owed)
    left = LedgerAccount.objects.filter(kind="lot").aggregate(left=Sum(F("credits") - F("debits")))["left"]
    assert sum(value for origin, value in latest.items() if origin != "receivable") == left
    assert len({one.period for one in days}) > 1


def test_only_bought_credit_that_several_operators_accept_is_a_network(tenant: Any, market: Market) -> None:
    make_lot(tenant.organisation, 70, at=NOW, site_codes=[market.site.code])
    make_lot(tenant.organisation, 30, at=NOW - timedelta(days=380))
    read = gauge(LATER)
    assert (read.volume, read.outstanding) == (90 * MICRO, 120 * MICRO)
    assert read.percent == 0


def test_each_step_is_told_of_once_a_year_and_waits_until_it_is_seen(tenant: Any, staff_browser: Client) -> None:
    assert raise_alerts(at=LATER) == []
    make_lot(tenant.organisation, 800_000, at=NOW)
    assert [one.percent for one in raise_alerts(at=LATER)] == [50, 80]
    assert raise_alerts(at=LATER) == []
    make_lot(tenant.organisation, 200_000, at=NOW)
    (alert,) = raise_alerts(at=LATER)
    assert (alert.percent, alert.outstanding) == (100, 1_000_090 * MICRO)
    first_page = staff_browser.get("/admin/").content.decode()
    assert "Limited-network alerts" in first_page
    assert acknowledge(actor=staff(), alert_id=alert.pk, reason="declared", at=LATER).note == "declared"
    with pytest.raises(NotFound):
        acknowledge(actor=staff(), alert_id=alert.pk, reason="again", at=LATER)
    assert GaugeAlert.objects.filter(seen_at=None).count() == 2


def test_without_a_limit_in_force_nothing_is_told(tenant: Any) -> None:
    NetworkThreshold.objects.all().delete()
    make_lot(tenant.organisation, 5_000_000, at=NOW)
    assert (raise_alerts(at=LATER), gauge(LATER).percent) == ([], 0)


def test_two_limits_for_one_time_are_refused_by_the_database(db: None) -> None:
    with pytest.raises(Error), transaction.atomic():
        NetworkThreshold.objects.create(amount=1, valid=(date(2026, 1, 1), None), source="another")


def test_staff_see_and_download_the_report(tenant: Any, staff_browser: Client) -> None:
    content = staff_browser.get("/admin/liability/").content.decode()
    assert "What is owed, period by period" in content
    assert "Both sides of a month" in content
    rows = list(csv.DictReader(StringIO(text(staff_browser.get("/admin/liability.csv?every=day&from=2026-03-01")))))
    assert {row["origin"] for row in rows} == {"purchase", "grant", "receivable"}
    assert staff_browser.get("/admin/liability/?from=May").status_code == 422


def test_staff_without_the_right_see_neither_report_nor_books(db: None) -> None:
    from tests.billing.staffing import make_staff

    client, _ = make_staff("few", is_superuser=False)
    for path in ("/admin/liability/", "/admin/liability.csv", "/admin/fec/2026/"):
        assert client.get(path).status_code == 403
