# SPDX-License-Identifier: Apache-2.0
"""Spot work gives its place to work on demand: with notice, billed only while it runs, back in the queue by itself."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from aion.events.models import Event
from aion.money import floor_charge
from billing import queries as billing
from clusters import queries
from clusters.kube import client as kube_client
from clusters.models import PodInterval, Workload, WorkloadEvent
from clusters.services.workloads import request_stop
from marketplace.models import Offer
from marketplace.states import CapacityClass, OfferState
from tests.clusters.scenes import Scene, assert_reconciled, fresh, open_scene
from tests.worlds import NOW, PRICE


@pytest.fixture
def scene(db: Any, site_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(kube_client, "TIMEOUT", (1.0, 1.0))
    with open_scene(site_server) as scene:
        yield scene


def spot(scene: Scene, **fields: Any) -> Workload:
    """Order on a spot offer of the scene's own pool."""
    offer, _ = Offer.objects.get_or_create(
        organisation=scene.market.offer.organisation, pool=scene.market.pool, sku=scene.market.sku, title="Spot",
        capacity_class=CapacityClass.SPOT, state=OfferState.PUBLISHED, max_milli_gpus=10**9,
    )  # fmt: skip
    return scene.order(offer_id=offer.public_id, **fields)


def states(workload: Workload) -> list[tuple[str, str]]:
    return list(WorkloadEvent.objects.filter(workload=workload).order_by("pk").values_list("state", "reason"))


def test_work_on_demand_takes_the_place_of_spot_work_which_waits_again_and_pays_only_while_it_runs(
    scene: Scene,
) -> None:
    cheap = spot(scene, gpus=16, hours=10, command=["sleep", "7200"])
    scene.provision()
    scene.pass_time(minutes=60)
    assert (fresh(cheap).state, fresh(cheap).spot) == ("running", True)
    dear = scene.order(gpus=16, hours=1, command=["sleep", "1800"])
    scene.provision()
    scene.look()
    assert (fresh(cheap).state, fresh(cheap).reason, fresh(dear).state) == ("preempted", "preempted", "queued")
    scene.pass_time(minutes=10)
    assert (fresh(cheap).state, fresh(cheap).ended_at, fresh(dear).state) == ("queued", None, "running")
    told = Event.objects.get(type="workload.preempted")
    assert (told.data["workload"], told.data["reason"]) == (cheap.public_id, "preempted")
    first = PodInterval.objects.filter(workload=cheap)
    assert {(one.end_source, one.started_at) for one in first} == {("preempted", NOW + timedelta(seconds=3))}
    spent = queries.costs_of([fresh(cheap)], scene.at)[cheap.pk].milli_gpu_seconds
    scene.pass_time(minutes=10)
    assert queries.costs_of([fresh(cheap)], scene.at)[cheap.pk].milli_gpu_seconds == spent
    scene.pass_time(minutes=20)
    assert (fresh(dear).state, fresh(cheap).state) == ("succeeded", "running")
    scene.pass_time(hours=3)
    ended = fresh(cheap)
    assert (ended.state, ended.started_at) == ("succeeded", NOW + timedelta(seconds=3))
    seconds = sum(
        one.milli_gpus * int((one.ended_at - one.started_at).total_seconds())
        for one in PodInterval.objects.filter(workload__in=[cheap, dear])
        if one.ended_at
    )
    assert scene.spent() == floor_charge(seconds * PRICE)
    assert abs(seconds // 16_000 - (3600 + 7200 + 1800)) < 30
    assert billing.balance(scene.tenant.organisation.pk, scene.at).held == 0
    scene.look()
    assert not Workload.objects.filter(cleaned_at=None).exists()
    assert ("preempted", "preempted") in states(cheap)
    assert_reconciled()


def test_what_was_used_before_a_preemption_is_taken_off_the_deadline_so_that_the_hold_covers_all(scene: Scene) -> None:
    cheap = spot(scene, gpus=16, hours=2)
    scene.provision()
    scene.pass_time(minutes=90)
    scene.order(gpus=16, hours=1, command=["sleep", "600"])
    scene.provision()
    for _ in range(3):
        scene.pass_time(minutes=10)
    assert fresh(cheap).state == "running"
    for _ in range(3):
        scene.pass_time(minutes=30)
    ended = fresh(cheap)
    assert (ended.state, ended.reason) == ("timed_out", "max_duration_exceeded")
    used = queries.costs_of([ended], scene.at)[cheap.pk]
    assert used.microcredits <= ended.worst_case
    assert used.milli_gpu_seconds // 16_000 in range(7200 - 150, 7201)
    assert_reconciled()


def test_spot_work_that_is_preempted_in_its_last_minutes_ends_instead_of_waiting(scene: Scene) -> None:
    cheap = spot(scene, gpus=16, hours=1)
    scene.provision()
    scene.pass_time(minutes=57, seconds=30)
    scene.order(gpus=16, hours=1)
    scene.provision()
    for _ in range(4):
        scene.pass_time(minutes=1)
    assert (fresh(cheap).state, fresh(cheap).reason) == ("timed_out", "max_duration_exceeded")
    assert_reconciled()


def test_a_preemption_between_two_looks_is_on_the_timeline_all_the_same(scene: Scene) -> None:
    cheap = spot(scene, gpus=16, hours=10)
    scene.provision()
    scene.pass_time(minutes=10)
    scene.order(gpus=16, hours=1, command=["sleep", "600"])
    scene.provision()
    scene.advance(minutes=30)
    scene.look()
    steps = [state for state, _ in states(cheap)]
    assert steps[-3:] == ["running", "preempted", "queued"] or steps[-1] == "running"
    assert {one.end_source for one in PodInterval.objects.filter(workload=cheap)} == {"preempted", ""}
    scene.look()
    assert fresh(cheap).state == "running"


def test_only_as_much_spot_work_is_preempted_as_is_needed_the_latest_first(scene: Scene) -> None:
    old, late = spot(scene, gpus=8, hours=10), None
    scene.provision()
    scene.pass_time(minutes=10)
    late = spot(scene, gpus=8, hours=10)
    scene.provision()
    scene.pass_time(minutes=10)
    dear = scene.order(gpus=8, hours=1)
    scene.provision()
    scene.pass_time(minutes=10)
    assert (fresh(old).state, fresh(late).state, fresh(dear).state) == ("running", "queued", "running")


def test_equals_wait_for_each_other_and_what_would_not_fit_anyway_preempts_nobody(scene: Scene) -> None:
    on_demand, cheap = scene.order(gpus=8, hours=1), spot(scene, gpus=8, hours=1)
    scene.provision()
    scene.pass_time(minutes=5)
    more = spot(scene, gpus=8, hours=1)
    too_much = scene.order(gpus=16, hours=1)
    scene.provision()
    scene.pass_time(minutes=5)
    assert [fresh(one).state for one in (on_demand, cheap, more, too_much)] == [
        "running", "running", "queued", "queued"
    ]  # fmt: skip


def test_preempted_work_can_be_stopped_while_it_waits(scene: Scene) -> None:
    cheap = spot(scene, gpus=16, hours=10)
    scene.provision()
    scene.pass_time(minutes=10)
    scene.order(gpus=16, hours=1)
    scene.provision()
    scene.pass_time(minutes=5)
    assert fresh(cheap).state == "queued"
    request_stop(actor=scene.tenant.actor(), public_id=cheap.public_id, at=scene.at)
    for _ in range(2):
        scene.pass_time(minutes=1)
    assert (fresh(cheap).state, fresh(cheap).reason) == ("cancelled", "stopped_by_user")
    assert_reconciled()
