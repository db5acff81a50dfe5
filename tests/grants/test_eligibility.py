# SPDX-License-Identifier: Apache-2.0
"""Each kind of rule passes and fails with a sentence; what is not known fails and says where to fill it in."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from django.utils.translation import override

from aion.people.organisations import accept_terms
from aion.tenancy.models import LegalIdentity
from aion.tenancy.queries import terms_to_accept
from marketplace.grants.eligibility import CHECKS, FAILED, SENTENCES, UNKNOWN, Facts, check, rules_of
from marketplace.grants.models import EligibilityResult
from marketplace.grants.queries import applicants
from marketplace.grants.services.submission import let_pass
from marketplace.grants.states import ApplicationState
from marketplace.grants.words import RULE_WORDS, checked, in_english, kept_reason, rule_text
from tests.grants.scenes import make_programme, staff, submitted_application
from tests.worlds import MICRO, NOW, Market, Tenant

KNOWN = Facts(
    on=date(2026, 3, 2),
    kind="startup",
    country="FR",
    size="small",
    founded_on=date(2021, 3, 2),
    identity_complete=True,
    vat_valid=True,
    terms_accepted=True,
    amount=50 * MICRO,
    attachment_kinds=frozenset({"cv"}),
    attestations=frozenset({"no_difficulty"}),
)
# Kind, params, facts that fail it, what the sentence must say.
CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    (
        "kind_in",
        {"kinds": ["startup", "research"]},
        {"kind": "company"},
        "for Start-up, Research; your organisation is registered as Company",
    ),
    ("country_in", {"eu": True}, {"country": "CH"}, "yours is in CH"),
    ("country_in", {"codes": ["FR", "BE"]}, {"country": "DE"}, "BE, FR"),
    ("size_in", {"sizes": ["micro", "small"]}, {"size": "large"}, "registered as large"),
    ("size_in", {"sizes": ["small"]}, {"size": None}, "fill it in under Settings"),
    ("founded_within_years", {"years": 5}, {"founded_on": date(2021, 3, 1)}, "founded on 1 Mar 2021"),
    ("founded_within_years", {"years": 5}, {"founded_on": None}, "fill it in under Settings"),
    ("identity_complete", {}, {"identity_complete": False}, "under Settings"),
    ("identity_complete", {}, {"identity_complete": None}, "fill it in under Settings"),
    ("vat_valid", {}, {"vat_valid": False}, "correct it under Settings"),
    ("vat_valid", {}, {"vat_valid": None}, "fill it in under Settings"),
    ("terms_accepted", {}, {"terms_accepted": False}, "under Settings"),
    ("no_overdue_report", {}, {"overdue_reports": 2}, "submit them first"),
    ("one_per_organisation", {}, {"other_applications": 1}, "withdraw one of them"),
    ("amount_max", {"micro": 50 * MICRO}, {"amount": 50 * MICRO + 1}, "Ask for less"),
    ("attachments_required", {"kinds": ["cv"]}, {"attachment_kinds": frozenset()}, "missing: CV"),
    (
        "attestation",
        {"key": "no_difficulty", "text_en": "Not in difficulty.", "text_fr": "Pas en difficulté."},
        {"attestations": frozenset()},
        "tick it",
    ),
]


@pytest.mark.parametrize(("kind", "params", "changes", "says"), CASES)
def test_a_rule_passes_and_fails_with_a_sentence_that_says_what_to_do(
    kind: str, params: dict[str, Any], changes: dict[str, Any], says: str
) -> None:
    rules = rules_of([{"id": "one", "kind": kind, "params": params}])
    (good,) = check(rules, KNOWN)
    (bad,) = check(rules, replace(KNOWN, **changes))
    assert (good.passed, bad.passed) == (True, False)
    good_line, bad_line = checked([good, bad])
    assert good_line.reason and says in bad_line.reason
    assert bad.outcome == (UNKNOWN if None in changes.values() else FAILED)


def test_a_reason_names_things_as_the_reader_does_and_is_kept_in_english() -> None:
    rules = rules_of([
        {"id": "kind", "kind": "kind_in", "params": {"kinds": ["research"]}},
        {"id": "files", "kind": "attachments_required", "params": {"kinds": ["plan", "letter"]}},
        {"id": "age", "kind": "founded_within_years", "params": {"years": 2}},
        {"id": "most", "kind": "amount_max", "params": {"micro": 12_500_000_000}},
    ])  # fmt: skip
    results = check(rules, replace(KNOWN, amount=25_000 * MICRO))
    english = [
        "This call is for Research; your organisation is registered as Start-up.",
        "These documents are missing: Work plan, Letter of support. Attach them.",
        "This call is for organisations at most 2 years old; yours was founded on 2 Mar 2021.",
        "At most 12,500.00 credits can be asked for; yours asks for 25,000.00. Ask for less.",
    ]
    assert [line.reason for line in checked(results)] == english
    with override("fr"):
        assert in_english(results) == english
        french = [line.reason for line in checked(results)]
    assert "Plan de travail, Lettre de soutien" in french[1]
    assert "2 mars 2021" in french[2]
    assert "12\u202f500,00" in french[3] and "25\u202f000,00" in french[3]


def test_a_kept_reason_is_read_in_the_language_of_its_reader(mine: Tenant, market: Market, api: Any) -> None:
    rules = [{"id": "files", "kind": "attachments_required", "params": {"kinds": ["plan"]}}]
    application = submitted_application(mine, make_programme(rules=rules), market)
    (kept,) = EligibilityResult.objects.filter(application=application)
    assert kept.reason == kept_reason(kept) == "These documents are missing: Work plan. Attach them."
    path = f"/api/v1/grant-applications/{application.public_id}"
    shown = api(mine.key()).get(path, HTTP_ACCEPT_LANGUAGE="fr").json()["eligibility"]
    assert [(one["rule"], "Plan de travail" in one["reason"]) for one in shown] == [("files", True)]


def test_every_kind_has_a_case_here_a_sentence_and_words_for_the_call_page() -> None:
    assert {case[0] for case in CASES} == set(CHECKS) == set(SENTENCES) == set(RULE_WORDS)
    for kind, params, *_ in CASES:
        assert rule_text(rules_of([{"id": "one", "kind": kind, "params": params}])[0])


def test_an_organisation_of_29_february_has_its_anniversary_on_1_march() -> None:
    rules = rules_of([{"id": "age", "kind": "founded_within_years", "params": {"years": 5}}])
    born = replace(KNOWN, founded_on=date(2020, 2, 29))
    assert check(rules, replace(born, on=date(2025, 3, 1)))[0].passed
    assert not check(rules, replace(born, on=date(2025, 3, 2)))[0].passed


@pytest.mark.parametrize(
    ("stored", "says"),
    [
        ({}, "as a list"),
        ([{"id": "a", "kind": "height"}], "kind is one of"),
        ([{"id": "a", "kind": "kind_in"}], "params are kinds"),
        ([{"id": "a", "kind": "kind_in", "params": {"kinds": []}}], "cannot have this value"),
        ([{"id": "a", "kind": "amount_max", "params": {"micro": True}}], "cannot have this value"),
        ([{"id": "a", "kind": "country_in", "params": {}}], "name codes"),
        ([{"id": "", "kind": "vat_valid"}], "the id is a text"),
        ([{"id": "a", "kind": "vat_valid"}, {"id": "a", "kind": "vat_valid"}], "same id"),
        ([{"id": "a", "kind": "vat_valid", "more": 1}], "id, kind and params"),
    ],
)
def test_rules_that_make_no_sense_are_refused_with_their_name(stored: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        rules_of(stored)


RULES = [
    {"id": "kind", "kind": "kind_in", "params": {"kinds": ["startup"]}},
    {"id": "size", "kind": "size_in", "params": {"sizes": ["small"]}},
]


def test_what_is_not_known_makes_an_application_ineligible_and_the_reasons_are_kept(
    mine: Tenant, market: Market
) -> None:
    application = submitted_application(mine, make_programme(rules=RULES), market)
    kept = list(EligibilityResult.objects.filter(application=application).values_list("rule_id", "passed", "reason"))
    assert application.state == ApplicationState.INELIGIBLE
    assert kept == [
        ("kind", True, "Your organisation is of a kind that this call is for."),
        ("size", False, "Not known yet: fill it in under Settings, then submit."),
    ]


def test_a_part_that_knows_more_is_asked(mine: Tenant, market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applicants, "READERS", [lambda _organisation, _at: {"size": "small"}])
    assert submitted_application(mine, make_programme(rules=RULES), market).state == ApplicationState.ELIGIBLE


def test_the_identity_and_the_documents_of_an_organisation_reach_the_rules(mine: Tenant) -> None:
    before = applicants.known_of(mine.organisation, NOW)
    assert (before.size, before.founded_on, before.identity_complete, before.vat_valid) == (None, None, None, None)
    LegalIdentity.objects.create(
        organisation=mine.organisation, legal_name="Mine", country_id="FR", registration_scheme="siren",
        registration_number="552081317", size="small", founded_on=date(2021, 3, 2), address="Paris", updated_at=NOW,
    )  # fmt: skip
    for document in terms_to_accept(mine.organisation.pk, NOW):
        accept_terms(actor=mine.actor(), kind=document.kind, version=document.version, at=NOW)
    known = applicants.known_of(mine.organisation, NOW)
    assert (known.size, known.founded_on, known.identity_complete, known.vat_valid, known.terms_accepted) == (
        "small", date(2021, 3, 2), True, False, True,
    )  # fmt: skip


def test_staff_let_an_application_pass_with_a_reason_once(mine: Tenant, market: Market) -> None:
    application = submitted_application(mine, make_programme(rules=RULES), market)
    passed = let_pass(actor=staff(), application=application, reason="The size is on the register.", at=NOW)
    assert passed.state == ApplicationState.ELIGIBLE
    last = passed.history.last()
    assert (last.actor_label, last.reason) == ("staff@example.org", "The size is on the register.")
    from marketplace.grants.errors import WrongState

    with pytest.raises(WrongState):
        let_pass(actor=staff(), application=application, reason="again", at=NOW)
