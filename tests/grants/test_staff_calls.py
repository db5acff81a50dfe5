# SPDX-License-Identifier: Apache-2.0
"""Staff run a call on their own site: write, change, publish, move on, let pass; refusals stand at their fields."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from marketplace.grants.models import Application, Programme
from marketplace.grants.services.attachments import attach
from marketplace.grants.services.submission import submit
from marketplace.grants.states import ApplicationState, ProgrammeState
from tests.billing.staffing import SOON, make_staff, split, words
from tests.grants.scenes import PDF, make_draft_programme, make_programme, ready_application, submitted_application
from tests.worlds import MICRO, NOW, Market, Tenant, browser, make_tenant


@pytest.fixture
def client(db: None) -> Client:
    return make_staff("calls")[0]


def address(model: str, page: str = "changelist", *arguments: Any) -> str:
    return reverse(f"admin:grants_{model}_{page}", args=arguments)


def press(client: Client, model: str, act: str, pk: Any, **data: Any) -> list[str]:
    path = reverse(f"admin:grants_{model}_{act}_one", args=[pk])
    assert client.get(path).status_code == 200
    answer = client.post(path, {"confirmed": "yes", **data})
    return words(answer)


def form(tenant: Tenant, **changes: Any) -> dict[str, Any]:
    criteria: dict[str, Any] = {
        "criteria-TOTAL_FORMS": "2",
        "criteria-INITIAL_FORMS": "0",
        "criteria-MIN_NUM_FORMS": "0",
        "criteria-MAX_NUM_FORMS": "1000",
    }
    for number, (code, weight) in enumerate((("quality", 60), ("impact", 40))):
        row = {"code": code, "name_en": code, "name_fr": code, "weight": weight, "max_score": 5, "position": number + 1}
        criteria |= {f"criteria-{number}-{key}": value for key, value in row.items()}
    return {
        "code": "raise-2027",
        "name_en": "RAISE",
        "name_fr": "RAISE",
        "summary_en": "Credits.",
        "summary_fr": "Des crédits.",
        "organisation": tenant.organisation.pk,
        "funder": "AION",
        "money_source": "private_prize",
        "aid_regime": "none",
        "aid_decided_by": "",
        "pot": "1000000",
        "cap_per_award": "50000.5",
        **split("opens_at", SOON),
        **split("closes_at", SOON + timedelta(days=30)),
        "zone": "Europe/Paris",
        "decision_on": f"{SOON + timedelta(days=60):%Y-%m-%d}",
        "lot_days": "365",
        "report_days": "90",
        "min_reviews": "2",
        "only_skus": "",
        "only_sites": "",
        "min_level": "0",
        "check_after_days": "180",
        "min_used_percent": "30",
        "rules": '[{"id": "vat", "kind": "vat_valid"}]',
        **criteria,
        **changes,
    }


def test_a_programme_is_written_with_its_criteria_and_published(client: Client, mine: Tenant) -> None:
    assert client.get(address("programme", "add")).status_code == 200
    answer = client.post(address("programme", "add"), form(mine))
    assert answer.status_code == 302, answer.content.decode()[:3000]
    programme = Programme.objects.get()
    assert (programme.pot, programme.cap_per_award) == (1_000_000 * MICRO, 50_000_500_000)
    assert list(programme.criteria.values_list("code", "weight")) == [("quality", 60), ("impact", 40)]
    assert press(client, "programme", "publish", programme.pk) == [f"{programme}: published"]
    programme.refresh_from_db()
    assert programme.state == ProgrammeState.OPEN
    shown = client.get(address("programme", "change", programme.pk)).content.decode()
    assert 'name="pot"' not in shown and 'name="criteria-0-weight"' not in shown


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"only_sites": "nowhere"}, "only_sites"),
        ({"only_skus": "none"}, "only_skus"),
        ({"cap_per_award": "2000000"}, "cap_per_award"),
        ({"money_source": "state"}, "aid_regime"),
        ({"rules": '[{"id": "x", "kind": "height"}]'}, "rules"),
        ({"rules": "no list"}, "rules"),
        ({"zone": "Mars"}, "zone"),
    ],
)
def test_a_refused_programme_stores_nothing_and_says_why_at_the_field(
    client: Client, mine: Tenant, changes: dict[str, Any], field: str
) -> None:
    answer = client.post(address("programme", "add"), form(mine, **changes))
    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors
    assert Programme.objects.count() == 0


def test_a_draft_is_changed_in_credits(client: Client) -> None:
    draft = make_draft_programme()
    page = client.get(address("programme", "change", draft.pk))
    initial = page.context["adminform"].form
    data = {name: initial[name].value() for name in ("code", "name_en", "name_fr", "summary_en", "summary_fr")}
    rows = list(draft.criteria.all())
    changed = {
        **form_for(draft),
        **data,
        "pot": "5000",
        "cap_per_award": "1000",
        "criteria-INITIAL_FORMS": str(len(rows)),
        **{f"criteria-{number}-id": row.pk for number, row in enumerate(rows)},
        **{f"criteria-{number}-programme": draft.pk for number, _row in enumerate(rows)},
    }
    answer = client.post(address("programme", "change", draft.pk), changed)
    assert answer.status_code == 302, answer.content.decode()[:3000]
    draft.refresh_from_db()
    assert (draft.pot, draft.cap_per_award, draft.rules_version) == (5000 * MICRO, 1000 * MICRO, 2)


def form_for(draft: Programme) -> dict[str, Any]:
    class Owner:
        organisation = draft.organisation

    return form(Owner)  # type: ignore[arg-type]


def test_a_published_programme_is_looked_at_and_never_edited(client: Client) -> None:
    programme = make_programme()
    answer = client.post(address("programme", "change", programme.pk), form_for(programme))
    assert answer.status_code == 403


def test_the_deadline_moves_and_a_call_is_cancelled_with_a_reason(client: Client) -> None:
    programme = make_programme(closes_at=SOON, decision_on=(SOON + timedelta(days=9)).date())
    later = SOON + timedelta(days=5)
    said = press(client, "programme", "later", programme.pk, reason="More time", **split("closes_at", later))
    assert said == [f"{programme}: deadline moved"]
    (refusal,) = press(client, "programme", "panel", programme.pk, reason="Too soon")
    assert "does not become panel" in refusal
    assert press(client, "programme", "cancel", programme.pk, reason="No money") == [f"{programme}: cancelled"]
    programme.refresh_from_db()
    assert (programme.closes_at, programme.state) == (later, ProgrammeState.CANCELLED)


def test_staff_see_all_of_an_application_and_let_it_pass(client: Client, mine: Tenant, market: Market) -> None:
    rules = [{"id": "vat", "kind": "vat_valid"}]
    application = submitted_application(mine, make_programme(rules=rules), market)
    listed = client.get(address("application")).content.decode()
    assert application.public_id in listed
    shown = client.get(address("application", "change", application.pk)).content.decode()
    assert "Not known yet" in shown and "Ana Le Goff" in shown
    assert press(client, "application", "let_pass", application.pk, reason="On the register") == [
        f"{application}: eligible"
    ]
    last = Application.objects.get(pk=application.pk).history.last()
    assert (last.to_state, last.actor_label, last.reason) == (ApplicationState.ELIGIBLE, "staff", "On the register")


def test_staff_download_the_files_of_an_application_and_nobody_else_does(
    client: Client, mine: Tenant, market: Market
) -> None:
    programme = make_programme()
    draft = ready_application(mine, programme, market)
    kept = attach(
        actor=mine.actor(), public_id=draft.public_id, kind="cv", name="Ana.pdf", file=ContentFile(PDF), at=NOW
    )
    path = reverse("admin:grants_application_file", args=[draft.pk, kept.public_id])
    assert client.get(path).status_code == 404  # a draft is its organisation's alone
    submit(actor=mine.actor(), public_id=draft.public_id, at=NOW)
    page = client.get(address("application", "change", draft.pk)).content.decode()
    assert f'href="{path}"' in page and "Ana.pdf" in page
    answer = client.get(path)
    assert text_of(answer) == PDF
    assert answer["Content-Disposition"] == 'attachment; filename="Ana.pdf"'
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("application/octet-stream", "nosniff")
    other = submitted_application(make_tenant(), programme, market)
    for wrong in ((other.pk, kept.public_id), (draft.pk, "att_0"), (10**9, kept.public_id)):
        assert client.get(reverse("admin:grants_application_file", args=wrong)).status_code == 404
    few, user = make_staff("few", is_superuser=False)
    assert few.get(path).status_code == 404
    user.user_permissions.add(Permission.objects.get(codename="view_application", content_type__app_label="grants"))
    assert few.get(path).status_code == 200
    assert browser(mine).get(path).status_code == 302


def text_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)
