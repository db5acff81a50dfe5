# SPDX-License-Identifier: Apache-2.0
"""From model size and tokens to GPU-hours, euros, energy and emissions."""

from decimal import Decimal
from typing import Any

import pytest

from billing.queries import Buyer
from marketplace.grants.estimator import OutOfBounds, accelerators, normalised, training
from marketplace.grants.queries.estimates import ItemWish, allowed_offers, cost_of
from tests.grants.scenes import make_programme
from tests.worlds import NOW, make_market

SEVEN_B, ONE_T = 7 * 10**9, 10**12


def test_the_worked_example_comes_out_as_it_does_by_hand() -> None:
    # 6 x 7e9 x 1e12 = 4.2e22 FLOP; 989e12 x 0.4 x 3600 = 1.42416e18 FLOP an hour; 29,491.07 hours.
    found = training(code="h100-sxm", params=SEVEN_B, tokens=ONE_T, mfu_bp=4000)
    assert (found.flop, found.gpu_hours) == (42 * 10**21, 29_492)


def test_hours_are_rounded_up_and_never_down() -> None:
    found = training(code="h100-sxm", params=10**6, tokens=10**6, mfu_bp=4000)
    assert found.gpu_hours == 1


def test_twice_the_utilisation_halves_the_hours() -> None:
    slow = training(code="h100-sxm", params=SEVEN_B, tokens=ONE_T, mfu_bp=2000).gpu_hours
    fast = training(code="h100-sxm", params=SEVEN_B, tokens=ONE_T, mfu_bp=4000).gpu_hours
    assert slow in (2 * fast, 2 * fast - 1)


def test_normalised_hours_follow_the_table() -> None:
    assert (normalised("h100-sxm", 100), normalised("mi300x", 100), normalised("rhea1", 100)) == (317, 419, 100)


def test_every_accelerator_of_the_table_has_a_date_and_a_source() -> None:
    for one in accelerators().values():
        assert one.since[:2] == "20" and one.source and one.peak_tflops > 0, one.code


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"params": 0}, "params"),
        ({"params": 10**15}, "params"),
        ({"tokens": 1}, "tokens"),
        ({"tokens": 10**17}, "tokens"),
        ({"mfu_bp": 0}, "mfu_bp"),
        ({"mfu_bp": 9_001}, "mfu_bp"),
        ({"code": "mosaiq-12"}, "sku_code"),
        ({"params": 10**14, "tokens": 10**16}, "tokens"),
    ],
)
def test_a_figure_that_no_run_has_is_refused_with_its_field(changes: dict[str, Any], field: str) -> None:
    wish = {"code": "h100-sxm", "params": SEVEN_B, "tokens": ONE_T, "mfu_bp": 4000} | changes
    with pytest.raises(OutOfBounds) as refusal:
        training(**wish)
    assert refusal.value.field == field


def test_the_cheapest_offer_that_the_call_allows_sets_the_price(db: None) -> None:
    dear, cheap = make_market(code="dear", price=3_000_000), make_market(code="cheap", price=1_000_000)
    programme = make_programme(sku_codes=[dear.sku.code, cheap.sku.code], site_codes=[])
    offers = allowed_offers(programme, NOW, Buyer())
    assert set(offers) == {dear.sku.code, cheap.sku.code}
    only = make_programme(site_codes=[dear.site.code])
    assert set(allowed_offers(only, NOW, Buyer())) == {dear.sku.code}
    cost = cost_of(ItemWish("Training", cheap.sku.code, gpu_hours=100), offers)
    assert (cost.micro, cost.micro_per_gpu_hour, cost.site_code) == (100_000_000, 1_000_000, cheap.site.code)


def test_energy_and_emissions_are_those_of_the_site(db: None) -> None:
    market = make_market(code="sxm", pue=Decimal("1.20"), g_co2e_per_kwh=50)
    offers = allowed_offers(make_programme(), NOW, Buyer())
    cost = cost_of(ItemWish("Training", market.sku.code, params=SEVEN_B, tokens=ONE_T, mfu_bp=4000), offers)
    # 29,492 h x 700 W x 1.2 = 24,773,280 Wh; x 50 g/kWh = 1,238,664 g.
    assert (cost.gpu_hours, cost.watt_hours, cost.g_co2e) == (29_492, 24_773_280, 1_238_664)
    assert cost.micro == 29_492 * market.price.micro_per_gpu_hour


def test_a_site_below_the_calls_level_is_not_offered(db: None) -> None:
    make_market()
    assert allowed_offers(make_programme(min_level=5), NOW, Buyer()) == {}
