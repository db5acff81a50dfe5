# SPDX-License-Identifier: Apache-2.0
"""A reservation's life: each hour of its window is charged, used or not, and what runs on it is never charged twice."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.utils import ProgrammingError

from aion.errors import Rejected
from aion.events.models import Event
from billing import queries as billing
from billing.models import Hold, Meter, Run, UsageHour, UsageRecord
from billing.reconcile import run_checks
from clusters import queries
from clusters.errors import CapacityNotAvailable, ReservationNeeded
from clusters.kube import client as kube_client
from clusters.models import PodInterval, Pool, Reservation, Workload
from clusters.queries.reservations import Use, uses_of
from clusters.services import reservations
from clusters.services.reservations import cancel_reservation, sweep
from marketplace.models import Order
from marketplace.services.orders import estimate, extend_order, place_order
from marketplace.states import CapacityClass
from tests.billing.books import charged, drift
from tests.billing.hands import at_once, names, second_project
from tests.clusters.scenes import Scene, assert_reconciled, fresh, open_scene
from tests.marketplace.reserving import HOUR, offer_on, reserve
from tests.worlds import MICRO, NOW, PRICE, Market, Tenant, launch, make_lot, make_market, make_tenant

GPU_HOUR = 3_600_000


@pytest.fixture
def scene(db: Any, site_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(kube_client, "TIMEOUT", (1.0, 1.0))
    with open_scene(site_server) as scene:
        Pool.objects.filter(pk=scene.market.pool.pk).update(milli_gpus=16_000)
        scene.market.pool.refresh_from_db()
        yield scene


def on_it(scene: Scene, **fields: Any) -> Workload:
    """Launch on the reserved offer of the scene's pool."""
    return scene.order(offer_id=offer_on(scene.market).public_id, **fields)


def use_of(row: Reservation, at: Any) -> Use:
    return uses_of([row], at)[row.pk]


def test_an_unused_window_is_charged_hour_by_hour_to_the_micro_credit_and_then_settled(
    mine: Tenant, market: Market
) -> None:
    make_lot(mine.organisation, 10_000)
    row = reserve(mine, market, gpus=7, start=1, hours=30)
    for passed in (0, 1, 1.5, 2, 2.99, 30, 31, 31.5):
        sweep(at=NOW + passed * HOUR)
        assert charged(mine) == 7 * PRICE * min(30, max(0, int(passed) - 1)), passed
    row.refresh_from_db()
    assert (row.state, row.amount, row.settled_at) == ("ended", charged(mine), NOW + 31 * HOUR)
    balance = billing.balance(mine.organisation.pk, NOW + 40 * HOUR)
    assert (balance.held, balance.owed) == (0, 0)
    assert Hold.objects.get(pk=row.hold_id).state == "closed"
    assert sum(UsageHour.objects.values_list("milli_gpu_seconds", flat=True)) == 7 * 30 * GPU_HOUR
    assert [one.type for one in Event.objects.filter(type__startswith="reservation.").order_by("pk")] == [
        f"reservation.{word}" for word in ("confirmed", "started", "ending", "ended")
    ]
    assert_reconciled()


def test_the_sweep_again_changes_nothing_and_a_late_one_catches_up_with_every_hour(
    mine: Tenant, market: Market
) -> None:
    reserve(mine, market, hours=10)
    late = NOW + timedelta(days=9)
    first = sweep(at=late)
    assert (first["hours"], first["started"], first["ended"], first["settled"]) == (10, 1, 1, 1)
    assert set(sweep(at=late).values()) == {0}
    assert charged(mine) == 8 * 10 * PRICE
    assert UsageRecord.objects.count() == 10
    assert_reconciled()


def test_killed_between_posting_and_remembering_how_far_an_hour_is_posted_once(
    mine: Tenant, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = reserve(mine, market, hours=3)
    with monkeypatch.context() as patch:
        patch.setattr(reservations, "ADVANCE", "UPDATE nowhere SET x = 1")
        with pytest.raises(ProgrammingError), transaction.atomic():
            sweep(at=NOW + 2 * HOUR)
    assert (charged(mine), UsageRecord.objects.count()) == (0, 0)
    sweep(at=NOW + 2 * HOUR)
    # As if the mark were lost: the key of the hour keeps it from a second charge.
    Reservation.objects.filter(pk=row.pk).update(metered_until=NOW)
    sweep(at=NOW + 3 * HOUR)
    assert charged(mine) == 8 * 3 * PRICE
    assert_reconciled()


def test_sweeps_at_once_charge_each_hour_once(committed: None) -> None:
    tenant, market = make_tenant(credit=100_000), make_market()
    for number in range(4):
        reserve(tenant, market, gpus=4, start=number, hours=20)
    answers = at_once(*[lambda: sweep(at=NOW + 48 * HOUR)] * 5)
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    sweep(at=NOW + 48 * HOUR)
    assert charged(tenant) == 4 * 4 * 20 * PRICE
    assert set(Reservation.objects.values_list("state", flat=True)) == {"ended"}
    assert drift() == []


def test_the_hours_a_late_cancellation_charges_are_charged_when_they_come_and_no_more(
    mine: Tenant, market: Market
) -> None:
    row = reserve(mine, market, start=10, hours=10)
    cancel_reservation(actor=mine.actor(), public_id=row.public_id, at=NOW)
    for passed, hours in ((9, 0), (12, 2), (40, 5)):
        sweep(at=NOW + passed * HOUR)
        assert charged(mine) == 8 * hours * PRICE
    row.refresh_from_db()
    assert (row.state, row.settled_at) == ("cancelled", NOW + 40 * HOUR)
    assert billing.balance(mine.organisation.pk, NOW + 40 * HOUR).held == 0
    assert_reconciled()


def test_what_runs_on_a_reservation_is_shown_as_its_use_and_charged_with_it_alone(scene: Scene) -> None:
    row = reserve(scene.tenant, scene.market, gpus=8, hours=3)
    quote = estimate(
        actor=scene.tenant.actor(),
        request=launch(scene.tenant, scene.market, gpus=4, offer_id=offer_on(scene.market).public_id),
        at=NOW,
    )
    assert (quote.amount, quote.per_hour) == (0, 0)
    workload = on_it(scene, gpus=4, hours=2, command=["sleep", "3600"])
    assert (workload.run_id, workload.hold_id, workload.reservation_id) == (None, None, row.pk)
    assert billing.balance(scene.tenant.organisation.pk, NOW).held == row.amount
    scene.provision()
    for _ in range(10):
        scene.pass_time(minutes=30)
        sweep(at=scene.at)
    ended = fresh(workload)
    assert (ended.state, ended.settled_at is not None, ended.cleaned_at is not None) == ("succeeded", True, True)
    interval = PodInterval.objects.get(workload=workload)
    assert (interval.meter_id, Meter.objects.count(), Run.objects.count()) == (None, 1, 1)
    used = 4000 * int((interval.ended_at - interval.started_at).total_seconds())  # type: ignore[operator]  # ended
    assert use_of(row, scene.at) == Use(used, 8 * 3 * GPU_HOUR - used, 0)
    assert queries.costs_of([ended], scene.at)[ended.pk].microcredits == 0
    assert scene.spent() == row.amount == 8 * 3 * PRICE
    assert_reconciled()


def test_what_still_runs_is_stopped_with_the_window(scene: Scene) -> None:
    row = reserve(scene.tenant, scene.market, gpus=8, hours=2)
    scene.at += 30 * timedelta(minutes=1)
    scene.site.call("advance", to=scene.at.timestamp())
    workload = on_it(scene, gpus=8, hours=1.5)
    scene.provision()
    scene.pass_time(minutes=87)
    assert fresh(workload).state == "running"
    scene.pass_time(minutes=1)
    for _ in range(3):
        scene.pass_time(minutes=1)
    ended = fresh(workload)
    assert (ended.state, ended.reason) == ("timed_out", "max_duration_exceeded")
    assert ended.ended_at is not None and ended.ended_at <= row.ends_at
    assert_reconciled()


def test_a_launch_needs_an_active_reservation_of_its_own_project_with_room_and_time(
    mine: Tenant, theirs: Tenant, market: Market
) -> None:
    offer = offer_on(market)

    def start(tenant: Tenant = mine, at: Any = NOW, **fields: Any) -> Order:
        request = launch(tenant, market, offer_id=offer.public_id, **fields)
        return place_order(actor=tenant.actor(), request=request, at=at)

    with pytest.raises(ReservationNeeded, match="reserve GPUs for it first"):
        start()
    row = reserve(mine, market, gpus=8, start=1, hours=4)
    with pytest.raises(ReservationNeeded, match="starts on 2026-03-02 11:00 UTC"):
        start()
    inside = NOW + HOUR
    with pytest.raises(ReservationNeeded):
        start(theirs, at=inside)
    with pytest.raises(ReservationNeeded):
        start(at=inside, project_id=second_project(mine))
    with pytest.raises(CapacityNotAvailable) as full:
        start(at=inside, gpus=9)
    assert full.value.details["maximum_gpus"] == 8
    with pytest.raises(Rejected, match=r"ends on 2026-03-02 15:00 UTC.*at most 240 minutes") as long:
        start(at=inside, hours=5)
    assert long.value.field == "max_duration_seconds"
    order = start(at=inside, gpus=5, hours=2)
    assert (order.workload.reservation_id, order.hold_id, order.amount) == (row.pk, None, 0)
    with pytest.raises(CapacityNotAvailable):
        start(at=inside, gpus=4)
    actor, ref = mine.actor(), order.workload.public_id
    assert extend_order(actor=actor, workload_id=ref, extra_seconds=7200, at=inside).workload.max_seconds == 4 * 3600
    with pytest.raises(Rejected, match="cannot run longer"):
        extend_order(actor=actor, workload_id=ref, extra_seconds=600, at=inside)
    with pytest.raises(ReservationNeeded):
        start(at=row.ends_at)


def test_two_launches_at_once_do_not_share_the_last_free_gpus_of_a_reservation(committed: None) -> None:
    tenant, market = make_tenant(credit=10_000), make_market()
    reserve(tenant, market, gpus=8)
    ref = offer_on(market).public_id
    answers = at_once(
        *[lambda: place_order(actor=tenant.actor(), request=launch(tenant, market, gpus=5, offer_id=ref), at=NOW)] * 3
    )
    assert names(answers) == ["CapacityNotAvailable", "CapacityNotAvailable", "Order"]


def test_the_database_refuses_a_workload_that_would_be_paid_twice(mine: Tenant, market: Market) -> None:
    row = reserve(mine, market)
    request = launch(mine, market, gpus=1, offer_id=offer_on(market).public_id)
    on, own = place_order(actor=mine.actor(), request=request, at=NOW).workload, None
    own = place_order(actor=mine.actor(), request=launch(mine, market, gpus=1), at=NOW).workload
    for workload, fields in (
        (own, {"reservation": row}),
        (own, {"hold_id": None}),
        (on, {"reservation": None}),
        (on, {"micro_per_gpu_hour": 1}),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Workload.objects.filter(pk=workload.pk).update(**fields)


def test_spot_work_has_what_is_reserved_until_it_is_used_and_then_gives_way(scene: Scene) -> None:
    make_lot(scene.tenant.organisation, 10_000)
    reserve(scene.tenant, scene.market, gpus=16, hours=6)
    spot = offer_on(scene.market, CapacityClass.SPOT, title="Spot")
    cheap = scene.order(offer_id=spot.public_id, gpus=16, hours=5)
    scene.provision()
    scene.pass_time(minutes=10)
    assert fresh(cheap).state == "running"
    with pytest.raises(CapacityNotAvailable):
        scene.order(gpus=8, hours=1)
    mine = on_it(scene, gpus=16, hours=1)
    scene.provision()
    scene.pass_time(minutes=1)
    scene.pass_time(minutes=10)
    assert (fresh(mine).state, fresh(cheap).state) == ("running", "queued")
    scene.pass_time(hours=2)
    scene.pass_time(minutes=10)
    assert (fresh(mine).state, fresh(cheap).state) == ("timed_out", "running")


def test_a_check_of_the_books_finds_an_hour_that_was_not_charged(mine: Tenant, market: Market) -> None:
    row = reserve(mine, market)
    Reservation.objects.filter(pk=row.pk).update(metered_until=NOW + HOUR)
    found = {check.name: check.contradictions for check in run_checks() if check.contradictions}
    assert found == {"reserved hours = charged hours": 1}


def test_the_burn_of_now_counts_what_is_reserved(mine: Tenant, market: Market) -> None:
    reserve(mine, market, gpus=8, hours=4)
    pk, half = mine.organisation.pk, NOW + HOUR / 2
    assert queries.running_of(pk, half).burn_per_hour == 8 * PRICE
    assert queries.open_window_exact(pk, half) == 8000 * PRICE * 1800
    assert queries.running_of(pk, NOW + 4 * HOUR).burn_per_hour == 0
    assert MICRO * 1_000 - charged(mine) == billing.balance(pk, half).total
