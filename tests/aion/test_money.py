# SPDX-License-Identifier: Apache-2.0
"""Money is integer micro-credits; nothing is lost in between."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.money import EXACT_DIVISOR, ceil_charge, decimal_string, exact_charge, floor_charge, from_decimal, to_cents


@given(st.integers(1, 10**7), st.integers(1, 10**7), st.integers(1, 10**8))
def test_a_hold_covers_its_run_by_less_than_one_micro_credit(milli: int, seconds: int, price: int) -> None:
    exact = exact_charge(milli_gpus=milli, seconds=seconds, micro_per_gpu_hour=price)
    assert 0 <= ceil_charge(exact) * EXACT_DIVISOR - exact < EXACT_DIVISOR
    assert 0 <= exact - floor_charge(exact) * EXACT_DIVISOR < EXACT_DIVISOR


def test_one_gpu_for_one_hour_costs_its_price() -> None:
    assert floor_charge(exact_charge(milli_gpus=1000, seconds=3600, micro_per_gpu_hour=2_490_000)) == 2_490_000


@given(st.integers(0, 10**15))
def test_a_decimal_string_reads_back_exactly(micro: int) -> None:
    assert from_decimal(Decimal(decimal_string(micro))) == micro


def test_a_seventh_decimal_is_refused_not_rounded() -> None:
    with pytest.raises(ValueError):
        from_decimal(Decimal("0.0000001"))


def test_an_invoice_line_rounds_half_up() -> None:
    assert (to_cents(1_005_000), to_cents(1_004_999)) == (Decimal("1.01"), Decimal("1.00"))
