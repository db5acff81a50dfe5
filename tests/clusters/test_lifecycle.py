# SPDX-License-Identifier: Apache-2.0
"""From order to charge through the real client and a simulated site, and what happens when the site misbehaves."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from aion.tenancy.models import Organisation
from billing import queries as billing
from billing.models import UsageRecord
from clusters import queries
from clusters.errors import ClusterUnavailable
from clusters.kube import client as kube_client
from clusters.kube.client import KubernetesGateway
from clusters.kube.connect import connect
from clusters.models import PodInterval, Workload, WorkloadEvent
from clusters.services.provisioning import provision_pending
from clusters.services.workloads import request_stop
from clusters.simulator.controllers import Controllers
from clusters.simulator.store import Store
from tests.clusters.scenes import Scene, assert_reconciled, fresh, open_scene
from tests.worlds import NOW, PRICE, make_market


@pytest.fixture
def scene(db: Any, site_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(kube_client, "TIMEOUT", (1.0, 1.0))
    with open_scene(site_server) as scene:
        yield scene


def test_a_run_is_billed_from_ready_until_its_last_container_finished(scene: Scene) -> None:
    workload = scene.order(gpus=8, hours=2, command=["sleep", "1000"])
    scene.provision()
    scene.pass_time(seconds=1)
    assert fresh(workload).state == "starting"
    scene.pass_time(minutes=10)
    assert fresh(workload).state == "running"
    scene.pass_time(hours=1)
    ended = fresh(workload)
    assert (ended.state, ended.started_at, ended.ended_at) == (
        "succeeded",
        NOW + timedelta(seconds=3),
        NOW + timedelta(seconds=1003),
    )
    assert scene.spent() == 8 * PRICE * 1000 // 3600
    assert billing.balance(scene.tenant.organisation.pk, scene.at).held == 0
    scene.look()
    assert fresh(workload).cleaned_at is not None
    assert_reconciled()


def test_a_run_is_metered_in_utc_hours_clipped_to_its_interval(scene: Scene) -> None:
    scene.script("cut", NOW + timedelta(minutes=50), NOW + timedelta(hours=2, minutes=10))
    scene.order(name="cut", gpus=1, hours=3)
    scene.provision()
    for _ in range(3):
        scene.pass_time(hours=1)
    seconds = UsageRecord.objects.order_by("hour", "start_second").values_list("start_second", "seconds")
    assert list(seconds) == [(3000, 600), (0, 3600), (0, 600)]


def test_a_multi_node_run_is_one_indexed_job_that_starts_whole(scene: Scene) -> None:
    scene.script("gang", NOW, NOW + timedelta(hours=1))
    workload = scene.order(name="gang", gpus=13, hours=1)
    scene.provision()
    scene.pass_time(hours=1)
    intervals = PodInterval.objects.filter(workload=workload).order_by("milli_gpus")
    assert [interval.milli_gpus for interval in intervals] == [5000, 8000]
    assert (fresh(workload).state, scene.spent()) == ("succeeded", 13 * PRICE)


def test_what_does_not_fit_waits_with_a_reason_and_costs_nothing(scene: Scene) -> None:
    first, second = scene.order(gpus=16, hours=1), scene.order(gpus=8, hours=1)
    scene.provision()
    scene.pass_time(minutes=5)
    assert (fresh(first).state, fresh(second).state, fresh(second).reason) == ("running", "queued", "no_capacity")
    assert "do not fit" in fresh(second).message
    assert PodInterval.objects.filter(workload=second).count() == 0


def test_no_pod_ever_lands_on_the_decoy_outside_the_eu(scene: Scene) -> None:
    for _ in range(3):
        scene.order(gpus=8, hours=1)
    scene.provision()
    scene.pass_time(minutes=5)
    assert "decoy" not in set(PodInterval.objects.values_list("node_name", flat=True))


def test_stopping_a_queued_order_gives_the_hold_back_at_once(scene: Scene) -> None:
    workload = scene.order(gpus=8, hours=1)
    request_stop(actor=scene.tenant.actor(), public_id=workload.public_id, at=scene.at)
    assert (fresh(workload).state, billing.balance(scene.tenant.organisation.pk, NOW).held) == ("cancelled", 0)
    scene.provision()
    scene.pass_time(minutes=1)
    assert_reconciled()


def test_stopping_a_run_bills_until_its_container_finished(scene: Scene) -> None:
    workload = scene.order(gpus=8, hours=2)
    scene.provision()
    scene.pass_time(minutes=30)
    request_stop(actor=scene.tenant.actor(), public_id=workload.public_id, at=scene.at)
    request_stop(actor=scene.tenant.actor(), public_id=workload.public_id, at=scene.at)
    assert fresh(workload).state == "stopping"
    scene.look()
    for _ in range(3):
        scene.pass_time(minutes=1)
    ended = fresh(workload)
    assert (ended.state, ended.reason) == ("cancelled", "stopped_by_user")
    interval = PodInterval.objects.get()
    assert interval.ended_at is not None
    assert scene.spent() == 8 * PRICE * int((interval.ended_at - interval.started_at).total_seconds()) // 3600
    assert_reconciled()


def test_the_cluster_itself_stops_a_run_inside_its_hold(scene: Scene) -> None:
    workload = scene.order(gpus=8, hours=1)
    scene.provision()
    scene.pass_time(hours=3)
    for _ in range(3):
        scene.look()
    ended = fresh(workload)
    assert (ended.state, ended.reason) == ("timed_out", "max_duration_exceeded")
    assert scene.spent() <= 8 * PRICE
    assert_reconciled()


def test_a_run_that_fails_says_so_and_is_billed_for_what_it_used(scene: Scene) -> None:
    workload = scene.order(gpus=1, hours=1, command=["false"])
    scene.provision()
    scene.pass_time(minutes=5)
    assert (fresh(workload).state, fresh(workload).reason) == ("failed", "exited_with_error")
    assert scene.spent() == PRICE * 2 // 3600


def test_an_image_that_cannot_be_pulled_costs_nothing(scene: Scene) -> None:
    scene.order(gpus=1, hours=1, image="registry.example/missing:1")
    scene.provision()
    scene.pass_time(hours=2)
    for _ in range(3):
        scene.look()
    assert scene.spent() == 0


def test_a_run_whose_image_cannot_be_pulled_says_so_and_can_be_cancelled(scene: Scene) -> None:
    workload = scene.order(gpus=1, hours=1, image="registry.example/missing:1")
    scene.provision()
    scene.pass_time(minutes=1)
    assert (fresh(workload).state, fresh(workload).reason) == ("starting", "image_error")
    request_stop(actor=scene.tenant.actor(), public_id=workload.public_id, at=scene.at)
    for _ in range(3):
        scene.pass_time(minutes=5)
    ended = fresh(workload)
    assert (ended.state, ended.reason, ended.settled_at is None) == ("cancelled", "stopped_by_user", False)
    assert ended.cleaned_at is not None
    assert scene.spent() == 0
    assert_reconciled()


def test_a_script_may_say_the_exit_code_and_is_forgotten_when_taken_away(scene: Scene) -> None:
    start, end = scene.at + timedelta(minutes=1), scene.at + timedelta(hours=1)
    script = [0, start.timestamp(), end.timestamp(), 1]
    scene.site.call("scripts", scripts={"train": script})
    first = scene.order(gpus=1, hours=2, name="train")
    scene.provision()
    scene.pass_time(hours=1)
    assert (fresh(first).state, fresh(first).reason) == ("failed", "exited_with_error")
    assert (fresh(first).started_at, fresh(first).ended_at) == (start, end)
    scene.site.call("scripts", scripts={"train": None})
    second = scene.order(gpus=1, hours=2, name="train", command=["sleep", "60"])
    scene.provision()
    scene.pass_time(minutes=5)
    assert fresh(second).state == "succeeded"


def test_a_lost_node_is_billed_until_it_was_lost_and_the_customer_sees_why(scene: Scene) -> None:
    workload = scene.order(gpus=8, hours=5)
    scene.provision()
    scene.pass_time(hours=1)
    scene.site.call("lose-node", name=PodInterval.objects.get().node_name)
    for _ in range(3):
        scene.pass_time(hours=1)
    ended = fresh(workload)
    assert (ended.state, ended.reason) == ("failed", "node_failure")
    assert PodInterval.objects.get().ended_at == NOW + timedelta(hours=1)
    assert scene.spent() == 8 * PRICE * 3597 // 3600
    assert_reconciled()


@pytest.mark.parametrize("fault", [{"errors": 50, "status": 500}, {"errors": 50, "status": 429}, {"hang_seconds": 1.5}])
def test_a_site_that_fails_or_hangs_delays_and_loses_nothing(scene: Scene, fault: dict[str, Any]) -> None:
    workload = scene.order(gpus=8, hours=4)
    scene.server.faults.set(fault)
    scene.provision()
    waiting = fresh(workload)
    assert (waiting.state, waiting.reason, waiting.attempts) == ("queued", "site_unreachable", 1)
    scene.server.faults.set({"errors": 0, "hang_seconds": 0.0})
    scene.provision()
    scene.pass_time(hours=1)
    scene.server.faults.set(fault)
    scene.at += timedelta(hours=1)
    scene.look()
    assert UsageRecord.objects.count() == 1
    scene.server.faults.set({"errors": 0, "hang_seconds": 0.0})
    scene.pass_time(hours=3)
    scene.look()
    assert scene.spent() <= 8 * 4 * PRICE
    assert fresh(workload).state == "timed_out"
    assert_reconciled()


@pytest.mark.parametrize("served", [0, 1, 4, 6])
def test_a_launch_in_an_outage_waits_with_its_reason_and_goes_on_after_it(scene: Scene, api: Any, served: int) -> None:
    workload = scene.order(gpus=8, hours=2, command=["sleep", "600"])
    scene.server.faults.set({"spare": served, "errors": 100, "status": 500})
    provision_pending(at=scene.at)
    answer = api(scene.tenant.key()).get(f"/api/v1/workloads/{workload.public_id}").json()
    assert (answer["state"], answer["status_reason"], answer["cost_microcredits"]) == ("queued", "site_unreachable", 0)
    assert "on purpose" in answer["status_message"]
    scene.server.faults.set({"spare": 0, "errors": 0})
    scene.look()
    assert (fresh(workload).state, PodInterval.objects.count()) == ("queued", 0)
    assert billing.balance(scene.tenant.organisation.pk, scene.at).held == 16 * PRICE
    scene.at += timedelta(minutes=5)
    provision_pending(at=scene.at)
    scene.pass_time(hours=1)
    assert (fresh(workload).state, fresh(workload).reason, PodInterval.objects.count()) == ("succeeded", "", 1)
    assert scene.spent() == 8 * PRICE * 600 // 3600
    assert_reconciled()


def test_a_launch_whose_answer_was_lost_is_not_made_twice(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    workload = scene.order(gpus=8, hours=2, command=["sleep", "600"])
    create = KubernetesGateway.create_job

    def lose_the_answer(gateway: Any, **job: Any) -> None:
        create(gateway, **job)
        raise ClusterUnavailable("The cluster did not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(KubernetesGateway, "create_job", lose_the_answer)
        provision_pending(at=scene.at)
    assert (fresh(workload).state, fresh(workload).reason) == ("queued", "site_unreachable")
    scene.at += timedelta(minutes=5)
    provision_pending(at=scene.at)
    scene.pass_time(hours=1)
    assert (fresh(workload).state, scene.spent()) == ("succeeded", 8 * PRICE * 600 // 3600)
    assert PodInterval.objects.count() == 1
    assert_reconciled()


def test_a_site_that_refuses_us_does_not_stop_the_metering_of_the_others(scene: Scene) -> None:
    refusing = make_market(api_url=scene.market.cluster.api_url.replace("/clusters/", "/nothing/"))
    scene.market, ours = refusing, scene.market
    lost = scene.order(gpus=1, hours=1)
    Workload.objects.filter(pk=lost.pk).update(provisioned_at=scene.at)
    scene.market = ours
    workload = scene.order(gpus=8, hours=2, command=["sleep", "600"])
    scene.provision()
    scene.pass_time(hours=1)
    assert (fresh(lost).state, fresh(workload).state) == ("queued", "succeeded")
    assert scene.spent() == 8 * PRICE * 600 // 3600


def test_freezing_an_organisation_drains_what_runs(scene: Scene) -> None:
    workload = scene.order(gpus=8, hours=4)
    scene.provision()
    scene.pass_time(minutes=30)
    Organisation.objects.filter(pk=scene.tenant.organisation.pk).update(state="frozen")
    for _ in range(5):
        scene.pass_time(minutes=2)
    assert (fresh(workload).state, fresh(workload).reason) == ("cancelled", "organisation_frozen")


def test_looking_twice_changes_nothing(scene: Scene) -> None:
    scene.order(gpus=8, hours=4)
    scene.provision()
    scene.pass_time(hours=2)
    before = (scene.spent(), WorkloadEvent.objects.count(), PodInterval.objects.count())
    scene.look()
    scene.look()
    assert (scene.spent(), WorkloadEvent.objects.count(), PodInterval.objects.count()) == before


def test_live_cost_is_what_was_posted_and_the_open_window(scene: Scene) -> None:
    workload = scene.order(gpus=8, hours=4)
    scene.provision()
    scene.pass_time(hours=1, minutes=30, seconds=3)
    cost = queries.costs_of([fresh(workload)], scene.at)[workload.pk]
    assert cost.microcredits == 8 * PRICE * 5400 // 3600
    posted = scene.spent()
    exact = queries.open_window_exact(scene.tenant.organisation.pk, scene.at)
    assert abs(posted + exact // 3_600_000 - cost.microcredits) <= 1


def test_a_journal_brings_a_killed_site_back_where_it_was(tmp_path: Any) -> None:
    journal = tmp_path / "a.journal"
    store = Store(journal)
    with store.lock:
        store.create(*_node())
        store.flush()
    with journal.open("ab") as file:
        file.write(b'{"t":1,"key":["nodes","","torn')
    again = Store(journal)
    with again.lock:
        Controllers(again)
        again.create(*_node("second"))
        again.flush()
    assert sorted(key[2] for key in Store(journal).keys("nodes")) == ["first", "second"]


def _node(name: str = "first") -> tuple[Any, dict[str, Any]]:
    from clusters.simulator.resources import NODES

    return NODES, {"metadata": {"name": name, "labels": {}}, "status": {"allocatable": {"nvidia.com/gpu": "8"}}}


def test_a_gateway_is_kept_for_its_connections() -> None:
    assert connect("http://127.0.0.1:1", "", "") is connect("http://127.0.0.1:1", "", "")
