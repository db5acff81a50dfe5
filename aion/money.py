# SPDX-License-Identifier: Apache-2.0
"""Money in integer micro-credits: 1 credit = 1 euro = 1,000,000. The only place that rounds."""

from decimal import ROUND_HALF_UP, Decimal

MICRO = 1_000_000
MICRO_PER_CENT = 10_000
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


def vat_of(net_cents: int, basis_points: int) -> int:
    """Return the VAT on ``net_cents`` at hundredths of a per cent, rounded half-up to the cent as EN 16931 does."""
    return (net_cents * basis_points + 5_000) // 10_000


def cents_string(cents: int) -> str:
    """Return cents as euros in a plain decimal string: ``"12.50"``."""
    return f"{Decimal(cents) / 100:.2f}"


def micro_per_unit(*, net_cents: int, quantity_milli: int) -> int:
    """Return the price of one unit in millionths of a euro that explains ``net_cents``, rounded half-up."""
    scaled = net_cents * 10_000 * MILLI
    return (2 * scaled + quantity_milli) // (2 * quantity_milli)


def milli_string(milli: int) -> str:
    """Return thousandths as a plain decimal string without needless zeros: ``"1.5"``."""
    return f"{(Decimal(milli) / MILLI).normalize():f}"


def rate_string(basis_points: int) -> str:
    """Return hundredths of a per cent as a plain decimal string: ``"5.5"``, ``"20"``."""
    return f"{(Decimal(basis_points) / 100).normalize():f}"


def price_string(micro: int) -> str:
    """Return millionths of a euro as a plain decimal string with two to six decimals: ``"2.49"``, ``"0.000123"``."""
    whole, _, rest = f"{to_decimal(micro):.6f}".partition(".")
    return f"{whole}.{rest.rstrip('0').ljust(2, '0')}"
