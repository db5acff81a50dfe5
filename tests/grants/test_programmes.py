# SPDX-License-Identifier: Apache-2.0
"""Programmes: terms that make sense, frozen once published, moved on step by step."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from aion.audit.models import AuditEvent
from aion.errors import Conflict, Rejected
from aion.events.models import Event
from marketplace.grants.errors import ProgrammeNotReady, WrongState
from marketplace.grants.models import Criterion, Programme
from marketplace.grants.services.programmes import (
    cancel_programme,
    create_programme,
    move_deadline,
    move_on,
    publish_programme,
    update_programme,
)
from marketplace.grants.states import ProgrammeState
from tests.grants.scenes import make_application, make_draft_programme, make_programme, staff, wish_of
from tests.worlds import MICRO, NOW, Tenant, make_tenant

SLIP = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"closes_at": NOW - timedelta(days=2)}, "closes_at"),
        ({"cap_per_award": 2_000_000 * MICRO}, "cap_per_award"),
        ({"money_source": "state"}, "aid_regime"),
        ({"aid_regime": "de_minimis"}, "aid_regime"),
        ({"money_source": "state", "aid_regime": "de_minimis"}, "aid_decided_by"),
        ({"zone": "Europe/Nowhere"}, "zone"),
        ({"rules": [{"id": "x", "kind": "height"}]}, "rules"),
        ({"sku_codes": ["none"]}, "sku_codes"),
        ({"site_codes": ["none"]}, "site_codes"),
        ({"decision_on": NOW.date()}, "decision_on"),
        ({"name_fr": ""}, "name_fr"),
        ({"opens_at": datetime(1, 1, 1, tzinfo=UTC)}, "opens_at"),
        ({"closes_at": SLIP}, "closes_at"),
        ({"decision_on": SLIP.date()}, "decision_on"),
    ],
)
def test_terms_that_cannot_be_are_refused_with_their_field(db: None, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Rejected) as refusal:
        create_programme(actor=staff(), wish=wish_of(make_tenant(credit=0).organisation, **changes), at=NOW)
    assert refusal.value.field == field
    assert Programme.objects.count() == 0


def test_a_code_is_given_once(db: None) -> None:
    first = make_draft_programme()
    with pytest.raises(Conflict) as refusal:
        create_programme(actor=staff(), wish=wish_of(first.organisation, code=first.code), at=NOW)
    assert refusal.value.field == "code"


def test_a_draft_changes_and_new_rules_get_a_new_version(db: None) -> None:
    draft = make_draft_programme()
    rules = [{"id": "vat", "kind": "vat_valid"}]
    saved = update_programme(actor=staff(), programme=draft, wish={"rules": rules, "funder": "Region"}, at=NOW)
    assert (saved.funder, saved.rules_version) == ("Region", 2)
    assert AuditEvent.objects.get(action="programme.changed").changes == {"fields": ["funder", "rules"]}


def test_publishing_asks_for_weights_of_100_and_a_deadline_ahead(db: None) -> None:
    draft = make_draft_programme()
    Criterion.objects.filter(programme=draft, code="impact").delete()
    with pytest.raises(ProgrammeNotReady, match="add up to 60"):
        publish_programme(actor=staff(), programme=draft, at=NOW)
    late = make_draft_programme()
    with pytest.raises(ProgrammeNotReady, match="deadline is past"):
        publish_programme(actor=staff(), programme=late, at=late.closes_at)
    assert set(Programme.objects.values_list("state", flat=True)) == {ProgrammeState.DRAFT}


def test_publishing_twice_is_refused_and_tells_once(db: None) -> None:
    programme = make_programme()
    with pytest.raises(WrongState):
        publish_programme(actor=staff(), programme=programme, at=NOW)
    assert Event.objects.filter(type="grant.call_opened").count() == 1


@pytest.mark.parametrize(
    "change",
    [
        "pot = pot + 1",
        "cap_per_award = cap_per_award - 1",
        "rules = '[{}]'::jsonb",
        "min_level = 1",
        "sku_codes = ARRAY['h100']::varchar[]",
        "opens_at = opens_at + interval '1 hour'",
        "closes_at = closes_at - interval '1 hour'",
        "decision_on = decision_on - 1",
        "organisation_id = NULL",
        "aid_decided_by = 'me'",
        "committed = 1",
        "lot_days = 1",
    ],
)
def test_the_database_keeps_the_terms_of_a_published_programme(db: None, change: str) -> None:
    programme = make_programme()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE grants_programme SET {change} WHERE id = %s", [programme.pk])


def test_the_database_keeps_criteria_and_published_programmes(db: None) -> None:
    programme = make_programme()
    for sql in (
        "UPDATE grants_criterion SET weight = 50 WHERE programme_id = %s",
        "DELETE FROM grants_criterion WHERE programme_id = %s",
        "INSERT INTO grants_criterion (programme_id, code, name_en, name_fr, weight, max_score, position) "
        "VALUES (%s, 'x', 'x', 'x', 1, 5, 1)",
        "DELETE FROM grants_programme WHERE id = %s",
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, [programme.pk])


def test_a_draft_cannot_be_committed_by_hand_either(db: None) -> None:
    draft = make_draft_programme()
    with pytest.raises(IntegrityError), transaction.atomic():
        Programme.objects.filter(pk=draft.pk).update(committed=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Programme.objects.create(**wish_of(draft.organisation), committed=1)


def test_a_deadline_moves_later_only_and_applicants_are_told(mine: Tenant) -> None:
    programme = make_programme()
    make_application(mine, programme)
    with pytest.raises(Rejected):
        move_deadline(actor=staff(), programme=programme, closes_at=programme.closes_at, reason="x", at=NOW)
    later = programme.closes_at + timedelta(days=90)
    moved = move_deadline(actor=staff(), programme=programme, closes_at=later, reason="More time.", at=NOW)
    moved.refresh_from_db()
    assert (moved.closes_at, moved.decision_on) == (later, later.date())
    told = Event.objects.get(type="grant.deadline_moved")
    assert (told.organisation_id, told.data["reason"]) == (mine.organisation.pk, "More time.")


def test_a_programme_moves_one_step_at_a_time(db: None) -> None:
    programme = make_programme()
    with pytest.raises(WrongState, match="still takes applications"):
        move_on(actor=staff(), programme=programme, to=ProgrammeState.REVIEW, reason="", at=NOW)
    after = programme.closes_at
    with pytest.raises(WrongState):
        move_on(actor=staff(), programme=programme, to=ProgrammeState.PANEL, reason="", at=after)
    for state in (ProgrammeState.REVIEW, ProgrammeState.PANEL, ProgrammeState.DECIDED, ProgrammeState.CLOSED):
        assert move_on(actor=staff(), programme=programme, to=state, reason="on", at=after).state == state
    with pytest.raises(WrongState):
        cancel_programme(actor=staff(), programme=programme, reason="no", at=after)


def test_a_cancelled_call_tells_who_had_begun_and_leaves_the_public_list(mine: Tenant) -> None:
    programme = make_programme()
    make_application(mine, programme)
    cancel_programme(actor=staff(), programme=programme, reason="The funder withdrew.", at=NOW)
    assert list(Programme.objects.published()) == []
    assert Event.objects.get(type="grant.call_cancelled").organisation_id == mine.organisation.pk


def test_a_deadline_is_not_moved_to_where_nobody_could_take_it_back_from(db: None) -> None:
    programme = make_programme()
    with pytest.raises(Rejected) as refusal:
        move_deadline(actor=staff(), programme=programme, closes_at=SLIP, reason="x", at=NOW)
    assert (refusal.value.field, refusal.value.detail) == ("closes_at", "Choose a day within ten years.")
