# SPDX-License-Identifier: Apache-2.0
"""Submitting: deadline, completeness, snapshot and eligibility in one transaction."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from aion.actor import Actor, Scope, system
from aion.audit import services as audit
from aion.errors import Rejected
from aion.events.services.emission import emit
from aion.figures import credits_in_full
from marketplace.grants.audit import Action
from marketplace.grants.eligibility import Result, rules_of
from marketplace.grants.errors import ApplicationIncomplete, WrongState
from marketplace.grants.models import Application, EligibilityResult, Programme, Submission
from marketplace.grants.queries.applicants import eligibility_now
from marketplace.grants.services.applications import find, require_open
from marketplace.grants.services.history import move
from marketplace.grants.states import AidRegime, ApplicationState
from marketplace.grants.words import in_english, needed_words

NEEDED = ("title", "abstract", "work_plan", "data_class", "openness", "ethics", "team", "acknowledgement")


def missing(application: Application) -> list[str]:
    """Return the names of the fields that the application still needs, in the order of the steps."""
    found = [name for name in NEEDED if not getattr(application, name)]
    if application.programme.aid_regime != AidRegime.NONE and application.declared_aid is None:
        found.insert(0, "declared_aid")
    if not application.requested_amount:
        found.append("items")
    return found


@transaction.atomic
def submit(*, actor: Actor, public_id: str, at: datetime) -> Application:
    """Submit a draft: check the deadline on a locked programme, keep a snapshot, check eligibility, tell everybody.

    Raises CallClosed at the deadline and after, ApplicationIncomplete with ``missing``, Rejected above the cap per
    award, WrongState for what was submitted already, NotFound. A refusal leaves the draft as it was.
    """
    actor.require(Scope.GRANTS_WRITE)
    seen = find(actor, public_id)
    programme = Programme.objects.select_for_update().get(pk=seen.programme_id)
    application = find(actor, public_id, lock=True)
    application.programme = programme
    if application.state != ApplicationState.DRAFT:
        raise WrongState(gettext("It was submitted already."), state=application.state)
    require_open(programme, at)
    _require_complete(application)
    content = snapshot(application)
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    # The results are looked at before the state moves: what is checked is the draft as it is submitted.
    results = eligibility_now(application, at)
    move(
        actor=actor,
        application=application,
        to=ApplicationState.SUBMITTED,
        at=at,
        submitted_at=at,
        submitted_by_id=actor.user_id,
        updated_at=at,
    )
    organisation_id = application.organisation_id
    Submission.objects.create(
        application=application, organisation_id=organisation_id, content=content, sha256=digest, at=at
    )
    audit.record(
        actor=actor, action=Action.APPLICATION_SUBMITTED, subject=application, changes={"sha256": digest}, at=at
    )
    emit(
        organisation_id=organisation_id,
        type="grant.application_submitted",
        data={**told(application), "amount_microcredits": application.requested_amount},
        key=f"application:{application.pk}:submitted",
        at=at,
    )
    _settle(application, results, at)
    return application


def _require_complete(application: Application) -> None:
    names = missing(application)
    if names:
        raise ApplicationIncomplete(
            gettext("These parts are missing: %(names)s. Fill them in, then submit.") % {"names": needed_words(names)},
            missing=names,
        )
    cap = application.programme.cap_per_award
    if application.requested_amount > cap:
        raise Rejected(
            gettext("At most %(cap)s credits can be asked for in this call: ask for less work.")
            % {"cap": credits_in_full(cap)},
            field="items",
            cap_microcredits=cap,
        )


def _settle(application: Application, results: Sequence[Result], at: datetime) -> None:
    rules = {rule.id: rule for rule in rules_of(application.programme.rules)}
    reasons = in_english(results)
    EligibilityResult.objects.bulk_create(
        EligibilityResult(
            application=application,
            organisation_id=application.organisation_id,
            rule_id=one.rule_id,
            rule_version=application.programme.rules_version,
            passed=one.passed,
            reason=reason,
            evidence={
                "kind": one.kind,
                "outcome": one.outcome,
                "words": dict(one.words),
                "params": dict(rules[one.rule_id].params),
            },
            at=at,
        )
        for one, reason in zip(results, reasons, strict=True)
    )
    failed = [reason for one, reason in zip(results, reasons, strict=True) if not one.passed]
    checker = system("eligibility check", organisation_id=application.organisation_id)
    to = ApplicationState.INELIGIBLE if failed else ApplicationState.ELIGIBLE
    move(actor=checker, application=application, to=to, at=at, reason=" ".join(failed))
    if failed:
        emit(
            organisation_id=application.organisation_id,
            type="grant.ineligible",
            data={**told(application), "reason": " ".join(failed)},
            key=f"application:{application.pk}:ineligible",
            at=at,
        )


def told(application: Application) -> dict[str, Any]:
    """Return what every event of an application names."""
    return {
        "application": application.public_id,
        "title": application.title,
        "programme": application.programme.public_id,
        "code": application.programme.code,
        "name": application.programme.name_en,
    }


def snapshot(application: Application) -> dict[str, Any]:
    """Return the application's content as it is kept. Addresses are left out: the snapshot outlives an erasure."""
    items = application.items.all()
    return {
        "application": application.public_id,
        "programme": application.programme.public_id,
        "rules_version": application.programme.rules_version,
        "organisation": application.organisation.public_id,
        "project": application.project.public_id if application.project else None,
        "revision": application.revision,
        "title": application.title,
        "abstract": application.abstract,
        "work_plan": application.work_plan,
        "data_class": application.data_class,
        "openness": application.openness,
        "ethics": application.ethics,
        "acknowledgement": application.acknowledgement,
        "attestations": application.attestations,
        "declared_aid_microcredits": application.declared_aid,
        "team": [{key: one.get(key, "") for key in ("name", "role")} for one in application.team],
        "partners": application.partners,
        "requested_microcredits": application.requested_amount,
        "milli_gpu_hours": application.milli_gpu_hours,
        "items": [
            {
                "title": item.title,
                "sku_code": item.sku_code,
                "gpu_hours": item.gpu_hours,
                "params": item.params,
                "tokens": item.tokens,
                "mfu_bp": item.mfu_bp,
                "flop": None if item.flop is None else str(item.flop),
                "microcredits": item.micro,
                "watt_hours": item.watt_hours,
                "g_co2e": item.g_co2e,
            }
            for item in items
        ],
        "attachments": [
            {"id": one.public_id, "kind": one.kind, "name": one.name, "size": one.size, "sha256": one.sha256}
            for one in application.attachments.all()
        ],
    }


@transaction.atomic
def let_pass(*, actor: Actor, application: Application, reason: str, at: datetime) -> Application:
    """Let an application pass although a rule failed, with the reason of a member of staff. Raises WrongState."""
    found: Application = (
        Application.objects.select_for_update(of=("self",)).select_related("programme").get(pk=application.pk)
    )
    if found.state != ApplicationState.INELIGIBLE:
        raise WrongState(gettext("Only an application that is not eligible can be let pass."), state=found.state)
    move(actor=actor, application=found, to=ApplicationState.ELIGIBLE, at=at, reason=reason)
    audit.record(actor=actor, action=Action.APPLICATION_LET_PASS, subject=found, reason=reason, at=at)
    emit(
        organisation_id=found.organisation_id,
        type="grant.let_pass",
        data={**told(found), "reason": reason},
        key=f"application:{found.pk}:let_pass",
        at=at,
    )
    return found
