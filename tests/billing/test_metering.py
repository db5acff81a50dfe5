# SPDX-License-Identifier: Apache-2.0
"""Usage in, money out: exact, once, in any order and batching."""

from datetime import timedelta

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from billing import queries
from billing.models import (
    Hold,
    LedgerAccount,
    QuarantinedUsage,
    RatingCarry,
    Transfer,
    UsageBatch,
    UsageHour,
    UsageRecord,
)
from billing.services.holds import release_hold
from billing.services.metering import BatchResult, Window, post_windows
from tests.billing.books import drift
from tests.worlds import MICRO, NOW, PRICE, Market, Tenant, make_lot, make_market, make_meter, make_tenant


def post(*windows: Window) -> tuple[int, int, int]:
    result = post_windows(windows=windows, source="test", at=NOW + timedelta(days=40))
    return result.accepted, result.duplicate, result.refused


def spent_by_lot() -> dict[int, int]:
    rows = Transfer.objects.filter(kind="usage").values("debit_account_id").annotate(total=Sum("amount"))
    return {row["debit_account_id"]: row["total"] for row in rows}


def test_a_single_micro_credit_that_no_hold_covers_is_charged(mine: Tenant) -> None:
    meter = make_meter(mine, make_market(price=1))
    assert post(Window(NOW, meter.pk, 3600)) == (1, 0, 0)
    assert Transfer.objects.get(kind="usage").amount == 1
    assert drift() == []


def test_an_hour_on_one_gpu_burns_its_price_from_the_hold(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market, hold=10 * MICRO)
    assert post(Window(NOW, meter.pk, 3600)) == (1, 0, 0)
    balance = queries.balance(mine.organisation.pk, NOW)
    assert (balance.total, balance.held) == (1_000 * MICRO - PRICE, 10 * MICRO - PRICE)
    assert release_hold(hold_id=meter.run.hold_id, at=NOW)
    assert queries.balance(mine.organisation.pk, NOW).held == 0
    assert drift() == []


def test_a_window_delivered_twice_is_charged_once(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market, hold=10 * MICRO)
    window = Window(NOW, meter.pk, 1800)
    assert [post(window), post(window), post(window, window)] == [(1, 0, 0), (0, 1, 0), (0, 2, 0)]
    assert sum(Transfer.objects.filter(kind="usage").values_list("amount", flat=True)) == PRICE // 2


def test_the_same_key_with_other_content_is_kept_apart_and_never_rated(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market, hold=10 * MICRO)
    post(Window(NOW, meter.pk, 1800))
    assert post(Window(NOW, meter.pk, 1801)) == (0, 0, 1)
    assert post(Window(NOW, meter.pk, 1801)) == (0, 0, 1)
    assert [row.reason for row in QuarantinedUsage.objects.all()] == ["conflict"]
    assert UsageRecord.objects.get().seconds == 1800


@pytest.mark.parametrize("allowed", [False, None])
def test_usage_without_an_allowing_decision_is_quarantined_not_dropped(
    mine: Tenant, market: Market, allowed: bool | None
) -> None:
    meter = make_meter(mine, market, allowed=allowed)
    assert post(Window(NOW, meter.pk, 3600)) == (0, 0, 1)
    row = QuarantinedUsage.objects.get()
    assert (row.reason, row.seconds, row.organisation_id) == ("no_allowing_decision", 3600, mine.organisation.pk)
    assert (UsageRecord.objects.count(), Transfer.objects.filter(kind="usage").count()) == (0, 0)


def test_what_no_lot_can_pay_goes_to_the_one_receivable_account(market: Market) -> None:
    poor = make_tenant(credit=1)
    meter = make_meter(poor, market)
    post(Window(NOW, meter.pk, 3600))
    post(Window(NOW + timedelta(hours=1), meter.pk, 3600))
    balance = queries.balance(poor.organisation.pk, NOW)
    assert (balance.total, balance.owed) == (0, 2 * PRICE - MICRO)
    assert LedgerAccount.objects.filter(organisation=poor.organisation, kind="receivable").count() == 1
    assert drift() == []


def test_a_batch_of_nothing_leaves_nothing_behind(db: None) -> None:
    assert post_windows(windows=[], source="test", at=NOW) == BatchResult(0, 0, 0, 0, 0)
    assert UsageBatch.objects.count() == 0


def test_usage_that_lots_pay_to_the_last_micro_credit_opens_no_receivable(db: None) -> None:
    tenant, market = make_tenant(credit=4), make_market(price=4 * MICRO)
    post(Window(NOW, make_meter(tenant, market).pk, 3600))
    balance = queries.balance(tenant.organisation.pk, NOW)
    assert (balance.total, balance.owed) == (0, 0)
    assert not LedgerAccount.objects.filter(kind="receivable").exists()


def test_a_run_without_hold_burns_lots_in_spending_order(market: Market) -> None:
    tenant = make_tenant(credit=0)
    free = make_lot(tenant.organisation, 100, "free")
    later = make_lot(tenant.organisation, 1, "later", expires_at=NOW + timedelta(days=60))
    soon = make_lot(tenant.organisation, 1, "soon", expires_at=NOW + timedelta(days=50))
    meter = make_meter(tenant, market)
    post(Window(NOW, meter.pk, 1200))
    assert spent_by_lot() == {soon.pk: PRICE // 3}
    post(Window(NOW + timedelta(minutes=20), meter.pk, 2400))
    assert spent_by_lot() == {soon.pk: MICRO, later.pk: MICRO, free.pk: PRICE - 2 * MICRO}


def test_of_two_lots_that_start_on_one_day_neither_pays_for_usage_before_its_start(db: None) -> None:
    tenant, market = make_tenant(credit=0), make_market(price=4 * MICRO)
    first = make_lot(tenant.organisation, 3, starts_at=NOW)
    second = make_lot(tenant.organisation, 10, starts_at=NOW + timedelta(hours=2))
    meter = make_meter(tenant, market)
    post(Window(NOW, meter.pk, 3600), Window(NOW + timedelta(hours=3), meter.pk, 3600))
    owed = queries.balance(tenant.organisation.pk, NOW).owed
    assert (spent_by_lot()[first.pk], spent_by_lot()[second.pk], owed) == (3 * MICRO, 4 * MICRO, MICRO)


def test_what_two_holds_of_one_day_cover_only_in_part_is_paid_in_full(mine: Tenant) -> None:
    market = make_market(price=4 * MICRO)
    meters = [make_meter(mine, market, hold=3 * MICRO) for _ in range(2)]
    post(*[Window(NOW, meter.pk, 3600) for meter in meters])
    assert queries.balance(mine.organisation.pk, NOW).total == 992 * MICRO
    assert drift() == []


def test_a_charge_takes_effect_at_the_end_of_the_last_hour_that_it_is_for(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market)
    post(Window(NOW, meter.pk, 60), Window(NOW + timedelta(hours=1), meter.pk, 60))
    assert Transfer.objects.get(kind="usage").effective_at == NOW + timedelta(hours=2)


def test_half_a_micro_credit_is_carried_not_lost(db: None) -> None:
    tenant, market = make_tenant(credit=1), make_market(price=1)
    meter = make_meter(tenant, market)
    for hour in range(4):
        post(Window(NOW + timedelta(hours=hour), meter.pk, 900))
    assert sum(Transfer.objects.filter(kind="usage").values_list("amount", flat=True)) == 1
    assert RatingCarry.objects.get().carry == 0


def test_a_batch_counts_what_became_of_it(mine: Tenant, market: Market) -> None:
    meter, denied = make_meter(mine, market), make_meter(mine, market, allowed=False)
    post(Window(NOW, meter.pk, 60), Window(NOW, meter.pk, 60), Window(NOW, denied.pk, 60))
    batch = UsageBatch.objects.get()
    assert (batch.received, batch.accepted, batch.duplicate, batch.refused) == (3, 1, 1, 1)


def test_the_roll_up_equals_the_records(mine: Tenant, market: Market) -> None:
    meters = [make_meter(mine, market, milli_gpus=500 * (n + 1)) for n in range(3)]
    post(*[Window(NOW + timedelta(hours=h), m.pk, 600) for m in meters for h in range(4)])
    assert UsageHour.objects.count() == 4
    assert sum(UsageHour.objects.values_list("milli_gpu_seconds", flat=True)) == 4 * 600 * 3000


window_tuples = st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(1, 3600))
windows = st.lists(window_tuples, min_size=1, max_size=15, unique_by=lambda w: w[:2])
quick = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


def state_after(batches: list[list[tuple[int, int, int]]], *, hold: int) -> tuple[int, int, int, int]:
    """Return (left, owed, charged, carry) of a tenant that used ``batches`` under three holds."""
    tenant, market = make_tenant(credit=300, roles=()), make_market(price=1_234_567)
    meters = [make_meter(tenant, market, milli_gpus=milli, hold=hold) for milli in (137, 1000, 333)]
    for batch in batches:
        post(*[Window(NOW + timedelta(hours=h), meters[m].pk, seconds) for m, h, seconds in batch])
    for meter in meters:
        release_hold(hold_id=meter.run.hold_id, at=NOW)
    balance = queries.balance(tenant.organisation.pk, NOW)
    usage = Transfer.objects.filter(kind="usage", organisation=tenant.organisation)
    charged = sum(usage.values_list("amount", flat=True))
    return balance.total, balance.owed, charged, RatingCarry.objects.get(organisation=tenant.organisation).carry


@quick
@given(windows=windows, data=st.data())
def test_any_order_batching_and_repeats_give_the_same_balances(
    windows: list[tuple[int, int, int]], data: st.DataObject, db: None
) -> None:
    shuffled = list(data.draw(st.permutations(windows + windows[: data.draw(st.integers(0, 5))])))
    cut = data.draw(st.integers(0, len(shuffled)))
    batches = [shuffled[:cut], shuffled[cut:]]
    assert state_after([windows], hold=60 * MICRO) == state_after(batches, hold=60 * MICRO)
    assert drift() == []


@quick
@given(windows=windows, data=st.data())
def test_with_every_credit_held_the_net_position_is_the_same_in_any_order(
    windows: list[tuple[int, int, int]], data: st.DataObject, db: None
) -> None:
    shuffled = list(data.draw(st.permutations(windows)))
    cut = data.draw(st.integers(0, len(shuffled)))
    (left, owed, *one), (other_left, other_owed, *other) = (
        state_after(batches, hold=100 * MICRO) for batches in ([windows], [shuffled[:cut], shuffled[cut:]])
    )
    assert (left - owed, one) == (other_left - other_owed, other)
    assert drift() == []


def test_a_hold_is_never_captured_beyond_its_amount(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market, hold=PRICE)
    for hour in range(3):
        post(Window(NOW + timedelta(hours=hour), meter.pk, 3600))
    hold = Hold.objects.get(pk=meter.run.hold_id)
    assert sum(hold.legs.values_list("captured", flat=True)) == PRICE
    assert queries.balance(mine.organisation.pk, NOW).total == 1_000 * MICRO - 3 * PRICE
