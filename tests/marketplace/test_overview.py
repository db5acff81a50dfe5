# SPDX-License-Identifier: Apache-2.0
"""The overview's forecast."""

from datetime import timedelta

from marketplace.portal.overview import run_out
from tests.worlds import MICRO, NOW


def test_a_forecast_divides_the_balance_by_the_daily_average() -> None:
    assert run_out(70 * MICRO, 10 * MICRO, NOW) == NOW + timedelta(days=7)


def test_next_to_no_usage_gives_no_forecast_instead_of_a_date_that_cannot_be() -> None:
    assert (run_out(10**15, 1, NOW), run_out(10**15, 0, NOW)) == (None, None)
