# SPDX-License-Identifier: Apache-2.0
"""Staff run a programme from the reviews to the accepted report without touching the database."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from aion.audit.models import AuditEvent
from marketplace.grants.models import (
    AidRecord,
    Application,
    Award,
    Decision,
    ExtensionRequest,
    FinalReport,
    Programme,
    Reclaim,
    ReviewAssignment,
)
from marketplace.grants.queries.aid import rule_in_force, used_by
from marketplace.grants.services import awards, reports
from marketplace.grants.states import ProgrammeState
from tests.billing.staffing import SOON, make_staff, split, words
from tests.grants.award_scenes import award, make_application, make_programme, make_review, make_reviewer, runner
from tests.grants.test_aid import TODAY, grant, state_programme, undertaking_of
from tests.worlds import MICRO, NOW, Tenant, make_tenant

LISTS = ["programme", "appointment", "application", "reviewassignment", "decision", "award", "extensionrequest",
         "reclaim", "finalreport", "aidrecord", "undertaking", "aidrule", "excludedsector",
         "publicholiday"]  # fmt: skip


@pytest.fixture
def first(db: None) -> Client:
    return make_staff("first")[0]


@pytest.fixture
def second(db: None) -> Client:
    return make_staff("second")[0]


def press(client: Client, model: str, act: str, pk: Any, **data: Any) -> str:
    path = reverse(f"admin:grants_{model}_{act}_one", args=[pk])
    assert client.get(path).status_code == 200
    answer = client.post(path, {"confirmed": "yes", **data})
    return words(answer)[-1]


def page(client: Client, model: str, pk: Any) -> str:
    answer = client.get(reverse(f"admin:grants_{model}_change", args=[pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_call_goes_from_reviews_to_lots_by_two_persons(first: Client, second: Client) -> None:
    tenant = runner()
    programme = make_programme(tenant, state="review", pot=90_000 * MICRO, cap_per_award=90_000 * MICRO, min_reviews=1)
    applications = [
        make_application(make_tenant(f"a{number}", credit=0), programme, state="eligible") for number in range(2)
    ]
    assert "/assign" in page(first, "programme", programme.pk)
    press(first, "programme", "assign", programme.pk, **split("due_at", SOON))
    assert ReviewAssignment.objects.count() == 2
    refusal = press(first, "programme", "panel", programme.pk, reason="all in")
    assert "fewer than 1 reviews" in refusal
    ReviewAssignment.objects.all()
    for number, application in enumerate(applications):
        make_review(application, make_reviewer(tenant)[0], (5 - number, 5))
    press(first, "programme", "panel", programme.pk, reason="all in")
    press(first, "programme", "fund", programme.pk, reason="In order of rank.")
    press(first, "programme", "refuse", programme.pk, reason="The pot is empty.")
    award_of, refusal_of = Decision.objects.order_by("rank")
    assert (award_of.application, award_of.kind, refusal_of.kind) == (applications[0], "award", "refuse")
    assert "another member of staff" in press(first, "decision", "approve", award_of.pk)
    assert press(second, "decision", "approve", award_of.pk).endswith("approved")
    answer = second.post(
        reverse("admin:grants_decision_changelist"),
        {"action": "approve", "_selected_action": [refusal_of.pk], "confirmed": "yes"},
    )
    assert answer.status_code == 302
    states = dict(Application.objects.values_list("pk", "state"))
    assert (states[applications[0].pk], states[applications[1].pk]) == ("awarded", "refused")
    assert Award.objects.get().lot.available == 50_000 * MICRO
    assert "/approve" not in page(second, "decision", award_of.pk)


def test_one_application_is_assigned_awarded_and_refused_on_its_page(first: Client, second: Client) -> None:
    tenant = runner()
    programme = make_programme(tenant)
    ranked = make_application(make_tenant("ranked", credit=0), programme)
    other = make_application(make_tenant("other", credit=0), programme)
    fresh = make_application(make_tenant("fresh", credit=0), make_programme(tenant, state="review"), state="eligible")
    reviewer, _actor = make_reviewer(tenant)
    press(first, "application", "assign", fresh.pk, reviewer=reviewer.pk, **split("due_at", SOON))
    assert fresh.reviews.get().reviewer == reviewer
    press(first, "reviewassignment", "cancel", fresh.reviews.get().pk, reason="ill")
    assert fresh.reviews.get().state == "cancelled"
    press(first, "application", "award", ranked.pk, credits="12.5", reason="Good.")
    press(first, "application", "refuse", other.pk, reason="No plan.")
    assert sorted(Decision.objects.values_list("amount", flat=True)) == [0, 12_500_000]
    press(second, "decision", "reject", Decision.objects.get(kind="refuse").pk, reason="read it again")
    assert Decision.objects.get(kind="refuse").state == "rejected"


def test_refusing_many_applications_ranks_once_on_the_page_and_once_in_the_act(first: Client) -> None:
    programme = make_programme(runner())
    path = reverse("admin:grants_application_changelist")
    asked = []
    for count in (1, 7):
        chosen = [make_application(make_tenant(credit=0, roles=()), programme).pk for _ in range(count)]
        data = {"action": "refuse", "_selected_action": chosen}
        with CaptureQueriesContext(connection) as page_queries:
            assert first.post(path, data).status_code == 200
        with CaptureQueriesContext(connection) as act_queries:
            assert first.post(path, {**data, "confirmed": "yes", "reason": "The pot is empty."}).status_code == 302
        for captured in (page_queries, act_queries):
            assert sum("WITH means AS" in one["sql"] for one in captured) == 1
        asked.append((len(page_queries), len(act_queries)))
        assert Decision.objects.filter(application__in=chosen).count() == count
    assert asked[0] == asked[1]


def test_what_becomes_of_an_award_is_decided_in_the_admin(first: Client, second: Client, mine: Tenant) -> None:
    from aion import clock

    now = clock.now()
    made = award(make_application(mine, make_programme(runner())), at=now)
    until = (made.expires_at + timedelta(days=30)).date()
    awards.request_extension(actor=mine.actor(), public_id=made.public_id, until=until, reason="late", at=now)
    press(first, "extensionrequest", "approve", ExtensionRequest.objects.get().pk, reason="granted")
    assert ExtensionRequest.objects.get().state == "approved"
    press(first, "award", "reclaim", made.pk, credits="100", reason="unused")
    proposal = Reclaim.objects.get()
    assert "another member of staff" in press(first, "reclaim", "approve", proposal.pk, reason="yes")
    press(second, "reclaim", "approve", proposal.pk, reason="yes")
    assert Reclaim.objects.get().state == "approved"
    reports.save_report(
        actor=mine.actor(), public_id=made.public_id, results="It works.", publications="", difficulties=""
    )
    reports.submit_report(actor=mine.actor(), public_id=made.public_id, at=now)
    report = FinalReport.objects.get()
    press(first, "finalreport", "return", report.pk, reason="Name the model.")
    reports.submit_report(actor=mine.actor(), public_id=made.public_id, at=now)
    press(first, "finalreport", "accept", report.pk, reason="fine")
    assert "100.00" in page(first, "award", made.pk)
    assert Award.objects.get().state == "closed"


def test_aid_is_registered_and_undertakings_are_linked_in_the_admin(first: Client, mine: Tenant) -> None:
    made = award(make_application(mine, state_programme(runner()), declared_aid=0), MICRO)
    day = f"{NOW:%Y-%m-%d}"
    press(first, "aidrecord", "register", made.aid.pk, on=day, reference="FR-2026-1")
    assert AidRecord.objects.get().register_ref == "FR-2026-1"
    sister = make_tenant("sister", credit=0)
    press(first, "undertaking", "link", undertaking_of(mine).pk, organisation=sister.organisation.pk, on=day,
          reason="register")  # fmt: skip
    assert undertaking_of(sister) == undertaking_of(mine)
    assert "300,000.00" in page(first, "undertaking", undertaking_of(mine).pk)


@pytest.mark.parametrize("model", LISTS)
def test_every_list_and_its_first_page_answer(first: Client, mine: Tenant, model: str) -> None:
    tenant = runner()
    made = award(make_application(mine, state_programme(tenant), declared_aid=0), MICRO)
    make_review(make_application(make_tenant("r", credit=0), made.programme), make_reviewer(tenant)[0], (1, 1))
    answer = first.get(reverse(f"admin:grants_{model}_changelist"))
    assert answer.status_code == 200
    for row in answer.context["cl"].result_list[:1]:
        page(first, model, row.pk)
    assert Programme.objects.exists()


def test_a_split_is_made_in_the_admin_and_loses_nothing(first: Client) -> None:
    tenant, mother, child = runner(), make_tenant("mother", credit=0), make_tenant("child", credit=0)
    grant(mother, state_programme(tenant), 90_000 * MICRO)
    undertaking = undertaking_of(mother)
    press(first, "undertaking", "link", undertaking.pk, organisation=child.organisation.pk, reason="x", on=f"{TODAY}")
    record = AidRecord.objects.get(kind="ours")
    asked = first.get(reverse("admin:grants_undertaking_split_one", args=[undertaking.pk])).content.decode()
    assert f"{record.public_id} 90000.00" in asked
    form = {"name": "Child", "organisations": [child.organisation.pk], "on": "2026-04-01", "reason": "Sold"}
    path = reverse("admin:grants_undertaking_split_one", args=[undertaking.pk])
    for parts, said in (("nonsense", "Line 1"), (f"{record.public_id} 1\n{record.public_id} 2", "Line 2")):
        refused = first.post(path, {"confirmed": "yes", **form, "parts": parts})
        assert (refused.status_code, said in refused.content.decode()) == (200, True)
    too_much = press(first, "undertaking", "split", undertaking.pk, **form, parts=f"{record.public_id} 90000.01")
    assert "does not bear so much" in too_much
    everybody = {**form, "organisations": [mother.organisation.pk, child.organisation.pk]}
    assert "some, not all" in press(first, "undertaking", "split", undertaking.pk, **everybody, parts="")
    done = press(first, "undertaking", "split", undertaking.pk, **form, parts=f"{record.public_id} 30000.00\n")
    assert done == f"{undertaking}: split"
    new = undertaking_of(child, date(2026, 4, 1))
    assert (str(new), new.pk != undertaking.pk) == ("Child", True)
    rule = rule_in_force("de_minimis", TODAY)
    assert rule is not None
    assert [used_by(one.pk, rule, TODAY) // MICRO for one in (undertaking, new)] == [60_000, 30_000]
    assert "30,000.00" in page(first, "undertaking", new.pk)
    assert AuditEvent.objects.get(action="undertaking.split").reason == "Sold"


def test_the_ranking_and_the_scores_stand_in_the_admin_once_they_may_be_seen(first: Client) -> None:
    tenant = runner()
    programme = make_programme(tenant, state=ProgrammeState.REVIEW)
    application = make_application(make_tenant("r", credit=0), programme, title="The best", state="in_review")
    review = make_review(application, make_reviewer(tenant)[0], (5, 4))
    open_one = ReviewAssignment.objects.create(
        organisation_id=programme.organisation_id, application=application, reviewer=make_reviewer(tenant)[0],
        due_at=NOW, assigned_at=NOW, state="accepted", overall_comment="Half a thought",
    )  # fmt: skip
    assert "Points of 10,000" not in page(first, "programme", programme.pk)
    assert "5 / 5" in page(first, "reviewassignment", review.pk)
    assert "Half a thought" not in page(first, "reviewassignment", open_one.pk)
    Programme.objects.filter(pk=programme.pk).update(state=ProgrammeState.PANEL)
    shown = page(first, "programme", programme.pk)
    assert "The best" in shown and "9,200" in shown
