# SPDX-License-Identifier: Apache-2.0
"""Every list of grants and projects has pages, a filter that finds, and says what to do where it is empty."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from aion import clock
from aion.tenancy.models import Project
from aion.tenancy.roles import Role
from marketplace.grants.services import reviews
from marketplace.grants.states import ProgrammeState
from tests.grants.award_scenes import award, make_application, make_programme, make_review, make_reviewer, staff
from tests.grants.scenes import make_programme as make_call
from tests.grants.test_reviews import DUE
from tests.worlds import NOW, Tenant, browser, make_tenant

TITLES = ("Breton", "Occitan", "Basque")


def applications(tenant: Tenant) -> None:
    for title in TITLES:
        make_application(tenant, make_programme(make_tenant(credit=0, roles=())), title=title)


def awards(tenant: Tenant) -> None:
    for title in TITLES:
        award(make_application(tenant, make_programme(make_tenant(credit=0, roles=())), title=title), at=clock.now())


def assignments(tenant: Tenant) -> None:
    programme = make_programme(tenant, state=ProgrammeState.REVIEW)
    for title in TITLES:
        asked = make_application(make_tenant(credit=0, roles=()), programme, state="eligible", title=title)
        person = tenant.people[Role.REVIEWER]
        reviews.assign(actor=staff(), application=asked, reviewer=person, due_at=DUE, at=NOW)


def programmes(tenant: Tenant) -> None:
    for title in TITLES:
        make_programme(tenant, name_en=title, name_fr=title)


def projects(tenant: Tenant) -> None:
    Project.objects.filter(pk=tenant.project.pk).update(name="Breton")
    for title in TITLES[1:]:
        Project.objects.create(
            organisation=tenant.organisation, name=title, slug=title.lower(), residency_policy="EU_RESIDENT",
            milli_gpu_quota=1000,
        )  # fmt: skip


# Page, who reads it, how it gets three rows, what an empty one says, what narrows it to nothing beside a search.
LISTS: list[tuple[str, Role, Callable[[Tenant], None], str, str]] = [
    ("grants", Role.OWNER, applications, "Choose a call above and start a draft", "state=refused"),
    ("awards", Role.OWNER, awards, "See open calls", "state=closed"),
    ("reviews", Role.REVIEWER, assignments, "You are told by e-mail", "state=submitted"),
    ("programmes", Role.OWNER, programmes, "write to support", "state=closed"),
    ("projects", Role.OWNER, projects, "Create the first one", "shown=archived"),
]


@pytest.fixture(autouse=True)
def _two_rows_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aion.web.listing.PAGE", 2)


@pytest.mark.parametrize(("name", "role", "fill", "empty", "narrow"), LISTS, ids=[row[0] for row in LISTS])
def test_a_list_has_pages_a_filter_and_says_what_to_do_when_it_is_empty(
    mine: Tenant, name: str, role: Role, fill: Callable[[Tenant], None], empty: str, narrow: str
) -> None:
    client, path = browser(mine, role), reverse(f"portal:{name}", args=[mine.organisation.slug])
    if name == "projects":
        nothing = browser(bare := make_tenant("bare", credit=0), role)
        bare.project.delete()
        page = nothing.get(reverse("portal:projects", args=[bare.organisation.slug])).content.decode()
    else:
        page = client.get(path).content.decode()
    assert empty in page and 'role="search"' not in page
    fill(mine)
    first, second = client.get(path), client.get(path, {"page": "2"})
    assert (len(first.context["page"]), len(second.context["page"])) == (2, 1)
    assert "Page 1 of 2 · 3 rows" in first.content.decode() and 'href="?page=2"' in first.content.decode()
    found = client.get(path, {"q": "OCCITAN"})
    assert len(found.context["page"]) == 1 and 'value="OCCITAN"' in found.content.decode()
    for query in ("q=Klingon", "q=%00Klingon", narrow):
        none = client.get(f"{path}?{query}")
        assert (none.status_code, len(none.context["page"])) == (200, 0)
        assert "Nothing matches the filter." in none.content.decode()
    for query in ("state=planet", "page=x", "page=99"):
        assert client.get(f"{path}?{query}").status_code == 200


def test_the_public_list_of_calls_has_pages_and_can_show_open_ones_alone(db: None) -> None:
    from django.test import Client

    now = clock.now()
    path = reverse("portal:calls")
    assert "Calls appear here as soon as they are published." in Client().get(path).content.decode()
    for title in TITLES:
        make_programme(make_tenant(credit=0, roles=()), name_en=title, name_fr=title)
    make_call(at=now, opens_at=now, closes_at=now.replace(year=now.year + 1), decision_on=now.date().replace(
        year=now.year + 2, day=1), name_en="Gallo")  # fmt: skip
    assert [len(Client().get(path, {"page": number}).context["page"]) for number in (1, 2)] == [2, 2]
    names = [one.name_en for one in Client().get(path, {"open": "yes"}).context["page"]]
    assert names == ["Gallo"]
    none = Client().get(path, {"q": "Klingon"}).content.decode()
    assert "Nothing matches the filter." in none and f'href="{path}"' in none


def test_a_programme_shows_its_awards_and_its_ranking_a_page_each_and_finds_in_both(mine: Tenant) -> None:
    programme = make_programme(mine)
    reviewer, _actor = make_reviewer(mine)
    for title in TITLES:
        one = make_application(make_tenant(credit=0, roles=()), programme, title=title)
        make_review(one, reviewer, (3, 3))
        award(one, 1_000_000)
    path = reverse("portal:programme", args=[mine.organisation.slug, programme.public_id])
    client = browser(mine)
    shown: Any = client.get(path, {"ranking": "2"}).context
    assert (len(shown["lines"]), len(shown["places"]), shown["totals"].awards) == (2, 1, 3)
    found: Any = client.get(path, {"q": "occitan"}).context
    assert ([one.title for one in found["lines"]], [one.title for one in found["places"]]) == (["Occitan"], ["Occitan"])
    assert found["totals"].awards == 3
    assert "Nothing matches the filter." in client.get(path, {"q": "Klingon"}).content.decode()


def test_the_quotas_of_many_projects_have_pages(mine: Tenant) -> None:
    projects(mine)
    path = reverse("portal:quotas", args=[mine.organisation.slug])
    pages = [browser(mine).get(path, {"projects": number}).context["rows"] for number in (1, 2)]
    assert [len(page) for page in pages] == [2, 1]
