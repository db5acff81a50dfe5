# SPDX-License-Identifier: Apache-2.0
"""What a budget counts as spent and held, when a step is reached, and which runs a drained budget stops."""

from datetime import timedelta
from typing import Any

import pytest

from billing import queries
from billing.models import Budget, Hold, LedgerAccount
from billing.services.budgets import BudgetWish, change_budget, create_budget, evaluate
from billing.services.holds import place_hold, reduce_hold, release_hold
from billing.services.metering import Window, post_windows
from billing.states import BudgetAction, BudgetPeriod, BudgetScope
from tests.worlds import MICRO, NOW, PRICE, Market, Tenant, make_meter, purpose_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DRAIN = ((50, BudgetAction.DRAIN),)


def cap(tenant: Tenant, scope: BudgetScope, amount: int, **fields: Any) -> Budget:
    given: dict[str, Any] = {"period": BudgetPeriod.MONTH, "steps": ((100, BudgetAction.ALERT),), **fields}
    if scope is BudgetScope.GRANT:
        given["lot_id"] = LedgerAccount.objects.get(organisation=tenant.organisation, kind="lot").public_id
    if scope is BudgetScope.PROJECT:
        given["project_id"] = tenant.project.public_id
    wish = BudgetWish(name=scope, scope=scope, amount=amount, **given)
    return create_budget(actor=tenant.actor(), wish=wish, at=NOW)


def use(tenant: Tenant, market: Market, hours: int = 1, held: int | None = None) -> Hold | None:
    """Use whole hours from NOW on, of a run with a hold of its own if one is given."""
    meter = make_meter(tenant, market, hold=held)
    windows = [Window(NOW + HOUR * number, meter.pk, 3600) for number in range(hours)]
    post_windows(windows=windows, source="test", at=NOW + DAY)
    return Hold.objects.filter(pk=meter.run.hold_id).first()


def standing(tenant: Tenant, at: Any = NOW) -> tuple[int, int]:
    (found,) = queries.budget_standings(organisation_id=tenant.organisation.pk, at=at)
    return found.spent, found.held


def stopped(at: Any = NOW) -> list[int]:
    return queries.drained_hold_ids(at=at, noticed_before=at)


def running(tenant: Tenant, market: Market, reference: str = "running") -> Hold:
    return place_hold(purpose=purpose_of(tenant, market), amount=MICRO, reference=reference, at=NOW)


def test_a_budget_of_each_single_workload_counts_nothing_together(mine: Tenant, market: Market) -> None:
    cap(mine, BudgetScope.WORKLOAD, 9 * PRICE, period=BudgetPeriod.LIFETIME, steps=DRAIN)
    use(mine, market, 9, held=9 * PRICE)
    running(mine, market)
    assert standing(mine) == (0, 0)
    assert (evaluate(at=NOW), stopped()) == ([], [])


@pytest.mark.parametrize("scope", [BudgetScope.ORGANISATION, BudgetScope.GRANT])
def test_all_that_was_charged_since_the_period_began_counts_and_nothing_before(
    mine: Tenant, market: Market, scope: BudgetScope
) -> None:
    cap(mine, scope, 9 * PRICE, period=BudgetPeriod.DAY)
    use(mine, market)
    use(mine, market, 2)
    assert standing(mine) == (3 * PRICE, 0)
    assert standing(mine, NOW + DAY) == (0, 0)


@pytest.mark.parametrize("scope", [BudgetScope.ORGANISATION, BudgetScope.GRANT])
def test_held_is_what_open_holds_have_neither_captured_nor_given_back(
    mine: Tenant, market: Market, scope: BudgetScope
) -> None:
    cap(mine, scope, 9 * PRICE)
    placed = use(mine, market, held=5 * PRICE)
    assert placed is not None
    assert standing(mine) == (PRICE, 4 * PRICE)
    reduce_hold(hold_id=placed.pk, keep=PRICE)
    assert standing(mine) == (PRICE, PRICE)
    release_hold(hold_id=placed.pk, at=NOW)
    assert standing(mine) == (PRICE, 0)


def test_a_run_in_two_drained_budgets_is_stopped_once_and_an_ended_one_not_at_all(mine: Tenant, market: Market) -> None:
    for scope in (BudgetScope.ORGANISATION, BudgetScope.PROJECT):
        cap(mine, scope, 2 * PRICE, steps=DRAIN)
    kept, ended = running(mine, market), running(mine, market, "ended")
    release_hold(hold_id=ended.pk, at=NOW)
    use(mine, market)
    assert len(evaluate(at=NOW)) == 2
    assert stopped() == [kept.pk]


def test_a_raised_cap_that_is_reached_as_well_drains_after_a_notice_of_its_own(mine: Tenant, market: Market) -> None:
    budget = cap(mine, BudgetScope.ORGANISATION, 2 * PRICE, steps=DRAIN)
    kept = running(mine, market)
    use(mine, market, 2)
    evaluate(at=NOW)
    change_budget(actor=mine.actor(), public_id=budget.public_id, amount=3 * PRICE, at=NOW)
    assert stopped() == []
    evaluate(at=NOW + HOUR)
    assert queries.drained_hold_ids(at=NOW + HOUR, noticed_before=NOW) == []
    assert stopped(NOW + HOUR) == [kept.pk]


def test_the_notice_of_an_earlier_step_is_none_of_the_step_that_drains(mine: Tenant, market: Market) -> None:
    cap(mine, BudgetScope.ORGANISATION, 2 * PRICE, steps=((50, BudgetAction.ALERT), (100, BudgetAction.DRAIN)))
    kept = running(mine, market)
    use(mine, market)
    evaluate(at=NOW)
    use(mine, market)
    assert stopped(NOW + HOUR) == []
    evaluate(at=NOW + HOUR)
    assert stopped(NOW + HOUR) == [kept.pk]


def test_a_drained_lot_stops_the_runs_that_still_hold_some_of_it(mine: Tenant, market: Market) -> None:
    cap(mine, BudgetScope.GRANT, 2 * PRICE, steps=DRAIN)
    kept = running(mine, market)
    done = use(mine, market, held=PRICE + MICRO // 2)
    assert done is not None
    reduce_hold(hold_id=done.pk, keep=0)
    evaluate(at=NOW)
    assert stopped() == [kept.pk]
