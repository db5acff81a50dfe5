# SPDX-License-Identifier: Apache-2.0
"""A cap that is set is a cap that holds: every scope and period, at any moment, however many ask at once."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from aion.events.models import Event
from aion.tenancy.models import Project
from aion.tenancy.roles import Role
from billing import queries
from billing.errors import BudgetExceeded, BudgetNotPossible
from billing.models import Budget, BudgetCrossing, Hold, LedgerAccount
from billing.services import budgets
from billing.services.budgets import BudgetWish, change_budget, create_budget, end_budget, evaluate
from billing.services.holds import check_hold, extend_hold, place_hold, release_hold
from billing.services.metering import Window, post_windows
from billing.states import BudgetAction, BudgetPeriod, BudgetScope, Origin
from tests.worlds import MICRO, NOW, PRICE, Market, Tenant, make_lot, make_market, make_meter, make_tenant, purpose_of

ALERTS = ((50, BudgetAction.ALERT), (80, BudgetAction.ALERT), (100, BudgetAction.ALERT))


def cap(tenant: Tenant, scope: BudgetScope, period: BudgetPeriod, amount: int, **fields: Any) -> Budget:
    fields = {"name": f"{scope} {period}", "steps": ALERTS, **fields}
    if scope is BudgetScope.PROJECT:
        fields.setdefault("project_id", tenant.project.public_id)
    if scope is BudgetScope.MEMBER:
        fields.setdefault("member_id", tenant.people["owner"].pk)
    if scope is BudgetScope.GRANT:
        lots = LedgerAccount.objects.filter(organisation=tenant.organisation, kind="lot")
        fields.setdefault("lot_id", lots.order_by("pk")[0].public_id)
    wish = BudgetWish(scope=scope, period=period, amount=amount, **fields)
    return create_budget(actor=tenant.actor(), wish=wish, at=NOW)


def periods_of(scope: BudgetScope) -> tuple[BudgetPeriod, ...]:
    """Return over which periods a scope counts, widest first: a single run counts in all."""
    return (BudgetPeriod.LIFETIME,) if scope is BudgetScope.WORKLOAD else tuple(BudgetPeriod)


def hold(
    tenant: Tenant, market: Market, amount: int, *, at: datetime = NOW, reference: str = "run", **fields: Any
) -> Hold:
    fields.setdefault("member_id", tenant.people["owner"].pk if tenant.people else None)
    return place_hold(purpose=purpose_of(tenant, market, **fields), amount=amount, reference=reference, at=at)


def use(tenant: Tenant, market: Market, *, hours: int, at: datetime = NOW, held: int | None = None) -> None:
    meter = make_meter(tenant, market, hold=held)
    windows = [Window(at + timedelta(hours=hour), meter.pk, 3600) for hour in range(hours)]
    post_windows(windows=windows, source="test", at=at + timedelta(days=1))


def refusal(tenant: Tenant, market: Market, amount: int, **fields: Any) -> dict[str, Any]:
    with pytest.raises(BudgetExceeded) as refused:
        hold(tenant, market, amount, **fields)
    return refused.value.details


@pytest.mark.parametrize("period", BudgetPeriod)
@pytest.mark.parametrize("scope", BudgetScope)
def test_a_hold_fits_to_the_micro_credit_and_not_one_more(
    mine: Tenant, market: Market, scope: BudgetScope, period: BudgetPeriod
) -> None:
    if period not in periods_of(scope):
        with pytest.raises(BudgetNotPossible, match="counts in all") as refused:
            cap(mine, scope, period, 10 * MICRO)
        assert refused.value.field == "period"
        return
    budget = cap(mine, scope, period, 10 * MICRO)
    details = refusal(mine, market, 10 * MICRO + 1)
    assert (details["budget"], details["scope"], details["period"]) == (budget.public_id, scope, period)
    assert (details["over_microcredits"], details["cap_microcredits"]) == (1, 10 * MICRO)
    assert Hold.objects.count() == 0
    assert hold(mine, market, 10 * MICRO).amount == 10 * MICRO


@pytest.mark.parametrize("scope", [scope for scope in BudgetScope if scope is not BudgetScope.WORKLOAD])
def test_what_is_held_counts_as_spent_until_it_is_released(mine: Tenant, market: Market, scope: BudgetScope) -> None:
    cap(mine, scope, BudgetPeriod.MONTH, 10 * MICRO)
    first = hold(mine, market, 6 * MICRO)
    details = refusal(mine, market, 5 * MICRO, reference="second")
    assert (details["spent_microcredits"], details["over_microcredits"]) == (0, MICRO)
    release_hold(hold_id=first.pk, at=NOW)
    assert hold(mine, market, 5 * MICRO, reference="second").amount == 5 * MICRO


@pytest.mark.parametrize("scope", [BudgetScope.ORGANISATION, BudgetScope.GRANT])
def test_a_look_refuses_to_the_micro_credit_what_a_hold_would(mine: Tenant, market: Market, scope: BudgetScope) -> None:
    cap(mine, scope, BudgetPeriod.MONTH, 10 * MICRO)
    purpose = purpose_of(mine, market)
    check_hold(purpose=purpose, amount=10 * MICRO, at=NOW)
    with pytest.raises(BudgetExceeded) as refused:
        check_hold(purpose=purpose, amount=10 * MICRO + 1, at=NOW)
    look, held = refused.value.details, refusal(mine, market, 10 * MICRO + 1)
    assert look == held


def test_where_budget_and_credit_are_both_short_look_and_hold_name_the_budget(mine: Tenant, market: Market) -> None:
    cap(mine, BudgetScope.ORGANISATION, BudgetPeriod.MONTH, 10 * MICRO)
    with pytest.raises(BudgetExceeded):
        check_hold(purpose=purpose_of(mine, market), amount=1_001 * MICRO, at=NOW)
    assert refusal(mine, market, 1_001 * MICRO)["over_microcredits"] == 991 * MICRO


def test_an_extension_fits_the_budget_of_its_lot_to_the_micro_credit(mine: Tenant, market: Market) -> None:
    cap(mine, BudgetScope.GRANT, BudgetPeriod.MONTH, 10 * MICRO)
    placed = hold(mine, market, 9 * MICRO)
    with pytest.raises(BudgetExceeded) as refused:
        extend_hold(hold_id=placed.pk, amount=MICRO + 1, at=NOW)
    told = refused.value.details
    assert (told["held_microcredits"], told["over_microcredits"]) == (9 * MICRO, 1)
    assert extend_hold(hold_id=placed.pk, amount=MICRO, at=NOW).amount == 10 * MICRO


def test_a_frozen_budget_says_so_though_the_request_would_just_fit(db: None) -> None:
    tenant = make_tenant(credit=100)
    market = make_market(price=5 * MICRO)
    cap(tenant, BudgetScope.ORGANISATION, BudgetPeriod.MONTH, 10 * MICRO, steps=((50, BudgetAction.FREEZE),))
    use(tenant, market, hours=1)
    evaluate(at=NOW + timedelta(hours=2))
    with pytest.raises(BudgetExceeded, match=r"nothing new from 50 % on, and 5\.00 of 10\.") as refused:
        hold(tenant, market, 5 * MICRO)
    assert refused.value.details["over_microcredits"] == 0


def test_a_budget_without_steps_alerts_at_half_and_at_four_fifths_and_freezes_when_it_is_spent(mine: Tenant) -> None:
    wish = BudgetWish("Plain", BudgetScope.ORGANISATION, BudgetPeriod.MONTH, MICRO)
    steps = create_budget(actor=mine.actor(), wish=wish, at=NOW).steps.order_by("percent")
    assert list(steps.values_list("percent", "action")) == [(50, "alert"), (80, "alert"), (100, "freeze")]


def test_even_a_budget_of_one_micro_credit_tells_that_it_is_spent(db: None) -> None:
    tenant = make_tenant(credit=1)
    cap(tenant, BudgetScope.ORGANISATION, BudgetPeriod.MONTH, 1)
    assert evaluate(at=NOW) == []
    use(tenant, make_market(price=1), hours=1)
    assert len(evaluate(at=NOW + timedelta(hours=2))) == len(ALERTS)


def test_a_changed_budget_is_returned_as_it_is_now(mine: Tenant) -> None:
    before = cap(mine, BudgetScope.ORGANISATION, BudgetPeriod.MONTH, MICRO)
    later = NOW + timedelta(days=1)
    after = change_budget(actor=mine.actor(), public_id=before.public_id, at=later, name=" New ", amount=2 * MICRO)
    assert (after.pk, after.name, after.amount, after.changed_at) == (before.pk, "New", 2 * MICRO, later)
    assert end_budget(actor=mine.actor(), public_id=before.public_id, at=later).ended_at == later


def test_a_cap_counts_only_what_is_in_its_scope(mine: Tenant, market: Market) -> None:
    other = Project.objects.create(
        organisation=mine.organisation, name="Other", slug="other", residency_policy="EU_RESIDENT", milli_gpu_quota=8000
    )
    cap(mine, BudgetScope.PROJECT, BudgetPeriod.MONTH, 5 * MICRO)
    cap(mine, BudgetScope.MEMBER, BudgetPeriod.MONTH, 5 * MICRO)
    purpose = purpose_of(mine, market, member_id=mine.people[Role.DEVELOPER].pk)
    elsewhere = replace(purpose, project_id=other.pk)
    assert place_hold(purpose=elsewhere, amount=50 * MICRO, reference="elsewhere", at=NOW).amount == 50 * MICRO
    assert hold(mine, market, 5 * MICRO).amount == 5 * MICRO
    assert refusal(mine, market, 1, reference="more")["scope"] == "project"


def test_a_strangers_spending_never_counts(mine: Tenant, theirs: Tenant, market: Market) -> None:
    cap(mine, BudgetScope.ORGANISATION, BudgetPeriod.LIFETIME, 5 * MICRO)
    hold(theirs, market, 500 * MICRO)
    assert hold(mine, market, 5 * MICRO).amount == 5 * MICRO


@pytest.mark.parametrize(
    ("period", "later"),
    [
        (BudgetPeriod.DAY, timedelta(days=1)),
        (BudgetPeriod.WEEK, timedelta(days=7)),
        (BudgetPeriod.MONTH, timedelta(days=31)),
        (BudgetPeriod.LIFETIME, timedelta(days=4000)),
    ],
)
def test_what_is_spent_counts_in_its_own_period(
    mine: Tenant, market: Market, period: BudgetPeriod, later: timedelta
) -> None:
    use(mine, market, hours=2)
    cap(mine, BudgetScope.ORGANISATION, period, 2 * PRICE)
    assert refusal(mine, market, 1)["spent_microcredits"] == 2 * PRICE
    if period is BudgetPeriod.LIFETIME:
        assert refusal(mine, market, 1, at=NOW + later)["spent_microcredits"] == 2 * PRICE
    else:
        assert hold(mine, market, 1, at=NOW + later).amount == 1


def test_the_widest_budget_without_room_is_named(mine: Tenant, market: Market) -> None:
    made = {}
    for scope in reversed(BudgetScope):
        for period in reversed(periods_of(scope)):
            made[scope, period] = cap(mine, scope, period, 10 * MICRO)
    # Which lots bear a hold is known only when they do: their budgets are looked at last.
    order = [scope for scope in BudgetScope if scope is not BudgetScope.GRANT] + [BudgetScope.GRANT]
    named = []
    for scope in order:
        for period in periods_of(scope):
            named.append(refusal(mine, market, 11 * MICRO)["budget"])
            end_budget(actor=mine.actor(), public_id=made[scope, period].public_id, at=NOW)
    assert named == [made[scope, period].public_id for scope in order for period in periods_of(scope)]
    assert hold(mine, market, 11 * MICRO).amount == 11 * MICRO


def test_a_freeze_step_starts_nothing_new_though_there_is_room(mine: Tenant, market: Market) -> None:
    budget = cap(
        mine, BudgetScope.ORGANISATION, BudgetPeriod.MONTH, 4 * PRICE,
        steps=((25, BudgetAction.ALERT), (50, BudgetAction.FREEZE)),
    )  # fmt: skip
    use(mine, market, hours=1)
    assert hold(mine, market, 1, reference="below half").amount == 1
    use(mine, market, hours=1, at=NOW + timedelta(hours=1))
    details = refusal(mine, market, 1)
    assert (details["budget"], details["over_microcredits"]) == (budget.public_id, 0)
    assert hold(mine, market, 1, at=NOW + timedelta(days=31)).amount == 1


def test_a_drain_step_names_the_runs_to_stop_when_the_notice_is_over(mine: Tenant, market: Market) -> None:
    running = hold(mine, market, MICRO, reference="running")
    cap(mine, BudgetScope.PROJECT, BudgetPeriod.MONTH, 2 * PRICE, steps=((50, BudgetAction.DRAIN),))
    use(mine, market, hours=1)
    told = NOW + timedelta(hours=2)
    assert queries.drained_hold_ids(at=told, noticed_before=told) == []
    assert len(evaluate(at=told)) == 1
    assert queries.drained_hold_ids(at=told, noticed_before=told - timedelta(seconds=1)) == []
    assert queries.drained_hold_ids(at=told, noticed_before=told) == [running.pk]
    next_month = told + timedelta(days=31)
    assert queries.drained_hold_ids(at=next_month, noticed_before=next_month) == []


def test_a_step_that_only_tells_stops_no_run_of_a_budget_that_drains_later(mine: Tenant, market: Market) -> None:
    hold(mine, market, MICRO, reference="running")
    steps = ((50, BudgetAction.ALERT), (100, BudgetAction.DRAIN))
    cap(mine, BudgetScope.PROJECT, BudgetPeriod.MONTH, 2 * PRICE, steps=steps)
    use(mine, market, hours=1)
    assert len(evaluate(at=NOW)) == 1
    assert queries.drained_hold_ids(at=NOW, noticed_before=NOW) == []


def test_a_raised_cap_stops_the_draining(mine: Tenant, market: Market) -> None:
    hold(mine, market, MICRO, reference="running")
    steps = ((50, BudgetAction.DRAIN),)
    budget = cap(mine, BudgetScope.ORGANISATION, BudgetPeriod.MONTH, 2 * PRICE, steps=steps)
    use(mine, market, hours=1)
    evaluate(at=NOW)
    change_budget(actor=mine.actor(), public_id=budget.public_id, name="More", amount=3 * PRICE, steps=steps, at=NOW)
    assert queries.drained_hold_ids(at=NOW, noticed_before=NOW) == []


def test_a_step_is_told_once_a_period_and_again_after_the_cap_was_raised(mine: Tenant, market: Market) -> None:
    steps = ((50, BudgetAction.ALERT), (100, BudgetAction.FREEZE))
    budget = cap(mine, BudgetScope.ORGANISATION, BudgetPeriod.DAY, 2 * PRICE, steps=steps)
    told = []

    def evaluated(at: datetime) -> None:
        evaluate(at=at)
        told.append(list(BudgetCrossing.objects.order_by("pk").values_list("percent", "amount")))

    evaluated(NOW)
    use(mine, market, hours=1)
    evaluated(NOW)
    evaluated(NOW)
    use(mine, market, hours=1, at=NOW + timedelta(hours=1))
    evaluated(NOW)
    change_budget(actor=mine.actor(), public_id=budget.public_id, name="D", amount=4 * PRICE, steps=steps, at=NOW)
    evaluated(NOW)
    use(mine, market, hours=1, at=NOW + timedelta(days=1))
    evaluated(NOW + timedelta(days=1))
    half, whole, raised = (50, 2 * PRICE), (100, 2 * PRICE), (50, 4 * PRICE)
    assert told == [[], [half], [half], [half, whole], [half, whole, raised], [half, whole, raised]]
    use(mine, market, hours=1, at=NOW + timedelta(days=1, hours=1))
    evaluated(NOW + timedelta(days=1))
    assert told[-1] == [half, whole, raised, raised]
    kinds = list(Event.objects.filter(type__startswith="budget.").order_by("pk").values_list("type", flat=True))
    assert kinds == [
        "budget.threshold_reached",
        "budget.exceeded",
        "budget.threshold_reached",
        "budget.threshold_reached",
    ]


def test_the_message_says_when_the_period_ends_and_when_runs_stop(mine: Tenant, market: Market) -> None:
    cap(mine, BudgetScope.ORGANISATION, BudgetPeriod.MONTH, PRICE, steps=((100, BudgetAction.DRAIN),))
    use(mine, market, hours=1)
    evaluate(at=NOW)
    data = Event.objects.get(type="budget.exceeded").data
    assert (data["period_ends_at"], data["stops_at"]) == ("2026-04-01T00:00:00Z", "2026-03-03T10:00:00Z")
    assert (data["spent_microcredits"], data["limit_microcredits"]) == (PRICE, PRICE)


@pytest.mark.parametrize("scope", [BudgetScope.ORGANISATION, BudgetScope.MEMBER, BudgetScope.GRANT])
def test_fifty_threads_cannot_pass_a_budget(committed: None, scope: BudgetScope) -> None:
    tenant, market = make_tenant(credit=100), make_market()
    cap(tenant, scope, BudgetPeriod.MONTH, 7 * MICRO)
    outcomes: list[str] = []

    def ask(number: int) -> None:
        try:
            hold(tenant, market, MICRO, reference=f"run-{number}")
            outcomes.append("held")
        except BudgetExceeded:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (outcomes.count("held"), outcomes.count("refused")) == (7, 43)
    assert LedgerAccount.objects.get(organisation=tenant.organisation, kind="lot").held == 7 * MICRO


def test_a_workload_budget_caps_each_run_and_not_their_sum(mine: Tenant, market: Market) -> None:
    cap(mine, BudgetScope.WORKLOAD, BudgetPeriod.LIFETIME, 5 * MICRO)
    for number in range(3):
        hold(mine, market, 5 * MICRO, reference=f"run-{number}")
    assert refusal(mine, market, 5 * MICRO + 1, reference="larger")["over_microcredits"] == 1


def test_extensions_count_towards_the_cap_of_their_run(mine: Tenant, market: Market) -> None:
    cap(mine, BudgetScope.WORKLOAD, BudgetPeriod.LIFETIME, 5 * MICRO)
    run = hold(mine, market, 3 * MICRO)
    assert extend_hold(hold_id=run.pk, amount=2 * MICRO, at=NOW).amount == 5 * MICRO
    with pytest.raises(BudgetExceeded) as refused:
        extend_hold(hold_id=run.pk, amount=1, at=NOW)
    assert refused.value.details["over_microcredits"] == 1
    assert Hold.objects.get(pk=run.pk).amount == 5 * MICRO


def test_an_extension_counts_in_a_budget_of_the_organisation_once(mine: Tenant, market: Market) -> None:
    cap(mine, BudgetScope.ORGANISATION, BudgetPeriod.MONTH, 5 * MICRO)
    run = hold(mine, market, 3 * MICRO)
    assert extend_hold(hold_id=run.pk, amount=2 * MICRO, at=NOW).amount == 5 * MICRO
    with pytest.raises(BudgetExceeded):
        extend_hold(hold_id=run.pk, amount=1, at=NOW)


def test_a_lot_budget_counts_what_the_lot_paid_and_what_it_holds(mine: Tenant, market: Market) -> None:
    lot = LedgerAccount.objects.get(organisation=mine.organisation, kind="lot")
    cap(mine, BudgetScope.GRANT, BudgetPeriod.MONTH, 3 * PRICE, lot_id=lot.public_id)
    use(mine, market, hours=1, held=2 * PRICE)
    standing = queries.budget_standings(organisation_id=mine.organisation.pk, at=NOW)[0]
    assert (standing.spent, standing.held, standing.left) == (PRICE, PRICE, PRICE)
    assert refusal(mine, market, PRICE + 1)["scope"] == "grant"
    assert hold(mine, market, PRICE).amount == PRICE


def test_a_lot_budget_refuses_only_holds_that_its_lot_bears(mine: Tenant, market: Market) -> None:
    capped = LedgerAccount.objects.get(organisation=mine.organisation, kind="lot")
    make_lot(mine.organisation, 10, "first", origin=Origin.GRANT)
    cap(mine, BudgetScope.GRANT, BudgetPeriod.LIFETIME, MICRO, lot_id=capped.public_id)
    assert hold(mine, market, 11 * MICRO).amount == 11 * MICRO
    assert refusal(mine, market, 1, reference="more")["over_microcredits"] == 1
    capped.refresh_from_db()
    assert capped.held == MICRO


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"name": " "}, "name"),
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": budgets.MAX_AMOUNT + 1}, "amount"),
        ({"steps": ()}, "steps"),
        ({"steps": ((50, BudgetAction.ALERT), (50, BudgetAction.FREEZE))}, "steps"),
        ({"steps": ((0, BudgetAction.ALERT),)}, "steps"),
        ({"steps": ((101, BudgetAction.ALERT),)}, "steps"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused_by_field(mine: Tenant, wish: dict[str, Any], field: str) -> None:
    fields = {"name": "B", "amount": MICRO, "steps": ALERTS, **wish}
    with pytest.raises(BudgetNotPossible) as refused:
        create_budget(
            actor=mine.actor(),
            wish=BudgetWish(scope=BudgetScope.ORGANISATION, period=BudgetPeriod.DAY, **fields),
            at=NOW,
        )
    assert refused.value.field == field
    assert Budget.objects.count() == 0


def test_the_largest_cap_and_the_extreme_steps_are_possible(mine: Tenant) -> None:
    steps = ((1, BudgetAction.ALERT), (100, BudgetAction.FREEZE))
    cap(mine, BudgetScope.ORGANISATION, BudgetPeriod.DAY, budgets.MAX_AMOUNT, steps=steps)
    assert Budget.objects.get().amount == budgets.MAX_AMOUNT


def test_a_second_budget_of_the_same_scope_and_period_is_refused(mine: Tenant) -> None:
    cap(mine, BudgetScope.MEMBER, BudgetPeriod.DAY, MICRO)
    with pytest.raises(BudgetNotPossible):
        cap(mine, BudgetScope.MEMBER, BudgetPeriod.DAY, 2 * MICRO)
    cap(mine, BudgetScope.MEMBER, BudgetPeriod.WEEK, 2 * MICRO)
    assert Budget.objects.count() == 2
