# SPDX-License-Identifier: Apache-2.0
"""Whether an applicant may apply: rules are data, the check is pure, and each answer says why and what to do.

What is not known fails: the applicant is told where to fill it in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from aion.money import decimal_string
from aion.residency.regions import territories

PASSED, FAILED, UNKNOWN = "passed", "failed", "unknown"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a programme as it is stored."""

    id: str
    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an applicant and its application at an instant. None is not known yet."""

    on: date
    kind: str
    country: str
    size: str | None = None
    founded_on: date | None = None
    identity_complete: bool | None = None
    vat_valid: bool | None = None
    terms_accepted: bool | None = None
    overdue_reports: int = 0
    other_applications: int = 0
    amount: int = 0
    attachment_kinds: frozenset[str] = frozenset()
    attestations: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Result:
    """How one rule came out. ``words`` fill the sentence: codes, decimals and ISO dates, whoever reads it."""

    rule_id: str
    kind: str
    outcome: str
    words: Mapping[str, str]

    @property
    def passed(self) -> bool:
        """Tell whether the rule was met."""
        return self.outcome == PASSED


def _(text: str) -> str:
    # Marks a sentence for the catalogue of translations; who shows it translates it.
    return text


class BadRules(ValueError):
    """Rules that cannot be read. ``words`` fill the sentence ``text``, in whatever language."""

    def __init__(self, text: str, **words: object) -> None:
        super().__init__(text % words)
        self.text, self.words = text, words


_FILL_IN = _("Not known yet: fill it in under Settings, then submit.")
SENTENCES: Mapping[str, Mapping[str, str]] = {
    "kind_in": {
        PASSED: _("Your organisation is of a kind that this call is for."),
        FAILED: _("This call is for %(wanted)s; your organisation is registered as %(found)s."),
    },
    "country_in": {
        PASSED: _("Your organisation is in a country that this call is for."),
        FAILED: _("This call is for organisations in %(wanted)s; yours is in %(found)s."),
    },
    "size_in": {
        PASSED: _("Your organisation has a size that this call is for."),
        FAILED: _("This call is for %(wanted)s organisations; yours is registered as %(found)s."),
        UNKNOWN: _FILL_IN,
    },
    "founded_within_years": {
        PASSED: _("Your organisation is young enough."),
        FAILED: _("This call is for organisations at most %(wanted)s years old; yours was founded on %(found)s."),
        UNKNOWN: _FILL_IN,
    },
    "identity_complete": {
        PASSED: _("The legal identity is complete."),
        FAILED: _("The legal identity is not complete: fill it in under Settings, then submit."),
        UNKNOWN: _FILL_IN,
    },
    "vat_valid": {
        PASSED: _("The VAT number is valid."),
        FAILED: _("The VAT number is not valid: correct it under Settings, then submit."),
        UNKNOWN: _FILL_IN,
    },
    "terms_accepted": {
        PASSED: _("The present terms are accepted."),
        FAILED: _("The present terms are not accepted: an owner accepts them under Settings."),
        UNKNOWN: _FILL_IN,
    },
    "no_overdue_report": {
        PASSED: _("No final report is overdue."),
        FAILED: _("%(found)s final report(s) of earlier awards are overdue: submit them first."),
    },
    "one_per_organisation": {
        PASSED: _("This is your organisation's only application to this call."),
        FAILED: _("Your organisation has another application to this call: withdraw one of them."),
    },
    "amount_max": {
        PASSED: _("The amount asked for is within the limit."),
        FAILED: _("At most %(wanted)s credits can be asked for; yours asks for %(found)s. Ask for less."),
    },
    "attachments_required": {
        PASSED: _("All required documents are attached."),
        FAILED: _("These documents are missing: %(found)s. Attach them."),
    },
    "attestation": {
        PASSED: _("The required declaration was made."),
        FAILED: _("A required declaration was not made: tick it in the step Organisation if it is true."),
    },
}
Verdict = tuple[str, dict[str, str]]


def _known(value: bool | None) -> Verdict:
    return (UNKNOWN if value is None else PASSED if value else FAILED), {}


def _one_of(value: str | None, wanted: Sequence[str]) -> Verdict:
    if value is None:
        return UNKNOWN, {}
    return (PASSED if value in wanted else FAILED), {"wanted": ", ".join(wanted), "found": value}


def _country(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    codes = set(params.get("codes", ()))
    known = territories().get(facts.country)
    inside = facts.country in codes
    if known is not None and known.known:
        inside = inside or (bool(params.get("eu")) and known.eu_territory) or (bool(params.get("eea")) and known.eea)
    wanted = [name for flag, name in (("eu", "EU"), ("eea", "EEA")) if params.get(flag)] + sorted(codes)
    return (PASSED if inside else FAILED), {"wanted": ", ".join(wanted), "found": facts.country}


def _founded(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    if facts.founded_on is None:
        return UNKNOWN, {}
    years = int(params["years"])
    born = facts.founded_on
    # Who was founded on 29 February has the anniversary on 1 March.
    try:
        limit = born.replace(year=born.year + years)
    except ValueError:
        limit = date(born.year + years, 3, 1)
    return (PASSED if facts.on <= limit else FAILED), {"wanted": str(years), "found": born.isoformat()}


def _overdue(facts: Facts, _params: Mapping[str, Any]) -> Verdict:
    return (FAILED if facts.overdue_reports else PASSED), {"found": str(facts.overdue_reports)}


def _amount(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    wanted = int(params["micro"])
    words = {"wanted": decimal_string(wanted), "found": decimal_string(facts.amount)}
    return (PASSED if facts.amount <= wanted else FAILED), words


def _attached(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    missing = [kind for kind in params["kinds"] if kind not in facts.attachment_kinds]
    return (FAILED if missing else PASSED), {"found": ", ".join(missing)}


def _attested(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    return (PASSED if params["key"] in facts.attestations else FAILED), {"wanted": str(params["key"])}


CHECKS: Mapping[str, Callable[[Facts, Mapping[str, Any]], Verdict]] = {
    "kind_in": lambda facts, params: _one_of(facts.kind, params["kinds"]),
    "country_in": _country,
    "size_in": lambda facts, params: _one_of(facts.size, params["sizes"]),
    "founded_within_years": _founded,
    "identity_complete": lambda facts, _params: _known(facts.identity_complete),
    "vat_valid": lambda facts, _params: _known(facts.vat_valid),
    "terms_accepted": lambda facts, _params: _known(facts.terms_accepted),
    "no_overdue_report": _overdue,
    "one_per_organisation": lambda facts, _params: ((FAILED if facts.other_applications else PASSED), {}),
    "amount_max": _amount,
    "attachments_required": _attached,
    "attestation": _attested,
}


def _texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) and one for one in value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


_TEXT: Callable[[Any], bool] = lambda value: isinstance(value, str) and 0 < len(value) <= 500  # noqa: E731
PARAMS: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    "kind_in": {"kinds": _texts},
    "size_in": {"sizes": _texts},
    "founded_within_years": {"years": lambda value: _whole(value) and value <= 200},
    "amount_max": {"micro": _whole},
    "attachments_required": {"kinds": _texts},
    "attestation": {"key": _TEXT, "text_en": _TEXT, "text_fr": _TEXT},
}
OPTIONAL: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    "country_in": {
        "codes": _texts,
        "eu": lambda value: isinstance(value, bool),
        "eea": lambda value: isinstance(value, bool),
    }
}


def rules_of(stored: Any) -> tuple[Rule, ...]:
    """Read rules as they are stored. Raises BadRules that names the rule and what is wrong with it."""
    if not isinstance(stored, list):
        raise BadRules(_("Write the rules as a list."))
    rules = tuple(_rule(number, one) for number, one in enumerate(stored, 1))
    names = [rule.id for rule in rules]
    if len(set(names)) != len(names):
        raise BadRules(_("Two rules have the same id: give each its own."))
    return rules


def _rule(number: int, stored: Any) -> Rule:
    if not isinstance(stored, dict) or set(stored) - {"id", "kind", "params"}:
        raise BadRules(_("Rule %(rule)s: write an object with id, kind and params."), rule=number)
    name, kind, params = stored.get("id"), str(stored.get("kind")), stored.get("params", {})
    if not isinstance(name, str) or not 0 < len(name) <= 60:
        raise BadRules(_("Rule %(rule)s: the id is a text of at most 60 characters."), rule=number)
    if kind not in CHECKS:
        raise BadRules(_("Rule %(rule)s: the kind is one of %(kinds)s."), rule=name, kinds=", ".join(CHECKS))
    needed, allowed = PARAMS.get(kind, {}), OPTIONAL.get(kind, {})
    if not isinstance(params, dict) or set(params) - set(needed) - set(allowed) or set(needed) - set(params):
        wanted = ", ".join([*needed, *allowed]) or "none"
        raise BadRules(_("Rule %(rule)s: its params are %(wanted)s."), rule=name, wanted=wanted)
    wrong = [key for key, value in params.items() if not {**needed, **allowed}[key](value)]
    if wrong:
        raise BadRules(_("Rule %(rule)s: %(wrong)s cannot have this value."), rule=name, wrong=", ".join(wrong))
    if kind == "country_in" and not any(params.values()):
        raise BadRules(_("Rule %(rule)s: name codes, or set eu or eea."), rule=name)
    return Rule(name, kind, params)


def check(rules: Sequence[Rule], facts: Facts) -> tuple[Result, ...]:
    """Return how each rule comes out, in the order of the rules."""
    return tuple(Result(rule.id, rule.kind, *CHECKS[rule.kind](facts, rule.params)) for rule in rules)
