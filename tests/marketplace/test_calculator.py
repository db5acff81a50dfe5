# SPDX-License-Identifier: Apache-2.0
"""The calculator's sum is the estimate's and the hold's: one computation."""

from typing import Any

import pytest
from django.test import Client

from billing.models import Hold
from marketplace.models import Offer
from marketplace.services.orders import place_order
from tests.worlds import NOW, Market, Tenant, browser, launch

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("gpus", "hours", "days"), [("8", "24", 1), ("3", "0.5", 7), ("1", "7.77", 3)])
def test_the_sum_is_the_estimates_and_the_holds(
    mine: Tenant, market: Market, api: Any, gpus: str, hours: str, days: int
) -> None:
    page = browser(mine).get(
        f"/prices/calculator/?offer={market.offer.public_id}&gpus={gpus}&hours={hours}&days={days}"
    )
    amounts, seconds = page.context["amounts"], page.context["seconds"]
    body = {"project": mine.project.public_id, "offer": market.offer.public_id, "gpus": gpus,
            "max_duration_seconds": seconds}  # fmt: skip
    said = api(mine.key()).post("/api/v1/estimates", body, format="json").json()
    assert (said["amount_microcredits"], said["energy_wh"], said["g_co2e"]) == (
        amounts.amount, amounts.watt_hours, amounts.g_co2e,
    )  # fmt: skip
    request = launch(mine, market, gpus=float(gpus), hours=seconds / 3600)
    order = place_order(actor=mine.actor(), request=request, at=NOW)
    assert Hold.objects.get(pk=order.hold_id).amount == amounts.amount
    assert mine.project.public_id in page.content.decode()


def test_it_is_public_and_begins_with_an_example(market: Market) -> None:
    page = Client().get("/prices/calculator/")
    assert (page.context["milli_gpus"], page.context["seconds"]) == (8000, 30 * 86_400)
    assert page.context["amounts"].amount == 8 * 720 * market.price.micro_per_gpu_hour
    assert "prj_…" in page.content.decode()


@pytest.mark.parametrize(
    ("query", "words"),
    [("gpus=0", "greater than or equal to 0.001"), ("hours=25", "less than or equal to 24"), ("days=x", "whole number"),
     ("offer=off_0000000000000000", "No such offer is on sale")],
)  # fmt: skip
def test_what_makes_no_sense_is_said_beside_its_field(market: Market, query: str, words: str) -> None:
    page = Client().get(f"/prices/calculator/?{query}")
    assert (page.status_code, "amounts" in page.context) == (200, False)
    assert words in page.content.decode()


def test_it_says_when_one_run_cannot_be_that_long_or_that_large(mine: Tenant, market: Market) -> None:
    page = browser(mine).get("/prices/calculator/?gpus=65&days=31").content.decode()
    assert "One run lasts at most" in page
    assert "or a higher quota" in page


def test_with_nothing_on_sale_it_says_so(db: None) -> None:
    assert Offer.objects.count() == 0
    assert "Nothing is on sale yet" in Client().get("/prices/calculator/").content.decode()
