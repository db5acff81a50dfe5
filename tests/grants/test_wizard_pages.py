# SPDX-License-Identifier: Apache-2.0
"""The pages of calls and the wizard: what they say, where errors stand, and that a script is never needed."""

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from aion import clock
from aion.tenancy.roles import Role
from marketplace.grants.models import Application
from marketplace.grants.portal.forms import ProjectStep, WorkloadStep
from marketplace.grants.services.submission import NEEDED, submit
from marketplace.grants.words import FIELD_WORDS
from tests.grants.scenes import make_application, make_draft_programme, make_programme, ready_application
from tests.worlds import Market, Tenant, browser

DECLARE = {
    "id": "sound",
    "kind": "attestation",
    "params": {"key": "sound", "text_en": "We are not in difficulty.", "text_fr": "Nous ne sommes pas en difficulté."},
}


def open_now(**changes: Any) -> Any:
    now = clock.now()
    dates = {
        "opens_at": now - timedelta(days=1),
        "closes_at": now + timedelta(days=9),
        "decision_on": (now + timedelta(days=20)).date(),
    }
    return make_programme(at=now, **{**dates, **changes})


def page(tenant: Tenant, name: str, application: Application) -> str:
    return reverse(f"portal:{name}", args=[tenant.organisation.slug, application.public_id])


def test_everybody_reads_a_published_call_and_nobody_a_draft(db: None) -> None:
    programme, draft = open_now(rules=[DECLARE]), make_draft_programme()
    assert programme.name_en in Client().get(reverse("portal:calls")).content.decode()
    text = Client().get(reverse("portal:call", args=[programme.code])).content.decode()
    assert "Declared: We are not in difficulty." in text
    assert "Sign in to apply" in text
    assert Client().get(reverse("portal:call", args=[draft.code])).status_code == 404


def test_a_call_is_read_in_french(db: None) -> None:
    programme = open_now(rules=[DECLARE])
    client = Client(headers={"accept-language": "fr"})
    text = client.get(reverse("portal:call", args=[programme.code])).content.decode()
    assert programme.name_fr in text
    assert "Nous ne sommes pas en difficulté." in text


def test_empty_lists_say_what_to_do(mine: Tenant) -> None:
    assert "Calls appear here" in Client().get(reverse("portal:calls")).content.decode()
    text = browser(mine).get(reverse("portal:grants", args=[mine.organisation.slug])).content.decode()
    assert "No call is open" in text and "No applications yet" in text


def test_an_applicant_walks_through_all_steps_without_a_script(mine: Tenant, market: Market) -> None:
    programme = open_now(rules=[DECLARE], money_source="state", aid_regime="de_minimis", aid_decided_by="A lawyer")
    client, slug = browser(mine), mine.organisation.slug
    begun = client.post(reverse("portal:grant_apply", args=[slug]), {"programme": programme.public_id})
    application = Application.objects.get(organisation=mine.organisation)
    assert begun["Location"] == page(mine, "application_organisation", application)
    steps: list[tuple[str, dict[str, Any], str]] = [
        ("organisation", {"partners": "INRIA\n\nCEA", "declare_sound": "on", "declared_aid": "1000.50"}, "project"),
        (
            "project",
            {"title": "A model", "abstract": "Why.", "name_1": "Ana", "email_1": "ana@lab.example"},
            "workload",
        ),
        (
            "workload",
            {
                "work_plan": "One\nTwo",
                "data_class": "open",
                "openness": "open",
                "ethics": "None",
                "acknowledgement": "on",
            },
            "estimate",
        ),
        ("estimate", {"title_2": "Train", "sku_code_2": market.sku.code, "gpu_hours_2": "10"}, "documents"),
    ]
    for number, (step, data, onward) in enumerate(steps, 1):
        answer = client.post(page(mine, f"application_{step}", application), {"revision": number, **data})
        assert answer["Location"] == page(mine, f"application_{onward}", application), answer.content
    application.refresh_from_db()
    assert application.partners == [{"name": "INRIA"}, {"name": "CEA"}]
    assert (application.attestations, application.declared_aid) == (["sound"], 1_000_500_000)
    assert [one["name"] for one in application.team] == ["Ana"]
    review = client.get(page(mine, "application_review", application)).content.decode()
    assert "Everything that the call asks for is here." in review
    done = client.post(page(mine, "application_submit", application))
    assert done["Location"] == page(mine, "application", application)
    shown = client.get(done["Location"]).content.decode()
    assert "The required declaration was made." in shown
    assert "Withdraw the application" in shown


def test_what_is_stored_stands_in_the_form_again(mine: Tenant, market: Market) -> None:
    application = ready_application(mine, open_now(), market, clock.now())
    client = browser(mine)
    assert 'value="Ana Le Goff"' in client.get(page(mine, "application_project", application)).content.decode()
    text = client.get(page(mine, "application_estimate", application)).content.decode()
    assert 'name="gpu_hours_1" value="100"' in text
    assert 'name="revision" value="2"' in text


def test_an_error_of_an_item_stands_at_its_own_row(mine: Tenant, market: Market) -> None:
    application = make_application(mine, open_now(), clock.now())
    data = {"revision": 1, "title_3": "Train", "sku_code_3": market.sku.code, "params_3": "7", "tokens_3": "1000"}
    answer = browser(mine).post(page(mine, "application_estimate", application), data)
    text = answer.content.decode()
    assert answer.status_code == 422
    # The test's accelerator has no published peak, so the refusal is about the GPU of the third row.
    assert 'id="id_sku_code_3_error"' in text or 'id="id_mfu_3_error"' in text


def test_half_a_person_is_asked_for_the_rest_beside_the_field(mine: Tenant) -> None:
    application = make_application(mine, open_now(), clock.now())
    answer = browser(mine).post(page(mine, "application_project", application), {"revision": 1, "name_1": "Ana"})
    assert answer.status_code == 422
    assert 'id="id_email_1_error"' in answer.content.decode()


@pytest.mark.parametrize("revision", ["", "0", "x", "²", "99999999999"])
def test_a_stale_page_says_who_was_first_and_keeps_what_was_typed(mine: Tenant, revision: str) -> None:
    application = make_application(mine, open_now(), clock.now())
    answer = browser(mine).post(
        page(mine, "application_project", application), {"revision": revision, "title": "My own words"}
    )
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "The draft was changed by" in text and "My own words" in text


def test_a_script_saves_in_the_background_and_gets_the_new_revision(mine: Tenant) -> None:
    application = make_application(mine, open_now(), clock.now())
    path = page(mine, "application_project", application)
    headers = {"HX-Request": "true"}
    good = browser(mine).post(path, {"revision": 1, "title": "Soon"}, headers=headers).content.decode()
    assert 'name="revision" value="2"' in good and "Saved." in good
    bad = browser(mine).post(path, {"revision": 1, "title": "Late"}, headers=headers).content.decode()
    assert "The draft was changed by" in bad and 'value="1"' in bad


def test_a_reader_sees_a_draft_without_buttons_that_would_refuse(mine: Tenant) -> None:
    application = make_application(mine, open_now(), clock.now())
    text = browser(mine, Role.VIEWER).get(page(mine, "application_workload", application)).content.decode()
    assert "Save and go on" not in text and "Your role reads drafts" in text


def test_the_review_names_what_is_missing_with_the_way_there(mine: Tenant) -> None:
    application = make_application(mine, open_now(), clock.now())
    text = browser(mine).get(page(mine, "application_review", application)).content.decode()
    assert "These parts are missing" in text
    assert page(mine, "application_estimate", application) in text


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", "These parts are missing: Work plan, Ethics, At least one work item. Fill them in, then submit."),
        ("fr", "Plan de travail, Éthique, Au moins un lot de travail"),
    ],
)
def test_what_is_missing_is_named_as_the_form_names_it_over_api_and_portal(
    mine: Tenant, market: Market, api: Any, language: str, says: str
) -> None:
    draft = ready_application(mine, open_now(), market, clock.now(), work_plan="", ethics="", items=[])
    head: Any = {"HTTP_ACCEPT_LANGUAGE": language}
    path = f"/api/v1/grant-applications/{draft.public_id}/submit"
    refused = api(mine.key()).post(path, format="json", **head).json()
    assert (refused["code"], refused["details"]) == (
        "application_incomplete",
        {"missing": ["work_plan", "ethics", "items"]},
    )
    assert says in refused["detail"]
    answer = browser(mine).post(page(mine, "application_submit", draft), follow=True, **head)
    assert says in unescape(answer.content.decode())


def test_each_part_that_can_be_missing_has_the_label_of_its_field() -> None:
    labels = {name: field.label for step in (ProjectStep, WorkloadStep) for name, field in step.base_fields.items()}
    shared = {name: FIELD_WORDS[name][0] for name in FIELD_WORDS if name in labels}
    assert set(shared) == set(NEEDED) - {"team"}
    assert shared == {name: labels[name] for name in shared}
    assert set(NEEDED) | {"declared_aid", "items"} == set(FIELD_WORDS)


def test_what_is_not_eligible_says_why_and_how_to_go_on(mine: Tenant, market: Market) -> None:
    programme = open_now(rules=[{"id": "size", "kind": "size_in", "params": {"sizes": ["small"]}}])
    application = ready_application(mine, programme, market, clock.now())
    submit(actor=mine.actor(), public_id=application.public_id, at=clock.now())
    text = browser(mine).get(page(mine, "application", application)).content.decode()
    assert "Not known yet: fill it in under Settings, then submit." in text
    again = browser(mine).post(page(mine, "application_withdraw", application))
    assert again.status_code == 302
    application.refresh_from_db()
    assert application.state == "withdrawn"


def test_after_the_deadline_the_draft_is_kept_and_says_so(mine: Tenant) -> None:
    now = clock.now()
    programme = open_now(opens_at=now - timedelta(days=9))
    application = make_application(mine, programme, now)
    type(programme).objects.filter(pk=programme.pk).update(state="review")
    text = browser(mine).get(page(mine, "application_project", application)).content.decode()
    assert "The deadline is past: the draft is kept" in text
    answer = browser(mine).post(page(mine, "application_submit", application), follow=True)
    assert "The deadline of this call is past" in answer.content.decode()
