# SPDX-License-Identifier: Apache-2.0
"""Budgets as customers set them: on the page and over the API, by the same service."""

from typing import Any

import pytest

from aion import clock
from aion.tenancy.models import Project
from aion.tenancy.roles import Role
from billing.models import Budget, BudgetCrossing, LedgerAccount
from billing.services.budgets import BudgetWish, create_budget, evaluate
from billing.services.metering import Window, post_windows
from billing.states import BudgetPeriod, BudgetScope
from tests.worlds import MICRO, NOW, PRICE, Market, Tenant, browser, count, make_meter


def typed(**fields: Any) -> dict[str, Any]:
    steps = {"percent_1": 50, "action_1": "alert", "percent_2": 100, "action_2": "freeze"}
    return {"name": "March", "target": "organisation:", "period": "month", "amount": "500.5", **steps, **fields}


def body(**fields: Any) -> dict[str, Any]:
    return {
        "name": "March",
        "scope": "organisation",
        "period": "month",
        "cap_microcredits": 500 * MICRO,
        **fields,
    }


def budgets_path(tenant: Tenant) -> str:
    return f"/o/{tenant.organisation.slug}/budgets/"


def test_a_budget_set_on_the_page_is_the_one_of_the_api(mine: Tenant, api: Any) -> None:
    assert browser(mine).post(budgets_path(mine), typed()).status_code == 302
    (shown,) = api(mine.key()).get("/api/v1/budgets").json()["items"]
    assert (shown["name"], shown["scope"], shown["period"]) == ("March", "organisation", "month")
    assert (shown["cap_microcredits"], shown["cap"], shown["currency"]) == (500_500_000, "500.500000", "EUR")
    assert (shown["project"], shown["member"], shown["lot"]) == (None, None, None)
    assert shown["steps"] == [{"percent": 50, "action": "alert"}, {"percent": 100, "action": "freeze"}]


def test_a_budget_says_what_is_spent_held_and_left(mine: Tenant, market: Market, api: Any) -> None:
    wish = BudgetWish("All", BudgetScope.ORGANISATION, BudgetPeriod.LIFETIME, 100 * MICRO)
    create_budget(actor=mine.actor(), wish=wish, at=NOW)
    meter = make_meter(mine, market, hold=10 * MICRO)
    post_windows(windows=[Window(NOW, meter.pk, 3600)], source="test", at=NOW)
    (shown,) = api(mine.key()).get("/api/v1/budgets").json()["items"]
    assert (shown["spent_microcredits"], shown["held_microcredits"]) == (PRICE, 10 * MICRO - PRICE)
    assert (shown["left_microcredits"], shown["left"]) == (90 * MICRO, "90.000000")
    page = browser(mine).get(budgets_path(mine)).content.decode()
    assert "2.49 spent, 7.51 held" in page
    assert "90.00 cr left" in page


@pytest.mark.parametrize("scope", ["project", "member", "grant", "workload"])
def test_every_scope_can_be_chosen_from_the_one_select(mine: Tenant, scope: str) -> None:
    lot = LedgerAccount.objects.get(organisation=mine.organisation)
    user = mine.people[Role.DEVELOPER]
    keys = {"project": mine.project.public_id, "member": user.pk, "grant": lot.public_id, "workload": ""}
    period = "lifetime" if scope == "workload" else "month"
    answer = browser(mine).post(budgets_path(mine), typed(target=f"{scope}:{keys[scope]}", period=period))
    budget = Budget.objects.get()
    wanted = {
        "project": (mine.project.pk, None, None),
        "member": (None, user.pk, None),
        "grant": (None, None, lot.pk),
        "workload": (None, None, None),
    }
    assert (answer.status_code, budget.scope) == (302, scope)
    assert (budget.project_id, budget.member_id, budget.lot_id) == wanted[scope]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"amount": "-1"}, "amount"),
        ({"amount": "1e30"}, "amount"),
        ({"amount": "0.0000001"}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": ""}, "amount"),
        ({"target": "project:prj_0000000000000000"}, "target"),
        ({"target": "member:999999999"}, "target"),
        ({"target": "x"}, "target"),
        ({"percent_1": "101"}, "percent_1"),
        ({"name": " "}, "name"),
        ({"target": "workload:"}, "period"),
        ({"target": "workload:", "period": "day"}, "period"),
        ({"percent_1": "100"}, "percent_1"),
        ({"percent_1": "", "percent_2": ""}, "percent_1"),
    ],
)
def test_a_wrong_budget_is_refused_beside_its_field(mine: Tenant, fields: dict[str, Any], field: str) -> None:
    answer = browser(mine).post(budgets_path(mine), typed(**fields))
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert Budget.objects.count() == 0


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_a_budget_of_each_workload_has_no_period_over_the_api_either(mine: Tenant, api: Any, period: str) -> None:
    client = api(mine.key())
    refused = client.post("/api/v1/budgets", body(scope="workload", period=period), format="json")
    problem = refused.json()
    assert (refused.status_code, problem["code"], problem["field"]) == (422, "invalid_budget", "period")
    assert client.post("/api/v1/budgets", body(scope="workload", period="lifetime"), format="json").status_code == 201


def test_saving_on_the_page_keeps_every_step_that_the_api_set(mine: Tenant, api: Any) -> None:
    steps = [*({"percent": n, "action": "alert"} for n in (20, 40, 60, 80)), {"percent": 100, "action": "drain"}]
    made = api(mine.key()).post("/api/v1/budgets", body(steps=steps), format="json").json()
    path, person = f"{budgets_path(mine)}{made['id']}/", browser(mine)
    form = person.get(path).context["form"]
    answer = person.post(path, {name: form[name].value() or "" for name in form.fields} | {"name": "Renamed"})
    (shown,) = api(mine.key()).get("/api/v1/budgets").json()["items"]
    assert (answer.status_code, shown["name"], shown["steps"]) == (302, "Renamed", steps)


def test_what_a_patch_leaves_out_stays_as_the_last_change_left_it(mine: Tenant, api: Any) -> None:
    client = api(mine.key())
    path = f"/api/v1/budgets/{client.post('/api/v1/budgets', body(), format='json').json()['id']}"
    client.patch(path, {"cap_microcredits": MICRO, "steps": [{"percent": 9, "action": "drain"}]}, format="json")
    shown = client.patch(path, {"name": "Only the name"}, format="json").json()
    assert (shown["name"], shown["cap_microcredits"]) == ("Only the name", MICRO)
    assert shown["steps"] == [{"percent": 9, "action": "drain"}]


def test_a_strangers_project_is_no_choice_and_no_target(mine: Tenant, theirs: Tenant, api: Any) -> None:
    foreign = theirs.project.public_id
    page = browser(mine).post(budgets_path(mine), typed(target=f"project:{foreign}"))
    answer = api(mine.key()).post("/api/v1/budgets", body(scope="project", project=foreign), format="json")
    assert (page.status_code, answer.status_code, Budget.objects.count()) == (422, 404, 0)


def test_shares_of_projects_never_exceed_the_organisations_cap(mine: Tenant) -> None:
    other = Project.objects.create(
        organisation=mine.organisation, name="Other", slug="other", residency_policy="EU_RESIDENT", milli_gpu_quota=1
    )
    client = browser(mine)
    client.post(budgets_path(mine), typed(amount="100"))
    client.post(budgets_path(mine), typed(amount="60", target=f"project:{mine.project.public_id}"))
    answer = client.post(budgets_path(mine), typed(amount="60", target=f"project:{other.public_id}"))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["amount"]
    assert "at most 40.00 are left" in answer.content.decode()


def test_a_budget_is_changed_in_place_and_ended_after_a_question(mine: Tenant) -> None:
    client = browser(mine)
    client.post(budgets_path(mine), typed())
    budget = Budget.objects.get()
    path = f"{budgets_path(mine)}{budget.public_id}/"
    assert client.get(path).context["form"].initial["amount"] == "500.5"
    assert client.post(path, typed(amount="600", name="April")).status_code == 302
    budget.refresh_from_db()
    assert (budget.name, budget.amount) == ("April", 600 * MICRO)
    assert client.get(f"{path}end/").status_code == 200
    assert client.post(f"{path}end/").status_code == 302
    budget.refresh_from_db()
    assert budget.ended_at is not None
    assert client.get(path).status_code == 404


def test_what_a_patch_leaves_out_stays(mine: Tenant, api: Any) -> None:
    client = api(mine.key())
    made = client.post("/api/v1/budgets", body(), format="json").json()
    changed = client.patch(f"/api/v1/budgets/{made['id']}", {"cap_microcredits": 7 * MICRO}, format="json").json()
    assert (changed["name"], changed["steps"], changed["cap"]) == ("March", made["steps"], "7.000000")
    assert client.delete(f"/api/v1/budgets/{made['id']}").status_code == 204
    assert client.get(f"/api/v1/budgets/{made['id']}").status_code == 404


def test_a_budget_is_set_once_per_key(mine: Tenant, api: Any) -> None:
    client = api(mine.key())
    answers = [
        client.post("/api/v1/budgets", body(), format="json", HTTP_IDEMPOTENCY_KEY="b1").json() for _ in range(2)
    ]
    assert (answers[0], Budget.objects.count()) == (answers[1], 1)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"cap_microcredits": 0}, 422),
        ({"cap_microcredits": -5}, 422),
        ({"cap_microcredits": 10**40}, 422),
        ({"cap_microcredits": "many"}, 422),
        ({"scope": "planet"}, 422),
        ({"period": "hour"}, 422),
        ({"scope": "project"}, 422),
        ({"project": "prj_0000000000000000"}, 422),
        ({"scope": "member", "member": 10**12}, 404),
        ({"scope": "grant", "lot": "lot_0000000000000000"}, 404),
        ({"steps": []}, 422),
        ({"steps": [{"percent": 0, "action": "alert"}]}, 422),
        ({"steps": [{"percent": 50, "action": "alert"}] * 2}, 422),
        ({"caps": 1}, 422),
    ],
)
def test_a_wrong_budget_over_the_api_is_a_problem_document(
    mine: Tenant, api: Any, fields: dict[str, Any], status: int
) -> None:
    answer = api(mine.key()).post("/api/v1/budgets", body(**fields), format="json")
    assert (answer.status_code, answer.json()["status"], Budget.objects.count()) == (status, status, 0)


def test_a_crossing_is_history_on_the_page_and_over_the_api(mine: Tenant, market: Market, api: Any) -> None:
    wish = BudgetWish("Small", BudgetScope.ORGANISATION, BudgetPeriod.LIFETIME, 4 * MICRO)
    made = create_budget(actor=mine.actor(), wish=wish, at=NOW)
    meter = make_meter(mine, market)
    post_windows(windows=[Window(NOW, meter.pk, 3600)], source="test", at=NOW)
    assert len(evaluate(at=clock.now())) == 1
    (shown,) = api(mine.key()).get("/api/v1/budget-crossings", {"budget": made.public_id}).json()["items"]
    assert (shown["percent"], shown["action"], shown["spent_microcredits"]) == (50, "alert", PRICE)
    page = browser(mine).get(budgets_path(mine))
    assert [row.pk for row in page.context["page"]] == [BudgetCrossing.objects.get().pk]


def test_budgets_cost_the_same_queries_with_3_and_with_30(mine: Tenant, api: Any) -> None:
    page, client, made = browser(mine), api(mine.key()), iter(range(100))

    def add(number: int) -> None:
        for _ in range(number):
            index = next(made)
            project = Project.objects.create(
                organisation=mine.organisation,
                name=f"P{index}",
                slug=f"p{index}",
                residency_policy="EU_RESIDENT",
                milli_gpu_quota=1000,
            )
            wish = BudgetWish(f"B{index}", BudgetScope.PROJECT, BudgetPeriod.MONTH, MICRO, project.public_id)
            create_budget(actor=mine.actor(), wish=wish, at=NOW)

    add(3)
    page.get(budgets_path(mine))
    client.get("/api/v1/budgets")
    few = count(lambda: page.get(budgets_path(mine))), count(lambda: client.get("/api/v1/budgets"))
    add(27)
    assert (count(lambda: page.get(budgets_path(mine))), count(lambda: client.get("/api/v1/budgets"))) == few
    assert few[1] <= 8
