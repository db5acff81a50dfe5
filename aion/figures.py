# SPDX-License-Identifier: Apache-2.0
"""Numbers, amounts, spans and dates as the present language writes them: the one place for sentences, pages and papers.

French has a narrow no-break space between thousands, a comma before decimals and a no-break space before a unit. What
machines read (the API's fields, exports, the audit log) is not written here.
"""

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

from django.utils import formats, numberformat, timezone
from django.utils.translation import get_language

from aion.money import floor_charge, to_decimal

NBSP = "\u00a0"
LEAST_PLACES = 2
IBAN_GROUP = 4


def number(value: int | Decimal, places: int | None = None) -> str:
    """Write a number with its thousands apart; a decimal keeps what is behind the point unless ``places`` are given."""
    decimal, grouping, thousand = _separators(get_language())
    return str(numberformat.format(value, decimal, places, grouping, thousand, force_grouping=True, use_l10n=True))


@cache
def _separators(language: str | None) -> tuple[str, Any, str]:
    # Django's number_format asks for these again with every number: half the time of a table of a few hundred.
    names = ("DECIMAL_SEPARATOR", "NUMBER_GROUPING", "THOUSAND_SEPARATOR")
    decimal, grouping, thousand = (formats.get_format(name, language, use_l10n=True) for name in names)
    return decimal, grouping, thousand


def iban(account: str) -> str:
    """Write an IBAN in groups of four, as paper has it (ISO 13616-1)."""
    return " ".join(account[start : start + IBAN_GROUP] for start in range(0, len(account), IBAN_GROUP))


def credits(micro: int | None, places: int = 2) -> str:
    """Write micro-credits as credits, rounded: for pages and for what has happened."""
    if micro is None:
        return "–"
    value = to_decimal(int(micro)).quantize(Decimal(1).scaleb(-int(places)), rounding=ROUND_HALF_UP)
    return number(value, int(places))


def credits_in_full(micro: int | None) -> str:
    """Write micro-credits as credits with all that is behind the point: for amounts that somebody acts on."""
    if micro is None:
        return "–"
    value = to_decimal(abs(micro)).normalize()
    places = max(LEAST_PLACES, -int(value.as_tuple().exponent))
    return f"{'−' if micro < 0 else ''}{number(value, places)}"


def exact_credits(exact: int | Decimal, places: int = 2) -> str:
    """Write an exact charge (1/3,600,000 micro-credit) as credits."""
    return credits(floor_charge(int(exact)), places)


def euros(cents: int | None) -> str:
    """Write integer cents as euros with their sign."""
    return plain_euros(cents) if cents is None else f"{plain_euros(cents)}{NBSP}€"


def plain_euros(cents: int | None) -> str:
    """Write integer cents as euros without their sign, where a heading or the sentence has it."""
    if cents is None:
        return "–"
    return f"{'−' if cents < 0 else ''}{number(Decimal(abs(int(cents))) / 100, 2)}"


def basis_points(value: int | None) -> str:
    """Write hundredths of a per cent as a rate, with decimals only where there are any."""
    rate = Decimal(int(value or 0)) / 100
    return percent(rate.normalize() if rate % 1 else int(rate))


def gpus(milli: int | None) -> str:
    """Write milli-GPUs as GPUs, with decimals only where there are any."""
    value = Decimal(int(milli or 0)) / 1000
    return number(value.normalize() if value % 1 else int(value))


def gpu_hours(milli_gpu_seconds: int | Decimal | None) -> str:
    """Write milli-GPU-seconds as GPU-hours with one decimal."""
    value = (Decimal(int(milli_gpu_seconds or 0)) / 3_600_000).quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)
    return number(value, 1)


def energy(watt_hours: int | None) -> str:
    """Write watt-hours with a fitting unit."""
    value = Decimal(int(watt_hours or 0))
    for unit, size in (("GWh", 10**9), ("MWh", 10**6), ("kWh", 10**3)):
        if value >= size:
            return f"{number(value / size, 1)}{NBSP}{unit}"
    return f"{number(int(value))}{NBSP}Wh"


def carbon(grams: int | None) -> str:
    """Write grams of CO₂e with a fitting unit."""
    value = Decimal(int(grams or 0))
    for unit, size in (("t", 10**6), ("kg", 10**3)):
        if value >= size:
            return f"{number(value / size, 1)}{NBSP}{unit}{NBSP}CO₂e"
    return f"{number(int(value))}{NBSP}g{NBSP}CO₂e"


def percent(value: int | Decimal, places: int | None = None) -> str:
    """Write a share with its sign."""
    return f"{number(value, places)}{NBSP}%"


def day(value: date | datetime) -> str:
    """Write a day, an instant's in UTC."""
    on = timezone.localtime(value) if isinstance(value, datetime) else value
    return str(formats.date_format(on, "DATE_FORMAT"))


def month(value: date) -> str:
    """Write a month."""
    return str(formats.date_format(value, "YEAR_MONTH_FORMAT"))


def instant(value: datetime) -> str:
    """Write a day and a time in UTC."""
    return str(formats.date_format(timezone.localtime(value), "DATETIME_FORMAT"))
