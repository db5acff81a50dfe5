# SPDX-License-Identifier: Apache-2.0
"""The demo's three weeks before today: real, exact, and the same when they are interrupted."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from aion import clock
from aion.tenancy.models import Organisation
from billing import queries as billing
from billing.reconcile import run_checks
from clusters.models import Cluster, Workload
from marketplace.replay.site import SiteControl
from marketplace.seed.consortium import seed_consortium
from marketplace.seed.diary import CLIMAT, LUMEN, Ending, runs
from marketplace.seed.history import History
from marketplace.seed.people import seed_people

FIRST = datetime(2026, 3, 2, tzinfo=UTC)
STATES = {
    Ending.SUCCEEDED: ("succeeded", ""),
    Ending.FAILED: ("failed", "exited_with_error"),
    Ending.TIMED_OUT: ("timed_out", "max_duration_exceeded"),
    Ending.CANCELLED: ("cancelled", "stopped_by_user"),
    Ending.NEVER_PULLED: ("cancelled", "stopped_by_user"),
}


class Interrupted(Exception):
    """What stands for a kill."""


@pytest.fixture
def seeded(db: Any, site_server: Any, settings: Any) -> None:
    settings.VIRTUAL_CLOCK = True
    now, port = datetime.now(UTC), site_server[0]
    seed_consortium(site_url=f"http://127.0.0.1:{port}", at=now - timedelta(days=60))
    seed_people(since=now - timedelta(days=60), at=now)


def test_the_same_first_day_gives_the_same_runs_and_a_later_end_only_adds_to_them() -> None:
    early, late = (runs(FIRST, until=FIRST + timedelta(days=days)) for days in (10, 21))
    assert runs(FIRST, until=FIRST + timedelta(days=10)) == early
    assert set(early) <= set(late)
    assert len({run.name for run in late}) == len(late)
    assert {run.ending for run in late} == set(Ending)


def test_an_interrupted_history_goes_on_and_returns_to_real_time_with_every_run_as_it_was_written(seeded: None) -> None:
    def interrupt(done: int, total: int) -> None:
        if done > total / 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        History(report=interrupt).live()
    history = History(report=lambda *_: None)
    assert not history.finished
    history.live()
    assert History(report=lambda *_: None).finished
    ended = Workload.objects.values_list("state", "reason").order_by()
    assert Counter(ended) == Counter(STATES[run.ending] for run in history.runs)
    assert {check.name: check.examples for check in run_checks() if check.contradictions} == {}
    for url in Cluster.objects.values_list("api_url", flat=True):
        status = SiteControl(url).call("status")
        assert (status["virtual"], status["pods"], status["jobs"]) == (False, 0, 0)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    for slug in (LUMEN, CLIMAT):
        balance = billing.balance(Organisation.objects.get(slug=slug).pk, clock.now())
        assert (balance.available > 8_000_000_000, balance.held, balance.owed) == (True, 0, 0)


def test_history_is_refused_outside_of_the_demo(settings: Any) -> None:
    settings.LOCAL_MAILBOX = ""
    with pytest.raises(CommandError, match="local demo only"):
        call_command("seed_history")
