# SPDX-License-Identifier: Apache-2.0
"""Decisions: one person proposes, another approves, and an award is a lot in the same transaction.

Locks are always taken in one order: programme, undertaking, application, lots.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import Conflict, DomainError, NotFound, Rejected
from aion.events.services.emission import emit
from aion.figures import credits_in_full
from aion.money import decimal_string
from aion.residency.policy import Level
from aion.tenancy.models import Project
from billing.errors import InvalidAmount
from billing.services.credits import Restriction, issue_decided
from billing.services.requests import lock_pending, require_second
from marketplace.grants.audit import Action
from marketplace.grants.errors import PotExceeded, WrongState
from marketplace.grants.models import Application, Award, Commitment, Decision, Programme
from marketplace.grants.queries.ranking import ranking
from marketplace.grants.services import aid
from marketplace.grants.services.history import move
from marketplace.grants.services.submission import told
from marketplace.grants.services.wording import state_word
from marketplace.grants.states import ApplicationState, CommitmentKind, DecisionKind, ProgrammeState, Standing

DECIDING = (ProgrammeState.PANEL, ProgrammeState.DECIDED)
POT = "programme_pot_never_passed"
BATCH = 1000


@transaction.atomic
def propose(
    *, actor: Actor, application: Application, kind: DecisionKind, amount: int, reason: str, at: datetime
) -> Decision:
    """Propose an award of ``amount`` micro-credits, or a refusal, with the reason that the applicant will read.

    Raises WrongState before the panel or for what is decided, Rejected without a reason, InvalidAmount above the cap
    per award, PotExceeded, Conflict when a proposal waits already.
    """
    rank = next((one.rank for one in ranking(application.programme_id) if one.application_id == application.pk), None)
    return _propose(actor=actor, application=application, kind=kind, amount=amount, reason=reason, rank=rank, at=at)


def _propose(
    *,
    actor: Actor,
    application: Application,
    kind: DecisionKind,
    amount: int,
    reason: str,
    rank: int | None,
    at: datetime,
) -> Decision:
    # The rank is given: ranking anew for each of many proposals would take minutes.
    programme = Programme.objects.get(pk=application.programme_id)
    found = Application.objects.select_for_update(of=("self",)).get(pk=application.pk)
    _require_ranked(programme, found)
    proposed_by_id = _require_words(actor, reason)
    if kind == DecisionKind.REFUSE:
        amount = 0
    elif not 0 < amount <= programme.cap_per_award:
        raise InvalidAmount(
            gettext("An award is above 0 and at most %(cap_per_award)s credits.")
            % {"cap_per_award": credits_in_full(programme.cap_per_award)},
            field="amount",
        )
    elif amount > programme.left:
        raise _pot_exceeded(programme)
    _require_none_waits(Decision.objects.filter(application=found, state=Standing.PENDING).exists())
    decision = Decision.objects.create(
        organisation_id=found.organisation_id,
        application=found,
        kind=kind,
        amount=amount,
        rank=rank,
        reason=reason.strip(),
        proposed_by_id=proposed_by_id,
        proposed_by=actor.label,
        proposed_at=at,
    )
    _record(actor, decision, Action.DECISION_PROPOSED, at, reason)
    return decision


@transaction.atomic
def propose_down_to_the_pot(
    *, actor: Actor, programme: Programme, applications: Iterable[Application], reason: str, at: datetime
) -> int:
    """Propose what was asked for, for the chosen applications from the best on, while it fits into the pot.

    Applications for which a proposal waits are left alone. Returns how many were proposed.
    """
    found = Programme.objects.get(pk=programme.pk)
    chosen = {one.pk: one for one in applications}
    waiting = Decision.objects.filter(application__programme=found, state=Standing.PENDING)
    left = found.left - sum(waiting.values_list("amount", flat=True))
    proposed = set(waiting.values_list("application_id", flat=True))
    made = 0
    for one in ranking(found.pk):
        amount = min(one.requested_amount, found.cap_per_award)
        if one.application_id not in chosen or one.application_id in proposed or not 0 < amount <= left:
            continue
        _propose(
            actor=actor,
            application=chosen[one.application_id],
            kind=DecisionKind.AWARD,
            amount=amount,
            reason=reason,
            rank=one.rank,
            at=at,
        )
        left -= amount
        made += 1
    return made


@transaction.atomic
def propose_refusals(*, actor: Actor, programme: Programme, reason: str, at: datetime) -> int:
    """Propose to refuse every ranked application for which no proposal waits. Returns how many that were.

    Raises WrongState before the panel, Rejected without a reason.
    """
    waiting = Decision.objects.filter(application__programme=programme, state=Standing.PENDING)
    rows = Application.objects.filter(programme=programme, state=ApplicationState.RANKED)
    rest = rows.exclude(pk__in=waiting.values("application_id"))
    chosen = list(rest.values_list("pk", flat=True))
    for error in refuse_each(actor=actor, application_ids=chosen, reason=reason, at=at).values():
        raise error
    return len(chosen)


@transaction.atomic
def refuse_each(
    *, actor: Actor, application_ids: Collection[int], reason: str, at: datetime
) -> Mapping[int, DomainError]:
    """Propose to refuse each of the chosen applications; return by its key why one was left as it is.

    Each programme is ranked once, and the number of queries does not depend on how many are chosen. Raises Rejected
    without a reason.
    """
    proposed_by_id = _require_words(actor, reason)
    rows = Application.objects.select_for_update(of=("self",)).select_related("programme")
    found = list(rows.filter(pk__in=application_ids).order_by("pk"))
    pending = Decision.objects.filter(application__in=found, state=Standing.PENDING)
    waiting = set(pending.values_list("application_id", flat=True))
    left: dict[int, DomainError] = {}
    for one in found:
        try:
            _require_ranked(one.programme, one)
            _require_none_waits(one.pk in waiting)
        except DomainError as error:
            left[one.pk] = error
    chosen = [one for one in found if one.pk not in left]
    programmes = {one.programme_id for one in chosen}
    ranks = {place.application_id: place.rank for programme_id in programmes for place in ranking(programme_id)}
    made = Decision.objects.bulk_create(
        (
            Decision(
                organisation_id=one.organisation_id,
                application=one,
                kind=DecisionKind.REFUSE,
                rank=ranks.get(one.pk),
                reason=reason.strip(),
                proposed_by_id=proposed_by_id,
                proposed_by=actor.label,
                proposed_at=at,
            )
            for one in chosen
        ),
        batch_size=BATCH,
    )
    changes = ((decision, _recorded(decision)) for decision in made)
    audit.record_each(actor=actor, action=Action.DECISION_PROPOSED, subjects=changes, at=at, reason=reason)
    return left


@transaction.atomic
def approve_decision(*, actor: Actor, public_id: str, at: datetime) -> Decision:
    """Approve a proposal as the second person. An award's credits can be spent when this returns.

    Raises NotFound when none waits, FourEyesNeeded for who proposed it, PotExceeded with what is left, AidRefused,
    WrongState. A refusal here leaves everything as it was.
    """
    seen = Decision.objects.filter(public_id=public_id, state=Standing.PENDING).select_related("application").first()
    if seen is None:
        raise NotFound(gettext("No such proposal waits for a decision."))
    programme = Programme.objects.select_for_update(no_key=True).get(pk=seen.application.programme_id)
    decision = _pending(public_id)
    require_second(
        actor, decision.proposed_by_id, gettext("You proposed this yourself: another member of staff must approve it.")
    )
    application = decision.application
    application.programme = programme
    _decide(decision, Standing.APPROVED, actor, at)
    if decision.kind == DecisionKind.AWARD:
        _grant(actor=actor, decision=decision, application=application, at=at)
    else:
        locked = _locked(application)
        _require_ranked(programme, locked)
        move(actor=actor, application=locked, to=ApplicationState.REFUSED, at=at, reason=decision.reason)
        emit(
            organisation_id=locked.organisation_id,
            type="grant.refused",
            data={**told(locked), "reason": decision.reason},
            key=f"application:{locked.pk}:refused",
            at=at,
        )
    _record(actor, decision, Action.DECISION_APPROVED, at)
    return decision


@transaction.atomic
def reject_decision(*, actor: Actor, public_id: str, reason: str, at: datetime) -> Decision:
    """Send a proposal back: another may be made. Who proposed it may take it back so. Raises NotFound, Rejected."""
    if not reason.strip():
        raise Rejected(gettext("Write why: it goes on the record."), field="reason")
    decision = _pending(public_id)
    _decide(decision, Standing.REJECTED, actor, at)
    _record(actor, decision, Action.DECISION_REJECTED, at, reason)
    return decision


def _grant(*, actor: Actor, decision: Decision, application: Application, at: datetime) -> Award:
    programme = application.programme
    if decision.amount > programme.left:
        raise _pot_exceeded(programme)
    grant = aid.require_room(application=application, amount=decision.amount, at=at)
    locked = _locked(application)
    _require_ranked(programme, locked)
    move(actor=actor, application=locked, to=ApplicationState.AWARDED, at=at, reason=decision.reason)
    try:
        with transaction.atomic():  # the database says no as well, whoever writes a commitment
            Commitment.objects.create(
                programme=programme,
                organisation_id=locked.organisation_id,
                application=locked,
                kind=CommitmentKind.AWARD,
                amount=decision.amount,
                at=at,
            )
    except IntegrityError as error:
        if POT in str(error):
            raise _pot_exceeded(programme) from error
        raise
    project = _project_for(locked) if programme.ties_projects else locked.project
    lot = issue_decided(
        actor=actor,
        asked_by_id=decision.proposed_by_id,
        asked_by=decision.proposed_by,
        asked_at=decision.proposed_at,
        organisation_id=locked.organisation_id,
        amount=decision.amount,
        label=programme.name_en[:120],
        reason=f"{decision.public_id}: {decision.reason}",
        expires_at=at + timedelta(days=programme.lot_days),
        only=Restriction(
            sku_codes=tuple(programme.sku_codes),
            site_codes=tuple(programme.site_codes),
            programme_codes=(programme.code,) if programme.ties_projects else (),
            min_level=programme.min_level,
        ),
        key=f"award:{locked.pk}",
        at=at,
    )
    ends = lot.expires_at or at
    award = Award.objects.create(
        organisation_id=locked.organisation_id,
        programme=programme,
        application=locked,
        decision=decision,
        project=project,
        lot=lot,
        amount=decision.amount,
        granted_at=at,
        expires_at=ends,
        report_due_on=(ends + timedelta(days=programme.report_days)).date(),
    )
    if grant is not None:
        aid.record_grant(actor=actor, grant=grant, award=award, at=at)
    emit(
        organisation_id=locked.organisation_id,
        type="grant.awarded",
        data={
            **told(locked),
            "award": award.public_id,
            "amount_microcredits": award.amount,
            "expires_at": ends,
            "reason": decision.reason,
        },
        key=f"application:{locked.pk}:awarded",
        at=at,
    )
    return award


def _project_for(application: Application) -> Project:
    """Return the project whose work the award pays: the one applied for, or a new one when that is tied elsewhere."""
    code = application.programme.code
    wanted = application.project
    if wanted is not None and wanted.programme_code in ("", code):
        Project.objects.filter(pk=wanted.pk).update(programme_code=code)
        return wanted
    level = application.programme.min_level
    return Project.objects.create(
        organisation_id=application.organisation_id,
        name=(application.title or code)[:80],
        slug=f"{slugify(code)[:22].strip('-')}-{application.public_id[-16:]}",
        residency_policy=wanted.residency_policy if wanted else (Level(level).name if level else "EU_RESIDENT"),
        milli_gpu_quota=application.organisation.milli_gpu_quota,
        programme_code=code,
    )


def _require_words(actor: Actor, reason: str) -> int:
    """Return the key of the person who proposes. Raises Rejected without a reason, or for a machine."""
    if not reason.strip():
        raise Rejected(gettext("Write the reason: the applicant reads it."), field="reason")
    if actor.user_id is None:
        raise Rejected(gettext("Only a person can propose a decision."))
    return actor.user_id


def _require_none_waits(waits: bool) -> None:
    if waits:
        raise Conflict(gettext("A proposal for this application waits for its second person already."))


def _require_ranked(programme: Programme, application: Application) -> None:
    if programme.state not in DECIDING:
        raise WrongState(
            gettext("The panel has not begun; the programme is %(programme_state)s.")
            % {"programme_state": state_word(programme.state)},
            state=programme.state,
        )
    if application.state != ApplicationState.RANKED:
        raise WrongState(
            gettext("Only a ranked application is decided; this one is %(application_state)s.")
            % {"application_state": state_word(application.state)},
            state=application.state,
        )


def _pot_exceeded(programme: Programme) -> PotExceeded:
    left = programme.pot - Programme.objects.values_list("committed", flat=True).get(pk=programme.pk)
    return PotExceeded(
        gettext("%(left)s credits are left in the pot: propose at most that.") % {"left": credits_in_full(left)},
        field="amount",
        left_microcredits=left,
    )


def _locked(application: Application) -> Application:
    found: Application = (
        Application.objects.select_for_update(of=("self",))
        .select_related("programme", "organisation", "project")
        .get(pk=application.pk)
    )
    return found


def _pending(public_id: str) -> Decision:
    rows = Decision.objects.select_related("application__organisation").filter(public_id=public_id)
    decision: Decision = lock_pending(rows, missing=gettext("No such proposal waits for a decision."))
    return decision


def _decide(decision: Decision, to: Standing, actor: Actor, at: datetime) -> None:
    second = actor.user_id if actor.user_id != decision.proposed_by_id else None
    decision.state, decision.decided_by_id, decision.decided_by, decision.decided_at = to, second, actor.label, at
    decision.save(update_fields=["state", "decided_by_id", "decided_by", "decided_at"])


def _record(actor: Actor, decision: Decision, action: Action, at: datetime, reason: str = "") -> None:
    audit.record(actor=actor, action=action, subject=decision, at=at, reason=reason, changes=_recorded(decision))


def _recorded(decision: Decision) -> dict[str, str]:
    return {
        "application": decision.application.public_id,
        "kind": decision.kind,
        "amount": decimal_string(decision.amount),
    }
