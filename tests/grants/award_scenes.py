# SPDX-License-Identifier: Apache-2.0
"""Programmes whose applications are reviewed, ranked or awarded."""

import itertools
from datetime import datetime, timedelta
from typing import Any

from aion.actor import Actor, Scope, Via
from aion.tenancy.models import User
from aion.tenancy.roles import Role, scopes_of
from marketplace.grants.models import Application, Appointment, Award, Criterion, Programme, ReviewAssignment, Score
from marketplace.grants.services import decisions
from marketplace.grants.states import ApplicationState, DecisionKind, ProgrammeState, ReviewState
from tests.worlds import MICRO, NOW, Tenant, make_tenant, make_user

_numbers = itertools.count(1)
OPENED, CLOSED = NOW - timedelta(days=60), NOW - timedelta(days=30)
SCORED = ({"code": "impact", "weight": 60}, {"code": "plan", "weight": 40})


def make_programme(tenant: Tenant, *, state: str = ProgrammeState.PANEL, **fields: Any) -> Programme:
    """Return a programme that ``tenant`` runs, with two criteria."""
    number = next(_numbers)
    given: dict[str, Any] = {
        "code": f"raise-{number}", "name_en": "RAISE the Stakes", "name_fr": "RAISE", "summary_en": "x",
        "summary_fr": "x", "funder": "AION", "money_source": "private_prize", "pot": 1_000_000 * MICRO,
        "cap_per_award": 100_000 * MICRO, "opens_at": OPENED, "closes_at": CLOSED, "decision_on": CLOSED.date(),
    }  # fmt: skip
    programme = Programme.objects.create(organisation=tenant.organisation, **{**given, **fields})
    for position, one in enumerate(SCORED, 1):
        Criterion.objects.create(
            programme=programme, name_en=str(one["code"]).title(), name_fr="x", position=position, **one
        )
    Programme.objects.filter(pk=programme.pk).update(state=state)
    programme.refresh_from_db()
    for user in User.objects.filter(memberships__organisation=tenant.organisation, memberships__role=Role.REVIEWER):
        appoint(programme, user)
    return programme


def appoint(programme: Programme, user: User) -> Appointment:
    """Let ``user`` review for ``programme``, in whatever state it is."""
    return Appointment.objects.create(
        organisation_id=programme.organisation_id, programme=programme, reviewer=user, appointed_by="test",
        appointed_at=OPENED,
    )  # fmt: skip


def make_application(
    tenant: Tenant, programme: Programme, *, state: str = ApplicationState.RANKED, **fields: Any
) -> Application:
    """Return an application that was submitted a day before the deadline."""
    given: dict[str, Any] = {
        "title": "A Breton language model", "abstract": "We train it.", "work_plan": "First data, then training.",
        "requested_amount": 50_000 * MICRO, "created_at": OPENED, "updated_at": CLOSED,
        "submitted_at": CLOSED - timedelta(days=1), "team": [{"name": "Ada", "email": "ada@team.example"}],
    }  # fmt: skip
    return Application.objects.create(
        organisation=tenant.organisation, programme=programme, state=state, **{**given, **fields}
    )


def staff(name: str = "") -> Actor:
    """Return a new member of staff."""
    user = make_user()
    return Actor(user.pk, None, "staff", frozenset(Scope), Via.ADMIN, name or user.email)


def award(application: Application, amount: int = 50_000 * MICRO, *, at: datetime = NOW) -> Award:
    """Propose and approve an award by two persons."""
    decision = decisions.propose(
        actor=staff(), application=application, kind=DecisionKind.AWARD, amount=amount, reason="Best of all.", at=at
    )
    decisions.approve_decision(actor=staff(), public_id=decision.public_id, at=at)
    return Award.objects.get(application=application)


def make_reviewer(tenant: Tenant, email: str = "") -> tuple[User, Actor]:
    """Return a new reviewer, appointed to everything that ``tenant`` runs by now."""
    from aion.tenancy.models import Membership

    user = make_user(email)
    Membership.objects.create(user=user, organisation=tenant.organisation, role=Role.REVIEWER)
    for programme in Programme.objects.filter(organisation=tenant.organisation):
        appoint(programme, user)
    actor = Actor(user.pk, tenant.organisation.pk, Role.REVIEWER, scopes_of(Role.REVIEWER), Via.PORTAL, user.email)
    return user, actor


def make_review(application: Application, reviewer: User, values: tuple[int, ...]) -> ReviewAssignment:
    """Return a review with these scores that was handed in."""
    programme = application.programme
    assignment = ReviewAssignment.objects.create(
        organisation_id=programme.organisation_id, application=application, reviewer=reviewer, due_at=NOW,
        assigned_at=CLOSED, state=ReviewState.ACCEPTED,
    )  # fmt: skip
    for criterion, value in zip(programme.criteria.order_by("position"), values, strict=True):
        Score.objects.create(
            assignment=assignment, organisation_id=programme.organisation_id, criterion=criterion, value=value,
            comment="x",
        )  # fmt: skip
    ReviewAssignment.objects.filter(pk=assignment.pk).update(state=ReviewState.SUBMITTED, submitted_at=NOW)
    return assignment


def runner(slug: str = "runner") -> Tenant:
    """Return an organisation that runs programmes."""
    return make_tenant(slug, credit=0)
