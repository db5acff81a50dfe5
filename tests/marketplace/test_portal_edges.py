# SPDX-License-Identifier: Apache-2.0
"""The portal's edges: where each role lands, and addresses and forms that nobody writes by hand."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import get_resolver

from aion.tenancy.models import Membership
from aion.tenancy.roles import Role
from billing.models import Hold
from marketplace.models import Order
from tests.isolation.test_matrix import PORTAL, path_of
from tests.worlds import Market, Tenant

LANDINGS = {Role.OPERATOR: "pools/", Role.REVIEWER: "reviews/"}


@pytest.fixture
def owner(mine: Tenant) -> Client:
    return signed_in(mine, Role.OWNER)


def signed_in(tenant: Tenant, role: str) -> Client:
    client = Client()
    client.force_login(tenant.people[role])
    return client


@pytest.mark.parametrize("role", Role)
def test_everybody_lands_on_a_page_that_their_role_may_read(mine: Tenant, role: Role) -> None:
    landed = signed_in(mine, role).get("/", follow=True)
    assert landed.redirect_chain == [(f"/o/{mine.organisation.slug}/{LANDINGS.get(role, '')}", 302)]
    assert landed.status_code == 200


def test_who_has_two_organisations_enters_each_by_the_role_held_there(mine: Tenant, theirs: Tenant) -> None:
    user = mine.people[Role.OPERATOR]
    Membership.objects.create(user=user, organisation=theirs.organisation, role=Role.VIEWER)
    client = signed_in(mine, Role.OPERATOR)
    choice = client.get("/")
    for slug, landing in ((mine.organisation.slug, "pools/"), (theirs.organisation.slug, "")):
        assert f'href="/?for={slug}"' in choice.content.decode()
        assert client.get("/", {"for": slug})["Location"] == f"/o/{slug}/{landing}"
    assert client.get("/", {"for": "stranger\x00"}).status_code == 200


def test_an_organisation_that_is_not_mine_cannot_be_entered(mine: Tenant, theirs: Tenant, owner: Client) -> None:
    entered = owner.get("/", {"for": theirs.organisation.slug})
    assert entered["Location"] == f"/o/{mine.organisation.slug}/"


@pytest.mark.parametrize(("role", "link"), [(Role.OPERATOR, "keys/"), (Role.REVIEWER, "team/")])
def test_a_page_that_a_role_may_not_read_keeps_the_menu(mine: Tenant, role: str, link: str) -> None:
    refused = signed_in(mine, role).get(f"/o/{mine.organisation.slug}/credits/")
    assert refused.status_code == 403
    assert f'href="/o/{mine.organisation.slug}/{link}"' in refused.content.decode()
    assert f'href="/o/{mine.organisation.slug}/credits/"' not in refused.content.decode()


@pytest.mark.parametrize("thing", ["%00", "wl_%00", "WL_1", "%ED%A0%80"])
def test_what_cannot_be_a_public_id_is_not_found(mine: Tenant, owner: Client, thing: str) -> None:
    rows = [row for row in PORTAL if row.thing]
    answers = {}
    for row in rows:
        path = path_of(row, mine.organisation.slug, "xx_0").replace("xx_0", thing)
        answers[row.name] = getattr(owner, row.method)(path).status_code
    assert len(rows) > 50
    assert {name: code for name, code in answers.items() if code != 404} == {}


def test_every_public_id_in_an_address_has_its_own_shape() -> None:
    routes = [str(pattern.pattern) for one in get_resolver().url_patterns for pattern in _leaves(one)]
    assert [route for route in routes if "<str:" in route and not route.startswith("admin/")] == []


def _leaves(pattern: Any, prefix: str = "") -> list[Any]:
    if str(pattern.pattern).startswith(("admin", "accounts", "api")):
        return []
    inner = getattr(pattern, "url_patterns", None)
    return [pattern] if inner is None else [leaf for one in inner for leaf in _leaves(one)]


@pytest.mark.parametrize(
    "path",
    ["workloads/", "audit/", "credits/", "credits/statement.csv", "usage/", "usage.csv", "launch/", "notifications/"],
)
def test_nul_in_a_pages_address_is_left_out(mine: Tenant, owner: Client, path: str) -> None:
    names = ("q", "lot", "project", "sku", "site", "state", "group", "measure", "page", "offer", "name", "unread")
    answer = owner.get(f"/o/{mine.organisation.slug}/{path}", dict.fromkeys(names, "a\x00b"))
    # Without it the names are no projects and groupings of ours, which a file does not pass over.
    assert answer.status_code == (422 if path == "usage.csv" else 200)


def launch_form(mine: Tenant, market: Market, **fields: Any) -> dict[str, Any]:
    return {
        "offer": market.offer.public_id,
        "project": mine.project.public_id,
        "gpus": "1",
        "hours": "1",
        "name": "run",
        "image": "registry.example/train:1",
        "key": "key_0",
        **fields,
    }


def test_nul_in_the_hidden_key_of_a_launch_is_left_out(mine: Tenant, market: Market, owner: Client) -> None:
    path = f"/o/{mine.organisation.slug}/launch/"
    assert owner.post(path, launch_form(mine, market, key="key\x00_0")).status_code == 302
    assert Order.objects.get().idempotency_key == "portal:key_0"


def test_a_launch_of_an_unknown_offer_is_refused_beside_the_offer(mine: Tenant, market: Market, owner: Client) -> None:
    path = f"/o/{mine.organisation.slug}/launch/"
    answer = owner.post(path, launch_form(mine, market, offer="off_unknown"))
    assert answer.status_code == 404
    assert answer.context["form"].errors == {
        "offer": ["No such offer is on sale: choose one from the price list."],
    }
    assert Hold.objects.count() == 0


FAR = ["9999-12-31", "9999-01-01", "1969-12-31", "0001-01-01", "2026-02-30", "soon"]


@pytest.mark.parametrize("name", ["from", "to", "as_of", "known"])
@pytest.mark.parametrize("page", ["credits/", "usage/"])
def test_a_day_out_of_reach_counts_as_a_wrong_one(mine: Tenant, owner: Client, page: str, name: str) -> None:
    found = {}
    for day in FAR:
        context = owner.get(f"/o/{mine.organisation.slug}/{page}", {"as_of": "2026-03-01", name: day}).context
        found[day] = context["wrong"] if page == "credits/" else list(context["query"].wrong)
    assert found == dict.fromkeys(FAR, [name] if page == "credits/" or name in {"from", "to"} else [])


def test_the_last_day_within_reach_is_a_day(mine: Tenant, owner: Client) -> None:
    query = {"from": "1970-01-01", "to": "9998-12-31", "as_of": "9998-12-31", "known": "9998-12-31"}
    answer = owner.get(f"/o/{mine.organisation.slug}/credits/", query)
    assert (answer.status_code, answer.context["wrong"], answer.context["reversed"]) == (200, [], False)


@pytest.mark.parametrize(
    ("file", "query", "field"),
    [
        ("credits/statement.csv", {"from": "soon"}, "from"),
        ("credits/statement.csv", {"to": "9999-12-31"}, "to"),
        ("credits/statement.csv", {"from": "2026-03-02", "to": "2026-03-01"}, "to"),
        ("credits/statement.csv", {"kind": "gift"}, "kind"),
        ("usage.csv", {"from": "soon", "to": "2026-03-01"}, "from"),
        ("usage.csv", {"from": "2026-03-01", "to": "2026-02-30"}, "to"),
        ("usage.csv", {"from": "2026-03-02", "to": "2026-03-01"}, "to"),
        ("usage.csv", {"from": "2024-03-02", "to": "2026-03-01"}, "from"),
        ("usage.csv", {"from": "2026-03-02"}, "to"),
        ("usage.csv", {"to": "2026-03-02"}, "from"),
        ("usage.csv", {"days": "8"}, "days"),
    ],
)
def test_a_file_never_covers_another_period_than_asked(
    mine: Tenant, owner: Client, file: str, query: dict[str, str], field: str
) -> None:
    answer = owner.get(f"/o/{mine.organisation.slug}/{file}", query)
    assert (answer.status_code, answer.context["error"].field) == (422, field)
    assert f"&#x27;{field}&#x27;" in answer.content.decode()


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("query", "field"), [({"from": "soon"}, "from"), ({"from": "2026-03-02", "to": "2026-03-01"}, "to")]
)
def test_an_export_of_a_wrong_period_leads_back_to_usage_with_the_field(
    mine: Tenant, owner: Client, form: str, query: dict[str, str], field: str
) -> None:
    path = f"/o/{mine.organisation.slug}/usage/"
    answer = owner.get(f"{path}focus.{form}", query)
    assert (answer.status_code, answer["Location"]) == (302, path)
    (said,) = [str(one) for one in get_messages(answer.wsgi_request)]
    assert said.startswith(f"Nothing was exported: the period is not valid ({field}).")


def test_a_statement_that_ends_before_it_begins_is_named_on_its_page(mine: Tenant, owner: Client) -> None:
    path = f"/o/{mine.organisation.slug}/credits/"
    warning = "ends before it begins"
    shown = [
        warning in owner.get(path, {"from": start, "to": "2026-03-02"}).content.decode()
        for start in ("2026-03-03", "2026-03-02", "soon")
    ]
    assert shown == [True, False, False]
