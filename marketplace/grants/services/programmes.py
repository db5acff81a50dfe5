# SPDX-License-Identifier: Apache-2.0
"""Programmes from draft to closed: what staff do. Once published, the terms stand."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils.translation import gettext

from aion import clock
from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import Conflict, Rejected
from aion.events.services.emission import emit
from aion.horizon import require_near
from billing.services.requests import require_skus
from clusters import queries as clusters
from marketplace.grants.audit import Action
from marketplace.grants.eligibility import BadRules, rules_of
from marketplace.grants.errors import ProgrammeNotReady, WrongState
from marketplace.grants.models import Application, Programme
from marketplace.grants.services.wording import state_word
from marketplace.grants.states import AidRegime, MoneySource, ProgrammeState

FIELDS = frozenset(
    {
        "code", "name_en", "name_fr", "summary_en", "summary_fr", "organisation", "funder", "money_source",
        "aid_regime", "aid_decided_by", "pot", "cap_per_award", "opens_at", "closes_at", "zone", "decision_on",
        "lot_days", "report_days", "min_reviews", "sku_codes", "site_codes", "min_level", "ties_projects",
        "check_after_days", "min_used_percent", "rules",
    }
)  # fmt: skip
TOTAL_WEIGHT = 100


def _refuse_bad_terms(programme: Programme) -> None:
    require_near(
        at=clock.now(), opens_at=programme.opens_at, closes_at=programme.closes_at, decision_on=programme.decision_on
    )
    if programme.zone not in available_timezones():
        raise Rejected(gettext("Name a time zone such as Europe/Paris."), field="zone")
    if programme.closes_at <= programme.opens_at:
        raise Rejected(gettext("A call closes after it opens."), field="closes_at")
    if programme.decision_on < programme.closes_at.astimezone(ZoneInfo(programme.zone)).date():
        raise Rejected(gettext("The decision comes on the day of the deadline at the earliest."), field="decision_on")
    if not 0 < programme.cap_per_award <= programme.pot:
        raise Rejected(gettext("An award is above 0 and at most the pot."), field="cap_per_award")
    if programme.money_source == MoneySource.PRIVATE_PRIZE and programme.aid_regime != AidRegime.NONE:
        raise Rejected(gettext("A private prize is no state aid."), field="aid_regime")
    if programme.money_source == MoneySource.STATE and programme.aid_regime == AidRegime.NONE:
        raise Rejected(gettext("State money needs a rule of state aid: choose one."), field="aid_regime")
    if programme.aid_regime != AidRegime.NONE and not programme.aid_decided_by:
        raise Rejected(gettext("Name the person who decided on state aid."), field="aid_decided_by")
    try:
        rules_of(programme.rules)
    except BadRules as error:
        raise Rejected(gettext(error.text) % error.words, field="rules") from error
    require_skus(programme.sku_codes)
    unknown = sorted(set(programme.site_codes) - set(clusters.site_names()))
    if unknown:
        raise Rejected(
            gettext("There is no site %(unknown)s: use codes of sites.") % {"unknown": ", ".join(unknown)},
            field="site_codes",
        )


def _save(programme: Programme) -> None:
    try:
        programme.clean_fields(exclude=["public_id"])
    except ValidationError as error:
        name, texts = next(iter(error.message_dict.items()))
        raise Rejected(texts[0], field=name) from error
    _refuse_bad_terms(programme)
    try:
        with transaction.atomic():
            programme.save()
    except IntegrityError as error:
        if "code" in str(error):
            raise Conflict(gettext("There is a programme with this code already."), field="code") from error
        raise


def _wanted(wish: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(wish) - FIELDS)
    if unknown:
        raise Rejected(gettext("A programme has no %(unknown)s.") % {"unknown": ", ".join(unknown)}, field=unknown[0])
    return dict(wish)


@transaction.atomic
def create_programme(*, actor: Actor, wish: Mapping[str, Any], at: datetime) -> Programme:
    """Write a draft from the fields in ``wish``. Raises Rejected for impossible terms, Conflict for a taken code."""
    programme = Programme(**_wanted(wish))
    _save(programme)
    audit.record(actor=actor, action=Action.PROGRAMME_CREATED, subject=programme, at=at)
    return programme


@transaction.atomic
def update_programme(*, actor: Actor, programme: Programme, wish: Mapping[str, Any], at: datetime) -> Programme:
    """Change a draft. Raises WrongState once it is published, Rejected for terms that cannot be."""
    found = _locked(
        programme, ProgrammeState.DRAFT, gettext("Its terms were published: only the deadline may move later.")
    )
    wanted = _wanted(wish)
    changed = sorted(name for name, value in wanted.items() if getattr(found, name) != value)
    if "rules" in changed:
        found.rules_version += 1
    for name in changed:
        setattr(found, name, wanted[name])
    _save(found)
    audit.record(actor=actor, action=Action.PROGRAMME_CHANGED, subject=found, changes={"fields": changed}, at=at)
    return found


def _locked(programme: Programme, state: ProgrammeState, otherwise: str) -> Programme:
    found: Programme = Programme.objects.select_for_update().get(pk=programme.pk)
    if found.state != state:
        raise WrongState(otherwise, state=found.state)
    return found


@transaction.atomic
def publish_programme(*, actor: Actor, programme: Programme, at: datetime) -> Programme:
    """Publish a draft: from now on its terms are frozen by the database.

    Raises WrongState unless it is a draft, ProgrammeNotReady for a deadline that is past or weights that are not 100.
    """
    found = _locked(programme, ProgrammeState.DRAFT, gettext("It is published already."))
    _refuse_bad_terms(found)
    if found.closes_at <= at:
        raise ProgrammeNotReady(gettext("The deadline is past: set a later one."))
    total = found.criteria.aggregate(total=Sum("weight"))["total"] or 0
    if total != TOTAL_WEIGHT:
        raise ProgrammeNotReady(
            gettext("The weights of the criteria add up to %(total)s: make it 100.") % {"total": total}, weights=total
        )
    Programme.objects.filter(pk=found.pk).move(ProgrammeState.OPEN)
    found.refresh_from_db()
    audit.record(actor=actor, action=Action.PROGRAMME_PUBLISHED, subject=found, at=at)
    emit(
        organisation_id=found.organisation_id,
        type="grant.call_opened",
        data={**programme_told(found), "closes_at": found.closes_at},
        key=f"programme:{found.pk}:opened",
        at=at,
    )
    return found


@transaction.atomic
def move_on(*, actor: Actor, programme: Programme, to: ProgrammeState, reason: str, at: datetime) -> Programme:
    """Move a published programme one step on. Raises WrongState for another step, and for a call that still runs."""
    found: Programme = Programme.objects.select_for_update().get(pk=programme.pk)
    if to == ProgrammeState.REVIEW and at < found.closes_at:
        raise WrongState(gettext("The call still takes applications: wait for its deadline, or cancel it."))
    if to in (ProgrammeState.OPEN, ProgrammeState.CANCELLED) or not Programme.objects.filter(pk=found.pk).move(to):
        raise WrongState(
            gettext("A programme that is %(state)s does not become %(to)s.")
            % {"state": state_word(found.state), "to": state_word(to)},
            state=found.state,
        )
    audit.record(
        actor=actor,
        action=Action.PROGRAMME_MOVED,
        subject=found,
        reason=reason,
        changes={"state": [found.state, to]},
        at=at,
    )
    found.refresh_from_db()
    return found


@transaction.atomic
def cancel_programme(*, actor: Actor, programme: Programme, reason: str, at: datetime) -> Programme:
    """Cancel a draft or an open call and tell every applicant why. Raises WrongState later on."""
    found: Programme = Programme.objects.select_for_update().get(pk=programme.pk)
    if not Programme.objects.filter(pk=found.pk).move(ProgrammeState.CANCELLED):
        raise WrongState(gettext("It is past the point where it could be cancelled."), state=found.state)
    audit.record(actor=actor, action=Action.PROGRAMME_CANCELLED, subject=found, reason=reason, at=at)
    _tell_applicants(found, "grant.call_cancelled", {"reason": reason}, key="cancelled", at=at)
    found.refresh_from_db()
    return found


@transaction.atomic
def move_deadline(*, actor: Actor, programme: Programme, closes_at: datetime, reason: str, at: datetime) -> Programme:
    """Give applicants more time, and tell those who have begun. Raises WrongState unless open, Rejected if earlier."""
    found = _locked(programme, ProgrammeState.OPEN, gettext("Only the deadline of an open call can be moved."))
    require_near(at=at, closes_at=closes_at)
    if closes_at <= max(found.closes_at, at):
        raise Rejected(gettext("A deadline moves later only."), field="closes_at")
    before = found.closes_at
    found.closes_at = closes_at
    found.decision_on = max(found.decision_on, closes_at.astimezone(ZoneInfo(found.zone)).date())
    found.save(update_fields=["closes_at", "decision_on"])
    audit.record(
        actor=actor,
        action=Action.DEADLINE_MOVED,
        subject=found,
        reason=reason,
        changes={"closes_at": [before.isoformat(), closes_at.isoformat()]},
        at=at,
    )
    told = {"closes_at": closes_at, "reason": reason}
    _tell_applicants(found, "grant.deadline_moved", told, key=f"deadline:{closes_at.isoformat()}", at=at)
    return found


def programme_told(programme: Programme) -> dict[str, Any]:
    """Return what every event of a programme names."""
    return {"programme": programme.public_id, "code": programme.code, "name": programme.name_en}


def _tell_applicants(programme: Programme, type_: str, more: Mapping[str, Any], *, key: str, at: datetime) -> None:
    begun = Application.objects.filter(programme=programme).exclude(state="withdrawn")
    for organisation_id in begun.order_by("organisation_id").values_list("organisation_id", flat=True).distinct():
        emit(
            organisation_id=organisation_id,
            type=type_,
            data={**programme_told(programme), **more},
            key=f"programme:{programme.pk}:{key}",
            at=at,
        )
