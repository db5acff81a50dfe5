# SPDX-License-Identifier: Apache-2.0
"""Requests that no client of ours sends: each gets a problem document that says what to do, none an error of ours."""

from base64 import b64encode
from typing import Any

import pytest
from django.test import Client

from aion import clock
from aion.tenancy.roles import Role
from marketplace.services.orders import place_order
from tests.worlds import Market, Tenant, launch

LISTS = ["workloads", "projects", "usage-records", "ledger-entries", "month-statements", "pools", "events",
         "webhook-endpoints", "budget-crossings", "credit-lots"]  # fmt: skip
POSITIONS = ["p=%00", "p=2026-99-99", "p=2026-01-01", "p=9999-12-31 23:59:59-14:00", f"p={'9' * 5000}",
             "p=" + "9" * 30, "p=not-a-position"]  # fmt: skip

# A pool's code may be any short word, and a month is written as its first day.
TAKEN = {"pools": {*POSITIONS} - {"p=%00", f"p={'9' * 5000}"}, "month-statements": {"p=2026-01-01"}}


def cursor(text: str) -> str:
    return b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("resource", "position"),
    [(resource, position) for resource in LISTS for position in POSITIONS if position not in TAKEN.get(resource, ())],
    ids=lambda text: text[:24],
)
def test_a_cursor_that_a_list_cannot_have_given_is_refused_with_what_to_do(
    mine: Tenant, api: Any, resource: str, position: str
) -> None:
    answer = api(mine.key()).get(f"/api/v1/{resource}", {"cursor": cursor(position)})
    problem = answer.json()
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert (problem["code"], problem["detail"]) == ("not_found", "This cursor is none of ours: start again without it.")


@pytest.mark.parametrize("text", ["cD0x", "cD0lMDA=", "cD0yMDI2LTk5LTk5"])
def test_a_wrong_cursor_of_workloads_is_refused(mine: Tenant, api: Any, text: str) -> None:
    assert api(mine.key()).get("/api/v1/workloads", {"cursor": text}).status_code == 404


def test_the_cursors_of_a_list_lead_forth_and_back(mine: Tenant, market: Market, api: Any) -> None:
    for _ in range(5):
        place_order(actor=mine.actor(), request=launch(mine, market, gpus=1), at=clock.now())
    client = api(mine.key())
    first = client.get("/api/v1/workloads?limit=2").json()
    second = client.get(first["next"]).json()
    assert client.get(second["previous"]).json()["items"] == first["items"]
    assert len(client.get(second["next"]).json()["items"]) == 1


@pytest.mark.parametrize(
    "body", ['{"\\ud800": 1}', '{"gpus": "\\ud800"}', '{"name": "\\ud800"}', '{"residency_policy": "\\udfff"}']
)
@pytest.mark.parametrize("resource", ["workloads", "estimates", "projects", "webhook-endpoints", "budgets"])
def test_half_a_character_is_refused_and_never_repeated(mine: Tenant, api: Any, resource: str, body: str) -> None:
    answer = api(mine.key()).post(f"/api/v1/{resource}", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert "\\ud" not in answer.content.decode()


@pytest.mark.parametrize("depth", [33, 200, 100_000])
@pytest.mark.parametrize("opened", [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("path", ["workloads", "estimates", "workloads/wl_0/stop", "projects"])
def test_a_body_that_nests_too_deeply_is_refused(
    mine: Tenant, api: Any, path: str, opened: tuple[str, str], depth: int
) -> None:
    body = opened[0] * depth + "1" + opened[1] * depth
    answer = api(mine.key()).post(f"/api/v1/{path}", body, content_type="application/json", HTTP_IDEMPOTENCY_KEY="deep")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert "deeper than 32 levels" in answer.json()["detail"]


def test_a_webhook_address_that_is_none_is_answered_with_what_to_write(mine: Tenant, api: Any) -> None:
    answer = api(mine.key()).post("/api/v1/webhook-endpoints", {"url": "example.org"}, format="json")
    assert answer.json()["errors"]["url"] == [
        "Write an address such as https://example.org/hooks, in plain ASCII characters."
    ]


def test_only_what_repeats_safely_documents_an_idempotency_key(client: Client) -> None:
    import yaml

    document = yaml.safe_load(client.get("/api/openapi.yaml").content)
    documented = {
        path
        for path, operations in document["paths"].items()
        if any(one["name"] == "Idempotency-Key" for one in operations.get("post", {}).get("parameters", ()))
    }
    posts = {path for path, operations in document["paths"].items() if "post" in operations}
    assert posts - documented == {"/api/v1/estimates", "/api/v1/grant-estimates", "/api/v1/reservation-quotes"}


PAGED = ["cursor", "limit", "format"]
CATALOGUE = [
    *("q", "vendor", "kind", "memory_min_gib", "site", "country", "capacity_class", "residency_level"),
    *("max_price_microcredits", "milli_gpus", "available", "sort", "page", "limit"),
]
ENTRY_TIMES = ["effective_after", "effective_before", "created_after", "created_before"]


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("workloads", ["state", "project", "name", *PAGED]),
        ("projects", PAGED),
        ("usage-records", ["start_at", "end_at", *PAGED]),
        ("ledger-entries", ["kind", *ENTRY_TIMES, "lot", *PAGED]),
        ("budget-crossings", ["budget", "action", "since", "until", *PAGED]),
        ("budgets", PAGED),
        ("events", ["type", "since", "until", *PAGED]),
        ("webhook-deliveries", ["endpoint", "state", "event_type", *PAGED]),
        ("balance", ["effective_at", "known_at", "format"]),
        ("forecast", ["format"]),
        ("offers", [*CATALOGUE, "format"]),
        ("event-types", ["format"]),
        ("exports/focus", ["from", "to", "format"]),
        ("workloads/wl_0000000000000000", ["format"]),
        ("ledger-entries/tr_0000000000000000/usage", PAGED),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["get", "head"])
def test_a_parameter_that_does_not_exist_is_refused_with_those_that_do(
    mine: Tenant, api: Any, path: str, known: list[str], method: str
) -> None:
    answer = getattr(api(mine.key()), method)(f"/api/v1/{path}", {"stat": "running"})
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    if method == "get":
        problem = answer.json()
        assert (problem["code"], problem["field"], problem["details"]["known"]) == ("unknown_parameter", "stat", known)
        assert problem["detail"] == f"There is no parameter 'stat' here; there are: {', '.join(known)}."


@pytest.mark.parametrize("name", ["\x00", "a" * 500, "é", "state "])
def test_a_strange_parameter_is_refused_alike(mine: Tenant, api: Any, name: str) -> None:
    assert api(mine.key()).get("/api/v1/workloads", {name: "x"}).json()["code"] == "unknown_parameter"


def test_rights_are_checked_before_the_names_of_parameters(mine: Tenant, api: Any) -> None:
    assert api(mine.key(Role.OPERATOR)).get("/api/v1/credit-lots", {"stat": "x"}).status_code == 403
    assert api(None).get("/api/v1/workloads", {"stat": "x"}).status_code == 401


def test_every_documented_parameter_of_a_read_is_known(mine: Tenant, api: Any, client: Client) -> None:
    import yaml

    document = yaml.safe_load(client.get("/api/openapi.yaml").content)
    asked = api(mine.key())
    unknown = []
    for path, operations in document["paths"].items():
        for one in operations.get("get", {}).get("parameters", ()):
            if one["in"] == "query":
                answer = asked.get(path.replace("{id}", "wl_0"), {one["name"]: ""})
                if answer.headers.get("Content-Type") == "application/problem+json":
                    unknown += [(path, one["name"])] * (answer.json()["code"] == "unknown_parameter")
    assert unknown == []


def acts_without_a_body(client: Client) -> list[str]:
    """Return the addresses of every POST whose document names no body."""
    import yaml

    paths = yaml.safe_load(client.get("/api/openapi.yaml").content)["paths"]
    return [path for path, does in paths.items() if "post" in does and "requestBody" not in does["post"]]


def test_an_act_without_a_body_refuses_what_is_sent_all_the_same(mine: Tenant, api: Any, client: Client) -> None:
    acts = acts_without_a_body(client)
    assert len(acts) > 10
    keys = [mine.key(role) for role in (Role.OWNER, Role.REVIEWER, Role.OPERATOR)]
    wrong = {"application/json": [("{", 400), ('{"force": true}', 422), ("[1]", 422)], "text/plain": [("x", 415)]}
    for path in acts:
        address = path.replace("{id}", "xx_0000000000000000")
        for kind, bodies in wrong.items():
            for body, status in bodies:
                found = {api(key).post(address, body, content_type=kind).status_code for key in keys}
                assert found - {403} == {status}, (path, body, found)
