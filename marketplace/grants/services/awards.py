# SPDX-License-Identifier: Apache-2.0
"""After the award: more time, and unused credit that goes back to the pot."""

from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction
from django.utils.translation import gettext

from aion.actor import Actor, Scope, system
from aion.audit import services as audit
from aion.errors import Conflict, NotFound, Rejected
from aion.events.services.emission import emit
from aion.figures import credits_in_full, day, number
from aion.money import decimal_string
from billing.errors import InvalidAmount
from billing.services.credits import prolong_lot
from billing.services.requests import lock_pending, require_second
from billing.services.takebacks import reclaim
from marketplace.grants.audit import Action
from marketplace.grants.models import Award, Commitment, ExtensionRequest, Programme, Reclaim
from marketplace.grants.queries.awards import draw_down
from marketplace.grants.services.aid import withdraw_aid
from marketplace.grants.services.submission import told
from marketplace.grants.states import AwardState, CommitmentKind, Standing

MOST_DAYS = 730
WARNED_DAYS = 14
REASON_LIMIT = 1000


def find(actor: Actor, public_id: str, *, lock: bool = False) -> Award:
    """Return an award of the actor's organisation. Raises NotFound."""
    rows = Award.objects.visible_to(actor).select_related("programme", "application", "lot", "organisation", "decision")
    if lock:
        rows = rows.select_for_update(of=("self",))
    award: Award | None = rows.filter(public_id=public_id).first()
    if award is None:
        raise NotFound(gettext("There is no such award."))
    return award


def award_told(award: Award) -> dict[str, object]:
    """Return what every event of an award names."""
    application = award.application
    application.programme = award.programme
    return {**told(application), "award": award.public_id}


@transaction.atomic
def request_extension(*, actor: Actor, public_id: str, until: date, reason: str, at: datetime) -> ExtensionRequest:
    """Ask for more time to spend an award, to the end of ``until``.

    Raises NotFound, Conflict for an award that has ended or has a request waiting, Rejected for an earlier day, one
    too far away, or without a reason.
    """
    actor.require(Scope.GRANTS_WRITE)
    award = find(actor, public_id, lock=True)
    _require_running(award, at)
    if until < award.expires_at.date() or until > (award.expires_at + timedelta(days=MOST_DAYS)).date():
        raise Rejected(
            gettext("Choose a day after %(expires_at)s and at most %(most_days)s days later.")
            % {"expires_at": day(award.expires_at), "most_days": MOST_DAYS},
            field="until",
        )
    if not reason.strip() or len(reason) > REASON_LIMIT:
        raise Rejected(
            gettext("Write why you need more time, in at most %(reason_limit)s characters.")
            % {"reason_limit": number(REASON_LIMIT)},
            field="reason",
        )
    if award.extensions.filter(state=Standing.PENDING).exists():
        raise Conflict(gettext("A request for more time waits for an answer already."))
    request = ExtensionRequest.objects.create(
        organisation_id=award.organisation_id,
        award=award,
        until=until,
        reason=reason.strip(),
        asked_by_id=actor.user_id,
        asked_at=at,
    )
    audit.record(actor=actor, action=Action.EXTENSION_ASKED, subject=request, at=at, changes={"until": str(until)})
    return request


@transaction.atomic
def decide_extension(
    *, actor: Actor, request: ExtensionRequest, approve: bool, reason: str, at: datetime
) -> ExtensionRequest:
    """Give more time, or not, and tell the applicant why.

    Raises NotFound when it waits no more, Rejected without a reason, Conflict when the award has ended meanwhile.
    """
    if not reason.strip():
        raise Rejected(gettext("Write why: the applicant reads it."), field="reason")
    award = (
        Award.objects.select_for_update(of=("self",))
        .select_related("programme", "application")
        .get(pk=request.award_id)
    )
    rows = ExtensionRequest.objects.filter(pk=request.pk)
    found: ExtensionRequest = lock_pending(rows, missing=gettext("No such request waits for a decision."))
    if approve:
        _require_running(award, at)
        end = datetime.combine(found.until, time(0, 0, 1), tzinfo=UTC)
        lot = prolong_lot(actor=actor, lot_id=award.lot_id, expires_at=end, reason=reason, at=at)
        award.expires_at = lot.expires_at or end
        award.report_due_on = (award.expires_at + timedelta(days=award.programme.report_days)).date()
        award.save(update_fields=["expires_at", "report_due_on"])
    found.state = Standing.APPROVED if approve else Standing.REJECTED
    found.decided_by, found.decided_at, found.decision_reason = actor.label, at, reason.strip()[:400]
    found.save(update_fields=["state", "decided_by", "decided_at", "decision_reason"])
    audit.record(
        actor=actor,
        action=Action.EXTENSION_DECIDED,
        subject=found,
        at=at,
        reason=reason,
        changes={"state": found.state, "until": str(found.until)},
    )
    emit(
        organisation_id=award.organisation_id,
        type="grant.extension_decided",
        data={**award_told(award), "until": str(found.until), "state": found.state, "reason": found.decision_reason},
        key=f"extension:{found.pk}:decided",
        at=at,
    )
    return found


@transaction.atomic
def propose_reclaim(*, actor: Actor, award: Award, amount: int | None, reason: str, at: datetime) -> Reclaim:
    """Propose that unused credit goes back to the pot; ``amount`` None is all that is neither spent nor held.

    Raises InvalidAmount for more than that, Rejected without a reason, Conflict when one waits already.
    """
    if not reason.strip():
        raise Rejected(gettext("Write why: the applicant reads it."), field="reason")
    found = Award.objects.select_for_update(of=("self",)).select_related("lot").get(pk=award.pk)
    available = found.lot.available
    wanted = available if amount is None else amount
    if not 0 < wanted <= available:
        raise InvalidAmount(
            gettext("%(available)s credits are neither spent nor held: reclaim at most that.")
            % {"available": credits_in_full(max(0, available))},
            field="amount",
        )
    if found.reclaims.filter(state=Standing.PENDING).exists():
        raise Conflict(gettext("A reclaim of this award waits for its second person already."))
    proposal = Reclaim.objects.create(
        organisation_id=found.organisation_id,
        award=found,
        amount=wanted,
        reason=reason.strip()[:400],
        proposed_by_id=actor.user_id,
        proposed_by=actor.label,
        proposed_at=at,
    )
    audit.record(
        actor=actor,
        action=Action.RECLAIM_PROPOSED,
        subject=proposal,
        at=at,
        reason=reason,
        changes={"amount": decimal_string(wanted), "award": found.public_id},
    )
    return proposal


@transaction.atomic
def decide_reclaim(*, actor: Actor, proposal: Reclaim, approve: bool, reason: str, at: datetime) -> Reclaim:
    """Take the credit back as the second person, or leave it. The pot gets it back in the same transaction, once.

    Raises NotFound when it waits no more, FourEyesNeeded for who proposed it, ReclaimNotPossible when less is left.
    """
    programme = Programme.objects.select_for_update(no_key=True).get(awards=proposal.award_id)
    rows = Reclaim.objects.select_related("award__lot", "award__programme", "award__application")
    found: Reclaim = lock_pending(rows.filter(pk=proposal.pk), missing=gettext("No such reclaim waits for a decision."))
    if approve:
        require_second(
            actor, found.proposed_by_id, gettext("You proposed this yourself: another member of staff must approve it.")
        )
    award = found.award
    found.state = Standing.APPROVED if approve else Standing.REJECTED
    found.decided_by_id = actor.user_id if actor.user_id != found.proposed_by_id else None
    found.decided_by, found.decided_at = actor.label, at
    found.save(update_fields=["state", "decided_by_id", "decided_by", "decided_at"])
    if approve:
        reclaim(
            actor=actor,
            public_id=award.lot.public_id,
            amount=found.amount,
            reason=found.reason,
            key=f"award:{award.pk}:{found.pk}",
            second=found.proposed_by,
            at=at,
        )
        Commitment.objects.create(
            programme=programme,
            organisation_id=award.organisation_id,
            application_id=award.application_id,
            kind=CommitmentKind.RECLAIM,
            amount=-found.amount,
            at=at,
        )
        withdraw_aid(award=award, amount=found.amount, at=at)
        emit(
            organisation_id=award.organisation_id,
            type="grant.unused_reclaimed",
            data={**award_told(award), "amount_microcredits": found.amount, "reason": found.reason},
            key=f"reclaim:{found.pk}",
            at=at,
        )
    audit.record(
        actor=actor,
        action=Action.RECLAIM_DECIDED,
        subject=found,
        at=at,
        reason=reason,
        changes={"state": found.state, "amount": decimal_string(found.amount)},
    )
    return found


def apply_unused_rule(*, at: datetime) -> int:
    """Apply each programme's rule of use: warn a fortnight before, then queue what is missing for two persons.

    No credit vanishes by a task: it only proposes. Returns how many reclaims were proposed.
    """
    proposed = 0
    rows = Award.objects.filter(
        state=AwardState.ACTIVE, unused_checked_at=None, expires_at__gt=at, programme__min_used_percent__gt=0
    )
    for pk in rows.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            proposed += _check_use(pk, at)
    return proposed


def _check_use(pk: int, at: datetime) -> int:
    award = Award.objects.select_for_update(of=("self",), skip_locked=True).filter(pk=pk, unused_checked_at=None)
    found = award.select_related("programme", "application", "lot").first()
    if found is None:
        return 0
    programme = found.programme
    due = found.granted_at + timedelta(days=programme.check_after_days)
    if at < due - timedelta(days=WARNED_DAYS):
        return 0
    used = draw_down(found).spent + found.lot.held
    used_percent = used * 100 // found.amount
    enough = used_percent >= programme.min_used_percent
    if at < due:
        if not enough:
            emit(
                organisation_id=found.organisation_id,
                type="grant.unused_warned",
                data={
                    **award_told(found),
                    "used_percent": used_percent,
                    "expected_percent": programme.min_used_percent,
                    "checked_on": str(due.date()),
                },
                key=f"award:{found.pk}:unused",
                at=at,
            )
        return 0
    found.unused_checked_at = at
    found.save(update_fields=["unused_checked_at"])
    missing = min(found.amount * programme.min_used_percent // 100 - used, found.lot.available)
    if enough or missing <= 0 or found.reclaims.filter(state=Standing.PENDING).exists():
        return 0
    propose_reclaim(
        actor=system("rule of use"),
        award=found,
        amount=missing,
        reason=f"{used_percent} % used in {programme.check_after_days} days, not {programme.min_used_percent} %.",
        at=at,
    )
    return 1


def _require_running(award: Award, at: datetime) -> None:
    if award.expires_at <= at:
        raise Conflict(
            gettext("The award ended on %(expires_at)s: it cannot be made longer any more.")
            % {"expires_at": day(award.expires_at)}
        )
