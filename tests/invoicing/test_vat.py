# SPDX-License-Identifier: Apache-2.0
"""How a sale is taxed: every member state, the territories around them, and what is known of a number."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from aion.money import vat_of
from aion.tenancy.legal import EU
from aion.tenancy.models import OrganisationKind
from billing.invoicing.errors import LawNotPossible, NoLegalIdentity, NoVatRule
from billing.invoicing.models import Mention, VatEvidence, VatRate, VatRule, ViesAnswer
from billing.invoicing.queries import rules
from billing.invoicing.services.law import add_version
from billing.invoicing.services.vat import quote_vat
from billing.invoicing.states import BuyerKind, NumberState, Place
from billing.invoicing.vat import Buyer as Facts
from billing.invoicing.vat import NoRule, Rule, Territory, decide
from tests.billing.books import staff
from tests.invoicing.scenes import AT, FRENCH, GERMAN, Buyer, ask_for, identify, make_buyer
from tests.worlds import make_tenant

RATES = {
    "AT": 2000, "BE": 2100, "BG": 2000, "CY": 1900, "CZ": 2100, "DE": 1900, "DK": 2500, "EE": 2400, "ES": 2100,
    "FI": 2550, "FR": 2000, "GR": 2400, "HR": 2500, "HU": 2700, "IE": 2300, "IT": 2200, "LT": 2100, "LU": 1700,
    "LV": 2100, "MT": 1800, "NL": 2100, "PL": 2300, "PT": 2300, "RO": 2100, "SE": 2500, "SI": 2200, "SK": 2300,
}  # fmt: skip
ELSEWHERE = {
    "GB": ("outside", 0, "O"), "XI": ("outside", 0, "O"), "CH": ("outside", 0, "O"), "ES-CN": ("outside", 0, "O"),
    "AX": ("outside", 0, "O"), "US": ("outside", 0, "O"), "MC": ("monaco", 2000, "S"), "RE": ("fr-dom", 850, "S"),
    "GP": ("fr-dom", 850, "S"), "MQ": ("fr-dom", 850, "S"), "GF": ("fr-dom-not-applied", 0, "O"),
    "YT": ("fr-dom-not-applied", 0, "O"),
}  # fmt: skip


def decided(country: str, number: NumberState, kind: BuyerKind = BuyerKind.BUSINESS) -> tuple[str, int, str]:
    buyer = Facts(rules.territory_on(country, AT.date()), kind, number)
    taxed = decide(buyer=buyer, rules=rules.rules_on(AT.date()), net_cents=100_000)
    assert taxed.vat_cents == vat_of(100_000, taxed.rate_basis_points)
    return taxed.rule.code, taxed.rate_basis_points, taxed.rule.category


def test_there_is_a_rate_for_each_of_the_27_states() -> None:
    assert set(RATES) == EU


@pytest.mark.parametrize("country", sorted(EU - {"FR"}))
def test_another_member_state_is_reverse_charged_with_a_confirmed_number_and_at_its_own_rate_without(
    db: None, country: str
) -> None:
    assert decided(country, NumberState.VALID) == ("eu-reverse-charge", 0, "AE")
    assert decided(country, NumberState.VALID, BuyerKind.PUBLIC) == ("eu-reverse-charge", 0, "AE")
    for number in set(NumberState) - {NumberState.VALID}:
        assert decided(country, number) == ("eu-consumer-oss", RATES[country], "S")


@pytest.mark.parametrize("country", sorted(ELSEWHERE))
@pytest.mark.parametrize("number", [NumberState.NONE, NumberState.VALID])
def test_outside_the_area_overseas_and_monaco_a_number_changes_nothing(
    db: None, country: str, number: NumberState
) -> None:
    assert decided(country, number) == ELSEWHERE[country]


def test_france_is_taxed_at_home_and_a_public_body_by_its_own_rule(db: None) -> None:
    assert decided("FR", NumberState.NONE) == ("fr-domestic", 2000, "S")
    assert decided("FR", NumberState.NONE, BuyerKind.PUBLIC) == ("fr-public", 2000, "S")


@pytest.mark.parametrize(
    ("country", "day", "rate"),
    [("EE", date(2025, 6, 30), 2200), ("EE", date(2025, 7, 1), 2400), ("RO", date(2025, 7, 31), 1900),
     ("RO", date(2025, 8, 1), 2100), ("SK", date(2024, 12, 31), 2000), ("FI", date(2024, 9, 1), 2550)],
)  # fmt: skip
def test_a_rate_that_changed_holds_from_its_day_on(db: None, country: str, day: date, rate: int) -> None:
    assert rules.territory_on(country, day).rate_basis_points == rate


def test_the_law_of_before_september_2026_is_named_by_its_old_articles(db: None) -> None:
    texts = [rules.mentions_on(["reverse-charge"], day)[-1].text_fr for day in (date(2026, 8, 31), date(2026, 9, 1))]
    assert "article 283-2 du CGI" in texts[0]
    assert "code des impositions sur les biens et services" in texts[1]
    assert "CGI" not in texts[1]


def test_without_a_rule_or_its_rate_nothing_is_guessed() -> None:
    buyer = Facts(Territory("DE", Place.EU), BuyerKind.BUSINESS, NumberState.NONE)
    only_valid = Rule("x", Place.EU, BuyerKind.ANY, True, "AE", 0)
    rateless = Rule("y", Place.EU, BuyerKind.ANY, False, "S", None)
    for given_rules in ([], [only_valid], [rateless]):
        with pytest.raises(NoRule):
            decide(buyer=buyer, rules=given_rules, net_cents=1)


@given(net=st.integers(0, 10**12), rate=st.integers(0, 10_000))
def test_vat_is_within_half_a_cent_of_the_exact_share(net: int, rate: int) -> None:
    assert abs(vat_of(net, rate) * 10_000 - net * rate) <= 5_000


def test_a_number_that_vies_has_not_confirmed_is_charged_as_a_consumers_and_vies_is_asked(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("billing.invoicing.services.vat.nudge", lambda name, **given: asked.append((name, given)))
    tenant = make_buyer(GERMAN, confirmed=False)
    quote = quote_vat(organisation_id=tenant.organisation.pk, net_cents=10_000, at=AT)
    assert (quote.rule, quote.gross_cents, quote.number_state) == ("eu-consumer-oss", 11_900, "unknown")
    assert asked == [("invoicing.ask_vies", {"number": GERMAN.vat_number})]
    identify(tenant.organisation, GERMAN)
    quote = quote_vat(organisation_id=tenant.organisation.pk, net_cents=10_000, at=AT)
    assert (quote.rule, quote.gross_cents, quote.number_state) == ("eu-reverse-charge", 10_000, "valid")


def test_an_answer_of_vies_counts_for_thirty_days_and_an_unavailable_one_confirms_nothing(db: None) -> None:
    tenant = make_buyer(GERMAN)  # confirmed a day before AT
    pk = tenant.organisation.pk
    late = AT + timedelta(days=29)
    assert quote_vat(organisation_id=pk, net_cents=1, at=late - timedelta(seconds=1)).rule == "eu-reverse-charge"
    assert quote_vat(organisation_id=pk, net_cents=1, at=late).rule == "eu-consumer-oss"
    ViesAnswer.objects.create(number=GERMAN.vat_number, state="unavailable", source="vies", asked_at=AT)
    assert quote_vat(organisation_id=pk, net_cents=1, at=AT).number_state == "unavailable"
    assert quote_vat(organisation_id=pk, net_cents=1, at=AT).rule == "eu-consumer-oss"


def test_a_malformed_number_is_never_asked_for(db: None) -> None:
    tenant = make_buyer(Buyer("DE", "DE136695977"), confirmed=False)
    quote = quote_vat(organisation_id=tenant.organisation.pk, net_cents=10_000, at=AT)
    assert (quote.rule, quote.number_state) == ("eu-consumer-oss", "malformed")


def test_who_has_not_said_who_they_are_is_told_where_to(db: None) -> None:
    with pytest.raises(NoLegalIdentity) as refused:
        quote_vat(organisation_id=make_tenant(credit=0).organisation.pk, net_cents=1, at=AT)
    assert "Legal details" in refused.value.detail


def test_a_day_without_rules_is_said_to_have_none(db: None) -> None:
    tenant = make_buyer(FRENCH)
    with pytest.raises(NoVatRule):
        quote_vat(organisation_id=tenant.organisation.pk, net_cents=1, at=AT.replace(year=2020))


def test_the_facts_of_each_decision_are_kept_and_never_change(db: None) -> None:
    document = ask_for(make_buyer(GERMAN).organisation)
    kept = VatEvidence.objects.get(document=document)
    assert (kept.country, kept.place, kept.rule, kept.number_state) == ("DE", "eu", "eu-reverse-charge", "valid")
    assert kept.vies.consultation.startswith("OFFLINE-")
    assert (kept.vies.source, kept.vies.asked_at) == ("offline", AT - timedelta(days=1))
    assert "stdnum" in kept.number_check
    for row in (kept, kept.vies):
        with pytest.raises(IntegrityError), transaction.atomic():
            row.delete()
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save()


def test_two_rules_never_hold_for_one_case_at_one_time(db: None) -> None:
    fields = {"place": "eu", "buyer": "any", "needs_number": True, "category": "S", "source": "x"}
    span = VatRule.objects.get(code="eu-reverse-charge").valid
    with pytest.raises(IntegrityError), transaction.atomic():
        VatRule.objects.create(code="another", valid=span, **fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        VatRate.objects.create(territory="DE", place="eu", rate_basis_points=100, valid=span, source="x")


def test_law_is_never_rewritten_only_ended_by_what_follows(db: None) -> None:
    row = VatRate.objects.get(territory="DE")
    row.rate_basis_points = 1600
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM invoicing_mention")
    begins = AT.date() + timedelta(days=34)
    made = add_version(
        actor=staff(), model=VatRate, begins_on=begins, at=AT, reason="BGBl. I 2026",
        values={"territory": "DE", "place": "eu", "rate_basis_points": 1600, "source": "UStG § 12"},
    )  # fmt: skip
    rates = [rules.territory_on("DE", day).rate_basis_points for day in (begins - timedelta(days=1), begins)]
    assert rates == [1900, 1600]
    assert made.recorded_by.endswith("@example.org")


@pytest.mark.parametrize("days", [0, -1])
def test_a_version_of_law_never_begins_today_or_earlier(db: None, days: int) -> None:
    old = Mention.objects.get(code="no-discount")
    values = {"code": "no-discount", "text_fr": "x", "text_en": "x", "source": "x"}
    with pytest.raises(LawNotPossible):
        add_version(
            actor=staff(), model=Mention, begins_on=AT.date() + timedelta(days=days), values=values, reason="x", at=AT
        )
    old.refresh_from_db()
    assert old.valid.upper is None


def test_a_public_body_is_known_by_its_kind(db: None) -> None:
    tenant = make_buyer(Buyer("FR", kind=OrganisationKind.PUBLIC))
    assert quote_vat(organisation_id=tenant.organisation.pk, net_cents=1, at=AT).rule == "fr-public"
