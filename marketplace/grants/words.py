# SPDX-License-Identifier: Apache-2.0
"""Rules, fields and kinds as applicants read them, in their language."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from aion.money import decimal_string
from aion.tenancy.models import OrganisationKind
from marketplace.grants.eligibility import SENTENCES, Result, Rule
from marketplace.grants.models import EligibilityResult
from marketplace.grants.models.application import ATTACHMENT_KINDS

STEP_WORDS: Mapping[str, Any] = {
    "organisation": _("Organisation"),
    "project": _("Project"),
    "workload": _("Work"),
    "estimate": _("Estimate"),
    "documents": _("Documents"),
    "review": _("Review"),
}
FIELD_WORDS: Mapping[str, tuple[Any, str]] = {
    "declared_aid": (_("State aid received so far"), "organisation"),
    "title": (_("Title"), "project"),
    "abstract": (_("Abstract"), "project"),
    "team": (_("Team"), "project"),
    "work_plan": (_("Work plan"), "workload"),
    "data_class": (_("Data"), "workload"),
    "openness": (_("Openness"), "workload"),
    "ethics": (_("Ethics"), "workload"),
    "acknowledgement": (_("Acknowledgement"), "workload"),
    "items": (_("At least one work item"), "estimate"),
}


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule as a line of a list: met or not, and the sentence that says why and what to do."""

    passed: bool
    reason: str


def checked(results: Iterable[Result]) -> list[RuleLine]:
    """Return the lines of a check that was made just now."""
    return [RuleLine(one.passed, gettext(SENTENCES[one.kind][one.outcome]) % one.words) for one in results]


def kept(results: Iterable[EligibilityResult]) -> list[RuleLine]:
    """Return the lines of the check that was made at submission; a sentence that is gone is shown as it was kept."""
    return [RuleLine(one.passed, _kept_reason(one)) for one in results]


def _kept_reason(result: EligibilityResult) -> str:
    evidence = result.evidence
    sentence = SENTENCES.get(evidence.get("kind", ""), {}).get(evidence.get("outcome", ""))
    return gettext(sentence) % evidence.get("words", {}) if sentence is not None else result.reason


def needed(names: Iterable[str]) -> list[tuple[Any, str]]:
    """Return the words of missing fields, each with the step where it is filled in."""
    return [FIELD_WORDS[name] for name in names]


def declaration(params: Mapping[str, Any]) -> str:
    """Return what is to be declared, in the present language."""
    french = (get_language() or "").startswith("fr")
    return str(params["text_fr"] if french else params["text_en"])


RULE_WORDS: Mapping[str, Any] = {
    "kind_in": _("Only: %(names)s."),
    "country_in": _("Only organisations in: %(names)s."),
    "size_in": _("Only of the size: %(names)s."),
    "founded_within_years": _("Founded at most %(years)s years ago."),
    "identity_complete": _("The legal identity is complete."),
    "vat_valid": _("The VAT number is valid."),
    "terms_accepted": _("The present terms are accepted."),
    "no_overdue_report": _("No final report of an earlier award is overdue."),
    "one_per_organisation": _("One application per organisation."),
    "amount_max": _("At most %(amount)s credits are asked for."),
    "attachments_required": _("Attached: %(names)s."),
    "attestation": _("Declared: %(text)s"),
}
SIZES: Mapping[str, Any] = {
    "micro": _("micro"),
    "small": _("small"),
    "medium": _("medium"),
    "large": _("large"),
}


def rule_text(rule: Rule) -> str:
    """Return what a rule asks for, in the present language."""
    params = rule.params
    kinds, files = dict(OrganisationKind.choices), dict(ATTACHMENT_KINDS)
    places = [word for key, word in (("eu", "EU"), ("eea", "EEA")) if params.get(key)]
    names: Mapping[str, Any] = {
        "kind_in": [kinds.get(one, one) for one in params.get("kinds", ())],
        "country_in": [*places, *params.get("codes", ())],
        "size_in": [SIZES.get(one, one) for one in params.get("sizes", ())],
        "attachments_required": [files.get(one, one) for one in params.get("kinds", ())],
    }
    words = {
        "names": ", ".join(str(one) for one in names.get(rule.kind, ())),
        "years": params.get("years", ""),
        "amount": decimal_string(params["micro"]).partition(".")[0] if "micro" in params else "",
        "text": declaration(params) if rule.kind == "attestation" else "",
    }
    return str(RULE_WORDS[rule.kind]) % words
