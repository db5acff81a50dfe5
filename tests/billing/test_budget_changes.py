# SPDX-License-Identifier: Apache-2.0
"""Who may set, change and end a budget, one at a time, and what the record and a refusal say of it."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from aion.audit.models import AuditEvent
from aion.errors import Forbidden, NotFound
from aion.tenancy.roles import Role
from billing.errors import BudgetExceeded, BudgetNotPossible
from billing.models import Budget
from billing.services.budgets import BudgetWish, change_budget, create_budget, end_budget
from billing.services.holds import check_hold, place_hold
from billing.states import BudgetAction, BudgetPeriod, BudgetScope
from tests.billing.hands import names, second_project, while_open
from tests.worlds import MICRO, NOW, Market, Tenant, make_lot, make_tenant, purpose_of

LATER = NOW + timedelta(days=1)
ALERT, FREEZE = BudgetAction.ALERT, BudgetAction.FREEZE


def wish(scope: BudgetScope = BudgetScope.ORGANISATION, credits: int = 10, **fields: Any) -> BudgetWish:
    given: dict[str, Any] = {"name": "B", "period": BudgetPeriod.MONTH, "steps": ((100, ALERT),), **fields}
    return BudgetWish(scope=scope, amount=credits * MICRO, **given)


def make(tenant: Tenant, *given: Any, **fields: Any) -> Budget:
    return create_budget(actor=tenant.actor(), wish=wish(*given, **fields), at=NOW)


def acts(tenant: Tenant, budget: Budget, role: str = "owner") -> list[Callable[[], Any]]:
    actor, known = tenant.actor(role), budget.public_id
    return [
        partial(create_budget, actor=actor, wish=wish(period=BudgetPeriod.DAY), at=LATER),
        partial(change_budget, actor=actor, public_id=known, at=LATER, amount=9 * MICRO),
        partial(end_budget, actor=actor, public_id=known, at=LATER),
    ]


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.VIEWER])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_who_may_not_write_budgets_sets_changes_and_ends_none(mine: Tenant, role: Role, place: int) -> None:
    budget = make(mine)
    with pytest.raises(Forbidden):
        acts(mine, budget, role)[place]()
    assert Budget.objects.get() == budget
    assert (budget.amount, budget.ended_at) == (10 * MICRO, None)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_budgets_of_an_organisation_are_written_one_after_the_other(committed: None, place: int) -> None:
    tenant = make_tenant(credit=0, roles=("owner",))
    act = acts(tenant, make(tenant))[place]
    answer, waited = while_open(lambda: make(tenant, period=BudgetPeriod.WEEK), act)
    assert (names([answer]), waited) == (["Budget"], True)


def test_two_organisations_write_their_budgets_at_the_same_moment(committed: None) -> None:
    one, other = make_tenant("one", credit=0, roles=("owner",)), make_tenant("other", credit=0, roles=("owner",))
    answer, waited = while_open(lambda: make(one), lambda: make(other))
    assert (names([answer]), waited) == (["Budget"], False)


def test_what_was_set_changed_and_ended_is_on_the_record(mine: Tenant) -> None:
    budget = make(mine, steps=((50, ALERT), (100, FREEZE)))
    change_budget(actor=mine.actor(), public_id=budget.public_id, at=LATER, amount=9 * MICRO)
    end_budget(actor=mine.actor(), public_id=budget.public_id, at=LATER)
    rows = AuditEvent.objects.filter(action__startswith="budget.").order_by("pk")
    steps = ["50 alert", "100 freeze"]
    assert list(rows.values_list("action", "changes")) == [
        ("budget.set", {"amount": "10.000000", "steps": steps}),
        ("budget.changed", {"amount": "9.000000", "steps": steps}),
        ("budget.ended", {}),
    ]


def test_a_change_keeps_the_steps_it_does_not_name_and_replaces_those_it_does(mine: Tenant) -> None:
    budget = make(mine, steps=((50, ALERT), (100, FREEZE)))
    change = partial(change_budget, actor=mine.actor(), public_id=budget.public_id, at=LATER)

    def steps(changed: Budget) -> list[tuple[int, str]]:
        return list(changed.steps.order_by("percent").values_list("percent", "action"))

    assert steps(change(amount=9 * MICRO)) == [(50, "alert"), (100, "freeze")]
    assert steps(change(steps=((70, ALERT),))) == [(70, "alert")]


@pytest.mark.parametrize(
    ("fields", "field"), [({"amount": 0}, "amount"), ({"name": " "}, "name"), ({"steps": ()}, "steps")]
)
def test_a_change_that_makes_no_sense_is_refused_by_field(mine: Tenant, fields: dict[str, Any], field: str) -> None:
    budget = make(mine)
    with pytest.raises(BudgetNotPossible) as refused:
        change_budget(actor=mine.actor(), public_id=budget.public_id, at=LATER, **fields)
    assert refused.value.field == field


def test_a_strangers_budget_is_no_budget(mine: Tenant, theirs: Tenant) -> None:
    for act in acts(mine, make(theirs))[1:]:
        with pytest.raises(NotFound, match="no such budget"):
            act()


@pytest.mark.parametrize(
    ("scope", "name", "field"),
    [
        (BudgetScope.PROJECT, "project_id", "project"),
        (BudgetScope.MEMBER, "member_id", "member"),
        (BudgetScope.GRANT, "lot_id", "lot"),
    ],
)
def test_what_is_a_strangers_is_named_as_missing(
    mine: Tenant, theirs: Tenant, scope: BudgetScope, name: str, field: str
) -> None:
    strangers = {
        "project_id": theirs.project.public_id,
        "member_id": theirs.people["owner"].pk,
        "lot_id": make_lot(theirs.organisation, 5).public_id,
    }
    with pytest.raises(NotFound) as refused:
        make(mine, scope, **{name: strangers[name]})
    assert refused.value.field == field
    assert not Budget.objects.exists()


def test_shares_of_projects_fill_their_organisations_cap_and_a_refusal_says_what_is_left(mine: Tenant) -> None:
    first, second = mine.project.public_id, second_project(mine)
    make(mine)
    share = make(mine, BudgetScope.PROJECT, 10, project_id=first)
    with pytest.raises(BudgetNotPossible, match=r"has 10\.00 credits .* other projects have 10\.00: at most 0\.00 are"):
        make(mine, BudgetScope.PROJECT, 1, project_id=second)
    change_budget(actor=mine.actor(), public_id=share.public_id, at=LATER, amount=6 * MICRO)
    with pytest.raises(BudgetNotPossible, match=r"has 10\.00 credits .* other projects have 6\.00: at most 4\.00 are"):
        make(mine, BudgetScope.PROJECT, 5, project_id=second)
    make(mine, BudgetScope.PROJECT, 4, project_id=second)


def test_a_look_counts_for_a_lots_budget_only_what_that_lot_would_bear(db: None, market: Market) -> None:
    tenant = make_tenant(credit=0)
    soon = make_lot(tenant.organisation, 5, "soon", expires_at=NOW + timedelta(days=9))
    make_lot(tenant.organisation, 5, "later")
    make(tenant, BudgetScope.GRANT, 5, lot_id=soon.public_id)
    purpose = purpose_of(tenant, market)
    check_hold(purpose=purpose, amount=8 * MICRO, at=NOW)
    assert place_hold(purpose=purpose, amount=8 * MICRO, reference="both", at=NOW).amount == 8 * MICRO


@pytest.mark.parametrize("scope", [BudgetScope.ORGANISATION, BudgetScope.WORKLOAD])
def test_a_look_fits_to_the_micro_credit_and_one_more_is_named(
    mine: Tenant, market: Market, scope: BudgetScope
) -> None:
    make(mine, scope, period=BudgetPeriod.LIFETIME)
    look = partial(check_hold, purpose=purpose_of(mine, market), at=NOW)
    look(amount=10 * MICRO)
    with pytest.raises(BudgetExceeded, match=r"has 10\.00 credits; .*, which leaves 0\.000001 too few"):
        look(amount=10 * MICRO + 1)
