# SPDX-License-Identifier: Apache-2.0
"""Reviewers without a conflict, blind until they hand in, within the range, and fixed afterwards."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from aion.errors import DomainError
from aion.events.models import Event, Notification
from aion.events.services.emission import fan_out
from aion.tenancy.models import Membership
from marketplace.grants.models import Application, ReviewAssignment, Score
from marketplace.grants.services import panel, reviews
from marketplace.grants.services.reviews import ScoreWish
from marketplace.grants.states import ProgrammeState, ReviewState
from tests.grants.award_scenes import make_application, make_programme, make_review, make_reviewer, runner, staff
from tests.worlds import NOW, Tenant, make_tenant

DUE = NOW + timedelta(days=14)
FULL = {"impact": ScoreWish(4, "Broad."), "plan": ScoreWish(3, "Sound.")}


def code_of(act: Any) -> str:
    with pytest.raises(DomainError) as refused:
        act()
    return refused.value.code


def scene(tenant: Tenant) -> Application:
    programme = make_programme(tenant, state=ProgrammeState.REVIEW)
    return make_application(make_tenant("applicant", credit=0), programme, state="eligible")


def assigned(tenant: Tenant, application: Application, email: str = "") -> tuple[ReviewAssignment, Any]:
    user, actor = make_reviewer(tenant, email)
    made = reviews.assign(actor=staff(), application=application, reviewer=user, due_at=DUE, at=NOW)
    return made, actor


def accepted(tenant: Tenant, application: Application) -> tuple[ReviewAssignment, Any]:
    made, actor = assigned(tenant, application)
    reviews.declare(actor=actor, public_id=made.public_id, conflict="", text="", at=NOW)
    return made, actor


def handed_in(tenant: Tenant, application: Application) -> tuple[ReviewAssignment, Any]:
    made, actor = accepted(tenant, application)
    reviews.save_scores(actor=actor, public_id=made.public_id, scores=FULL, overall="Good.")
    reviews.submit_review(actor=actor, public_id=made.public_id, at=NOW)
    return made, actor


def test_only_the_reviewer_who_was_asked_is_told(db: None) -> None:
    tenant = runner()
    application = scene(tenant)
    made, actor = assigned(tenant, application)
    fan_out(at=NOW)
    assert list(Notification.objects.values_list("user_id", flat=True)) == [actor.user_id]
    assert Event.objects.get(type="grant.review_assigned").data["review"] == made.public_id
    application.refresh_from_db()
    assert application.state == "in_review"


def test_a_conflict_that_we_know_of_is_refused(db: None) -> None:
    tenant = runner()
    application = scene(tenant)
    Application.objects.filter(pk=application.pk).update(team=[{"name": "Ada", "email": "Ada@Team.example"}])
    member, _actor = make_reviewer(tenant)
    Membership.objects.create(user=member, organisation=application.organisation, role="viewer")
    teammate, _actor = make_reviewer(tenant, "ada@team.example")
    stranger = make_tenant("elsewhere").people["reviewer"]
    for user in (member, teammate, stranger):
        act = lambda user=user: reviews.assign(  # noqa: E731
            actor=staff(), application=application, reviewer=user, due_at=DUE, at=NOW
        )
        assert code_of(act) == "reviewer_not_possible"
    assert not ReviewAssignment.objects.exists()


def test_a_conflict_that_came_up_later_must_be_declared(db: None) -> None:
    tenant = runner()
    application = scene(tenant)
    made, actor = assigned(tenant, application)
    Membership.objects.create(user_id=actor.user_id, organisation=application.organisation, role="viewer")
    declare = lambda conflict: reviews.declare(  # noqa: E731
        actor=actor, public_id=made.public_id, conflict=conflict, text="my firm", at=NOW
    )
    assert code_of(lambda: declare("")) == "reviewer_not_possible"
    assert declare("same_organisation").state == "conflict"
    assert code_of(lambda: declare("")) == "wrong_state"


def test_the_content_is_closed_until_independence_is_declared(db: None) -> None:
    tenant = runner()
    application = scene(tenant)
    made, actor = assigned(tenant, application)
    client = Client()
    client.force_login(made.reviewer)
    path = reverse("portal:review", kwargs={"slug": tenant.organisation.slug, "public_id": made.public_id})
    assert application.abstract not in client.get(path).content.decode()
    act = lambda: reviews.save_scores(  # noqa: E731
        actor=actor, public_id=made.public_id, scores=FULL, overall=None
    )
    assert code_of(act) == "wrong_state"
    assert client.post(path + "declare/", {"conflict": "none"}).status_code == 302
    assert application.abstract in client.get(path).content.decode()


@pytest.mark.parametrize("value", [-1, 6, 10**6])
def test_a_score_outside_its_range_is_refused_with_the_range_and_nothing_is_kept(db: None, value: int) -> None:
    tenant = runner()
    made, actor = accepted(tenant, scene(tenant))
    with pytest.raises(DomainError) as refused:
        reviews.save_scores(
            actor=actor, public_id=made.public_id, scores={**FULL, "plan": ScoreWish(value)}, overall=None
        )
    assert (refused.value.code, refused.value.field, refused.value.details["highest"]) == (
        "score_out_of_range", "plan", 5
    )  # fmt: skip
    assert not Score.objects.exists()
    criterion = made.application.programme.criteria.first()
    with pytest.raises(IntegrityError), transaction.atomic():
        Score.objects.create(assignment=made, organisation_id=made.organisation_id, criterion=criterion, value=6)


def test_scores_are_blind_until_the_own_ones_are_handed_in(db: None) -> None:
    tenant = runner()
    application = scene(tenant)
    handed_in(tenant, application)
    second, actor = accepted(tenant, application)
    assert not Score.objects.readable_by(actor).exists()
    client = Client()
    client.force_login(second.reviewer)
    path = reverse("portal:review", kwargs={"slug": tenant.organisation.slug, "public_id": second.public_id})
    assert "Broad." not in client.get(path).content.decode()
    form = {"impact": "1", "impact_comment": "Small.", "plan": "1", "plan_comment": "Thin.", "overall": ""}
    assert client.post(path + "submit/", {**form, "plan_comment": ""}).status_code == 422
    assert client.post(path + "submit/", form).status_code == 302
    assert Score.objects.readable_by(actor).count() == 4
    assert "Broad." in client.get(path).content.decode()


def test_what_was_handed_in_stays(db: None) -> None:
    tenant = runner()
    made, actor = handed_in(tenant, scene(tenant))
    act = lambda: reviews.save_scores(  # noqa: E731
        actor=actor, public_id=made.public_id, scores=FULL, overall=None
    )
    assert code_of(act) == "wrong_state"
    for change in (lambda: Score.objects.update(value=1), lambda: ReviewAssignment.objects.update(overall_comment="x")):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_a_review_with_gaps_is_not_handed_in(db: None) -> None:
    tenant = runner()
    made, actor = accepted(tenant, scene(tenant))
    reviews.save_scores(actor=actor, public_id=made.public_id, scores={"plan": ScoreWish(2)}, overall=None)
    with pytest.raises(DomainError) as refused:
        reviews.submit_review(actor=actor, public_id=made.public_id, at=NOW)
    assert refused.value.details["missing"] == ["impact", "plan"]
    assert "missing for: Impact, Plan." in refused.value.detail


def test_work_is_shared_evenly_and_never_given_to_who_has_a_conflict(db: None) -> None:
    tenant = runner()
    programme = make_programme(tenant, state=ProgrammeState.REVIEW)
    ReviewAssignment.objects.all()
    people = [make_reviewer(tenant)[0] for _ in range(4)]
    Membership.objects.filter(organisation=tenant.organisation, role="reviewer").exclude(user__in=people).delete()
    applications = [
        make_application(make_tenant(f"a{number}", credit=0), programme, state="eligible") for number in range(6)
    ]
    Membership.objects.create(user=people[0], organisation=applications[0].organisation, role="owner")
    made = reviews.assign_evenly(actor=staff(), programme=programme, applications=applications, due_at=DUE, at=NOW)
    loads = [ReviewAssignment.objects.filter(reviewer=one).count() for one in people]
    assert (made, sum(loads), max(loads) - min(loads) <= 1) == (12, 12, True)
    assert not applications[0].reviews.filter(reviewer=people[0]).exists()
    again = reviews.assign_evenly(actor=staff(), programme=programme, applications=applications, due_at=DUE, at=NOW)
    assert again == 0


def test_the_panel_opens_once_every_application_has_its_reviews(db: None) -> None:
    tenant = runner()
    application = scene(tenant)
    programme = application.programme
    first, _actor = make_reviewer(tenant)
    second, _actor = make_reviewer(tenant)
    Application.objects.filter(pk=application.pk).update(state="in_review")
    make_review(application, first, (5, 4))
    open_panel = lambda: panel.open_panel(actor=staff(), programme=programme, reason="all in", at=NOW)  # noqa: E731
    assert code_of(open_panel) == "wrong_state"
    make_review(application, second, (3, 2))
    assert open_panel() == 1
    application.refresh_from_db()
    programme.refresh_from_db()
    assert (application.state, programme.state) == ("ranked", "panel")
    assert application.history.get().to_state == "ranked"
    assert not ReviewAssignment.objects.exclude(state=ReviewState.SUBMITTED).exists()
