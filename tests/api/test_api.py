# SPDX-License-Identifier: Apache-2.0
"""What an integrator relies on: problem documents, idempotency, pages, a constant number of queries."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from aion import clock
from aion.tenancy.models import ApiToken
from aion.tenancy.roles import Role
from billing.models import Hold
from marketplace.services.orders import place_order
from tests.worlds import Market, Tenant, launch


def body(tenant: Tenant, market: Market, **fields: Any) -> dict[str, Any]:
    return {
        "project": tenant.project.public_id,
        "offer": market.offer.public_id,
        "name": "train-1",
        "image": "registry.example/train:1",
        "gpus": "8",
        "max_duration_seconds": 3600,
        **fields,
    }


def test_a_launch_answers_with_payer_price_and_worst_case(mine: Tenant, market: Market, api: Any) -> None:
    answer = api(mine.key()).post("/api/v1/workloads", body(mine, market), format="json")
    shown = answer.json()
    assert answer.status_code == 201
    assert (shown["state"], shown["gpus"], shown["held_microcredits"], shown["currency"]) == (
        "queued",
        "8.000",
        8 * 2_490_000,
        "EUR",
    )


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"gpus": "0"}, 422, "invalid"),
        ({"gpus": "-1"}, 422, "invalid"),
        ({"gpus": "many"}, 422, "invalid"),
        ({"gpus": "65"}, 409, "quota_exceeded"),
        ({"max_duration_seconds": 0}, 422, "invalid"),
        ({"max_duration_seconds": 2_000_000, "gpus": "64"}, 402, "insufficient_credit"),
        ({"offer": "off_0000000000000000"}, 404, "offer_not_found"),
        ({"project": "prj_0000000000000000"}, 404, "not_found"),
        ({"unknown": 1}, 422, "invalid"),
        ({"name": None}, 422, "invalid"),
    ],
)
def test_a_refusal_is_a_problem_document_with_a_stable_code(
    mine: Tenant, market: Market, api: Any, fields: dict[str, Any], status: int, code: str
) -> None:
    answer = api(mine.key()).post("/api/v1/workloads", body(mine, market, **fields), format="json")
    problem = answer.json()
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert (problem["code"], problem["status"], bool(problem["detail"])) == (code, status, True)
    assert problem["request_id"] == answer["X-Request-Id"]
    assert Hold.objects.count() == 0


def test_a_body_that_is_no_json_is_refused(mine: Tenant, api: Any) -> None:
    answer = api(mine.key()).post("/api/v1/workloads", "{", content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_the_same_key_is_answered_once(mine: Tenant, market: Market, api: Any) -> None:
    client = api(mine.key())
    answers = [
        client.post("/api/v1/workloads", body(mine, market), format="json", HTTP_IDEMPOTENCY_KEY="k1") for _ in range(2)
    ]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert (answers[1]["Idempotent-Replayed"], Hold.objects.count()) == ("true", 1)


def test_the_same_key_with_another_body_is_refused(mine: Tenant, market: Market, api: Any) -> None:
    client = api(mine.key())
    client.post("/api/v1/workloads", body(mine, market), format="json", HTTP_IDEMPOTENCY_KEY="k1")
    answer = client.post(
        "/api/v1/workloads", body(mine, market, name="other"), format="json", HTTP_IDEMPOTENCY_KEY="k1"
    )
    assert (answer.status_code, answer.json()["code"], Hold.objects.count()) == (422, "idempotency_mismatch", 1)


def test_a_refused_request_does_not_use_up_its_key(mine: Tenant, market: Market, api: Any) -> None:
    client = api(mine.key())
    first = client.post("/api/v1/workloads", body(mine, market, gpus="0"), format="json", HTTP_IDEMPOTENCY_KEY="k")
    second = client.post("/api/v1/workloads", body(mine, market), format="json", HTTP_IDEMPOTENCY_KEY="k")
    assert (first.status_code, second.status_code) == (422, 201)


def test_a_key_works_until_it_is_revoked_or_expires(mine: Tenant, api: Any) -> None:
    live, old, revoked = mine.key(), mine.key(at=datetime.now(UTC) - timedelta(days=31)), mine.key()
    ApiToken.objects.filter(prefix=revoked[:10], digest__gt="").order_by("-pk").first()
    ApiToken.objects.filter(pk=ApiToken.objects.latest("pk").pk).update(revoked_at=clock.now())
    assert [api(key).get("/api/v1/organisations").status_code for key in (live, old, revoked)] == [200, 401, 401]


def test_a_key_never_has_more_rights_than_its_owner_still_has(mine: Tenant, api: Any) -> None:
    key = mine.key(Role.ADMIN)
    mine.people[Role.ADMIN].memberships.update(role=Role.REVIEWER)
    assert api(key).get("/api/v1/workloads").status_code == 403


def test_pages_are_stable_while_rows_are_added(mine: Tenant, market: Market, api: Any) -> None:
    client = api(mine.key())
    for n in range(5):
        place_order(actor=mine.actor(), request=launch(mine, market, gpus=1, name=f"run-{n}"), at=clock.now())
    first = client.get("/api/v1/workloads?limit=2").json()
    place_order(actor=mine.actor(), request=launch(mine, market, gpus=1, name="later"), at=clock.now())
    names = [item["name"] for item in first["items"]]
    page = first
    while page["next"]:
        page = client.get(page["next"]).json()
        names += [item["name"] for item in page["items"]]
    assert names == ["run-4", "run-3", "run-2", "run-1", "run-0"]


def count(client: Any, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


API_LISTS = [
    *("organisations", "projects", "offers", "workloads"),
    *("usage-records", "credit-lots", "ledger-entries", "pools"),
    *("budgets", "budget-crossings", "month-statements", "balance", "forecast"),
]
PAGES = [
    "",
    "workloads/",
    "usage/",
    "credits/",
    "statements/",
    "budgets/",
    "keys/",
    "projects/",
    "team/",
    "audit/",
    "launch/",
]


@pytest.mark.parametrize("name", API_LISTS)
def test_an_api_list_costs_the_same_queries_with_one_row_and_with_many(
    mine: Tenant, market: Market, api: Any, name: str
) -> None:
    client = api(mine.key())
    client.get(f"/api/v1/{name}")
    place_order(actor=mine.actor(), request=launch(mine, market, gpus=1), at=clock.now())
    one = count(client, f"/api/v1/{name}")
    for _ in range(6):
        place_order(actor=mine.actor(), request=launch(mine, market, gpus=1), at=clock.now())
    assert count(client, f"/api/v1/{name}") == one <= 8


@pytest.mark.parametrize("page", PAGES)
def test_a_page_costs_the_same_queries_with_one_row_and_with_many(mine: Tenant, market: Market, page: str) -> None:
    client = Client()
    client.force_login(mine.people[Role.OWNER])
    path = f"/o/{mine.organisation.slug}/{page}"
    client.get(path)
    place_order(actor=mine.actor(), request=launch(mine, market, gpus=1), at=clock.now())
    one = count(client, path)
    for _ in range(6):
        place_order(actor=mine.actor(), request=launch(mine, market, gpus=1), at=clock.now())
    assert count(client, path) == one <= 30


@pytest.mark.parametrize("value", ["0279-09-25T04:25:10-21:25", "0001-01-01T00:00:00+23:00", "yesterday", "2026-13-01"])
def test_an_instant_that_cannot_be_is_no_server_error(mine: Tenant, api: Any, value: str) -> None:
    answer = api(mine.key()).get("/api/v1/ledger-entries", {"effective_after": value})
    assert answer.status_code in {200, 422}
