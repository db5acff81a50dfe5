# SPDX-License-Identifier: Apache-2.0
"""A reviewer sees and scores only in programmes to which staff appointed the person."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from aion.audit.models import AuditEvent
from aion.errors import DomainError
from aion.events.models import Event
from aion.tenancy.models import User
from marketplace.grants.models import Appointment, Programme, Score
from marketplace.grants.services import appointments, reviews
from marketplace.grants.services.reviews import ScoreWish
from marketplace.grants.states import ProgrammeState, ReviewState
from tests.billing.staffing import make_staff, words
from tests.grants.award_scenes import appoint, make_application, make_programme, make_reviewer, runner, staff
from tests.worlds import NOW, Tenant, make_tenant

DUE = NOW + timedelta(days=14)
FULL = {"impact": ScoreWish(4, "Broad."), "plan": ScoreWish(3, "Sound.")}


def code_of(act: Any) -> str:
    with pytest.raises(DomainError) as refused:
        act()
    return refused.value.code


def two_programmes(tenant: Tenant) -> tuple[Programme, Programme, User, Any]:
    """Return a programme to which the reviewer is appointed, and one to which not."""
    user, actor = make_reviewer(tenant)
    yes, no = (make_programme(tenant, state=ProgrammeState.REVIEW) for _ in range(2))
    appointments.end_appointment(
        actor=staff(), appointment=Appointment.objects.get(programme=no, reviewer=user), reason="Not here", at=NOW
    )
    return yes, no, user, actor


def ask(programme: Programme, user: User) -> Any:
    application = make_application(make_tenant(credit=0), programme, state="eligible")
    return reviews.assign(actor=staff(), application=application, reviewer=user, due_at=DUE, at=NOW)


def test_only_who_is_appointed_is_asked(db: None) -> None:
    yes, no, user, _actor = two_programmes(runner())
    assert ask(yes, user).state == ReviewState.ASSIGNED
    assert code_of(lambda: ask(no, user)) == "reviewer_not_possible"


def test_work_is_shared_among_the_appointed_alone(db: None) -> None:
    _yes, no, user, _actor = two_programmes(runner())
    application = make_application(make_tenant(credit=0), no, state="eligible")
    reviews.assign_evenly(actor=staff(), programme=no, applications=[application], due_at=DUE, at=NOW)
    assert user.pk not in set(application.reviews.values_list("reviewer_id", flat=True))


def test_an_ended_appointment_closes_everything_and_keeps_what_was_handed_in(db: None, api: Any) -> None:
    tenant = runner()
    programme = make_programme(tenant, state=ProgrammeState.REVIEW)
    user, actor = make_reviewer(tenant)
    done, waiting = ask(programme, user), ask(programme, user)
    for one in (done, waiting):
        reviews.declare(actor=actor, public_id=one.public_id, conflict="", text="", at=NOW)
    reviews.save_scores(actor=actor, public_id=done.public_id, scores=FULL, overall="")
    reviews.submit_review(actor=actor, public_id=done.public_id, at=NOW)
    appointment = Appointment.objects.get(programme=programme, reviewer=user)
    assert appointments.end_appointment(actor=staff(), appointment=appointment, reason="Moved on", at=NOW) == 1
    client = Client()
    client.force_login(user)
    slug = tenant.organisation.slug
    for one, state in ((done, ReviewState.SUBMITTED), (waiting, ReviewState.CANCELLED)):
        one.refresh_from_db()
        assert one.state == state
        path = reverse("portal:review", kwargs={"slug": slug, "public_id": one.public_id})
        assert client.get(path).status_code == 404
        assert code_of(lambda one=one: reviews.find(actor, one.public_id)) == "not_found"
    assert done.application.title not in client.get(reverse("portal:reviews", kwargs={"slug": slug})).content.decode()
    assert not Score.objects.readable_by(actor).exists()
    assert Score.objects.filter(assignment=done).count() == 2
    assert code_of(
        lambda: appointments.end_appointment(actor=staff(), appointment=appointment, reason="Again", at=NOW)
    ) == "wrong_state"  # fmt: skip
    assert AuditEvent.objects.get(action="reviewer.appointment_ended").reason == "Moved on"


def test_who_is_appointed_is_told_alone_and_once(db: None) -> None:
    tenant = runner()
    programme = make_programme(tenant, state=ProgrammeState.OPEN)
    Appointment.objects.filter(programme=programme).update(ended_at=NOW)
    user, _actor = tenant.people["reviewer"], None
    appointments.appoint(actor=staff(), programme=programme, reviewer=user, at=NOW)
    told = Event.objects.get(type="grant.reviewer_appointed")
    assert (told.recipient_id, told.organisation_id) == (user.pk, tenant.organisation.pk)
    act = lambda: appointments.appoint(actor=staff(), programme=programme, reviewer=user, at=NOW)  # noqa: E731
    assert code_of(act) == "reviewer_not_possible"


def test_nobody_is_appointed_without_the_role_or_once_the_panel_has_begun(db: None) -> None:
    tenant = runner()
    programme = make_programme(tenant, state=ProgrammeState.OPEN)
    for person in (tenant.people["owner"], make_tenant().people["reviewer"]):
        act = lambda person=person: appointments.appoint(  # noqa: E731
            actor=staff(), programme=programme, reviewer=person, at=NOW
        )
        assert code_of(act) == "reviewer_not_possible"
    panel = make_programme(tenant, state=ProgrammeState.PANEL)
    Appointment.objects.filter(programme=panel).update(ended_at=NOW)
    act = lambda: appointments.appoint(  # noqa: E731
        actor=staff(), programme=panel, reviewer=tenant.people["reviewer"], at=NOW
    )
    assert code_of(act) == "wrong_state"


def test_the_database_keeps_appointments_as_facts(db: None) -> None:
    programme = make_programme(runner())
    appointment = Appointment.objects.filter(programme=programme).first()
    assert appointment is not None
    with pytest.raises(IntegrityError), transaction.atomic():
        appoint(programme, appointment.reviewer)
    with pytest.raises(IntegrityError), transaction.atomic():
        Appointment.objects.filter(pk=appointment.pk).update(reviewer=make_tenant().people["owner"])
    with pytest.raises(IntegrityError), transaction.atomic():
        appointment.delete()


def test_staff_appoint_and_end_in_the_admin(db: None) -> None:
    client, _user = make_staff("calls")
    tenant = runner()
    programme = make_programme(tenant, state=ProgrammeState.OPEN)
    Appointment.objects.filter(programme=programme).update(ended_at=NOW)
    reviewer = tenant.people["reviewer"]
    path = reverse("admin:grants_programme_appoint_one", args=[programme.pk])
    assert client.get(path).status_code == 200
    answer = client.post(path, {"confirmed": "yes", "reviewer": reviewer.pk})
    assert words(answer) == [f"{programme}: reviewer appointed"]
    shown = client.get(reverse("admin:grants_programme_change", args=[programme.pk])).content.decode()
    assert reviewer.email in shown
    made = Appointment.objects.get(programme=programme, ended_at=None)
    path = reverse("admin:grants_appointment_end_one", args=[made.pk])
    assert client.get(path).status_code == 200
    assert words(client.post(path, {"confirmed": "yes", "reason": "Moved on"})) == [f"{made}: ended"]
    made.refresh_from_db()
    assert made.ended_at is not None
    assert client.get(reverse("admin:grants_appointment_changelist")).status_code == 200
