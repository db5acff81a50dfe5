# SPDX-License-Identifier: Apache-2.0
"""What may stand in a draft: each field is judged as it is saved; what is missing is asked for at submission."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext

from aion import characters
from aion.actor import Actor
from aion.errors import Rejected
from aion.figures import number
from aion.tenancy.models import Project
from marketplace.grants.eligibility import rules_of
from marketplace.grants.models import Application
from marketplace.grants.states import DataClass, Openness

MAX_TEAM = 12
MAX_PARTNERS = 20
MAX_ITEMS = 12
MAX_AID = 10**15
LENGTHS = {"title": 160, "abstract": 3000, "work_plan": 12_000, "ethics": 3000}
# Texts of more than one line.
PROSE = frozenset({"abstract", "work_plan", "ethics", "cv"})
STEPS: Mapping[str, frozenset[str]] = {
    "organisation": frozenset({"attestations", "declared_aid", "partners"}),
    "project": frozenset({"title", "abstract", "project", "team"}),
    "workload": frozenset({"work_plan", "data_class", "openness", "ethics", "acknowledgement"}),
    "estimate": frozenset({"items"}),
}
ALL_FIELDS = frozenset().union(*STEPS.values())


def text(name: str, value: Any, limit: int) -> str:
    """Return ``value`` trimmed. Raises Rejected for what is no text, too long, or holds what nobody sees."""
    if not isinstance(value, str):
        raise Rejected(gettext("Write a text."), field=name)
    kept = value.replace("\r\n", "\n").strip()
    if len(kept) > limit:
        raise Rejected(
            gettext("Write at most %(limit)s characters; this has %(kept)s.")
            % {"limit": number(limit), "kept": number(len(kept))},
            field=name,
        )
    if not characters.shown(kept, lines=name in PROSE):
        raise Rejected(str(characters.REFUSED), field=name)
    return kept


def _texts(name: str) -> Callable[[Actor, Application, Any], Any]:
    return lambda _actor, _application, value: text(name, value, LENGTHS[name])


def _choice(name: str, allowed: Sequence[str]) -> Callable[[Actor, Application, Any], Any]:
    def judge(_actor: Actor, _application: Application, value: Any) -> str:
        if value not in ("", *allowed):
            raise Rejected(gettext("Choose one of %(allowed)s.") % {"allowed": ", ".join(allowed)}, field=name)
        return str(value)

    return judge


def _rows(name: str, value: Any, limit: int, keys: Mapping[str, int]) -> list[dict[str, str]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) and not set(one) - set(keys) for one in value):
        raise Rejected(gettext("Write a list of %(keys)s.") % {"keys": ", ".join(keys)}, field=name)
    rows = [{key: text(name, one.get(key, ""), length) for key, length in keys.items()} for one in value]
    rows = [one for one in rows if any(one.values())]
    if len(rows) > limit:
        raise Rejected(gettext("Name at most %(limit)s.") % {"limit": limit}, field=name)
    if any(not one["name"] for one in rows):
        raise Rejected(gettext("Give everyone a name."), field=name)
    return rows


def _team(_actor: Actor, _application: Application, value: Any) -> list[dict[str, str]]:
    rows = _rows("team", value, MAX_TEAM, {"name": 120, "email": 254, "role": 80, "cv": 1500})
    for one in rows:
        try:
            validate_email(one["email"])
        except ValidationError as error:
            raise Rejected(
                gettext("%(name)s needs an e-mail address that works.") % {"name": one["name"]}, field="team"
            ) from error
    return rows


def _partners(_actor: Actor, _application: Application, value: Any) -> list[dict[str, str]]:
    return _rows("partners", value, MAX_PARTNERS, {"name": 120})


def _project(actor: Actor, _application: Application, value: Any) -> Project | None:
    if not value:
        return None
    found: Project | None = Project.objects.visible_to(actor).filter(public_id=value).first()
    if found is None:
        raise Rejected(gettext("There is no such project: choose one of your organisation's."), field="project")
    return found


def _attestations(_actor: Actor, application: Application, value: Any) -> list[str]:
    asked = {one["key"] for one in declarations(application)}
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value) or set(value) - asked:
        raise Rejected(gettext("Declare only what the call asks for."), field="attestations")
    return sorted(set(value))


def _aid(_actor: Actor, _application: Application, value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_AID:
        raise Rejected(
            gettext("Enter the aid received in the last three years; 0 if there was none."), field="declared_aid"
        )
    return value


def _tick(_actor: Actor, _application: Application, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Rejected(gettext("Say yes or no."), field="acknowledgement")
    return value


JUDGES: Mapping[str, Callable[[Actor, Application, Any], Any]] = {
    **{name: _texts(name) for name in LENGTHS},
    "data_class": _choice("data_class", [one.value for one in DataClass]),
    "openness": _choice("openness", [one.value for one in Openness]),
    "project": _project,
    "team": _team,
    "partners": _partners,
    "attestations": _attestations,
    "declared_aid": _aid,
    "acknowledgement": _tick,
}


def declarations(application: Application) -> list[Mapping[str, Any]]:
    """Return what the call asks an applicant to declare: key and text in both languages."""
    return [rule.params for rule in rules_of(application.programme.rules) if rule.kind == "attestation"]


def judged(actor: Actor, application: Application, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values to store of all fields but the items. Raises Rejected, which names the field."""
    return {name: JUDGES[name](actor, application, value) for name, value in data.items() if name in JUDGES}
