# SPDX-License-Identifier: Apache-2.0
"""A lot is usable up to the second before its end, open for late usage for three days, breakage after."""

from datetime import datetime, timedelta
from functools import partial

import pytest

from aion.events.models import Event
from billing import queries
from billing.errors import InsufficientCredit
from billing.models import LedgerAccount, Transfer
from billing.services import expiry
from billing.services.expiry import GRACE, expire_lots, warn_of_expiry
from billing.services.holds import extend_hold, place_hold, release_hold
from billing.services.metering import Window, post_windows
from billing.states import AccountKind, Origin
from tests.billing.books import drift
from tests.billing.hands import while_open
from tests.worlds import MICRO, NOW, PRICE, Market, Tenant, make_lot, make_meter, make_tenant, purpose_of

END = datetime(2026, 3, 10, tzinfo=NOW.tzinfo)
SECOND = timedelta(seconds=1)


@pytest.fixture
def tenant(db: None) -> Tenant:
    return make_tenant(credit=0)


def lot_until(tenant: Tenant, credit: int, end: datetime = END, **fields: object) -> LedgerAccount:
    return make_lot(tenant.organisation, credit, expires_at=end, **fields)


def moved(kind: str) -> list[tuple[int, int]]:
    rows = Transfer.objects.filter(kind=kind).order_by("pk").values_list("debit_account_id", "amount")
    return [(lot, amount) for lot, amount in rows]


def test_a_lot_can_be_held_up_to_the_second_before_its_end(tenant: Tenant, market: Market) -> None:
    lot_until(tenant, 10)
    purpose = purpose_of(tenant, market)
    assert place_hold(purpose=purpose, amount=MICRO, reference="last", at=END - SECOND).amount == MICRO
    with pytest.raises(InsufficientCredit) as refused:
        place_hold(purpose=purpose, amount=1, reference="late", at=END)
    assert refused.value.details["available_microcredits"] == 0


def test_a_lot_begins_at_its_start_and_not_before(tenant: Tenant, market: Market) -> None:
    make_lot(tenant.organisation, 10, starts_at=NOW)
    purpose = purpose_of(tenant, market)
    with pytest.raises(InsufficientCredit):
        place_hold(purpose=purpose, amount=1, reference="early", at=NOW - SECOND)
    assert place_hold(purpose=purpose, amount=1, reference="first", at=NOW).amount == 1


def test_any_time_of_day_ends_with_that_day(tenant: Tenant) -> None:
    assert lot_until(tenant, 1, END - timedelta(hours=9)).expires_at == END
    assert lot_until(tenant, 1, END).expires_at == END


def test_breakage_is_posted_after_the_grace_and_not_a_second_before(tenant: Tenant) -> None:
    lot = lot_until(tenant, 10)
    assert [expire_lots(at=END + GRACE - SECOND), expire_lots(at=END + GRACE), expire_lots(at=END + GRACE)] == [0, 1, 0]
    assert moved("expiry") == [(lot.pk, 10 * MICRO)]
    posted = Transfer.objects.get(kind="expiry")
    assert (posted.effective_at, posted.created_at) == (END, END + GRACE)
    assert posted.credit_account.kind == AccountKind.BREAKAGE
    assert drift() == []


def test_the_last_micro_credit_that_no_hold_has_expires_too(tenant: Tenant, market: Market) -> None:
    lot = lot_until(tenant, 10)
    place_hold(purpose=purpose_of(tenant, market), amount=10 * MICRO - 1, reference="nearly all", at=NOW)
    assert expire_lots(at=END + GRACE) == 1
    assert moved("expiry") == [(lot.pk, 1)]


def test_a_lot_that_somebody_works_on_is_left_to_the_next_sweep_which_waits_for_nobody(committed: None) -> None:
    tenant = make_tenant(credit=0, roles=())
    lot = lot_until(tenant, 10)
    sweep = partial(expire_lots, at=END + GRACE)
    assert while_open(lambda: LedgerAccount.objects.select_for_update().get(pk=lot.pk), sweep) == (0, False)
    assert sweep() == 1


def test_the_grace_is_three_days(tenant: Tenant) -> None:
    lot_until(tenant, 10)
    assert expire_lots(at=END + timedelta(days=3) - SECOND) == 0
    assert expire_lots(at=END + timedelta(days=3)) == 1


def test_late_usage_of_the_last_day_still_finds_its_lot(tenant: Tenant, market: Market) -> None:
    lot = lot_until(tenant, 10)
    meter = make_meter(tenant, market)
    last = END - timedelta(hours=1)
    post_windows(windows=[Window(last, meter.pk, 3600)], source="test", at=END + timedelta(hours=71))
    assert moved("usage") == [(lot.pk, PRICE)]
    expire_lots(at=END + GRACE)
    assert moved("expiry") == [(lot.pk, 10 * MICRO - PRICE)]


def test_usage_after_the_end_never_takes_from_the_lot(tenant: Tenant, market: Market) -> None:
    lot_until(tenant, 10)
    meter = make_meter(tenant, market)
    post_windows(windows=[Window(END, meter.pk, 3600)], source="test", at=END + timedelta(hours=1))
    balance = queries.balance(tenant.organisation.pk, END - SECOND)
    assert (balance.available, balance.owed) == (10 * MICRO, PRICE)


def test_a_hold_that_spans_the_end_still_pays_and_its_rest_expires_afterwards(tenant: Tenant, market: Market) -> None:
    lot = lot_until(tenant, 10)
    meter = make_meter(tenant, market, hold=4 * MICRO)
    expire_lots(at=END + GRACE)
    assert moved("expiry") == [(lot.pk, 6 * MICRO)]
    post_windows(windows=[Window(END + GRACE, meter.pk, 3600)], source="test", at=END + GRACE)
    assert moved("usage") == [(lot.pk, PRICE)]
    assert expire_lots(at=END + GRACE) == 0
    assert release_hold(hold_id=meter.run.hold_id, at=END + GRACE)
    assert queries.balance(tenant.organisation.pk, END + GRACE).available == 0
    assert expire_lots(at=END + GRACE) == 1
    assert moved("expiry") == [(lot.pk, 6 * MICRO), (lot.pk, 4 * MICRO - PRICE)]
    assert drift() == []


def test_an_extension_after_the_end_needs_another_lot(tenant: Tenant, market: Market) -> None:
    lot_until(tenant, 10)
    placed = place_hold(purpose=purpose_of(tenant, market), amount=MICRO, reference="run", at=NOW)
    with pytest.raises(InsufficientCredit):
        extend_hold(hold_id=placed.pk, amount=1, at=END)
    fresh = make_lot(tenant.organisation, 1)
    assert extend_hold(hold_id=placed.pk, amount=MICRO, at=END).amount == 2 * MICRO
    fresh.refresh_from_db()
    assert fresh.held == MICRO


def test_every_lot_expires_whatever_the_size_of_a_pass(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "BATCH", 2)
    lots = [lot_until(tenant, number + 1) for number in range(5)]
    assert expire_lots(at=END + GRACE) == 5
    assert moved("expiry") == [(lot.pk, (number + 1) * MICRO) for number, lot in enumerate(lots)]
    assert Event.objects.filter(type="credit.lot_expired").count() == 5


def test_a_lot_that_never_expires_never_expires(tenant: Tenant) -> None:
    make_lot(tenant.organisation, 1)
    assert expire_lots(at=NOW + timedelta(days=40_000)) == 0


def test_the_end_is_told_a_fortnight_and_three_days_before_once_each(tenant: Tenant, market: Market) -> None:
    lot_until(tenant, 10)
    spent = lot_until(tenant, 1, END, origin=Origin.GRANT)
    place_hold(purpose=purpose_of(tenant, market), amount=MICRO, reference="all of the grant", at=NOW)
    days = [END - timedelta(days=n) for n in (15, 14, 14, 4, 3, 3, 0)]
    assert [warn_of_expiry(at=day) for day in days] == [0, 1, 0, 0, 1, 0, 0]
    told = list(Event.objects.filter(type="credit.lot_expiring").values_list("data__remaining_microcredits", flat=True))
    assert told == [10 * MICRO, 10 * MICRO]
    assert LedgerAccount.objects.get(pk=spent.pk).held == MICRO
