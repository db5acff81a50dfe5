# SPDX-License-Identifier: Apache-2.0
"""The residency decision: a pure function of policy, facts and instant. Unknown is denied.

Thresholds of ownership are those of SecNumCloud 3.2, ch. 19.6: no non-EU holder above 24 %, together not above
39 %, no veto, no majority of a board. Location follows the territory table (``regions``).
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum

from aion.residency.regions import TerritoryFacts, aliases, table_version, territories

ENGINE_VERSION = "residency-1"
SINGLE_HOLDER_LIMIT = Decimal(24)
ALL_HOLDERS_LIMIT = Decimal(39)
UNKNOWN = "?"


def _(text: str) -> str:
    return text


class BadPolicy(ValueError):
    """A policy that cannot be read. ``words`` fill the sentence ``text``, in whatever language."""

    def __init__(self, text: str, **words: object) -> None:
        super().__init__(text % words)
        self.text, self.words = text, words


class Level(IntEnum):
    """Cumulative levels, weakest first; a higher one asks all that a lower one asks."""

    EEA_RESIDENT = 1
    EU_RESIDENT = 2
    EU_OPERATED = 3
    EU_OWNED = 4
    SECNUMCLOUD = 5


@dataclass(frozen=True, slots=True)
class Policy:
    """A level and an optional list of allowed codes. A parent code does not include its overseas parts."""

    level: Level
    allowed_codes: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> "Policy":
        """Read ``LEVEL`` or ``LEVEL+ALLOW(FR,BE)``. Raises BadPolicy for anything else."""
        name, _plus, rest = text.partition("+")
        if name not in Level.__members__:
            raise BadPolicy(
                _("%(name)s is not a residency level; use one of %(levels)s."),
                name=repr(name),
                levels=", ".join(Level.__members__),
            )
        if not rest:
            return cls(Level[name])
        if not (rest.startswith("ALLOW(") and rest.endswith(")")):
            raise BadPolicy(_("%(rest)s is not a modifier; write ALLOW(FR,BE)."), rest=repr(rest))
        return cls(Level[name], frozenset(code.strip() for code in rest[6:-1].split(",")))

    def __str__(self) -> str:
        allow = f"+ALLOW({','.join(sorted(self.allowed_codes))})" if self.allowed_codes else ""
        return f"{self.level.name}{allow}"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a site and its operator at an instant. ``?`` or None is unknown."""

    site: str
    storage: str
    backup: str
    failover: str
    support: str
    telemetry: str
    transit: str
    operator_seat: str
    non_eu_max_holder_pct: Decimal | None
    non_eu_total_pct: Decimal | None
    veto_or_board: str = "none"
    subprocessor: str = "EU/no_access"
    certificate: str = "none"


@dataclass(frozen=True, slots=True)
class Decision:
    """Allow or deny with every failing rule, in the order of checks; warnings come last and never deny."""

    allowed: bool
    policy: str
    failing: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    engine_version: str = ENGINE_VERSION
    table_version: str = field(default_factory=table_version)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return failing rules, then warnings."""
        return self.failing + self.warnings


def _lookup(code: str) -> TerritoryFacts | None:
    facts = territories().get(code)
    return facts if facts is not None and facts.known else None


def _is_eu(code: str) -> bool:
    facts = _lookup(code)
    return facts is not None and facts.eu_territory


def _code_rules(codes: tuple[str, ...]) -> list[str]:
    rules = []
    if any(code in aliases() for code in codes):
        rules.append("LOC_CODE_INVALID")
    if any(code != UNKNOWN and code not in aliases() and _lookup(code) is None for code in codes):
        rules.append("LOC_CODE_UNKNOWN")
    if UNKNOWN in codes:
        rules.append("LOC_UNKNOWN")
    return rules


def _location_rules(policy: Policy, facts: Facts) -> list[str]:
    places = (
        ("SITE", facts.site),
        ("STORAGE", facts.storage),
        ("BACKUP", facts.backup),
        ("FAILOVER", facts.failover),
    )
    rules = _code_rules((*(code for _, code in places), facts.telemetry))
    eea_only = policy.level == Level.EEA_RESIDENT
    for name, code in places:
        known = _lookup(code)
        if known is None:
            continue
        if eea_only and not known.eea:
            rules.append(f"LOC_{name}_NOT_EEA")
        elif not eea_only and not known.eu_territory:
            rules.append(f"LOC_{name}_NOT_EU")
    if policy.allowed_codes and any(code not in policy.allowed_codes for _, code in places):
        rules.append("LOC_NOT_IN_LIST")
    telemetry = _lookup(facts.telemetry)
    if telemetry is not None and eea_only and not telemetry.eea:
        rules.append("TELEMETRY_NOT_EEA")
    elif telemetry is not None and not eea_only and not telemetry.eu_territory:
        rules.append("TELEMETRY_NOT_EU")
    return rules


def _path_rules(policy: Policy, facts: Facts) -> tuple[list[str], list[str]]:
    rules, warnings = [], []
    place, _, protection = facts.transit.partition("/")
    if place != "EU" and not _is_eu(place) and protection != "e2e":
        rules.append("TRANSIT_UNPROTECTED")
    support, _, listed = facts.support.partition("/")
    if not _is_eu(support):
        if policy.level >= Level.EU_OPERATED or (policy.level == Level.EU_RESIDENT and listed != "listed"):
            rules.append("SUPPORT_NOT_EU")
        else:
            warnings.append("WARN_SUPPORT_NON_EU")
    if policy.level >= Level.EU_OPERATED and not _is_eu(facts.operator_seat):
        rules.append("OPERATOR_SEAT_NOT_EU")
    return rules, warnings


def _owner_rules(policy: Policy, facts: Facts) -> tuple[list[str], list[str]]:
    unknown = facts.non_eu_max_holder_pct is None or facts.non_eu_total_pct is None
    rules = []
    if unknown:
        rules.append("OWNER_UNKNOWN")
    if facts.non_eu_max_holder_pct is not None and facts.non_eu_max_holder_pct > SINGLE_HOLDER_LIMIT:
        rules.append("OWNER_SINGLE_GT_24")
    if facts.non_eu_total_pct is not None and facts.non_eu_total_pct > ALL_HOLDERS_LIMIT:
        rules.append("OWNER_TOTAL_GT_39")
    if facts.veto_or_board == "veto":
        rules.append("OWNER_VETO")
    if facts.veto_or_board == "board":
        rules.append("OWNER_BOARD")
    if policy.level >= Level.EU_OWNED:
        return rules, []
    return [], ["WARN_OWNER_EXPOSED"] if rules else []


def _assurance_rules(policy: Policy, facts: Facts) -> tuple[list[str], list[str]]:
    rules, warnings = [], []
    place, _, access = facts.subprocessor.partition("/")
    if policy.level >= Level.EU_OWNED and place != "EU" and not _is_eu(place) and access != "no_access":
        rules.append("SUBPROCESSOR_TECHNICAL_ACCESS")
    if policy.level == Level.SECNUMCLOUD:
        verdict = {"SNC/valid": None, "SNC/expired": "CERT_EXPIRED", "SNC/other_service": "CERT_SCOPE"}
        failing = verdict.get(facts.certificate, "CERT_MISSING")
        rules.extend([failing] if failing else [])
    elif policy.level >= Level.EU_OPERATED and facts.certificate == "none":
        warnings.append("WARN_CERT_NONE")
    return rules, warnings


def decide(policy: Policy, facts: Facts) -> Decision:
    """Decide whether data under ``policy`` may be at the place that ``facts`` describe.

    Args:
        policy: level and allow-list of the project.
        facts: the site's and operator's facts as known at the instant of the decision.

    Returns:
        The decision with all failing rules; it can be replayed years later from the same arguments.
    """
    failing = _location_rules(policy, facts)
    warnings: list[str] = []
    for check in (_path_rules, _owner_rules, _assurance_rules):
        more, warned = check(policy, facts)
        failing += more
        warnings += warned
    return Decision(not failing, str(policy), tuple(failing), tuple(warnings))
