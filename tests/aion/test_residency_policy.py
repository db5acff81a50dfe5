# SPDX-License-Identifier: Apache-2.0
"""The residency decision is a pure function; unknown is denied."""

import csv
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.residency.policy import Facts, Level, Policy, decide
from aion.residency.regions import normalise, territories

CASES = Path(__file__).resolve().parents[3] / "shared" / "data" / "residency-decision-cases.csv"
FRANCE = Facts("FR", "FR", "FR", "FR", "FR", "FR", "EU", "FR", Decimal(0), Decimal(0))


def _cases() -> list[dict[str, str]]:
    if not CASES.exists():
        return []
    lines = [line for line in CASES.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def _percent(text: str) -> Decimal | None:
    return None if text == "?" else Decimal(text)


@pytest.mark.skipif(not CASES.exists(), reason="the shared decision cases are not beside the project")
@pytest.mark.parametrize("case", _cases(), ids=lambda case: case["case"])
def test_the_shared_vectors_are_decided_as_expected_with_the_same_first_reason(case: dict[str, str]) -> None:
    facts = Facts(
        site=case["site"],
        storage=case["storage"],
        backup=case["backup"],
        failover=case["failover"],
        support=case["support"],
        telemetry=case["telemetry"],
        transit=case["transit"],
        operator_seat=case["operator_seat"],
        non_eu_max_holder_pct=_percent(case["non_eu_max_holder_pct"]),
        non_eu_total_pct=_percent(case["non_eu_total_pct"]),
        veto_or_board=case["veto_or_board"],
        subprocessor=case["subprocessor"],
        certificate=case["cert"],
    )
    decision = decide(Policy.parse(case["policy"]), facts)
    assert (decision.allowed, decision.reasons[:1]) == (
        case["expected"] == "allow",
        (case["reason_code"],) if case["reason_code"] else (),
    )


def test_all_failing_rules_are_listed_not_only_the_first() -> None:
    facts = Facts("US", "US", "?", "FR", "US", "US", "US/clear", "US", Decimal(100), Decimal(100), "board")
    assert decide(Policy(Level.EU_OWNED), facts).failing == (
        "LOC_UNKNOWN",
        "LOC_SITE_NOT_EU",
        "LOC_STORAGE_NOT_EU",
        "TELEMETRY_NOT_EU",
        "TRANSIT_UNPROTECTED",
        "SUPPORT_NOT_EU",
        "OPERATOR_SEAT_NOT_EU",
        "OWNER_SINGLE_GT_24",
        "OWNER_TOTAL_GT_39",
        "OWNER_BOARD",
    )


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("place", ["site", "storage", "backup", "failover", "telemetry"])
def test_an_unknown_location_is_denied_at_every_level(level: Level, place: str) -> None:
    facts = Facts(**{**{name: getattr(FRANCE, name) for name in FRANCE.__slots__}, place: "?"})
    assert not decide(Policy(level), facts).allowed


@given(code=st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ-", min_size=1, max_size=6))
def test_a_code_that_the_table_does_not_know_is_never_allowed(code: str) -> None:
    facts = Facts(**{**{name: getattr(FRANCE, name) for name in FRANCE.__slots__}, "site": code})
    known = territories().get(code)
    allowed = decide(Policy(Level.EU_RESIDENT), facts).allowed
    assert allowed == (known is not None and known.known and known.eu_territory)


@given(level=st.sampled_from(Level), facts=st.builds(
    Facts, *[st.sampled_from(["FR", "RE", "NO", "US", "?", "UK"])] * 6, st.sampled_from(["EU", "US/clear", "US/e2e"]),
    st.sampled_from(["FR", "CH"]), st.none() | st.decimals(0, 100, places=2), st.none() | st.decimals(0, 100, places=2),
))  # fmt: skip
def test_a_higher_level_never_allows_what_a_lower_one_denies(level: Level, facts: Facts) -> None:
    if level < Level.SECNUMCLOUD and decide(Policy(Level(level + 1)), facts).allowed:
        assert decide(Policy(level), facts).allowed


def test_spellings_are_normalised_at_the_edge_and_refused_when_stored() -> None:
    assert (normalise("uk"), normalise("EL"), normalise("FR")) == ("GB", "GR", "FR")


@pytest.mark.parametrize("text", ["", "EU", "EU_RESIDENT+FR", "EU_RESIDENT+ALLOW(FR"])
def test_a_policy_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Policy.parse(text)


def test_france_only_does_not_silently_include_overseas() -> None:
    facts = Facts(**{**{name: getattr(FRANCE, name) for name in FRANCE.__slots__}, "site": "RE"})
    assert decide(Policy.parse("EU_RESIDENT+ALLOW(FR)"), facts).failing == ("LOC_NOT_IN_LIST",)
