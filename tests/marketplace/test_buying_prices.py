# SPDX-License-Identifier: Apache-2.0
"""A buyer sees its own prices and which version they come from; an estimate names what is in its way."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from aion import clock
from aion.tenancy.models import Organisation, OrganisationState
from aion.tenancy.roles import Role
from billing.models import Hold, Price, PriceBook, Promotion
from billing.services.budgets import BudgetWish, create_budget
from billing.states import BudgetPeriod, BudgetScope
from tests.worlds import LONG_AGO, MICRO, PRICE, Market, Tenant


@pytest.fixture
def own_price(mine: Tenant, market: Market) -> Price:
    """Return a start-up price of 2 credits, of which a promotion takes a tenth."""
    book = PriceBook.objects.create(code="startups", name="Start-ups", audience="startup")
    now = clock.now()
    Promotion.objects.create(
        code="spring", name="Spring", valid=(now - timedelta(days=1), now + timedelta(days=1)), basis_points_off=1000
    )
    return Price.objects.create(book=book, sku=market.sku, valid=(LONG_AGO, None), micro_per_gpu_hour=2 * MICRO)


def browser(tenant: Tenant) -> Client:
    client = Client()
    client.force_login(tenant.people[Role.OWNER])
    return client


def body(tenant: Tenant, market: Market, **fields: Any) -> dict[str, Any]:
    return {
        "project": tenant.project.public_id,
        "offer": market.offer.public_id,
        "gpus": "8",
        "max_duration_seconds": 3600,
        **fields,
    }


def version(price: Price) -> dict[str, Any]:
    return {
        "price_id": price.pk,
        "book": "startups",
        "list_microcredits_per_gpu_hour": PRICE,
        "tier_from_gpu_hours": 0,
        "promotion": "spring",
    }


def test_offers_and_estimates_have_the_buyers_price_and_its_version(
    mine: Tenant, market: Market, own_price: Price, api: Any
) -> None:
    client = api(mine.key())
    (offer,) = client.get("/api/v1/offers").json()["items"]
    one = client.get(f"/api/v1/offers/{market.offer.public_id}").json()
    quote = client.post("/api/v1/estimates", body(mine, market), format="json").json()
    assert (offer["price_microcredits_per_gpu_hour"], offer["price_version"]) == (1_800_000, version(own_price))
    assert one == offer
    assert (quote["price_microcredits_per_gpu_hour"], quote["price_version"]) == (1_800_000, version(own_price))
    assert (quote["amount_microcredits"], quote["refusal"]) == (8 * 1_800_000, None)


def test_pages_show_the_buyers_price_and_the_list_price_struck_through(
    mine: Tenant, market: Market, own_price: Price
) -> None:
    client = browser(mine)
    for path in (f"/o/{mine.organisation.slug}/", "/prices/"):
        page = client.get(path).content.decode()
        assert ("<s>2.49</s>" in page, "promotion spring" in page, "price book startups" in page) == (True,) * 3, path
    launch = client.get(f"/o/{mine.organisation.slug}/launch/").context["offers"]
    assert [line.micro_per_gpu_hour for line in launch] == [1_800_000]


def test_the_public_list_shows_list_prices(mine: Tenant, theirs: Tenant, market: Market, own_price: Price) -> None:
    Organisation.objects.filter(pk=theirs.organisation.pk).update(kind="enterprise")
    prices = [
        [line.micro_per_gpu_hour for line in client.get(path).context["found"].lines]
        for client, path in [
            (Client(), "/prices/"),
            (browser(mine), "/prices/?for=list"),
            (browser(mine), f"/prices/?for={theirs.organisation.slug}"),
        ]
    ]
    # A promotion for everybody lowers the list too; a stranger's name shows the own prices, not the stranger's.
    assert prices == [[2_241_000], [2_241_000], [1_800_000]]


def refusal(api: Any, tenant: Tenant, market: Market, **fields: Any) -> tuple[str, str, Any]:
    shown = api(tenant.key()).post("/api/v1/estimates", body(tenant, market, **fields), format="json").json()
    found = shown["refusal"]
    return found["reason"], found["code"], found["over_microcredits"]


def test_an_estimate_that_no_credit_covers_says_by_how_much(mine: Tenant, market: Market, api: Any) -> None:
    found = refusal(api, mine, market, gpus="64", max_duration_seconds=7 * 3600)
    assert found == ("credit", "insufficient_credit", 64 * 7 * PRICE - 1000 * MICRO)
    assert Hold.objects.count() == 0


def test_an_estimate_that_a_budget_refuses_says_by_how_much(mine: Tenant, market: Market, api: Any) -> None:
    wish = BudgetWish("Small", BudgetScope.PROJECT, BudgetPeriod.MONTH, 10 * MICRO, mine.project.public_id)
    create_budget(actor=mine.actor(), wish=wish, at=clock.now())
    assert refusal(api, mine, market) == ("budget", "budget_exceeded", 8 * PRICE - 10 * MICRO)
    page = browser(mine).get(
        f"/o/{mine.organisation.slug}/launch/estimate/",
        {
            "offer": market.offer.public_id,
            "project": mine.project.public_id,
            "gpus": 8,
            "hours": 1,
            "name": "a",
            "image": "a",
        },
    )
    assert "9.92 cr are missing." in page.content.decode()


def test_an_estimate_that_a_lots_budget_refuses_names_the_budget(mine: Tenant, market: Market, api: Any) -> None:
    from billing.models import LedgerAccount

    lot = LedgerAccount.objects.get(organisation=mine.organisation)
    wish = BudgetWish("Lot", BudgetScope.GRANT, BudgetPeriod.LIFETIME, 5 * MICRO, lot_id=lot.public_id)
    create_budget(actor=mine.actor(), wish=wish, at=clock.now())
    assert refusal(api, mine, market) == ("budget", "budget_exceeded", 8 * PRICE - 5 * MICRO)


def test_an_estimate_that_policy_refuses_says_so(mine: Tenant, market: Market, api: Any) -> None:
    Organisation.objects.filter(pk=mine.organisation.pk).update(
        state=OrganisationState.FROZEN, frozen_reason="a dispute"
    )
    assert refusal(api, mine, market) == ("policy", "organisation_frozen", None)


def test_an_estimate_over_quota_says_by_how_many_gpus(mine: Tenant, market: Market, api: Any) -> None:
    answer = api(mine.key()).post("/api/v1/estimates", body(mine, market, gpus="65"), format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "quota_exceeded")
    assert answer.json()["details"]["over_gpus"] == 1
