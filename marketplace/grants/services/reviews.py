# SPDX-License-Identifier: Apache-2.0
"""Reviews: assigned without a conflict that we know of, read once independence is declared, scored blind."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from aion.actor import Actor, Scope
from aion.audit import services as audit
from aion.errors import NotFound, Rejected
from aion.events.services.emission import emit
from aion.figures import number
from aion.horizon import require_near
from aion.tenancy.models import Membership, User
from aion.tenancy.roles import Role
from marketplace.grants.audit import Action
from marketplace.grants.errors import ReviewerNotPossible, ReviewIncomplete, ScoreOutOfRange, WrongState
from marketplace.grants.models import (
    Application,
    Appointment,
    Attachment,
    Criterion,
    Programme,
    ReviewAssignment,
    Score,
)
from marketplace.grants.queries.aid import linked_organisations
from marketplace.grants.ranking import Judge, Judged, known_conflict
from marketplace.grants.services.history import move
from marketplace.grants.services.submission import told
from marketplace.grants.services.wording import CONFLICT_WORDS, state_word
from marketplace.grants.states import ApplicationState, ConflictKind, ProgrammeState, ReviewState

TEXT_LIMIT = 4000
COMMENT_LIMIT = 2000
READABLE = (ReviewState.ACCEPTED, ReviewState.SUBMITTED)
OPEN_TO_REVIEWERS = (ApplicationState.ELIGIBLE, ApplicationState.IN_REVIEW)


@dataclass(frozen=True, slots=True)
class ScoreWish:
    """What a reviewer gives for one criterion."""

    value: int
    comment: str = ""


@transaction.atomic
def assign(
    *, actor: Actor, application: Application, reviewer: User, due_at: datetime, at: datetime
) -> ReviewAssignment:
    """Ask a reviewer who is appointed to the programme for a review and tell that person alone.

    Raises ReviewerNotPossible for who is not appointed, has been asked already or has a conflict that we know of;
    WrongState for an application that is not to be reviewed; Rejected for a day that is past.
    """
    require_near(at=at, due_at=due_at)
    if due_at <= at:
        raise Rejected(gettext("The review must be due in the future."), field="due_at")
    found = _locked(application)
    if found.state not in OPEN_TO_REVIEWERS:
        raise WrongState(
            gettext("An application that is %(state)s is not reviewed.") % {"state": state_word(found.state)},
            state=found.state,
        )
    programme = found.programme
    if not Appointment.objects.filter(programme=programme, reviewer=reviewer, ended_at=None).exists():
        raise ReviewerNotPossible(
            gettext("%(reviewer)s is not appointed to %(programme)s: appoint the person there first.")
            % {"reviewer": reviewer, "programme": programme},
            field="reviewer",
        )
    conflict = known_conflict(_judges([reviewer])[reviewer.pk], _judged(found, at))
    if conflict is not None:
        raise ReviewerNotPossible(
            gettext("%(reviewer)s has a conflict of interest (%(conflict)s): choose another reviewer.")
            % {"reviewer": reviewer, "conflict": CONFLICT_WORDS[conflict]},
            field="reviewer",
            conflict=str(conflict),
        )
    if found.reviews.filter(reviewer=reviewer).exists():
        raise ReviewerNotPossible(
            gettext("%(reviewer)s was asked for this application already.") % {"reviewer": reviewer}, field="reviewer"
        )
    return _assign(actor=actor, application=found, reviewer=reviewer, due_at=due_at, at=at)


def _assign(
    *, actor: Actor, application: Application, reviewer: User, due_at: datetime, at: datetime
) -> ReviewAssignment:
    assignment = ReviewAssignment.objects.create(
        organisation_id=application.programme.organisation_id,
        application=application,
        reviewer=reviewer,
        due_at=due_at,
        assigned_at=at,
    )
    if application.state == ApplicationState.ELIGIBLE:
        move(actor=actor, application=application, to=ApplicationState.IN_REVIEW, at=at)
    audit.record(
        actor=actor,
        action=Action.REVIEW_ASSIGNED,
        subject=assignment,
        at=at,
        changes={"reviewer": reviewer.pk, "application": application.public_id},
    )
    emit(
        organisation_id=assignment.organisation_id,
        type="grant.review_assigned",
        data={**told(application), "review": assignment.public_id, "due_at": due_at},
        key=f"review:{assignment.pk}:assigned",
        at=at,
        recipient=reviewer.pk,
    )
    return assignment


@transaction.atomic
def assign_evenly(
    *, actor: Actor, programme: Programme, applications: Iterable[Application], due_at: datetime, at: datetime
) -> int:
    """Give each application as many reviewers as the programme asks for, those with the least work first.

    Returns how many assignments were made; applications for which too few reviewers without a conflict are left get
    fewer. Raises Rejected for a day that is past.
    """
    require_near(at=at, due_at=due_at)
    if due_at <= at:
        raise Rejected(gettext("The review must be due in the future."), field="due_at")
    reviewers = list(
        User.objects.filter(
            pk__in=Appointment.objects.filter(programme=programme, ended_at=None).values("reviewer_id"),
            memberships__organisation_id=programme.organisation_id,
            memberships__role=Role.REVIEWER,
            is_active=True,
        ).order_by("pk")
    )
    judges = _judges(reviewers)
    live = ReviewAssignment.objects.live().filter(application__programme=programme)
    load = Counter(live.values_list("reviewer_id", flat=True))
    made = 0
    for application in applications:
        found = _locked(application)
        if found.programme_id != programme.pk or found.state not in OPEN_TO_REVIEWERS:
            continue
        judged = _judged(found, at)
        asked = dict(found.reviews.values_list("reviewer_id", "state"))
        have = sum(state not in (ReviewState.CONFLICT, ReviewState.CANCELLED) for state in asked.values())
        fit = [one for one in reviewers if one.pk not in asked and known_conflict(judges[one.pk], judged) is None]
        fit.sort(key=lambda one: (load[one.pk], one.pk))
        for reviewer in fit[: max(0, programme.min_reviews - have)]:
            _assign(actor=actor, application=found, reviewer=reviewer, due_at=due_at, at=at)
            load[reviewer.pk] += 1
            made += 1
    return made


@transaction.atomic
def cancel_review(*, actor: Actor, assignment: ReviewAssignment, reason: str, at: datetime) -> None:
    """Take back an assignment that was not handed in. Raises WrongState."""
    if not ReviewAssignment.objects.filter(pk=assignment.pk).move(ReviewState.CANCELLED):
        raise WrongState(gettext("Only a review that is still open can be taken back."))
    audit.record(actor=actor, action=Action.REVIEW_CANCELLED, subject=assignment, at=at, reason=reason)


@transaction.atomic
def declare(*, actor: Actor, public_id: str, conflict: str, text: str, at: datetime) -> ReviewAssignment:
    """Declare independence (``conflict`` empty) and open the content, or a conflict, which ends the assignment.

    Raises NotFound, Rejected for an unknown kind of conflict or one without a word, WrongState after handing in,
    ReviewerNotPossible when we know of a conflict that the reviewer does not declare.
    """
    assignment = find(actor, public_id, lock=True)
    if assignment.state not in (ReviewState.ASSIGNED, ReviewState.ACCEPTED):
        raise WrongState(gettext("This review was handed in or ended: it cannot be changed."), state=assignment.state)
    if conflict and conflict not in set(ConflictKind):
        raise Rejected(gettext("There is no such kind of conflict."), field="conflict")
    if len(text) > 400:
        raise Rejected(gettext("Use at most %(limit)s characters.") % {"limit": 400}, field="text")
    if not conflict:
        user = User.objects.get(pk=assignment.reviewer_id)
        known = known_conflict(_judges([user])[user.pk], _judged(assignment.application, at))
        if known is not None:
            raise ReviewerNotPossible(
                gettext("We know of a conflict of interest (%(known)s): declare it.")
                % {"known": CONFLICT_WORDS[known]},
                field="conflict",
            )
    to = ReviewState.CONFLICT if conflict else ReviewState.ACCEPTED
    _move(assignment, to, conflict_kind=conflict, conflict_text=text.strip(), declared_at=at)
    audit.record(
        actor=actor, action=Action.REVIEW_DECLARED, subject=assignment, at=at, changes={"conflict": conflict or None}
    )
    return assignment


@transaction.atomic
def save_scores(
    *, actor: Actor, public_id: str, scores: Mapping[str, ScoreWish], overall: str | None
) -> ReviewAssignment:
    """Keep scores by criterion's code; nobody else sees them before they are handed in.

    Raises NotFound, WrongState unless the review is open, ScoreOutOfRange with the range, Rejected for an unknown
    criterion or a text that is too long. Nothing is kept when one is refused.
    """
    assignment = _open(actor, public_id)
    criteria = {one.code: one for one in Criterion.objects.filter(programme=assignment.application.programme_id)}
    for code, wish in scores.items():
        criterion = criteria.get(code)
        if criterion is None:
            raise Rejected(gettext("There is no such criterion in this programme."), field=code)
        if not 0 <= wish.value <= criterion.max_score:
            raise ScoreOutOfRange(
                gettext("Give %(criterion_name)s a whole number from 0 to %(max_score)s.")
                % {"criterion_name": criterion.name, "max_score": criterion.max_score},
                field=code,
                lowest=0,
                highest=criterion.max_score,
            )
        if len(wish.comment) > COMMENT_LIMIT:
            raise Rejected(
                gettext("Use at most %(limit)s characters.") % {"limit": number(COMMENT_LIMIT)},
                field=f"{code}_comment",
            )
        Score.objects.update_or_create(
            assignment=assignment,
            criterion=criterion,
            defaults={
                "organisation_id": assignment.organisation_id,
                "value": wish.value,
                "comment": wish.comment.strip(),
            },
        )
    if overall is not None:
        if len(overall) > TEXT_LIMIT:
            raise Rejected(
                gettext("Use at most %(limit)s characters.") % {"limit": number(TEXT_LIMIT)}, field="overall"
            )
        assignment.overall_comment = overall.strip()
        assignment.save(update_fields=["overall_comment"])
    return assignment


@transaction.atomic
def submit_review(*, actor: Actor, public_id: str, at: datetime) -> ReviewAssignment:
    """Hand in: from now on it cannot change. Raises NotFound, WrongState, ReviewIncomplete with what is missing."""
    assignment = _open(actor, public_id)
    programme = assignment.application.programme
    if programme.state not in (ProgrammeState.OPEN, ProgrammeState.REVIEW):
        raise WrongState(gettext("The panel has begun: reviews are closed."), state=programme.state)
    given = {one.criterion_id: one for one in assignment.scores.all()}
    missing = [
        one for one in Criterion.objects.filter(programme=programme) if one.pk not in given or not given[one.pk].comment
    ]
    if missing:
        raise ReviewIncomplete(
            gettext("A score and a comment are missing for: %(missing)s.")
            % {"missing": ", ".join(one.name for one in missing)},
            field=missing[0].code,
            missing=[one.code for one in missing],
        )
    _move(assignment, ReviewState.SUBMITTED, submitted_at=at)
    audit.record(actor=actor, action=Action.REVIEW_SUBMITTED, subject=assignment, at=at)
    return assignment


def find(actor: Actor, public_id: str, *, lock: bool = False) -> ReviewAssignment:
    """Return the actor's own assignment. Raises Forbidden without the right, NotFound alike for a colleague's."""
    actor.require(Scope.REVIEWS_WRITE)
    rows = ReviewAssignment.objects.own(actor).exclude(state=ReviewState.CANCELLED)
    rows = rows.select_related("application__programme", "application__organisation")
    if lock:
        rows = rows.select_for_update(of=("self",))
    found: ReviewAssignment | None = rows.filter(public_id=public_id).first()
    if found is None:
        raise NotFound(gettext("There is no such review, or it is not yours."))
    return found


def find_file(actor: Actor, public_id: str, *, review_id: str = "") -> Attachment:
    """Return a file of an application that the reviewer may read, with ``review_id`` only one of that review.

    Raises Forbidden without the right, NotFound alike for what is not there and what is not assigned or declared yet.
    """
    actor.require(Scope.REVIEWS_WRITE)
    mine = ReviewAssignment.objects.own(actor).filter(state__in=READABLE)
    if review_id:
        mine = mine.filter(public_id=review_id)
    files = Attachment.objects.filter(application_id__in=mine.values("application_id"))
    found: Attachment | None = files.filter(public_id=public_id).first()
    if found is None:
        raise NotFound(gettext("There is no such file, or you cannot read it yet."))
    return found


def _open(actor: Actor, public_id: str) -> ReviewAssignment:
    assignment = find(actor, public_id, lock=True)
    if assignment.state == ReviewState.ASSIGNED:
        raise WrongState(gettext("Say first whether you are independent."), state=assignment.state)
    if assignment.state != ReviewState.ACCEPTED:
        raise WrongState(gettext("This review was handed in or ended: it cannot be changed."), state=assignment.state)
    return assignment


def _move(assignment: ReviewAssignment, to: ReviewState, **fields: object) -> None:
    if not ReviewAssignment.objects.filter(pk=assignment.pk).move(to, **fields):
        raise WrongState(gettext("This review was handed in or ended: it cannot be changed."), state=assignment.state)
    assignment.refresh_from_db()


def _locked(application: Application) -> Application:
    found: Application = (
        Application.objects.select_for_update(of=("self",))
        .select_related("programme__organisation", "organisation")
        .get(pk=application.pk)
    )
    return found


def _judges(reviewers: Sequence[User]) -> dict[int, Judge]:
    rows = Membership.objects.filter(user__in=reviewers).values_list("user_id", "organisation_id", "organisation__name")
    organisations: dict[int, list[tuple[int, str]]] = {one.pk: [] for one in reviewers}
    for user_id, organisation_id, name in rows:
        organisations[user_id].append((organisation_id, name))
    return {
        one.pk: Judge(
            email=one.email,
            organisation_ids=frozenset(pk for pk, _name in organisations[one.pk]),
            organisation_names=frozenset(name for _pk, name in organisations[one.pk]),
        )
        for one in reviewers
    }


def _judged(application: Application, at: datetime) -> Judged:
    return Judged(
        organisation_ids=linked_organisations(application.organisation_id, at.date()),
        partner_names=frozenset(str(one.get("name", "")) for one in application.partners),
        team_emails=frozenset(str(one.get("email", "")) for one in application.team),
    )
