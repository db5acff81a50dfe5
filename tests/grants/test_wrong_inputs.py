# SPDX-License-Identifier: Apache-2.0
"""What each edge answers to what may not be: refused with a sentence that says what to do, in both languages."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import translation

from aion import clock
from aion.errors import Rejected
from aion.web.uploads import MAX_FILE_BYTES
from marketplace.grants.models import Application, Attachment, Award, Decision, Programme, Score
from marketplace.grants.services import decisions
from marketplace.grants.services.applications import save_step
from marketplace.grants.states import ApplicationState, DecisionKind, Standing
from tests.billing.staffing import make_staff, words
from tests.grants.award_scenes import make_application, make_programme, runner, staff
from tests.grants.scenes import PDF, ready_application
from tests.grants.scenes import make_application as start
from tests.grants.scenes import make_programme as publish
from tests.grants.test_reviews import accepted, scene
from tests.worlds import MICRO, NOW, Market, Tenant, browser, make_tenant

LANGUAGES = ("en", "fr")


def closed_call() -> Programme:
    """Return a call whose deadline passed a second ago."""
    now = clock.now()
    return publish(
        at=now - timedelta(days=9), opens_at=now - timedelta(days=8), closes_at=now - timedelta(seconds=1),
        decision_on=(now + timedelta(days=9)).date(),
    )  # fmt: skip


@pytest.mark.parametrize(("language", "sentence"), [("en", "deadline of this call is past"), ("fr", "est passée")])
def test_an_application_after_the_deadline_is_refused_at_both_edges_and_kept(
    mine: Tenant, market: Market, api: Any, language: str, sentence: str
) -> None:
    programme = closed_call()
    draft = ready_application(mine, programme, market, at=programme.opens_at)
    slug = mine.organisation.slug
    page = browser(mine)
    path = reverse("portal:application_submit", kwargs={"slug": slug, "public_id": draft.public_id})
    answer = page.post(path, headers={"accept-language": language}, follow=True)
    assert sentence in answer.content.decode().replace("&#x27;", "'")
    client = api(mine.key())
    over_api = client.post(
        f"/api/v1/grant-applications/{draft.public_id}/submit", format="json", HTTP_ACCEPT_LANGUAGE=language
    )
    assert (over_api.status_code, over_api.json()["code"]) == (409, "call_closed")
    assert sentence in over_api.json()["detail"]
    draft.refresh_from_db()
    assert draft.state == ApplicationState.DRAFT
    late = api(make_tenant("late").key()).post(
        "/api/v1/grant-applications", {"programme": programme.public_id}, format="json"
    )
    assert (late.status_code, late.json()["code"], Application.objects.count()) == (409, "call_closed", 1)


@pytest.mark.parametrize("value", ["-1", "6", "1000000", "high", "4.5"])
def test_a_score_outside_its_range_stands_beside_its_field(db: None, value: str) -> None:
    tenant = runner()
    made, _actor = accepted(tenant, scene(tenant))
    client = Client()
    client.force_login(made.reviewer)
    path = reverse("portal:review", kwargs={"slug": tenant.organisation.slug, "public_id": made.public_id})
    answer = client.post(path, {"impact": "4", "impact_comment": "Broad.", "plan": value, "plan_comment": "Sound."})
    assert answer.status_code == 422
    assert 'id="id_plan_error"' in answer.content.decode()
    assert value in answer.content.decode()
    assert not Score.objects.exists()


@pytest.mark.parametrize(
    ("name", "data", "status"),
    [
        ("cv.pdf", b"MZ\x90\x00", 422),
        ("cv.exe", PDF, 422),
        ("page.html", b"<script>alert(1)</script>", 422),
        ("cv.pdf", PDF + b"x" * (MAX_FILE_BYTES - len(PDF) + 1), 413),
        ("cv.pdf", b"", 422),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_upload_of_another_type_or_above_20_mb_is_refused_and_not_kept(
    mine: Tenant, name: str, data: bytes, status: int, language: str
) -> None:
    now = clock.now()
    call = publish(
        at=now, opens_at=now - timedelta(days=1), closes_at=now + timedelta(days=9),
        decision_on=(now + timedelta(days=20)).date(),
    )  # fmt: skip
    draft = start(mine, call, now)
    path = reverse(
        "portal:application_documents", kwargs={"slug": mine.organisation.slug, "public_id": draft.public_id}
    )
    file = {"kind": "cv", "file": SimpleUploadedFile(name, data)}
    answer = browser(mine).post(path, file, headers={"accept-language": language})
    assert answer.status_code == status
    assert 'id="id_file_error"' in answer.content.decode()
    assert not Attachment.objects.exists()


@pytest.mark.parametrize(
    ("language", "sentence"), [("en", "are left in the pot"), ("fr", "Il reste 100,00\u00a0crédits")]
)
def test_an_award_above_the_pot_is_refused_in_the_admin_with_what_is_left(
    mine: Tenant, language: str, sentence: str
) -> None:
    programme = make_programme(runner(), pot=100 * MICRO, cap_per_award=100 * MICRO)
    application = make_application(mine, programme)
    other = make_application(make_tenant(), programme)
    client, _user = make_staff("meeting")
    path = reverse("admin:grants_application_award_one", args=[application.pk])
    said = words(client.post(path, {"confirmed": "yes", "credits": "100.000001", "reason": "Good."}))
    assert "at most 100.00 credits" in said[-1]
    assert not Decision.objects.exists()
    proposed = [
        decisions.propose(
            actor=staff(), application=one, kind=DecisionKind.AWARD, amount=80 * MICRO, reason="x", at=NOW
        )
        for one in (other, application)
    ]
    decisions.approve_decision(actor=staff(), public_id=proposed[0].public_id, at=NOW)
    approve = reverse("admin:grants_decision_approve_one", args=[proposed[1].pk])
    said = words(client.post(approve, {"confirmed": "yes"}, headers={"accept-language": language}))
    assert sentence.replace("100", "20") in said[-1], said
    assert (Award.objects.count(), Decision.objects.get(pk=proposed[1].pk).state) == (1, Standing.PENDING)


@pytest.mark.parametrize(("language", "sentence"), [("en", "You proposed this yourself"), ("fr", "proposé vous-même")])
def test_the_same_person_twice_decides_nothing_in_the_admin_also_in_bulk(
    mine: Tenant, language: str, sentence: str
) -> None:
    application = make_application(mine, make_programme(runner()))
    client, _user = make_staff("alone")
    path = reverse("admin:grants_application_award_one", args=[application.pk])
    assert "proposed" in words(client.post(path, {"confirmed": "yes", "credits": "10", "reason": "Good."}))[-1]
    decision = Decision.objects.get()
    one = reverse("admin:grants_decision_approve_one", args=[decision.pk])
    many = reverse("admin:grants_decision_changelist")
    for address, data in ((one, {}), (many, {"action": "approve", "_selected_action": [str(decision.pk)]})):
        answer = client.post(address, {"confirmed": "yes", **data}, headers={"accept-language": language})
        assert any(sentence in said for said in words(answer)), words(answer)
    decision.refresh_from_db()
    assert (decision.state, Award.objects.count()) == (Standing.PENDING, 0)


def test_a_team_member_without_an_address_is_named_in_the_readers_language(mine: Tenant) -> None:
    draft = start(mine, publish())
    with translation.override("fr"), pytest.raises(Rejected) as refused:
        save_step(
            actor=mine.actor(), public_id=draft.public_id, step="project",
            data={"team": [{"name": "Ana", "email": "nowhere"}]}, revision=1, at=NOW,
        )  # fmt: skip
    assert refused.value.detail == "Ana a besoin d’une adresse e-mail qui fonctionne."
