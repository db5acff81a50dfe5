# SPDX-License-Identifier: Apache-2.0
"""A number in a sentence is written as its reader writes numbers, wherever the sentence comes from."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.template import Context, Template
from django.utils.translation import override

from aion import figures
from aion.errors import DomainError
from aion.events.types import sentence
from aion.people.quotas import request_quota
from billing.services.holds import _refuse_without_credit
from tests.translations import LOOSE_NUMBER
from tests.worlds import MICRO, NOW, Tenant

AT = datetime(2026, 3, 31, 22, 5, tzinfo=UTC)
# What is written, in English and in French: narrow no-break spaces between thousands, no-break spaces before units.
WRITTEN: list[tuple[Callable[[], str], str, str]] = [
    (lambda: figures.number(0), "0", "0"),
    (lambda: figures.number(-1234567), "-1,234,567", "-1\u202f234\u202f567"),
    (lambda: figures.number(Decimal("1234.5")), "1,234.5", "1\u202f234,5"),
    (lambda: figures.number(Decimal("1E+3")), "1,000", "1\u202f000"),
    (lambda: figures.iban("FR043000100999"), "FR04 3000 1009 99", "FR04 3000 1009 99"),
    (lambda: figures.credits(1_234_567_891), "1,234.57", "1\u202f234,57"),
    (lambda: figures.credits_in_full(1_234_567_891), "1,234.567891", "1\u202f234,567891"),
    (lambda: figures.credits_in_full(1_234_500_000), "1,234.50", "1\u202f234,50"),
    (lambda: figures.credits_in_full(-1_000 * MICRO), "−1,000.00", "−1\u202f000,00"),
    (lambda: figures.credits_in_full(1), "0.000001", "0,000001"),
    (lambda: figures.credits_in_full(0), "0.00", "0,00"),
    (lambda: figures.credits_in_full(None), "–", "–"),
    (lambda: figures.gpus(1_000_500), "1,000.5", "1\u202f000,5"),
    (lambda: figures.gpus(512_000), "512", "512"),
    (lambda: figures.gpu_hours(3_600_000 * 12_345), "12,345.0", "12\u202f345,0"),
    (lambda: figures.energy(1_234_500), "1.2\u00a0MWh", "1,2\u00a0MWh"),
    (lambda: figures.carbon(999), "999\u00a0g\u00a0CO₂e", "999\u00a0g\u00a0CO₂e"),
    (lambda: figures.percent(Decimal("12.5"), 1), "12.5\u00a0%", "12,5\u00a0%"),
    (lambda: figures.day(date(2026, 3, 31)), "31 Mar 2026", "31 mars 2026"),
    (lambda: figures.day(AT), "31 Mar 2026", "31 mars 2026"),
    (lambda: figures.instant(AT), "31 Mar 2026, 22:05", "31 mars 2026, 22:05"),
]


@pytest.mark.parametrize(("written", "english", "french"), WRITTEN)
def test_a_figure_is_written_as_its_reader_writes_it(written: Callable[[], str], english: str, french: str) -> None:
    with override("en-gb"):
        assert written() == english
    with override("fr"):
        assert written() == french


def test_pages_and_sentences_write_the_same_figures() -> None:
    page = Template("{{ micro|credits }} {{ milli|gpus }} {{ count }}")
    with override("fr"):
        assert page.render(Context({"micro": 1_234_567_891, "milli": 2_000_000, "count": 10_000})) == " ".join(
            [figures.credits(1_234_567_891), figures.gpus(2_000_000), figures.number(10_000)]
        )


def refusal(act: Callable[[], Any]) -> str:
    with pytest.raises(DomainError) as refused:
        act()
    return refused.value.detail


def test_a_refusal_writes_its_amounts_in_the_language_of_whoever_asked(mine: Tenant) -> None:
    short = partial(_refuse_without_credit, needed=12_500 * MICRO, available=1)
    more = partial(request_quota, actor=mine.actor(), milli_gpus=1, reason="x", at=NOW)
    with override("en-gb"):
        assert "costs 12,500.00 credits and 0.000001 are available" in refusal(short)
        assert "at most 1,000,000." in refusal(more)
    with override("fr"):
        assert "coûte 12\u202f500,00\u00a0crédits et 0,000001 sont disponibles" in refusal(short)
        assert "au plus 1\u202f000\u202f000." in refusal(more)


def test_what_happened_is_told_with_its_amount_its_share_and_its_day() -> None:
    data = {
        "title": "Breton", "name": "RAISE", "used_percent": 12, "expected_percent": 50, "checked_on": "2026-05-01",
        "amount_microcredits": 12_500 * MICRO, "expires_at": "2026-12-31T00:00:00Z", "reason": "Good.",
    }  # fmt: skip
    with override("fr"):
        assert "12\u00a0% des crédits" in sentence("grant.unused_warned", data)
        assert "1 mai 2026" in sentence("grant.unused_warned", data)
        awarded = sentence("grant.awarded", data)
    assert "12\u202f500,00\u00a0crédits" in awarded and "31 déc. 2026, 00:00" in awarded
    assert sentence("grant.awarded", {**data, "expires_at": "soon"}).count("soon") == 1


@pytest.mark.parametrize(
    ("text", "torn"),
    [
        ("1 000 parts", True),
        ("%(n)s cr", True),
        ("90 % du pic", True),
        ("%(n)s %% du pic", True),
        ("90\u00a0% du pic, 1\u202f000 parts", False),
        ("%(n)s %(unit)s", False),
        ("2 janvier", False),
        ("%(n)s heures", False),
    ],
)
def test_a_translation_keeps_a_number_together_with_its_unit(text: str, torn: bool) -> None:
    assert bool(LOOSE_NUMBER.search(text)) == torn
