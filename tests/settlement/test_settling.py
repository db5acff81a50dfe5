# SPDX-License-Identifier: Apache-2.0
"""A month is settled to the last part of a micro-credit, once, in the order of the months, whatever comes later."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import Error, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aion.actor import system
from aion.events.models import Event
from aion.money import EXACT_DIVISOR
from billing.errors import MonthNotOver
from billing.models import UsageHour
from billing.services.metering import Window
from billing.services.statements import close_month
from billing.settlement.models import SettlementLine, SettlementStatement
from billing.settlement.queries import sides
from billing.settlement.services import settling
from billing.settlement.services.settling import Settling, settle_month
from tests.billing.books import correct
from tests.settlement.scenes import (
    APRIL,
    HOUR,
    MARCH,
    MAY,
    SHARE,
    contradictions,
    member,
    over,
    settle,
    share,
    statement,
    use,
)
from tests.worlds import NOW, PRICE, Market, Tenant, make_market, make_meter, make_tenant

WHOLE_HOUR = PRICE * 3_600_000


def rows(market: Market, month: date) -> list[tuple[Any, ...]]:
    found = SettlementLine.objects.filter(organisation=market.site.operator, statement__month=month)
    return list(found.values_list("kind", "usage_month", "site_code", "share_basis_points", "exact"))


def test_a_month_is_settled_by_site_sku_and_price_over_all_tenants(
    mine: Tenant, theirs: Tenant, market: Market
) -> None:
    share(market)
    use(Window(NOW, make_meter(mine, market).pk, 3600), Window(NOW, make_meter(theirs, market).pk, 1800))
    assert settle(MARCH) == Settling(MARCH, 1, 0, ())
    assert rows(market, MARCH) == [("usage", MARCH, market.site.code, SHARE, WHOLE_HOUR * 3 // 2)]
    one = statement(market)
    assert (one.charged, one.share, one.commission) == (3_735_000, 3_174_750, 560_250)
    assert (one.milli_gpu_seconds, one.state, one.first_by_id) == (5_400_000, "draft", None)
    assert contradictions() == []


def test_operators_are_settled_apart(mine: Tenant, market: Market) -> None:
    other = make_market()
    share(market)
    share(other, 9_000)
    use(Window(NOW, make_meter(mine, market).pk, 3600), Window(NOW, make_meter(mine, other).pk, 60))
    assert settle(MARCH).settled == 2
    assert (statement(market).charged, statement(other).charged) == (PRICE, PRICE // 60)
    assert (statement(market).share, statement(other).share) == (2_116_500, 37_350)


def test_a_site_without_a_share_is_named_and_left_for_later(mine: Tenant, market: Market) -> None:
    use(Window(NOW, make_meter(mine, market).pk, 3600))
    assert settle(MARCH) == Settling(MARCH, 0, 0, (market.site.code,))
    share(market, first=MARCH, at=over(MARCH))
    assert settle(APRIL).unagreed == ()
    assert rows(market, APRIL) == [("correction", MARCH, market.site.code, SHARE, WHOLE_HOUR)]
    assert contradictions() == []


def test_settling_again_changes_nothing(mine: Tenant, market: Market) -> None:
    share(market)
    meter = make_meter(mine, market)
    use(Window(NOW, meter.pk, 3600))
    settle(MARCH)
    before = list(SettlementStatement.objects.values()), list(SettlementLine.objects.values())
    use(Window(NOW + HOUR, meter.pk, 60), at=over(MARCH))
    assert settle(MARCH) == Settling(MARCH, 0, 1, ())
    assert (list(SettlementStatement.objects.values()), list(SettlementLine.objects.values())) == before
    assert Event.objects.filter(type="settlement.prepared").count() == 1


def test_a_settling_that_was_killed_goes_on_where_it_stopped(
    mine: Tenant, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_market()
    for one in (market, other):
        share(one)
        use(Window(NOW, make_meter(mine, one).pk, 3600))
    real = settling.settle_for

    def once(**given: Any) -> SettlementStatement | None:
        if SettlementStatement.objects.exists():
            raise KeyboardInterrupt
        return real(**given)

    monkeypatch.setattr(settling, "settle_for", once)
    with pytest.raises(KeyboardInterrupt):
        settle(MARCH)
    assert SettlementStatement.objects.count() == 1
    monkeypatch.setattr(settling, "settle_for", real)
    assert settle(MARCH) == Settling(MARCH, 1, 1, ())
    assert {statement(market).charged, statement(other).charged} == {PRICE}
    assert contradictions() == []


def test_late_usage_and_corrections_of_a_settled_month_are_lines_of_the_next(mine: Tenant, market: Market) -> None:
    share(market)
    meter, late = make_meter(mine, market), make_meter(mine, market)
    use(Window(NOW, meter.pk, 3600))
    settle(MARCH)
    use(Window(NOW, late.pk, 1800), at=over(MARCH) + HOUR)
    correct(meter, NOW, 600, at=over(MARCH) + HOUR)
    assert contradictions() == []
    settle(APRIL)
    (line,) = rows(market, APRIL)
    assert line == ("correction", MARCH, market.site.code, SHARE, -PRICE * 1_200_000)
    assert statement(market, APRIL).share == -705_500
    assert contradictions() == []


def test_a_share_that_changes_holds_for_usage_of_its_own_months(mine: Tenant, market: Market) -> None:
    share(market)
    meter = make_meter(mine, market)
    use(Window(NOW, meter.pk, 3600))
    settle(MARCH)
    share(market, 5_000, first=APRIL, at=over(MARCH))
    late = Window(NOW + HOUR, meter.pk, 3600), Window(datetime(2026, 4, 9, tzinfo=UTC), meter.pk, 3600)
    use(*late, at=over(MARCH) + HOUR)
    settle(APRIL)
    assert [(kind, bp) for kind, _, _, bp, _ in rows(market, APRIL)] == [("correction", SHARE), ("usage", 5_000)]
    assert statement(market, APRIL).share == PRICE * SHARE // 10_000 + PRICE // 2


def test_a_site_that_changes_hands_keeps_its_settled_months_with_who_had_it(mine: Tenant, market: Market) -> None:
    share(market)
    buyer = make_market()
    share(buyer, 9_000)
    meter = make_meter(mine, market)
    use(Window(NOW, meter.pk, 3600))
    settle(MARCH)
    type(market.site).objects.filter(pk=market.site.pk).update(operator=buyer.site.operator)
    late = Window(NOW + HOUR, meter.pk, 3600), Window(datetime(2026, 4, 9, tzinfo=UTC), meter.pk, 1800)
    use(*late, at=over(MARCH) + HOUR)
    settle(APRIL)
    assert rows(market, APRIL) == [("correction", MARCH, market.site.code, SHARE, WHOLE_HOUR)]
    assert rows(buyer, APRIL) == [("usage", APRIL, market.site.code, 9_000, WHOLE_HOUR // 2)]
    assert contradictions() == []


def test_a_month_is_settled_after_its_end_its_grace_and_the_tenants_closing_and_in_order(
    mine: Tenant, market: Market
) -> None:
    share(market)
    use(Window(NOW, make_meter(mine, market).pk, 3600))
    with pytest.raises(MonthNotOver, match="late usage"):
        settle_month(actor=system("test"), month=MARCH, at=over(MARCH) - timedelta(seconds=1))
    with pytest.raises(MonthNotOver, match="all customers"):
        settle_month(actor=system("test"), month=MARCH, at=over(MARCH))
    close_month(actor=system("test"), month=APRIL, at=over(APRIL))
    settle_month(actor=system("test"), month=APRIL, at=over(APRIL))
    with pytest.raises(MonthNotOver, match="2026-04 is settled"):
        settle_month(actor=system("test"), month=MARCH, at=over(APRIL))
    assert SettlementStatement.objects.count() == 1


def test_granted_and_owed_usage_counts_as_much_as_paid_usage(market: Market) -> None:
    share(market)
    poor = make_tenant(credit=0)
    use(Window(NOW, make_meter(poor, market).pk, 3600))
    settle(MARCH)
    assert statement(market).charged == PRICE


@pytest.mark.parametrize("change", [{"share": 0, "commission": 0, "charged": 0}, {"exact": 1}, {"month": APRIL}])
def test_figures_of_a_settlement_are_refused_to_everyone_from_the_first_moment(
    mine: Tenant, market: Market, change: dict[str, Any]
) -> None:
    share(market)
    use(Window(NOW, make_meter(mine, market).pk, 3600))
    settle(MARCH)
    with pytest.raises(Error), transaction.atomic():
        SettlementStatement.objects.update(**change)
    for model in (SettlementLine, SettlementStatement):
        with pytest.raises(Error), transaction.atomic():
            model.objects.all()._raw_delete("default")
    with pytest.raises(Error), transaction.atomic():
        SettlementLine.objects.update(exact=1)


def test_the_reconciler_tells_of_a_settlement_that_is_not_what_was_used(mine: Tenant, market: Market) -> None:
    share(market)
    use(Window(NOW, make_meter(mine, market).pk, 3600))
    settle(MARCH)
    assert contradictions() == []
    behind = "SET session_replication_role = replica"
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(behind)
        cursor.execute("UPDATE settlement_settlementline SET exact = exact + 3600000000")
        cursor.execute("SET session_replication_role = DEFAULT")
    assert set(contradictions()) == {
        "settlements = their lines", "settlement side = tenant side", "settled = used, until usage came since",
    }  # fmt: skip


months = st.lists(
    st.tuples(
        st.sampled_from([MARCH, APRIL, MAY]),  # month of usage
        st.sampled_from([MARCH, APRIL, MAY]),  # when it is told, not before
        st.integers(1, 3600),
        st.integers(1, 7),
        st.integers(0, 3600),  # what it is corrected to later
    ),
    max_size=6,
)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(used=months, basis_points=st.integers(0, 10_000), price=st.integers(1, 9_999_999))
def test_any_split_into_months_and_corrections_settles_to_the_floor_of_the_whole(
    db: None, used: list[Any], basis_points: int, price: int
) -> None:
    with transaction.atomic():
        market, tenant = make_market(price=price), make_tenant(credit=10_000, roles=())
        share(market, basis_points)
        meters = {
            number: make_meter(tenant, market, milli_gpus=milli) for number, (_, _, _, milli, _) in enumerate(used)
        }
        for month in (MARCH, APRIL, MAY):
            at = over(month) - HOUR
            for number, (of, told, seconds, _, right) in enumerate(used):
                hour = datetime(of.year, of.month, 5, number, tzinfo=UTC)
                if max(of, told) == month:
                    use(Window(hour, meters[number].pk, seconds), at=at)
                elif max(of, told) < month and right != seconds and month == MAY:
                    correct(meters[number], hour, right, at=at)
            settle(month)
        exact = int(sum(UsageHour.objects.filter(site_code=market.site.code).values_list("exact", flat=True)))
        found = SettlementStatement.objects.filter(organisation=market.site.operator)
        settled = [sum(found.values_list(name, flat=True)) for name in ("charged", "share", "commission")]
        whole, part = exact // EXACT_DIVISOR, exact * basis_points // (EXACT_DIVISOR * 10_000)
        assert settled == [whole, part, whole - part]
        assert sum(one.unsettled for one in sides()) == 0
        assert contradictions() == []
        transaction.set_rollback(True)


def test_a_member_without_usage_gets_a_settlement_of_nothing(market: Market) -> None:
    share(market)
    assert settle(MARCH).settled == 1
    one = statement(market)
    assert (one.charged, one.share, one.lines.count()) == (0, 0, 0)
    assert member(market).pk == one.organisation_id
