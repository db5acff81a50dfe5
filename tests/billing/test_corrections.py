# SPDX-License-Identifier: Apache-2.0
"""A correction is a new fact of two people; its money goes back to the lots that paid, last payer first."""

from datetime import timedelta
from typing import Any

import pytest

from aion.actor import system
from aion.audit.models import AuditEvent
from aion.errors import NotFound, Rejected
from aion.periods import next_midnight
from billing import queries
from billing.audit import Action
from billing.errors import CorrectionNotPossible, FourEyesNeeded, InsufficientCredit
from billing.models import CorrectionRequest, LedgerAccount, QuarantinedUsage, UsageDay, UsageHour, UsageRecord
from billing.services.corrections import approve_correction, reject_correction, request_correction, review_quarantined
from billing.services.expiry import GRACE, expire_lots
from billing.services.holds import place_hold
from billing.services.metering import Window
from billing.states import ORIGIN_RANK, AccountKind, Origin
from tests.billing.books import LATE, charged, correct, drift, on_platform, post, spent, staff
from tests.worlds import MICRO, NOW, PRICE, Market, Tenant, make_lot, make_market, make_meter, make_tenant, purpose_of

HOUR = timedelta(hours=1)


def ask(meter: Any, seconds: int) -> CorrectionRequest:
    """Ask for the window from NOW on to have ``seconds``."""
    return request_correction(
        actor=staff(), reference=meter.reference, hour=NOW, start_second=0, seconds=seconds, reason="r", at=LATE
    )


@pytest.fixture
def tenant(db: None) -> Tenant:
    return make_tenant(credit=0)


@pytest.fixture
def four(db: None) -> Market:
    """Return a market whose GPU-hour costs four credits: lots of whole credits then add up to it."""
    return make_market(price=4 * MICRO)


def test_a_correction_is_a_row_of_the_next_revision_with_the_difference(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market)
    post(Window(NOW, meter.pk, 3600))
    assert correct(meter, NOW, 1800).accepted == 1
    assert correct(meter, NOW, 2700).accepted == 1
    rows = list(UsageRecord.objects.order_by("revision").values_list("revision", "seconds", "exact"))
    assert rows == [(0, 3600, PRICE * 3_600_000), (1, -1800, -PRICE * 1_800_000), (2, 900, PRICE * 900_000)]
    assert (UsageHour.objects.get().exact, UsageDay.objects.get().exact) == (PRICE * 2_700_000, PRICE * 2_700_000)
    assert charged(mine) == PRICE * 3 // 4
    assert drift() == []


def test_down_to_nothing_and_up_again_costs_what_it_should_cost(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market)
    post(Window(NOW, meter.pk, 3599))
    correct(meter, NOW, 0)
    assert (charged(mine), queries.balance(mine.organisation.pk, LATE).available) == (0, 1_000 * MICRO)
    correct(meter, NOW, 3600)
    assert charged(mine) == PRICE
    assert drift() == []


def test_neither_who_asked_nor_a_machine_can_approve_and_nothing_moves_before(mine: Tenant, market: Market) -> None:
    meter, first = make_meter(mine, market), staff()
    post(Window(NOW, meter.pk, 3600))
    asked = request_correction(
        actor=first, reference=meter.reference, hour=NOW, start_second=0, seconds=0, reason="r", at=LATE
    )
    for alone in (first, system("a task")):
        with pytest.raises(FourEyesNeeded):
            approve_correction(actor=alone, public_id=asked.public_id, at=LATE)
    assert (charged(mine), UsageRecord.objects.count()) == (PRICE, 1)
    reject_correction(actor=staff(), public_id=asked.public_id, reason="no", at=LATE)
    with pytest.raises(NotFound):
        approve_correction(actor=staff(), public_id=asked.public_id, at=LATE)
    assert charged(mine) == PRICE


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"reason": " "}, Rejected),
        ({"seconds": -1}, Rejected),
        ({"seconds": 3601}, Rejected),
        ({"reference": "unknown"}, NotFound),
        ({"hour": NOW + HOUR}, CorrectionNotPossible),
        ({"start_second": 1, "seconds": 5}, CorrectionNotPossible),
        ({"seconds": 600}, CorrectionNotPossible),
    ],
)
def test_what_cannot_be_corrected_is_refused(
    mine: Tenant, market: Market, change: dict[str, Any], error: type[Exception]
) -> None:
    meter = make_meter(mine, market)
    post(Window(NOW, meter.pk, 600))
    fields = {"reference": meter.reference, "hour": NOW, "start_second": 0, "seconds": 5, "reason": "r", **change}
    with pytest.raises(error):
        request_correction(actor=staff(), at=LATE, **fields)
    assert CorrectionRequest.objects.count() == 0


def test_a_window_has_one_correction_in_waiting(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market)
    post(Window(NOW, meter.pk, 600))
    fields = {"reference": meter.reference, "hour": NOW, "start_second": 0, "reason": "r", "at": LATE}
    request_correction(actor=staff(), seconds=5, **fields)
    with pytest.raises(CorrectionNotPossible):
        request_correction(actor=staff(), seconds=6, **fields)


def test_a_window_is_never_corrected_into_the_one_after_it(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market)
    post(Window(NOW, meter.pk, 600), Window(NOW + timedelta(seconds=900), meter.pk, 600))
    with pytest.raises(CorrectionNotPossible):
        correct(meter, NOW, 901)
    with pytest.raises(Rejected):
        correct(meter, NOW, 2701, start_second=900)
    assert correct(meter, NOW, 900).accepted == 1
    assert correct(meter, NOW, 2700, start_second=900).accepted == 1
    assert drift() == []


def test_a_window_that_went_is_not_brought_back_under_the_one_that_took_its_place(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market)
    post(Window(NOW, meter.pk, 300), Window(NOW + timedelta(seconds=300), meter.pk, 300))
    correct(meter, NOW, 0, start_second=300)
    correct(meter, NOW, 600)
    with pytest.raises(CorrectionNotPossible):
        correct(meter, NOW, 10, start_second=300)
    assert drift() == []


def test_an_approval_finds_what_was_metered_meanwhile_and_reaches_into_nothing(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market)
    post(Window(NOW, meter.pk, 600))
    asked = ask(meter, 900)
    post(Window(NOW + timedelta(seconds=700), meter.pk, 100))
    with pytest.raises(CorrectionNotPossible, match="from second 700 on"):
        approve_correction(actor=staff(), public_id=asked.public_id, at=LATE)
    assert drift() == []


def test_each_step_of_a_correction_is_in_the_audit_log_and_no_machine_asks(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market)
    post(Window(NOW, meter.pk, 600))
    fields: dict[str, Any] = {"reference": meter.reference, "hour": NOW, "start_second": 0, "reason": "r", "at": LATE}
    with pytest.raises(Rejected, match="Only a person"):
        request_correction(actor=system("a task"), seconds=5, **fields)
    first = request_correction(actor=staff(), seconds=5, **fields)
    reject_correction(actor=staff(), public_id=first.public_id, reason="no", at=LATE)
    second = request_correction(actor=staff(), seconds=6, **fields)
    approve_correction(actor=staff(), public_id=second.public_id, at=LATE)
    told = AuditEvent.objects.filter(action__startswith="usage.").order_by("pk")
    assert list(told.values_list("action", "subject_id", "reason", "changes")) == [
        (Action.CORRECTION_REQUESTED, first.public_id, "r", {"seconds": [600, 5]}),
        (Action.CORRECTION_REJECTED, first.public_id, "no", {}),
        (Action.CORRECTION_REQUESTED, second.public_id, "r", {"seconds": [600, 6]}),
        (Action.CORRECTION_APPROVED, second.public_id, "r", {}),
    ]


def test_a_record_in_quarantine_is_reviewed_once_with_a_finding(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market)
    post(Window(NOW, meter.pk, 600))
    post(Window(NOW, meter.pk, 601))
    usage = QuarantinedUsage.objects.get()
    with pytest.raises(Rejected) as refused:
        review_quarantined(actor=staff(), usage_id=usage.pk, note=" ", at=LATE)
    assert refused.value.field == "note"
    review_quarantined(actor=staff(), usage_id=usage.pk, note="sent twice", at=LATE)
    assert AuditEvent.objects.get(action=Action.QUARANTINE_REVIEWED).reason == "sent twice"
    for gone in (usage.pk, 0):
        with pytest.raises(NotFound):
            review_quarantined(actor=staff(), usage_id=gone, note="again", at=LATE)


def test_a_next_window_that_was_corrected_to_nothing_is_no_obstacle(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market)
    post(Window(NOW, meter.pk, 600), Window(NOW + timedelta(seconds=600), meter.pk, 600))
    correct(meter, NOW, 0, start_second=600)
    assert correct(meter, NOW, 1200).accepted == 1
    assert drift() == []


def test_an_approval_finds_the_window_changed_since_and_says_so(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market)
    post(Window(NOW, meter.pk, 600))
    asked = ask(meter, 300)
    post(Window(NOW, meter.pk, -300, 1))
    with pytest.raises(CorrectionNotPossible):
        approve_correction(actor=staff(), public_id=asked.public_id, at=LATE)
    assert (CorrectionRequest.objects.get().state, UsageRecord.objects.count()) == ("pending", 2)
    reject_correction(actor=staff(), public_id=asked.public_id, reason="done by the operator", at=LATE)


def test_a_refund_goes_to_the_last_payer_first(tenant: Tenant, four: Market) -> None:
    grant = make_lot(tenant.organisation, 3, origin=Origin.GRANT)
    purchase = make_lot(tenant.organisation, 2)
    restricted = make_lot(tenant.organisation, 1, sku_codes=[four.sku.code])
    meter = make_meter(tenant, four)
    post(Window(NOW, meter.pk, 3600), Window(NOW + HOUR, meter.pk, 3600))
    balance = queries.balance(tenant.organisation.pk, LATE)
    assert (balance.available, balance.owed) == (0, 2 * MICRO)
    steps = []
    for seconds in (2700, 900, 0):
        correct(meter, NOW, seconds)
        owed = queries.balance(tenant.organisation.pk, LATE).owed
        steps.append(tuple(part // 10_000 for part in (owed, spent(purchase), spent(grant), spent(restricted))))
    assert steps == [(100, 200, 300, 100), (0, 100, 300, 100), (0, 0, 300, 100)]
    correct(meter, NOW + HOUR, 0)
    assert [spent(lot) for lot in (purchase, grant, restricted)] == [0, 0, 0]
    assert drift() == []


def test_a_further_charge_burns_as_usage_does(tenant: Tenant, four: Market) -> None:
    lot = make_lot(tenant.organisation, 3)
    meter = make_meter(tenant, four)
    post(Window(NOW, meter.pk, 1800))
    correct(meter, NOW, 3600)
    assert (spent(lot), queries.balance(tenant.organisation.pk, LATE).owed) == (3 * MICRO, MICRO)
    assert drift() == []


def test_a_refund_of_one_day_never_touches_the_payers_of_another(tenant: Tenant, four: Market) -> None:
    first = make_lot(tenant.organisation, 4, origin=Origin.GRANT)
    second = make_lot(tenant.organisation, 4)
    meter = make_meter(tenant, four)
    post(Window(NOW, meter.pk, 3600))
    post(Window(NOW + timedelta(days=1), meter.pk, 3600))
    correct(meter, NOW, 0)
    assert [spent(first), spent(second)] == [0, 4 * MICRO]


@pytest.mark.parametrize("goodwill", [True, False])
def test_what_an_expired_lot_paid_comes_back_as_goodwill_or_stays_expired(
    tenant: Tenant, four: Market, settings: Any, goodwill: bool
) -> None:
    settings.REFUND_EXPIRED_AS_GOODWILL = goodwill
    gone = make_lot(tenant.organisation, 10, expires_at=NOW + timedelta(days=1))
    meter = make_meter(tenant, four)
    post(Window(NOW, meter.pk, 3600))
    over = gone.expires_at + GRACE
    expire_lots(at=over)
    correct(meter, NOW, 900, at=over)
    balance = queries.balance(tenant.organisation.pk, over)
    assert balance.available == (3 * MICRO if goodwill else 0)
    assert on_platform(AccountKind.BREAKAGE) == (6 if goodwill else 9) * MICRO
    assert charged(tenant) == MICRO
    lots = LedgerAccount.objects.filter(organisation=tenant.organisation, origin=Origin.GOODWILL)
    ends = next_midnight(over + timedelta(days=90))
    assert [(lot.credits, lot.starts_at, lot.expires_at, lot.rank) for lot in lots] == (
        [(3 * MICRO, over, ends, ORIGIN_RANK[Origin.GOODWILL])] if goodwill else []
    )
    gone.refresh_from_db()
    assert gone.available == 0
    assert expire_lots(at=over) == 0
    assert drift() == []
    later = over + timedelta(days=365)
    assert queries.balance_as_of(tenant.organisation.pk, effective=later, known=later).credit == balance.available


def test_goodwill_keeps_the_restrictions_of_the_lot_that_expired(tenant: Tenant, four: Market) -> None:
    end = NOW + timedelta(days=1)
    sku, site = four.sku.code, four.site.code
    only = [{"sku_codes": [sku, "b200"]}, {"sku_codes": ["b200", sku]}, {"site_codes": [site]}, {}]
    for fields in only:
        make_lot(tenant.organisation, 1, expires_at=end, origin=Origin.GRANT, **fields)
    meter = make_meter(tenant, four)
    post(Window(NOW, meter.pk, 3600))
    over = end + GRACE + timedelta(days=1)
    correct(meter, NOW, 0, at=over)
    lots = LedgerAccount.objects.filter(organisation=tenant.organisation, origin=Origin.GOODWILL).order_by("pk")
    assert [(lot.credits, lot.sku_codes, lot.site_codes, lot.restricted) for lot in lots] == [
        (2 * MICRO, sorted(["b200", sku]), [], True),
        (MICRO, [], [site], True),
        (MICRO, [], [], False),
    ]
    other = make_market()
    with pytest.raises(InsufficientCredit):
        place_hold(purpose=purpose_of(tenant, other), amount=MICRO + 1, reference="elsewhere", at=over)
    assert drift() == []


@pytest.mark.parametrize("goodwill", [True, False])
def test_refunds_of_two_days_to_one_expired_lot_move_on_together(
    tenant: Tenant, four: Market, settings: Any, goodwill: bool
) -> None:
    settings.REFUND_EXPIRED_AS_GOODWILL = goodwill
    gone = make_lot(tenant.organisation, 10, expires_at=NOW + timedelta(days=3))
    meter = make_meter(tenant, four)
    post(Window(NOW, meter.pk, 3600), Window(NOW + timedelta(days=1), meter.pk, 3600))
    over = gone.expires_at + GRACE
    expire_lots(at=over)
    post(Window(NOW, meter.pk, -3600, 1), Window(NOW + timedelta(days=1), meter.pk, -1800, 1), at=over)
    gone.refresh_from_db()
    assert (gone.available, charged(tenant)) == (0, 2 * MICRO)
    assert queries.balance(tenant.organisation.pk, over).available == (6 * MICRO if goodwill else 0)
    assert on_platform(AccountKind.BREAKAGE) == (2 if goodwill else 8) * MICRO
    assert drift() == []


@pytest.mark.parametrize("goodwill", [True, False])
def test_before_the_grace_is_over_a_lot_takes_its_refund_back(
    tenant: Tenant, four: Market, settings: Any, goodwill: bool
) -> None:
    settings.REFUND_EXPIRED_AS_GOODWILL = goodwill
    lot = make_lot(tenant.organisation, 10, expires_at=NOW + timedelta(days=1))
    meter = make_meter(tenant, four)
    post(Window(NOW, meter.pk, 3600))
    correct(meter, NOW, 0, at=lot.expires_at + GRACE - timedelta(seconds=1))
    lot.refresh_from_db()
    assert (lot.available, LedgerAccount.objects.filter(origin=Origin.GOODWILL).count()) == (10 * MICRO, 0)


@pytest.mark.parametrize("goodwill", [True, False])
def test_a_lot_never_gets_back_more_than_it_paid_though_it_expired(
    tenant: Tenant, four: Market, settings: Any, goodwill: bool
) -> None:
    settings.REFUND_EXPIRED_AS_GOODWILL = goodwill
    restricted = make_lot(tenant.organisation, 2, sku_codes=[four.sku.code])
    gone = make_lot(tenant.organisation, 2, expires_at=NOW + timedelta(days=1))
    meter = make_meter(tenant, four)
    post(Window(NOW, meter.pk, 3600))
    assert [spent(restricted), spent(gone)] == [2 * MICRO, 2 * MICRO]
    over = gone.expires_at + GRACE
    correct(meter, NOW, 1800, at=over)
    correct(meter, NOW, 0, at=over)
    restricted.refresh_from_db()
    assert restricted.available == 2 * MICRO
    assert on_platform(AccountKind.BREAKAGE) == (0 if goodwill else 2 * MICRO)
    assert queries.balance(tenant.organisation.pk, over).available == (4 if goodwill else 2) * MICRO
    assert drift() == []


@pytest.mark.parametrize(("milli_gpus", "micro"), [(1001, 1), (1, 0)])
def test_a_correction_beside_usage_in_one_batch_leaves_no_micro_credit_behind(
    tenant: Tenant, milli_gpus: int, micro: int
) -> None:
    make_lot(tenant.organisation, 1)
    market = make_market(price=1)
    other = make_meter(tenant, market, milli_gpus=milli_gpus)
    small = make_meter(tenant, market)
    post(Window(NOW, small.pk, 3599))
    assert charged(tenant) == 0
    post(Window(NOW, other.pk, 3600), Window(NOW, small.pk, -3599, 1))
    assert (charged(tenant), drift()) == (micro, [])
