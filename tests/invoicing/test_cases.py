# SPDX-License-Identifier: Apache-2.0
"""Ten whole cases pass both rule sets in both syntaxes; seven broken ones are refused by the rule's own name."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import facturx
import pytest

from billing.invoicing import terms
from billing.invoicing.checks.client import Checker
from billing.invoicing.errors import DocumentRefused
from billing.invoicing.models import Document, DocumentCheck, Mention, VatRule
from billing.invoicing.pdf.paper import xml_inside
from billing.invoicing.services import issuing
from billing.invoicing.services.contents import content_of
from billing.invoicing.services.retries import retry_document
from billing.invoicing.states import DocumentState, DocumentType, FileKind, Process, Stage
from billing.invoicing.terms import Content
from billing.invoicing.values import Line, Period, References
from tests.invoicing.scenes import (
    AT,
    AUSTRIAN,
    CLERK,
    FRENCH,
    GERMAN,
    REUNION,
    SWISS,
    TOWN,
    Buyer,
    ask_for,
    broken_rules,
    issue,
    make_buyer,
)

Case = Callable[[Checker], Document]
PUBLIC = References(
    buyer_reference="SERVICE-12", purchase_order="EJ-2026-000889", contract="MARCHE-7", lot="2",
    buyer_siret="21690123100011", cost_centre="6156",
)  # fmt: skip


def _domestic(checker: Checker) -> Document:
    lines = [
        Line("H100 SXM", 24_900, 100_000, "HUR", 2_490_000, "Project Language models"),
        Line("Support", 10_000),
    ]
    period = Period(date(2026, 10, 1), date(2026, 10, 31))
    return ask_for(make_buyer(FRENCH).organisation, lines=lines, period=period)


def _reverse_charge(checker: Checker) -> Document:
    return ask_for(make_buyer(GERMAN).organisation)


def _credit_note(checker: Checker) -> Document:
    organisation = make_buyer(FRENCH).organisation
    original = issue(ask_for(organisation), checker)
    return ask_for(organisation, 40_000, type=DocumentType.CREDIT_NOTE, corrects=original, reason="unused")


def _advance(checker: Checker) -> Document:
    return ask_for(make_buyer(FRENCH).organisation, type=DocumentType.ADVANCE)


def _final(checker: Checker) -> Document:
    organisation = make_buyer(FRENCH).organisation
    advance = issue(ask_for(organisation, 30_000, type=DocumentType.ADVANCE), checker)
    return ask_for(organisation, process=Process.AFTER_ADVANCE, corrects=advance)


def _prepaid(checker: Checker) -> Document:
    return ask_for(make_buyer(FRENCH).organisation, process=Process.PAID)


def _consumer(checker: Checker) -> Document:
    return ask_for(make_buyer(AUSTRIAN).organisation, process=Process.PAID)


def _outside(checker: Checker) -> Document:
    return ask_for(make_buyer(SWISS).organisation)


def _public(checker: Checker) -> Document:
    return ask_for(make_buyer(TOWN).organisation, references=PUBLIC)


def _reunion(checker: Checker) -> Document:
    return ask_for(make_buyer(REUNION).organisation)


def _corrected(checker: Checker) -> Document:
    organisation = make_buyer(FRENCH).organisation
    original = issue(ask_for(organisation), checker)
    return ask_for(organisation, 90_000, type=DocumentType.CORRECTED, corrects=original)


# Case, and what is expected of it: type, process, category, rate, net, VAT, paid.
CASES: dict[str, tuple[Case, tuple[Any, ...]]] = {
    "domestic": (_domestic, ("380", "S1", "S", 2000, 34_900, 6_980, 0)),
    "reverse charge": (_reverse_charge, ("380", "S1", "AE", 0, 100_000, 0, 0)),
    "credit note": (_credit_note, ("381", "S1", "S", 2000, 40_000, 8_000, 0)),
    "advance": (_advance, ("386", "S1", "S", 2000, 100_000, 20_000, 0)),
    "final after advance": (_final, ("380", "S4", "S", 2000, 100_000, 20_000, 36_000)),
    "prepaid": (_prepaid, ("380", "S2", "S", 2000, 100_000, 20_000, 120_000)),
    "consumer in Austria": (_consumer, ("380", "S2", "S", 2000, 100_000, 20_000, 120_000)),
    "outside the Union": (_outside, ("380", "S1", "O", 0, 100_000, 0, 0)),
    "public body": (_public, ("380", "S1", "S", 2000, 100_000, 20_000, 0)),
    "Réunion": (_reunion, ("380", "S1", "S", 850, 100_000, 8_500, 0)),
    "corrected": (_corrected, ("384", "S1", "S", 2000, 90_000, 18_000, 0)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_whole_document_passes_both_rule_sets_before_and_after_it_is_numbered(
    db: None, checker: Checker, name: str
) -> None:
    make, expected = CASES[name]
    document = issue(make(checker), checker)
    shown = (
        document.type, document.process, document.vat_category, document.vat_rate_basis_points, document.net_cents,
        document.vat_cents, document.paid_cents,
    )  # fmt: skip
    assert shown == expected
    assert document.state == DocumentState.ISSUED
    checks = DocumentCheck.objects.filter(document=document).order_by("pk")
    assert [(one.stage, one.passed) for one in checks] == [(Stage.DRAFT, True), (Stage.FINAL, True)]
    for one in checks:
        assert [part["syntax"] for part in one.report] == ["cii", "ubl"]
        assert [part["failed"] for part in one.report] == [[], []]
        assert all(min(part["fired"].values()) > 30 for part in one.report)
    kept = {file.kind: bytes(file.content) for file in document.files.all()}
    assert set(kept) == set(FileKind)
    assert xml_inside(kept[FileKind.FACTURX]) == kept[FileKind.CII]
    assert document.number in kept[FileKind.UBL].decode()


def test_a_document_names_the_buyers_siren_and_all_references(db: None, checker: Checker) -> None:
    document = issue(_public(checker), checker)
    read = facturx.parse_ubl_cii_xml(bytes(document.files.get(kind=FileKind.UBL).content))
    names = ("BT-10", "BT-12", "BT-13", "BT-17", "BT-19")
    assert [read.get(name) for name in names] == ["SERVICE-12", "MARCHE-7", "EJ-2026-000889", ["2"], "6156"]
    assert read["BG-7"]["legal_identifier"] == "216901231"


def test_a_consumer_at_another_states_rate_waives_the_french_list_of_rates_and_nothing_else(
    db: None, checker: Checker
) -> None:
    document = issue(ask_for(make_buyer(GERMAN, confirmed=False).organisation, process=Process.PAID), checker)
    assert (document.vat_rule, document.vat_rate_basis_points, document.vat_cents) == ("eu-consumer-oss", 1900, 19_000)
    report = DocumentCheck.objects.get(document=document, stage=Stage.FINAL).report
    assert {one["rule"] for part in report for one in part["failed"] if one["fatal"]} == {"BR-FR-16"}
    assert report[0]["waived"] == ["BR-FR-16"]
    assert VatRule.objects.exclude(waived=[]).values_list("code", flat=True).get() == "eu-consumer-oss"


def content(document: Document) -> Content:
    return content_of(document, number="AION-2026-999999", issued_on=AT.date())


def _wrong_total(given: Content) -> Content:
    return replace(given, gross_cents=given.gross_cents + 1)


# What is done to a sound document, and the rule that refuses it in each syntax.
BROKEN: dict[str, tuple[Buyer, Callable[[Content], Content], str]] = {
    "a wrong total": (FRENCH, _wrong_total, "BR-CO-15"),
    "no late-payment notes": (FRENCH, lambda c: replace(c, notes=()), "BR-FR-05"),
    "paid already with an amount due": (FRENCH, lambda c: replace(c, process=Process.PAID), "BR-FR-CO-09"),
    "an advance that is final": (
        FRENCH,
        lambda c: replace(c, process=Process.AFTER_ADVANCE, type=DocumentType.ADVANCE),
        "BR-FR-CO-08",
    ),
    "a blank in the number": (FRENCH, lambda c: replace(c, number="AION 1"), "BR-FR-02"),
    "a number that is too long": (FRENCH, lambda c: replace(c, number="A" * 36), "BR-FR-01"),
    "reverse charge without the buyer's number": (
        GERMAN,
        lambda c: replace(c, buyer=replace(c.buyer, vat_number="", registration="")),
        "BR-AE-02",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_document_is_refused_by_the_rule_that_names_what_is_wrong(
    db: None, checker: Checker, name: str
) -> None:
    buyer, spoil, rule = BROKEN[name]
    sound = content(ask_for(make_buyer(buyer).organisation))
    assert broken_rules(checker, terms.render(sound)) == {"cii": set(), "ubl": set()}
    found = broken_rules(checker, terms.render(spoil(sound)))
    assert rule in found["cii"]
    assert rule in found["ubl"]


def test_a_sellers_number_on_a_document_out_of_scope_breaks_its_rule(
    db: None, checker: Checker, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = content(ask_for(make_buyer(SWISS).organisation))
    given = terms.terms(sound)
    given["BG-4"]["vat_identifier"] = sound.seller.vat_number
    monkeypatch.setattr(terms, "terms", lambda _content: {**given, "BG-4": dict(given["BG-4"])})
    found = broken_rules(checker, terms.render(sound))
    assert "BR-O-02" in found["cii"] & found["ubl"]


def test_a_draft_that_breaks_a_rule_is_refused_by_name_keeps_no_number_and_is_issued_once_its_facts_are_right(
    db: None, checker: Checker
) -> None:
    tenant = make_buyer(Buyer("FR", "FR44732829320", ""))
    document = ask_for(tenant.organisation)
    with pytest.raises(DocumentRefused) as refused:
        issue(document, checker)
    assert "BR-FR-11" in refused.value.details["rules"]
    document.refresh_from_db()
    assert (document.state, document.number) == (DocumentState.REFUSED, None)
    assert "BR-FR-11" in [one["rule"] for one in document.refusal]
    assert issuing.issue_waiting(actor=CLERK, at=AT, checks=checker) == 0
    identity = tenant.organisation.legal_identity
    identity.registration_number, identity.registration_scheme = "732829320", "siren"
    identity.save()
    retry_document(actor=CLERK, document_id=document.pk, at=AT, reason="the SIREN is there now")
    assert issuing.issue_waiting(actor=CLERK, at=AT, checks=checker) == 1
    document.refresh_from_db()
    assert (document.number, document.refusal) == ("AION-2026-000001", [])


def test_a_mention_whose_time_has_ended_without_a_successor_is_missed_by_its_rule(db: None, checker: Checker) -> None:
    document = ask_for(make_buyer(FRENCH).organisation)
    row = Mention.objects.get(code="late-fee")
    row.valid = type(row.valid)(row.valid.lower, AT.date())
    row.save()
    with pytest.raises(DocumentRefused) as refused:
        issue(document, checker)
    assert refused.value.details["rules"] == ["BR-FR-05"]
