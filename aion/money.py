# SPDX-License-Identifier: Apache-2.0
"""Money in integer micro-credits: 1 credit = 1 euro = 1,000,000. The only place that rounds."""

from decimal import ROUND_HALF_UP, Decimal

MICRO = 1_000_000
MILLI = 1_000
SECONDS_PER_HOUR = 3_600
# quantity is milli-GPU-seconds, a price is micro-credits per GPU-hour; their product over this is micro-credits.
EXACT_DIVISOR = MILLI * SECONDS_PER_HOUR


def exact_charge(*, milli_gpus: int, seconds: int, micro_per_gpu_hour: int) -> int:
    """Return the charge in 1/3,600,000 micro-credit, exactly."""
    return milli_gpus * seconds * micro_per_gpu_hour


def ceil_charge(exact: int) -> int:
    """Return the smallest whole number of micro-credits that covers ``exact``: what a hold reserves."""
    return -(-exact // EXACT_DIVISOR)


def floor_charge(exact: int) -> int:
    """Return the whole micro-credits in ``exact``; the remainder is carried, never lost."""
    return exact // EXACT_DIVISOR


def floor_share(exact: int, basis_points: int) -> int:
    """Return the whole micro-credits in ``basis_points`` hundredths of a per cent of an exact charge."""
    return exact * basis_points // (EXACT_DIVISOR * 10_000)


def to_decimal(microcredits: int) -> Decimal:
    """Return credits with six decimals, for display and decimal strings."""
    return Decimal(microcredits) / MICRO


def decimal_string(microcredits: int) -> str:
    """Return credits as a plain decimal string, without exponent: ``"12.500000"``."""
    return f"{to_decimal(microcredits):.6f}"


def to_cents(microcredits: int) -> Decimal:
    """Return credits rounded half-up to cents, the rounding of an invoice line."""
    return to_decimal(microcredits).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def from_decimal(credits_: Decimal) -> int:
    """Return micro-credits. Raises ValueError for more than six decimals rather than rounding."""
    scaled = credits_ * MICRO
    if scaled != scaled.to_integral_value():
        raise ValueError("A credit has at most six decimals.")
    return int(scaled)


def share_off(micro: int, basis_points: int) -> int:
    """Return a price less ``basis_points`` hundredths of a per cent, rounded up to the whole micro-credit."""
    return -(-micro * (10_000 - basis_points) // 10_000)
