# SPDX-License-Identifier: Apache-2.0
"""Drafts, deadlines, submissions: nothing half-done, nothing lost, nothing changed afterwards."""

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, close_old_connections, connection, transaction

from aion.actor import system
from aion.errors import Forbidden, NotFound, Rejected
from aion.events.models import Event
from aion.tenancy.roles import Role
from marketplace.grants.errors import (
    AlreadyApplied,
    ApplicationIncomplete,
    CallClosed,
    StaleRevision,
    WrongState,
)
from marketplace.grants.models import Application, Submission
from marketplace.grants.services.applications import save_step, start_application, withdraw
from marketplace.grants.services.submission import submit
from marketplace.grants.states import ApplicationState
from marketplace.services.erasure import erase_person
from tests.grants.scenes import content, make_application, make_programme, ready_application, submitted_application
from tests.worlds import NOW, Market, Tenant, make_market, make_tenant, make_user

TICK = timedelta(microseconds=1)


def save(tenant: Tenant, application: Application, revision: int, at: datetime = NOW, **data: Any) -> Application:
    return save_step(
        actor=tenant.actor(), public_id=application.public_id, step="", data=data, revision=revision, at=at
    )


def test_a_draft_needs_nothing_to_be_saved(mine: Tenant) -> None:
    draft = make_application(mine, make_programme())
    saved = save(mine, draft, 1, title="Half a title")
    assert (saved.title, saved.revision, saved.state) == ("Half a title", 2, ApplicationState.DRAFT)


def test_the_second_of_two_tabs_is_told_who_was_first_and_overwrites_nothing(mine: Tenant) -> None:
    draft = make_application(mine, make_programme())
    save(mine, draft, 1, title="First")
    with pytest.raises(StaleRevision, match=f"changed by {mine.people[Role.OWNER]}"):
        save(mine, draft, 1, title="Second")
    draft.refresh_from_db()
    assert (draft.title, draft.revision) == ("First", 2)


def test_the_same_content_twice_is_no_conflict(mine: Tenant) -> None:
    draft = make_application(mine, make_programme())
    save(mine, draft, 1, title="Once", partners=[{"name": "INRIA"}])
    again = save(mine, draft, 1, title="Once", partners=[{"name": "INRIA"}])
    assert again.revision == 2


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"title": "x" * 161}, "title"),
        ({"abstract": "a\x00b"}, "abstract"),
        ({"data_class": "secret"}, "data_class"),
        ({"openness": "half"}, "openness"),
        ({"team": [{"name": "Ana", "email": "nowhere"}]}, "team"),
        ({"team": [{"email": "ana@lab.example"}]}, "team"),
        ({"team": [{"name": "Ana", "email": "ana@lab.example", "age": "3"}]}, "team"),
        ({"partners": [{"name": "x"}] * 21}, "partners"),
        ({"attestations": ["unasked"]}, "attestations"),
        ({"declared_aid": -1}, "declared_aid"),
        ({"project": "prj_0000000000000000"}, "project"),
        ({"acknowledgement": "yes"}, "acknowledgement"),
        ({"items": [{"title": "x", "sku_code": "none", "gpu_hours": 1}]}, "items"),
        ({"items": [{"title": "x", "sku_code": "none", "gpu_hours": 1.5}]}, "items"),
        ({"items": "all"}, "items"),
        ({"state": "awarded"}, "state"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_field_and_stores_nothing(
    mine: Tenant, data: dict[str, Any], field: str
) -> None:
    draft = make_application(mine, make_programme())
    with pytest.raises(Rejected) as refusal:
        save(mine, draft, 1, **data)
    assert refusal.value.field == field
    draft.refresh_from_db()
    assert draft.revision == 1


def test_a_foreign_project_is_no_project(mine: Tenant, theirs: Tenant) -> None:
    draft = make_application(mine, make_programme())
    with pytest.raises(Rejected):
        save(mine, draft, 1, project=theirs.project.public_id)


def test_a_step_saves_only_its_own_fields(mine: Tenant) -> None:
    draft = make_application(mine, make_programme())
    with pytest.raises(Rejected):
        save_step(
            actor=mine.actor(),
            public_id=draft.public_id,
            step="project",
            data={"work_plan": "x"},
            revision=1,
            at=NOW,
        )


def test_items_are_priced_and_add_up(mine: Tenant, market: Market) -> None:
    application = ready_application(mine, make_programme(), market)
    price = market.price.micro_per_gpu_hour
    assert (application.requested_amount, application.milli_gpu_hours) == (100 * price, 100_000)


def test_one_organisation_has_one_application_per_call(mine: Tenant, theirs: Tenant) -> None:
    programme = make_programme()
    first = make_application(mine, programme)
    make_application(theirs, programme)
    with pytest.raises(AlreadyApplied):
        make_application(mine, programme)
    withdraw(actor=mine.actor(), public_id=first.public_id, at=NOW)
    assert make_application(mine, programme).state == ApplicationState.DRAFT


def test_a_stranger_finds_no_application_and_a_viewer_may_not_write(mine: Tenant, theirs: Tenant) -> None:
    draft = make_application(mine, make_programme())
    for act in (submit, withdraw):
        with pytest.raises(NotFound):
            act(actor=theirs.actor(), public_id=draft.public_id, at=NOW)
        with pytest.raises(Forbidden):
            act(actor=mine.actor(Role.VIEWER), public_id=draft.public_id, at=NOW)


def test_a_submission_keeps_a_snapshot_without_addresses_and_tells_the_organisation(
    mine: Tenant, market: Market
) -> None:
    application = submitted_application(mine, make_programme(), market)
    kept = Submission.objects.get(application=application)
    assert application.state == ApplicationState.ELIGIBLE
    assert kept.content["title"] == "A Breton language model"
    assert kept.content["team"] == [{"name": "Ana Le Goff", "role": "lead"}]
    assert "@" not in str(kept.content)
    told = Event.objects.get(type="grant.application_submitted")
    assert told.data["amount_microcredits"] == application.requested_amount
    moves = list(application.history.values_list("from_state", "to_state", "actor_label"))
    assert moves == [
        ("", "draft", "owner"),
        ("draft", "submitted", "owner"),
        ("submitted", "eligible", "eligibility check"),
    ]


def test_what_is_missing_is_named_and_the_draft_stays(mine: Tenant, market: Market) -> None:
    draft = ready_application(mine, make_programme(), market, abstract="", items=[])
    with pytest.raises(ApplicationIncomplete) as refusal:
        submit(actor=mine.actor(), public_id=draft.public_id, at=NOW)
    assert refusal.value.details["missing"] == ["abstract", "items"]
    draft.refresh_from_db()
    assert (draft.state, Submission.objects.count()) == (ApplicationState.DRAFT, 0)


def test_state_money_asks_for_the_aid_received_so_far(mine: Tenant, market: Market) -> None:
    programme = make_programme(money_source="state", aid_regime="de_minimis", aid_decided_by="A lawyer")
    draft = ready_application(mine, programme, market)
    with pytest.raises(ApplicationIncomplete) as refusal:
        submit(actor=mine.actor(), public_id=draft.public_id, at=NOW)
    assert refusal.value.details["missing"] == ["declared_aid"]
    save(mine, draft, 2, declared_aid=0)
    assert submit(actor=mine.actor(), public_id=draft.public_id, at=NOW).state == ApplicationState.ELIGIBLE


def test_nobody_asks_for_more_than_an_award_may_be(mine: Tenant, market: Market) -> None:
    cap = 100 * market.price.micro_per_gpu_hour
    exact = ready_application(mine, make_programme(cap_per_award=cap), market)
    assert submit(actor=mine.actor(), public_id=exact.public_id, at=NOW).state == ApplicationState.ELIGIBLE
    above = ready_application(mine, make_programme(cap_per_award=cap - 1), market)
    with pytest.raises(Rejected, match="At most"):
        submit(actor=mine.actor(), public_id=above.public_id, at=NOW)


def test_the_deadline_is_sharp_and_the_draft_survives_it(mine: Tenant, theirs: Tenant, market: Market) -> None:
    # 18:00 in Paris on the day the clocks go forward is 16:00 UTC; an hour later than the day before's 17:00 UTC.
    closes = datetime(2026, 3, 29, 16, 0, tzinfo=UTC)
    programme = make_programme(closes_at=closes, decision_on=date(2026, 4, 30))
    early, late = ready_application(mine, programme, market), ready_application(theirs, programme, market)
    with pytest.raises(CallClosed):
        submit(actor=theirs.actor(), public_id=late.public_id, at=closes)
    assert submit(actor=mine.actor(), public_id=early.public_id, at=closes - TICK).state == ApplicationState.ELIGIBLE
    late.refresh_from_db()
    assert late.state == ApplicationState.DRAFT
    assert save(theirs, late, 2, at=closes, title="Still mine").title == "Still mine"


def test_the_page_writes_the_deadline_in_the_calls_own_zone(db: None) -> None:
    from marketplace.grants.templatetags.grants import closes

    before = make_programme(closes_at=datetime(2026, 3, 28, 17, 0, tzinfo=UTC))
    after = make_programme(closes_at=datetime(2026, 3, 29, 16, 0, tzinfo=UTC))
    assert "18:00 CET<" in closes(before) and "18:00 CEST<" in closes(after)


def test_nobody_starts_before_a_call_opens_or_after_it_closed(mine: Tenant) -> None:
    programme = make_programme()
    for at in (programme.opens_at - TICK, programme.closes_at):
        with pytest.raises(CallClosed):
            start_application(actor=mine.actor(), programme=programme, at=at)
    start_application(actor=mine.actor(), programme=programme, at=programme.opens_at)


def test_nothing_is_submitted_twice_or_saved_afterwards(mine: Tenant, market: Market) -> None:
    application = submitted_application(mine, make_programme(), market)
    with pytest.raises(WrongState):
        submit(actor=mine.actor(), public_id=application.public_id, at=NOW)
    with pytest.raises(WrongState):
        save(mine, application, application.revision, title="Better")
    assert Submission.objects.count() == 1


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE grants_application SET title = 'x' WHERE id = %s",
        "UPDATE grants_application SET requested_amount = 1 WHERE id = %s",
        "UPDATE grants_application SET submitted_at = now() WHERE id = %s",
        "UPDATE grants_application SET organisation_id = 1 WHERE id = %s",
        "DELETE FROM grants_application WHERE id = %s",
        "DELETE FROM grants_workitem WHERE application_id = %s",
        "UPDATE grants_workitem SET gpu_hours = 1 WHERE application_id = %s",
        "UPDATE grants_submission SET sha256 = '' WHERE application_id = %s",
        "UPDATE grants_applicationevent SET reason = 'x' WHERE application_id = %s",
        "DELETE FROM grants_applicationevent WHERE application_id = %s",
    ],
)
def test_the_database_keeps_what_was_submitted(mine: Tenant, market: Market, sql: str) -> None:
    application = submitted_application(mine, make_programme(), market)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [application.pk])


def test_the_names_of_a_team_can_still_be_erased(mine: Tenant, market: Market) -> None:
    application = submitted_application(mine, make_programme(), market)
    assert Application.objects.filter(pk=application.pk).update(team=[]) == 1


def test_two_clicks_at_the_same_moment_make_one_submission(committed: None) -> None:
    tenant, market = make_tenant("twice"), make_market()
    draft = ready_application(tenant, make_programme(), market)
    gate, outcomes = threading.Barrier(2), []

    def click() -> None:
        gate.wait()
        try:
            outcomes.append(submit(actor=tenant.actor(), public_id=draft.public_id, at=NOW).state)
        except WrongState as error:
            outcomes.append(error.code)
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=click) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [ApplicationState.ELIGIBLE, "wrong_state"]
    assert Submission.objects.count() == 1


def test_the_api_carries_an_application_from_draft_to_submission(mine: Tenant, market: Market, api: Any) -> None:
    from aion import clock

    now = clock.now()
    programme = make_programme(
        at=now,
        opens_at=now - timedelta(days=1),
        closes_at=now + timedelta(days=9),
        decision_on=(now + timedelta(days=20)).date(),
    )
    client = api(mine.key())
    made = client.post("/api/v1/grant-applications", {"programme": programme.public_id}, format="json")
    assert made.status_code == 201
    path = f"/api/v1/grant-applications/{made.json()['id']}"
    patched = client.patch(path, {"revision": 1, **content(market)}, format="json")
    assert (patched.status_code, patched.json()["revision"]) == (200, 2)
    assert patched.json()["requested_microcredits"] == 100 * market.price.micro_per_gpu_hour
    stale = client.patch(path, {"revision": 1, "title": "Old"}, format="json")
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_revision")
    done = client.post(f"{path}/submit")
    assert (done.status_code, done.json()["state"]) == (200, "eligible")
    again = client.post(f"{path}/submit")
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    listed = client.get("/api/v1/grant-programmes").json()["items"]
    assert [(one["code"], one["takes_applications"]) for one in listed] == [(programme.code, True)]


def test_the_api_estimates_and_names_the_field_that_is_wrong(mine: Tenant, api: Any) -> None:
    market, programme = make_market(code="sxm"), make_programme()
    client = api(mine.key(Role.VIEWER))
    body = {"programme": programme.public_id, "sku_code": market.sku.code, "params": 7 * 10**9, "tokens": 10**12}
    good = client.post("/api/v1/grant-estimates", {**body, "mfu_bp": 4000}, format="json")
    assert (good.status_code, good.json()["gpu_hours"], good.json()["flop"]) == (200, 29_492, "42" + "0" * 21)
    bad = client.post("/api/v1/grant-estimates", body, format="json")
    assert bad.status_code == 422


def test_an_erased_person_is_taken_out_of_teams_also_of_what_was_submitted(mine: Tenant, market: Market) -> None:
    gone = {"name": "Gone", "email": "gone@lab.example", "role": "lead", "cv": "Ten years."}
    stays = {"name": "Stays", "email": "stays@lab.example", "role": "engineer", "cv": ""}
    application = submitted_application(mine, make_programme(), market, team=[gone, stays])
    user = make_user("gone@lab.example", name="Gone")
    erase_person(actor=system("test"), user=user, at=NOW)
    application.refresh_from_db()
    assert application.team == [{**gone, "name": f"erased-{user.pk}", "email": "", "cv": ""}, stays]


def test_the_sealed_copy_forgets_the_name_of_an_erased_person_and_nothing_else(mine: Tenant, market: Market) -> None:
    gone = {"name": "Gone", "email": "Gone@Lab.example", "role": "lead", "cv": "Ten years."}
    stays = {"name": "Stays", "email": "stays@lab.example", "role": "engineer", "cv": ""}
    application = submitted_application(mine, make_programme(), market, team=[gone, stays])
    before = Submission.objects.get(application=application)
    user = make_user("gone@lab.example", name="Gone")
    erase_person(actor=system("test"), user=user, at=NOW)
    after = Submission.objects.get(application=application)
    label = f"erased-{user.pk}"
    assert after.content["team"] == [{"name": label, "role": "lead"}, {"name": "Stays", "role": "engineer"}]
    assert {**after.content, "team": None} == {**before.content, "team": None}
    assert (after.sha256, after.at) == (before.sha256, before.at)
    assert "Gone" not in str(after.content)


@pytest.mark.parametrize(
    "changed",
    [
        {"team": [{"name": "Somebody else", "role": "lead"}]},
        {"team": [{"name": "erased-7", "role": "cook"}]},
        {"team": [{"name": "erased-7", "role": "lead", "cv": "x"}]},
        {"team": []},
        {"title": "Another"},
    ],
)
def test_the_database_refuses_any_other_change_of_a_sealed_copy(
    mine: Tenant, market: Market, changed: dict[str, Any]
) -> None:
    application = submitted_application(mine, make_programme(), market)
    sealed = Submission.objects.get(application=application)
    with pytest.raises(IntegrityError), transaction.atomic():
        Submission.objects.filter(pk=sealed.pk).update(content={**sealed.content, **changed})
    with pytest.raises(IntegrityError), transaction.atomic():
        Submission.objects.filter(pk=sealed.pk).update(sha256="0" * 64)
    with pytest.raises(IntegrityError), transaction.atomic():
        sealed.delete()
