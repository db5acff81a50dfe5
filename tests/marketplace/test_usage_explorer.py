# SPDX-License-Identifier: Apache-2.0
"""The usage explorer: one number, by whatever it is grouped, in credits, kWh and CO₂e."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from aion.tenancy.models import Project
from aion.tenancy.roles import Role
from billing.models import Run
from billing.queries import GROUPS
from billing.services.metering import Window, open_meter, open_run, post_windows
from tests.worlds import NOW, PRICE, Market, Tenant, browser, count, make_market, text

SPAN = {"from": "2026-03-01", "to": "2026-03-31"}
FIRST = NOW.replace(hour=0)


@pytest.fixture
def explore(mine: Tenant) -> Any:
    client = browser(mine)
    return lambda path="usage/", **query: client.get(f"/o/{mine.organisation.slug}/{path}", {**SPAN, **query})


def use(tenant: Tenant, market: Market, *, member: str = Role.OWNER, hours: int = 1, number: int = 1) -> Any:
    """Meter one workload of 1 GPU for some hours, from the second hour of a day on."""
    index = Run.objects.count()
    run = open_run(
        organisation_id=tenant.organisation.pk,
        project_id=tenant.project.pk,
        member_id=tenant.people[member].pk,
        workload_ref=f"wl_explorer{index}",
        name=f"run-{index}",
        site_code=market.site.code,
        sku_id=market.sku.pk,
        price_id=market.price.pk,
        micro_per_gpu_hour=market.price.micro_per_gpu_hour,
        hold_id=None,
        decision_id=None,
        at=NOW,
    )
    meter = open_meter(reference=f"explorer/{index}", run_id=run.pk, milli_gpus=1000, allowed=True, at=NOW)
    start = FIRST + timedelta(days=number)
    windows = [Window(start + timedelta(hours=hour), meter, 3599 - hour) for hour in range(hours)]
    post_windows(windows=windows, source="test", at=NOW + timedelta(days=20))
    return run


@pytest.fixture
def used(mine: Tenant, market: Market) -> None:
    dear = make_market(price=9_999_999, pue="1.37", g_co2e_per_kwh=56)
    other = Project.objects.create(
        organisation=mine.organisation, name="Main", slug="main-2", residency_policy="EU_RESIDENT", milli_gpu_quota=1
    )
    use(mine, market, hours=3)
    use(mine, dear, member=Role.DEVELOPER, hours=2, number=2)
    mine.project = other
    use(mine, dear, hours=5, number=3)


@pytest.mark.parametrize("measure", ["credits", "energy", "carbon"])
@pytest.mark.parametrize("group", GROUPS)
def test_every_grouping_adds_up_to_the_same_numbers(used: None, explore: Any, group: str, measure: str) -> None:
    context = explore(group=group, measure=measure).context
    total, rows = context["total"], context["rows"]
    for part in ("milli_gpu_seconds", "exact", "watt_seconds", "carbon"):
        assert sum(getattr(row.sums, part) for row in rows) == getattr(total, part)
    assert total.exact == explore().context["total"].exact > 0
    assert total.milli_gpu_seconds == (3599 + 3598 + 3597 + 3599 + 3598 + 3599 + 3598 + 3597 + 3596 + 3595) * 1000
    assert abs(sum(row.permille for row in rows) - 1000) <= len(rows)


def test_two_projects_of_one_name_stay_two_rows(used: None, explore: Any) -> None:
    assert [row.label for row in explore(group="project").context["rows"]] == ["Main", "Main"]


def test_members_and_workloads_have_their_names(mine: Tenant, used: None, explore: Any) -> None:
    names = {mine.people[role].email for role in (Role.OWNER, Role.DEVELOPER)}
    assert {row.label for row in explore(group="member").context["rows"]} == names
    assert {row.label for row in explore(group="workload").context["rows"]} == {"run-0", "run-1", "run-2"}


def test_filters_narrow_table_chart_and_csv_alike(mine: Tenant, market: Market, used: None, explore: Any) -> None:
    project = Project.objects.get(slug="main", organisation=mine.organisation)
    for query, seconds in [
        ({"sku": market.sku.code}, 3599 + 3598 + 3597),
        ({"site": market.site.code}, 3599 + 3598 + 3597),
        ({"project": project.public_id}, 3599 + 3598 + 3597 + 3599 + 3598),
        ({"project": project.public_id, "site": market.site.code}, 3599 + 3598 + 3597),
        ({"from": "2026-03-04", "to": "2026-03-04"}, 3599 + 3598),
        ({"sku": "no-such-thing"}, 0),
    ]:
        context = explore(**query).context
        assert context["total"].milli_gpu_seconds == seconds * 1000, query
        lines = list(csv.DictReader(io.StringIO(text(explore("usage.csv", group="hour", **query)))))
        assert sum(float(line["gpu_seconds"]) for line in lines) == seconds, query


def test_a_strangers_project_and_a_missing_one_are_named_alike(
    mine: Tenant, theirs: Tenant, used: None, explore: Any
) -> None:
    for project in (theirs.project.public_id, "prj_0000000000000000"):
        page, file = explore(project=project), explore("usage.csv", project=project)
        assert (page.context["query"].project, page.context["query"].unknown) == ("", ("project",))
        assert page.context["total"].exact == explore().context["total"].exact
        assert "There is no such project here: all are shown." in page.content.decode()
        assert file.status_code == 422
        assert "There is nothing for &#x27;project&#x27; here by this name" in file.content.decode()


@pytest.mark.parametrize(
    ("query", "says", "refusal"),
    [
        ({"group": "planet"}, "it is grouped by day", "&#x27;group&#x27; is no choice: it is one of day, hour"),
        ({"measure": "joy"}, "credits are shown", "&#x27;measure&#x27; is no choice: it is one of credits, energy"),
    ],
)  # fmt: skip
def test_what_is_no_choice_is_said_on_the_page_and_refused_in_the_file(
    explore: Any, query: dict[str, str], says: str, refusal: str
) -> None:
    page, file = explore(**query), explore("usage.csv", **query)
    assert (page.status_code, page.context["query"].unknown) == (200, tuple(query))
    assert says in page.content.decode()
    assert (file.status_code, refusal in file.content.decode()) == (422, True)


def test_a_choice_that_is_left_empty_is_the_usual_one(explore: Any) -> None:
    empty = dict.fromkeys(("group", "measure", "project", "sku", "site"), "")
    assert explore(**empty).context["query"].unknown == ()
    assert explore("usage.csv", **empty).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        {"from": "yesterday"},
        {"from": "2026-03-05", "to": "2026-03-01"},
        {"from": "0001-01-01", "to": "9999-12-31"},
        {"from": "", "to": "9999-12-31x"},
    ],
)
def test_dates_that_cannot_be_are_named_and_a_usual_period_is_shown(explore: Any, query: dict[str, str]) -> None:
    answer = explore(**query)
    assert (answer.status_code, bool(answer.context["query"].wrong), answer.context["query"].preset) == (
        200,
        True,
        "30",
    )


def test_what_is_no_choice_falls_back_to_the_usual(explore: Any) -> None:
    query = explore(group="planet", measure="joy", days="x", sku="\x00", site="\x00", project="\x00").context["query"]
    assert (query.group, query.measure, query.project) == ("day", "credits", "")


def test_more_than_a_hundred_rows_are_cut_with_a_note_and_still_add_up(
    mine: Tenant, market: Market, explore: Any
) -> None:
    for index in range(103):
        use(mine, market, hours=1, number=index % 5)
    context = explore(group="workload").context
    shown = sum(row.sums.exact for row in context["rows"])
    assert (len(context["rows"]), context["cut"]) == (100, 3)
    assert shown + context["rest"].sums.exact == context["total"].exact == 103 * 3599 * 1000 * PRICE
    assert "100 dearest rows" in explore(group="workload").content.decode()
    assert len(text(explore("usage.csv", group="workload")).splitlines()) == 104


@pytest.mark.parametrize("group", GROUPS)
def test_a_grouping_costs_the_same_queries_with_3_rows_and_with_30(
    mine: Tenant, market: Market, explore: Any, group: str
) -> None:
    for index in range(3):
        use(mine, market, number=index)
    explore(group=group)
    few = count(lambda: explore(group=group))
    for index in range(27):
        use(mine, market, number=index)
    assert count(lambda: explore(group=group)) == few <= 20
