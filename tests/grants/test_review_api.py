# SPDX-License-Identifier: Apache-2.0
"""A reviewer declares, scores and hands in over the API, within the same limits as on the page."""

from typing import Any

import pytest
from django.core.files.base import ContentFile

from aion.tenancy.roles import Role
from marketplace.grants.models import Application, Appointment, Attachment, ReviewAssignment, Score
from marketplace.grants.services import appointments, reviews
from marketplace.grants.states import ProgrammeState
from tests.grants.award_scenes import make_application, make_programme, make_review, make_reviewer, runner, staff
from tests.grants.test_reviews import DUE
from tests.worlds import NOW, Tenant, make_tenant

SCORES = [
    {"criterion": "impact", "value": 4, "comment": "Broad."},
    {"criterion": "plan", "value": 3, "comment": "Sound."},
]


@pytest.fixture
def tenant(db: None) -> Tenant:
    return runner()


@pytest.fixture
def client(tenant: Tenant, api: Any) -> Any:
    return api(tenant.key(Role.REVIEWER))


def asked(tenant: Tenant, *, file: bool = False) -> ReviewAssignment:
    programme = make_programme(tenant, state=ProgrammeState.REVIEW)
    application = make_application(make_tenant(credit=0), programme, state="draft")
    if file:
        Attachment.objects.create(
            application=application, organisation=application.organisation, kind="plan", name="Plan.pdf",
            media_type="application/pdf", size=4, sha256="x", file=ContentFile(b"%PDF", "plan.pdf"), at=NOW,
        )  # fmt: skip
    Application.objects.filter(pk=application.pk).update(state="eligible")
    person = tenant.people[Role.REVIEWER]
    return reviews.assign(actor=staff(), application=application, reviewer=person, due_at=DUE, at=NOW)


def path_of(review: ReviewAssignment, tail: str = "") -> str:
    return f"/api/v1/reviews/{review.public_id}{tail}"


def test_a_review_goes_from_the_declaration_to_handing_in(tenant: Tenant, client: Any) -> None:
    review = asked(tenant)
    closed = client.get(path_of(review)).json()
    assert (closed["state"], closed["content"], closed["scores"]) == ("assigned", None, [])
    assert [(one["code"], one["max_score"]) for one in closed["criteria"]] == [("impact", 5), ("plan", 5)]
    assert client.patch(path_of(review), {"scores": SCORES}, format="json").json()["code"] == "wrong_state"
    opened = client.post(path_of(review, "/declare"), {"conflict": ""}, format="json").json()
    assert (opened["state"], opened["content"]["abstract"]) == ("accepted", "We train it.")
    assert opened["content"]["team"] == [{"name": "Ada", "role": ""}]
    saved = client.patch(path_of(review), {"scores": SCORES[:1], "overall": "Fund it."}, format="json").json()
    assert (saved["scores"], saved["overall"]) == (SCORES[:1], "Fund it.")
    gaps = client.post(path_of(review, "/submit"), format="json")
    assert (gaps.status_code, gaps.json()["code"]) == (422, "review_incomplete")
    assert client.patch(path_of(review), {"scores": SCORES[1:]}, format="json").json()["scores"] == SCORES
    done = client.post(path_of(review, "/submit"), format="json")
    assert (done.status_code, done.json()["state"]) == (200, "submitted")
    for answer in (
        client.patch(path_of(review), {"scores": SCORES}, format="json"),
        client.post(path_of(review, "/submit"), format="json"),
        client.post(path_of(review, "/declare"), {"conflict": ""}, format="json"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


@pytest.mark.parametrize("value", [-1, 6, 10**6])
def test_a_score_outside_its_range_is_refused_with_the_range(tenant: Tenant, client: Any, value: int) -> None:
    review = asked(tenant)
    client.post(path_of(review, "/declare"), {"conflict": ""}, format="json")
    wrong = [SCORES[0], {**SCORES[1], "value": value}]
    answer = client.patch(path_of(review), {"scores": wrong}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "score_out_of_range")
    assert "from 0 to 5" in answer.json()["detail"]
    assert not Score.objects.exists()
    french = client.patch(path_of(review), {"scores": wrong}, format="json", HTTP_ACCEPT_LANGUAGE="fr")
    assert "un nombre entier de 0 à 5" in french.json()["detail"]


@pytest.mark.parametrize("value", ["high", None, 4.5, 10**12])
def test_what_is_no_number_is_no_score(tenant: Tenant, client: Any, value: Any) -> None:
    review = asked(tenant)
    client.post(path_of(review, "/declare"), {"conflict": ""}, format="json")
    answer = client.patch(path_of(review), {"scores": [{**SCORES[0], "value": value}]}, format="json")
    assert answer.status_code == 422
    assert not Score.objects.exists()


def test_a_conflict_ends_the_review_and_opens_nothing(tenant: Tenant, client: Any) -> None:
    review = asked(tenant)
    ended = client.post(path_of(review, "/declare"), {"conflict": "financial", "text": "Shares"}, format="json").json()
    assert (ended["state"], ended["content"]) == ("conflict", None)
    assert client.patch(path_of(review), {"scores": SCORES}, format="json").json()["code"] == "wrong_state"


def test_others_scores_are_in_no_answer_before_or_after(tenant: Tenant, client: Any) -> None:
    review = asked(tenant)
    application = Application.objects.get(pk=review.application_id)
    make_review(application, make_reviewer(tenant)[0], (1, 1))
    client.post(path_of(review, "/declare"), {"conflict": ""}, format="json")
    assert client.get(path_of(review)).json()["scores"] == []


def test_a_colleagues_review_is_no_review(tenant: Tenant, client: Any) -> None:
    review = asked(tenant)
    application = Application.objects.get(pk=review.application_id)
    other, _actor = make_reviewer(tenant)
    theirs = reviews.assign(actor=staff(), application=application, reviewer=other, due_at=DUE, at=NOW)
    for answer in (
        client.get(path_of(theirs)),
        client.patch(path_of(theirs), {"scores": "wrong"}, format="json"),
        client.post(path_of(theirs, "/declare"), {}, format="json"),
        client.post(path_of(theirs, "/submit"), format="json"),
    ):
        assert answer.status_code == 404
    assert [one["id"] for one in client.get("/api/v1/reviews").json()["items"]] == [review.public_id]


def test_the_same_key_hands_in_once(tenant: Tenant, client: Any) -> None:
    review = asked(tenant)
    client.post(path_of(review, "/declare"), {"conflict": ""}, format="json")
    client.patch(path_of(review), {"scores": SCORES}, format="json")
    answers = [client.post(path_of(review, "/submit"), format="json", HTTP_IDEMPOTENCY_KEY="k1") for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


def file_of(review: ReviewAssignment) -> str:
    """Return the path of the file of the review's application."""
    return path_of(review, f"/files/{Attachment.objects.get(application=review.application_id).public_id}")


def test_a_reviewer_downloads_a_file_once_independence_is_declared(tenant: Tenant, client: Any) -> None:
    review = asked(tenant, file=True)
    path = file_of(review)
    assert client.get(path).status_code == 404
    client.post(path_of(review, "/declare"), {"conflict": ""}, format="json")
    listed = client.get(path_of(review)).json()["content"]["attachments"]
    assert path_of(review, f"/files/{listed[0]['id']}") == path
    for accept in ("*/*", "application/json", "application/pdf"):
        answer = client.get(path, HTTP_ACCEPT=accept)
        assert (answer.status_code, b"".join(answer.streaming_content)) == (200, b"%PDF")
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Content-Disposition"].startswith("attachment;")
        assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("end", ["conflict", "cancelled", "appointment"])
def test_a_file_closes_with_the_review(tenant: Tenant, client: Any, end: str) -> None:
    review = asked(tenant, file=True)
    path = file_of(review)
    client.post(path_of(review, "/declare"), {"conflict": ""}, format="json")
    assert client.get(path).status_code == 200
    if end == "conflict":
        client.post(path_of(review, "/declare"), {"conflict": "personal", "text": "A friend"}, format="json")
    elif end == "cancelled":
        reviews.cancel_review(actor=staff(), assignment=review, reason="Too late", at=NOW)
    else:
        appointment = Appointment.objects.get(reviewer=tenant.people[Role.REVIEWER])
        appointments.end_appointment(actor=staff(), appointment=appointment, reason="Left", at=NOW)
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_colleague_who_reviews_another_application_reads_no_file_of_this_one(tenant: Tenant, api: Any) -> None:
    path = file_of(asked(tenant, file=True))
    tenant.people[Role.REVIEWER], _actor = make_reviewer(tenant)
    theirs = asked(tenant, file=True)
    their_file = file_of(theirs)
    client = api(tenant.key(Role.REVIEWER))
    client.post(path_of(theirs, "/declare"), {"conflict": ""}, format="json")
    assert client.get(their_file).status_code == 200
    assert client.get(path).status_code == 404
    assert client.get(path_of(theirs, f"/files/{path.rsplit('/', 1)[-1]}")).status_code == 404
