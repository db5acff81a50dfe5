# SPDX-License-Identifier: Apache-2.0
"""What the watcher brings without any sweep, and that no fault of a watch loses a second or bills it twice."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from aion import clock
from billing import queries as billing
from clusters.errors import ClusterUnavailable, HistoryExpired
from clusters.kube import client as kube_client
from clusters.kube.gateway import Watched
from clusters.models import Cluster, PodInterval, Workload, WorkloadEvent
from clusters.services.bells import BackOff, Pace
from clusters.services.provisioning import gateway_of
from clusters.services.watching import Watcher
from tests.clusters.scenes import HEALTHY, Scene, assert_reconciled, fresh, open_scene
from tests.worlds import NOW, PRICE

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
QUICK = Pace(debounce=0.02, first_pause=0.02, longest_pause=0.2, watch=2, discover=0.2, lead=0.1, quiet=0.05)
FAULTS: dict[str, Callable[[Scene], Any]] = {
    "none": lambda scene: None,
    "cut": lambda scene: scene.site.call("cut-watches"),
    "410": lambda scene: scene.site.call("expire-history"),
    "500": lambda scene: scene.server.faults.set({"errors": 5, "status": 500}),
    "429": lambda scene: scene.server.faults.set({"errors": 5, "status": 429}),
    "no watch at all": lambda scene: scene.server.faults.set({"drop_watches": True}),
    "events twice": lambda scene: scene.server.faults.set({"duplicate_events": True}),
    "time-out": lambda scene: scene.server.faults.set({"hang_seconds": 0.7}),
}


class Watching:
    """A watcher on a thread of its own, on the scene's clock."""

    def __init__(self, scene: Scene, pace: Pace = QUICK) -> None:
        self.scene, self.stop, self.passed, self.passes, self.asked = scene, threading.Event(), threading.Event(), 0, 0
        self.watcher = Watcher(now=self._now, quiet=self._quiet, pace=pace)
        self.thread = threading.Thread(target=self.watcher.run, args=(self.stop,), daemon=True)
        self.thread.start()

    def _now(self) -> Any:
        self.passes += 1
        self.passed.set()
        return self.scene.at

    def _quiet(self) -> bool:
        self.asked += 1
        return clock.virtual_now() is not None

    def end(self) -> None:
        watches = list(self.watcher.watches.values())
        self.stop.set()
        self.thread.join(10)
        for watch in watches:
            watch.join(10)


@pytest.fixture
def scene(committed: None, site_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(kube_client, "TIMEOUT", (0.5, 0.5))
    with open_scene(site_server) as scene:
        yield scene


@pytest.fixture
def watch(scene: Scene) -> Iterator[Callable[..., Watching]]:
    started: list[Watching] = []

    def start(**options: Any) -> Watching:
        started.append(Watching(scene, **options))
        return started[-1]

    yield start
    for watching in started:
        watching.end()


def eventually(look: Callable[[], T], wanted: T, seconds: float = 15.0) -> None:
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while (found := look()) != wanted and time.monotonic() < deadline:
        pause.wait(0.02)
    assert found == wanted


def state_of(workload: Workload) -> Callable[[], str]:
    return lambda: fresh(workload).state


def gone_from_the_site(workload: Workload) -> Callable[[], bool]:
    return lambda: fresh(workload).cleaned_at is not None and fresh(workload).settled_at is not None


def steps_of(workload: Workload) -> list[str]:
    return list(WorkloadEvent.objects.filter(workload=workload).order_by("at", "pk").values_list("state", flat=True))


def intervals_of(scene: Scene) -> list[tuple[Any, ...]]:
    rows = PodInterval.objects.filter(cluster=scene.market.cluster)
    return sorted(rows.values_list("milli_gpus", "started_at", "ended_at"))


def gateway(scene: Scene) -> Any:
    return gateway_of(scene.market.cluster)


def bells(scene: Scene) -> int:
    return sum(thread.name.startswith(f"bell-{scene.market.cluster.code}-") for thread in threading.enumerate())


# The gateway --------------------------------------------------------------------------------------------------------


def test_a_watch_tells_changes_of_ours_in_order_and_ends_with_a_bookmark(scene: Scene) -> None:
    since = gateway(scene).version(Watched.PODS)
    scene.script("one", NOW, NOW + timedelta(hours=1))
    scene.order(name="one", gpus=1, hours=2)
    scene.provision()
    scene.advance(seconds=1)
    changes = list(gateway(scene).watch(Watched.PODS, since=since, seconds=1))
    versions = [int(change.version) for change in changes]
    assert ([change.bookmark for change in changes], versions) == ([False, False, True], sorted(versions))


def test_a_watch_from_a_forgotten_version_says_so(scene: Scene) -> None:
    since = gateway(scene).version(Watched.PODS)
    scene.site.call("expire-history")
    with pytest.raises(HistoryExpired):
        next(gateway(scene).watch(Watched.PODS, since=since, seconds=1))


@pytest.mark.parametrize(
    ("control", "error"), [("expire-history", HistoryExpired), ("cut-watches", ClusterUnavailable)]
)
def test_a_watch_that_ends_badly_while_it_is_open_says_so(scene: Scene, control: str, error: type[Exception]) -> None:
    since = gateway(scene).version(Watched.PODS)
    scene.order(gpus=1, hours=1)
    scene.provision()
    changes = gateway(scene).watch(Watched.PODS, since=since, seconds=5)
    next(changes)
    scene.site.call(control)
    with pytest.raises(error):
        list(changes)


def test_pauses_double_up_to_half_a_minute_and_start_again_after_a_success() -> None:
    back_off = BackOff(Pace())
    tops = [0.5, 1, 2, 4, 8, 16, 30, 30]
    pauses = [back_off.next() for _ in tops]
    assert [top / 2 <= pause <= top for top, pause in zip(tops, pauses, strict=True)] == [True] * len(tops)
    back_off.reset()
    assert back_off.next() <= 0.5


# One watcher --------------------------------------------------------------------------------------------------------


def test_status_reaches_the_customer_within_seconds_without_any_sweep(scene: Scene, watch: Any) -> None:
    watch(pace=Pace())
    workload = scene.order(gpus=8, hours=2, command=["sleep", "1000"])
    scene.provision()
    eventually(state_of(workload), "starting")
    began = time.monotonic()
    scene.advance(minutes=10)
    eventually(state_of(workload), "running")
    took = time.monotonic() - began
    assert took < 5, took  # about 0.4 s on an idle machine; the bound is for a busy one


def test_a_run_without_any_sweep_is_metered_settled_and_cleaned_up(scene: Scene, watch: Any) -> None:
    watch()
    workload = scene.order(gpus=8, hours=2, command=["sleep", "1000"])
    scene.provision()
    eventually(state_of(workload), "starting")
    scene.advance(minutes=10)
    eventually(state_of(workload), "running")
    scene.advance(hours=1)
    eventually(gone_from_the_site(workload), True)
    assert steps_of(workload) == ["queued", "starting", "running", "succeeded"]
    assert (scene.spent(), billing.balance(scene.tenant.organisation.pk, scene.at).held) == (
        8 * PRICE * 1000 // 3600,
        0,
    )
    assert_reconciled()


@pytest.mark.parametrize("fault", sorted(FAULTS.keys() - {"none"}))
def test_a_fault_while_a_run_ends_loses_nothing_and_bills_nothing_twice(scene: Scene, watch: Any, fault: str) -> None:
    watch()
    start, end = NOW + timedelta(minutes=10), NOW + timedelta(hours=2, minutes=10, seconds=7)
    scene.script("run", start, end)
    workload = scene.order(name="run", gpus=8, hours=5)
    scene.provision()
    scene.advance(minutes=30)
    eventually(state_of(workload), "running")
    FAULTS[fault](scene)
    scene.advance(hours=1)
    FAULTS[fault](scene)
    scene.advance(hours=3)
    scene.server.faults.set(HEALTHY)
    eventually(gone_from_the_site(workload), True)
    assert intervals_of(scene) == [(8000, start, end)]
    assert steps_of(workload) == ["queued", "running", "succeeded"]
    assert scene.spent() == 8 * PRICE * 7207 // 3600
    assert_reconciled()


def test_a_pass_that_failed_is_tried_again_without_another_ring(scene: Scene, watch: Any) -> None:
    watching = watch(pace=replace(QUICK, watch=60))
    workload = scene.order(gpus=1, hours=2, command=["sleep", "1000"])
    scene.provision()
    eventually(state_of(workload), "starting")
    scene.server.faults.set({"errors": 10**6, "status": 500})
    before = watching.passes
    scene.advance(hours=1)
    eventually(lambda: watching.passes >= before + 2, True)
    scene.server.faults.set(HEALTHY)
    eventually(gone_from_the_site(workload), True)
    assert scene.spent() == PRICE * 1000 // 3600


def test_a_watcher_that_loses_its_database_goes_on_where_it_was(scene: Scene, watch: Any) -> None:
    watch()
    workload = scene.order(gpus=1, hours=2, command=["sleep", "1000"])
    scene.provision()
    eventually(state_of(workload), "starting")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    scene.advance(hours=1)
    eventually(gone_from_the_site(workload), True)
    assert scene.spent() == PRICE * 1000 // 3600


def test_a_lost_node_is_known_without_any_sweep_and_billed_until_it_was_lost(scene: Scene, watch: Any) -> None:
    watch()
    start = NOW + timedelta(minutes=1)
    scene.script("run", start, NOW + timedelta(hours=5))
    workload = scene.order(name="run", gpus=8, hours=6)
    scene.provision()
    scene.advance(minutes=30)
    eventually(state_of(workload), "running")
    scene.site.call("lose-node", name=PodInterval.objects.get().node_name)
    scene.advance(hours=2)
    eventually(gone_from_the_site(workload), True)
    assert (fresh(workload).state, fresh(workload).reason) == ("failed", "node_failure")
    assert intervals_of(scene) == [(8000, start, NOW + timedelta(minutes=30))]
    assert scene.spent() == 8 * PRICE * 29 // 60
    assert_reconciled()


def test_a_pod_taken_away_without_an_end_is_billed_until_it_was_last_seen(scene: Scene, watch: Any) -> None:
    watching = watch()
    start = NOW + timedelta(minutes=1)
    scene.script("run", start, NOW + timedelta(hours=5))
    workload = scene.order(name="run", gpus=8, hours=6)
    scene.provision()
    scene.advance(minutes=30)
    eventually(state_of(workload), "running")
    watching.end()
    scene.advance(hours=1)
    pod = PodInterval.objects.get()
    scene.site.call("force-delete", namespace=gateway(scene).snapshot().pods[0].namespace, name=pod.pod_name)
    watch()
    eventually(gone_from_the_site(workload), True)
    interval = PodInterval.objects.get()
    assert (interval.ended_at, interval.end_source) == (NOW + timedelta(minutes=30), "deleted")
    assert (fresh(workload).state, scene.spent()) == ("failed", 8 * PRICE * 29 // 60)
    assert_reconciled()


def test_the_watcher_keeps_still_while_a_replay_drives_time(scene: Scene, watch: Any, settings: Any) -> None:
    settings.VIRTUAL_CLOCK = True
    clock.set_virtual(scene.at)
    watching = watch()
    workload = scene.order(gpus=1, hours=2)
    scene.provision()
    scene.advance(minutes=5)
    eventually(lambda: watching.asked > 3, True)
    assert (watching.passes, bells(scene), state_of(workload)()) == (0, 0, "queued")
    clock.release()
    eventually(state_of(workload), "running")


# Several ------------------------------------------------------------------------------------------------------------


def test_two_watchers_share_a_cluster_and_one_takes_over_when_the_other_stops(scene: Scene, watch: Any) -> None:
    first = watch()
    eventually(lambda: bells(scene), 2)
    second = watch()
    eventually(lambda: second.asked > 3, True)
    scene.script("run", NOW, NOW + timedelta(hours=2))
    workload = scene.order(name="run", gpus=8, hours=5)
    scene.provision()
    scene.advance(hours=1)
    eventually(state_of(workload), "running")
    assert (bells(scene), second.passes) == (2, 0)
    first.end()
    scene.advance(hours=2)
    eventually(gone_from_the_site(workload), True)
    assert steps_of(workload) == ["queued", "running", "succeeded"]
    assert (intervals_of(scene), scene.spent()) == ([(8000, NOW, NOW + timedelta(hours=2))], 16 * PRICE)
    assert_reconciled()


def test_a_watcher_and_sweeps_at_the_same_time_double_nothing(scene: Scene, watch: Any) -> None:
    watch()
    scene.script("run", NOW, NOW + timedelta(hours=2))
    workload = scene.order(name="run", gpus=8, hours=5)
    scene.provision()
    for _ in range(6):
        scene.pass_time(minutes=30)
    eventually(gone_from_the_site(workload), True)
    assert steps_of(workload) == ["queued", "running", "succeeded"]
    assert (intervals_of(scene), scene.spent()) == ([(8000, NOW, NOW + timedelta(hours=2))], 16 * PRICE)
    assert_reconciled()


RUNS = st.lists(
    st.tuples(st.sampled_from([1000, 2000, 8000]), st.integers(0, 240), st.integers(1, 14_000)), min_size=1, max_size=2
)
SCHEDULES = st.lists(
    st.tuples(st.sampled_from(sorted(FAULTS.keys() - {"time-out"})), st.integers(1, 150)), min_size=1, max_size=4
)


@settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(runs=RUNS, schedule=SCHEDULES)
def test_the_watcher_alone_and_the_sweep_alone_come_to_the_same_totals(
    site_server: Any, scene: Scene, runs: list[tuple[int, int, int]], schedule: list[tuple[str, int]]
) -> None:
    truth = sorted(
        (milli, NOW + timedelta(minutes=begin), NOW + timedelta(minutes=begin, seconds=seconds))
        for milli, begin, seconds in runs
    )
    charge = sum(milli * seconds for milli, _, seconds in runs) * PRICE // 3_600_000
    for feeder in (_swept, _watched):
        with open_scene(site_server, tenant="") as world:
            workloads = []
            for number, (milli, begin, seconds) in enumerate(runs):
                start = NOW + timedelta(minutes=begin)
                world.script(f"run-{number}", start, start + timedelta(seconds=seconds))
                workloads.append(world.order(name=f"run-{number}", gpus=milli / 1000, hours=5))
            world.provision()
            feeder(world, workloads, schedule)
            assert (feeder.__name__, intervals_of(world), world.spent()) == (feeder.__name__, truth, charge)
            Cluster.objects.filter(pk=world.market.cluster.pk).update(enabled=False)
    assert_reconciled()


def _swept(world: Scene, workloads: list[Workload], schedule: list[tuple[str, int]]) -> None:
    for fault, minutes in schedule:
        FAULTS[fault](world)
        world.pass_time(minutes=minutes)
        world.server.faults.set(HEALTHY)
    world.pass_time(days=1)
    for _ in range(2):
        world.look()
    assert [gone_from_the_site(workload)() for workload in workloads] == [True] * len(workloads)


def _watched(world: Scene, workloads: list[Workload], schedule: list[tuple[str, int]]) -> None:
    watching = Watching(world)
    try:
        for fault, minutes in schedule:
            watching.passed.clear()
            FAULTS[fault](world)
            world.advance(minutes=minutes)
            watching.passed.wait(0.2)
            world.server.faults.set(HEALTHY)
        world.advance(days=1)
        eventually(lambda: [gone_from_the_site(workload)() for workload in workloads], [True] * len(workloads))
    finally:
        watching.end()


# The process --------------------------------------------------------------------------------------------------------


def test_the_process_watches_until_sigterm_and_then_leaves(scene: Scene) -> None:
    database = connection.settings_dict
    url = f"postgresql://{database['USER']}@/{database['NAME']}?host={database['HOST']}"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "watch_clusters"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"},
    )
    try:
        workload = scene.order(gpus=1, hours=2)
        scene.provision()
        scene.advance(minutes=5)
        eventually(state_of(workload), "running", 60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
