# SPDX-License-Identifier: Apache-2.0
"""Rules, fields and kinds as applicants read them, in their language."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import get_language, gettext, override
from django.utils.translation import gettext_lazy as _

from aion.figures import credits_in_full, day
from aion.money import from_decimal
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
# The labels of the wizard's fields, and the step of each: what is missing is named as the form names it.
FIELD_WORDS: Mapping[str, tuple[Any, str]] = {
    "declared_aid": (_("De minimis aid of the last three years (euros)"), "organisation"),
    "title": (_("Title"), "project"),
    "abstract": (_("Abstract"), "project"),
    "team": (_("Team"), "project"),
    "work_plan": (_("Work plan"), "workload"),
    "data_class": (_("Data"), "workload"),
    "openness": (_("Openness"), "workload"),
    "ethics": (_("Ethics"), "workload"),
    "acknowledgement": (_("We name the programme in publications and send the final report"), "workload"),
    "items": (_("At least one work item"), "estimate"),
}
ITEM_WORDS: Mapping[str, Any] = {
    "gpu_hours": _("GPU-hours"),
    "params": _("Model size"),
    "tokens": _("Tokens"),
    "mfu_bp": _("Share of peak"),
}


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule as a line of a list: met or not, and the sentence that says why and what to do."""

    passed: bool
    reason: str


def checked(results: Iterable[Result]) -> list[RuleLine]:
    """Return the lines of a check that was made just now."""
    return [RuleLine(one.passed, _sentence(SENTENCES[one.kind][one.outcome], one.kind, one.words)) for one in results]


def in_english(results: Iterable[Result]) -> list[str]:
    """Return the sentences as they are kept, whatever language the applicant reads."""
    with override("en-gb"):
        return [line.reason for line in checked(results)]


def kept(results: Iterable[EligibilityResult]) -> list[RuleLine]:
    """Return the lines of the check that was made at submission; a sentence that is gone is shown as it was kept."""
    return [RuleLine(one.passed, kept_reason(one)) for one in results]


def kept_reason(result: EligibilityResult) -> str:
    """Return the sentence of a kept result in the present language."""
    evidence = result.evidence
    kind = evidence.get("kind", "")
    sentence = SENTENCES.get(kind, {}).get(evidence.get("outcome", ""))
    return _sentence(sentence, kind, evidence.get("words", {})) if sentence is not None else result.reason


def _sentence(sentence: str, kind: str, words: Mapping[str, str]) -> str:
    return gettext(sentence) % {name: _as_read(kind, word) for name, word in words.items()}


def _as_read(kind: str, word: str) -> str:
    """Write one of a result's words, which are codes, decimals and ISO dates, as people read it."""
    if kind == "amount_max":
        return credits_in_full(from_decimal(Decimal(word)))
    if kind == "founded_within_years" and "-" in word:
        return day(date.fromisoformat(word))
    names = _names_of(kind)
    return ", ".join(str(names.get(one, one)) for one in word.split(", "))


def _names_of(kind: str) -> Mapping[str, Any]:
    kinds: Mapping[str, Mapping[str, Any]] = {
        "kind_in": dict(OrganisationKind.choices),
        "size_in": SIZES,
        "attachments_required": dict(ATTACHMENT_KINDS),
    }
    return kinds.get(kind, {})


def needed(names: Iterable[str]) -> list[tuple[Any, str]]:
    """Return the words of missing fields, each with the step where it is filled in."""
    return [FIELD_WORDS[name] for name in names]


def needed_words(names: Iterable[str]) -> str:
    """Return missing fields within a sentence."""
    return ", ".join(str(words) for words, _step in needed(names))


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
    places = [word for key, word in (("eu", "EU"), ("eea", "EEA")) if params.get(key)]
    codes = [*places, *params.get("codes", ()), *params.get("kinds", ()), *params.get("sizes", ())]
    names = _names_of(rule.kind)
    words = {
        "names": ", ".join(str(names.get(one, one)) for one in codes),
        "years": params.get("years", ""),
        "amount": credits_in_full(params["micro"]) if "micro" in params else "",
        "text": declaration(params) if rule.kind == "attestation" else "",
    }
    return str(RULE_WORDS[rule.kind]) % words
