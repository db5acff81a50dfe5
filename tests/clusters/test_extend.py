# SPDX-License-Identifier: Apache-2.0
"""More time on request: held first, then told to the cluster; and stops by a budget, with notice."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from aion.errors import NotFound, Rejected
from billing import queries as billing
from billing.errors import BudgetExceeded, InsufficientCredit
from billing.models import Hold
from billing.services.budgets import BudgetWish, create_budget, evaluate
from billing.states import BudgetAction, BudgetPeriod, BudgetScope
from clusters.errors import WrongState
from clusters.models import Workload
from marketplace.services.orders import extend_order
from tests.clusters.scenes import Scene, assert_reconciled, fresh, open_scene
from tests.worlds import MICRO, PRICE, Tenant

HOUR = 3600


@pytest.fixture
def scene(db: Any, site_server: Any) -> Iterator[Scene]:
    with open_scene(site_server) as scene:
        yield scene


def extend(scene: Scene, workload: Workload, hours: float) -> None:
    extend_order(
        actor=scene.tenant.actor(), workload_id=workload.public_id, extra_seconds=int(hours * HOUR), at=scene.at
    )


def budget(scene: Scene, credits: int, scope: BudgetScope, *steps: tuple[int, BudgetAction]) -> None:
    wish = BudgetWish("cap", scope, BudgetPeriod.LIFETIME, credits * MICRO, steps=steps or ((100, BudgetAction.ALERT),))
    create_budget(actor=scene.tenant.actor(), wish=wish, at=scene.at)


def test_an_extended_run_goes_on_past_its_first_stop_and_ends_at_the_new_one(scene: Scene) -> None:
    workload = scene.order(gpus=8, hours=1, command=["sleep", "99999"])
    scene.provision()
    scene.pass_time(minutes=30)
    extend(scene, workload, 1)
    hold = Hold.objects.get(pk=workload.hold_id)
    assert (hold.amount, hold.legs.count(), fresh(workload).max_seconds) == (16 * PRICE, 2, 2 * HOUR)
    scene.look()
    scene.pass_time(minutes=45)
    assert fresh(workload).state == "running"
    scene.pass_time(hours=1)
    ended = fresh(workload)
    assert (ended.state, ended.reason) == ("timed_out", "max_duration_exceeded")
    assert billing.balance(scene.tenant.organisation.pk, scene.at).held == 0
    assert scene.spent() <= 16 * PRICE
    assert_reconciled()


def test_an_extension_without_credit_changes_nothing(scene: Scene) -> None:
    workload = scene.order(gpus=8, hours=40)
    with pytest.raises(InsufficientCredit) as refused:
        extend(scene, workload, 20)
    assert refused.value.details["needed_microcredits"] == 20 * 8 * PRICE
    assert (fresh(workload).max_seconds, Hold.objects.get(pk=workload.hold_id).amount) == (40 * HOUR, 40 * 8 * PRICE)


def test_an_extension_past_a_budget_of_single_runs_is_refused_by_the_budget(scene: Scene) -> None:
    workload = scene.order(gpus=1, hours=10)
    budget(scene, 30, BudgetScope.WORKLOAD)
    with pytest.raises(BudgetExceeded) as refused:
        extend(scene, workload, 13)
    assert (refused.value.details["scope"], fresh(workload).max_seconds) == ("workload", 10 * HOUR)


@pytest.mark.parametrize("hours", [0, -1, 0.1, 10**5])
def test_a_time_out_of_range_is_refused(scene: Scene, hours: float) -> None:
    workload = scene.order(gpus=1, hours=1)
    with pytest.raises(Rejected):
        extend(scene, workload, hours)


def test_an_ended_run_cannot_be_extended_and_a_strangers_is_not_there(scene: Scene, theirs: Tenant) -> None:
    workload = scene.order(gpus=1, hours=1, command=["sleep", "60"])
    with pytest.raises(NotFound):
        extend_order(actor=theirs.actor(), workload_id=workload.public_id, extra_seconds=HOUR, at=scene.at)
    scene.provision()
    scene.pass_time(minutes=5)
    with pytest.raises(WrongState):
        extend(scene, workload, 1)


def test_the_page_extends_and_says_what_is_wrong_beside_the_field(scene: Scene) -> None:
    workload = scene.order(gpus=1, hours=1)
    browser = Client()
    browser.force_login(scene.tenant.people["owner"])
    path = f"/o/{scene.tenant.organisation.slug}/workloads/{workload.public_id}/extend/"
    assert browser.get(path).status_code == 200
    wrong = browser.post(path, {"hours": "9000"})
    assert (wrong.status_code, "8760" in wrong.content.decode()) == (422, True)
    assert browser.post(path, {"hours": "1.5"}).status_code == 302
    assert fresh(workload).max_seconds == int(2.5 * HOUR)


def test_a_budget_that_drains_stops_its_runs_after_the_notice_and_says_so(scene: Scene) -> None:
    budget(scene, 1_000, BudgetScope.ORGANISATION, (2, BudgetAction.DRAIN))
    workload = scene.order(gpus=8, hours=30, command=["sleep", "999999"])
    scene.provision()
    scene.pass_time(hours=2)
    assert len(evaluate(at=scene.at)) == 1
    scene.pass_time(hours=23)
    assert fresh(workload).state == "running"
    scene.pass_time(hours=1, minutes=5)
    assert fresh(workload).stop_requested_at is not None
    scene.pass_time(minutes=10)
    scene.look()
    ended = fresh(workload)
    assert (ended.state, ended.reason) == ("budget_exhausted", "budget_exceeded")
    assert timedelta(hours=24) == settings.BUDGET_DRAIN_NOTICE
    assert_reconciled()


def test_a_budget_counts_what_is_held_so_that_a_second_launch_finds_no_room(scene: Scene) -> None:
    budget(scene, 30, BudgetScope.ORGANISATION)
    scene.order(gpus=1, hours=10)
    with pytest.raises(BudgetExceeded) as refused:
        scene.order(gpus=1, hours=10)
    assert refused.value.details["over_microcredits"] == 20 * PRICE - 30 * MICRO
