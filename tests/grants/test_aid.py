# SPDX-License-Identifier: Apache-2.0
"""De minimis aid: the cap to the micro-credit, refused whole, over linked companies and three rolling years."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.test import Client

from aion.errors import DomainError
from aion.events.models import Event
from marketplace.grants.aid import window_start, working_day_after
from marketplace.grants.errors import AidRefused
from marketplace.grants.models import AidEntry, AidRecord, AidRule, Award, Programme, Undertaking
from marketplace.grants.queries.aid import headroom, link_of, rule_in_force, used_by
from marketplace.grants.services import aid, awards, decisions, reminders
from marketplace.grants.states import DecisionKind
from tests.grants.award_scenes import award, make_application, make_programme, runner, staff
from tests.worlds import MICRO, NOW, Tenant, make_tenant

CAP = 300_000 * MICRO
TODAY = NOW.date()


def state_programme(tenant: Tenant, **fields: Any) -> Programme:
    given = {
        "money_source": "state", "aid_regime": "de_minimis", "aid_decided_by": "Legal",
        "cap_per_award": 400_000 * MICRO, "pot": 2_000_000 * MICRO,
    }  # fmt: skip
    return make_programme(tenant, **{**given, **fields})


def grant(tenant: Tenant, programme: Programme, amount: int, *, at: datetime = NOW, **fields: Any) -> Award:
    return award(make_application(tenant, programme, **{"declared_aid": 0, **fields}), amount, at=at)


def undertaking_of(tenant: Tenant, on: date = TODAY) -> Undertaking:
    link = link_of(tenant.organisation.pk, on)
    assert link is not None
    return link.undertaking


def total() -> int:
    return int(AidEntry.objects.aggregate(total=Sum("amount", default=0))["total"])


def used(tenant: Tenant, on: date = TODAY) -> int:
    rule = rule_in_force("de_minimis", on)
    assert rule is not None
    return used_by(undertaking_of(tenant, on).pk, rule, on)


def test_the_cap_is_reached_to_the_last_micro_credit_and_passed_by_none(mine: Tenant) -> None:
    tenant = runner()
    first = grant(mine, state_programme(tenant), 200_000 * MICRO)
    assert first.aid.amount == 200_000 * MICRO
    application = make_application(mine, state_programme(tenant), declared_aid=0)
    over = decisions.propose(
        actor=staff(), application=application, kind=DecisionKind.AWARD, amount=100_000 * MICRO + 1, reason="x", at=NOW
    )
    with pytest.raises(AidRefused) as refused:
        decisions.approve_decision(actor=staff(), public_id=over.public_id, at=NOW)
    assert refused.value.details == {
        "cap_microcredits": CAP, "used_microcredits": 200_000 * MICRO, "headroom_microcredits": 100_000 * MICRO
    }  # fmt: skip
    application.refresh_from_db()
    application.programme.refresh_from_db()
    assert (application.state, application.programme.committed, Award.objects.count()) == ("ranked", 0, 1)
    decisions.reject_decision(actor=staff(), public_id=over.public_id, reason="too much", at=NOW)
    assert award(application, 100_000 * MICRO).aid.granted_on == TODAY
    rule = rule_in_force("de_minimis", TODAY)
    assert rule is not None
    assert headroom(mine.organisation.pk, rule, TODAY).left == 0


def test_a_private_prize_is_no_aid(mine: Tenant) -> None:
    made = award(make_application(mine, make_programme(runner())))
    assert not AidRecord.objects.filter(award=made).exists()
    assert not AidEntry.objects.exists()


def test_aid_counts_to_the_day_before_three_years_are_over() -> None:
    assert window_start(date(2026, 11, 23), 3) == date(2023, 11, 23)
    assert window_start(date(2026, 11, 24), 3) == date(2023, 11, 24)
    assert window_start(date(2028, 2, 29), 3) == date(2025, 2, 28)


def test_the_window_rolls_by_the_day(mine: Tenant) -> None:
    tenant = runner()
    granted = datetime(2026, 3, 2, 10, tzinfo=UTC)
    grant(mine, state_programme(tenant), CAP, at=granted)
    assert used(mine, date(2029, 3, 1)) == CAP
    assert used(mine, date(2029, 3, 2)) == 0
    full = make_application(mine, state_programme(tenant), declared_aid=0)
    with pytest.raises(AidRefused):
        award(full, MICRO, at=datetime(2029, 3, 1, 10, tzinfo=UTC))


def test_the_day_of_a_grant_is_the_day_in_the_programmes_time_zone(mine: Tenant) -> None:
    late = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    assert grant(mine, state_programme(runner()), MICRO, at=late).aid.granted_on == date(2026, 3, 3)


def test_nothing_is_granted_without_a_declaration_or_a_rule(mine: Tenant) -> None:
    tenant = runner()
    with pytest.raises(AidRefused):
        award(make_application(mine, state_programme(tenant), declared_aid=None))
    after = datetime(2031, 1, 1, 12, tzinfo=UTC)
    with pytest.raises(AidRefused):
        award(make_application(mine, state_programme(tenant), declared_aid=0), at=after)


def test_what_is_declared_counts_once_and_what_we_granted_is_not_counted_twice(mine: Tenant) -> None:
    tenant = runner()
    grant(mine, state_programme(tenant), 100_000 * MICRO, at=NOW - timedelta(days=40))
    declared = {"declared_aid": 250_000 * MICRO}
    with pytest.raises(AidRefused):
        grant(mine, state_programme(tenant), 60_000 * MICRO, **declared)
    grant(mine, state_programme(tenant), 20_000 * MICRO, **declared)
    assert used(mine) == 270_000 * MICRO
    grant(mine, state_programme(tenant), 30_000 * MICRO, **declared)
    assert used(mine) == CAP


def test_linked_companies_share_one_cap(mine: Tenant) -> None:
    tenant, sister = runner(), make_tenant("sister", credit=0)
    grant(mine, state_programme(tenant), 200_000 * MICRO)
    aid.link(
        actor=staff(), organisation=sister.organisation, undertaking=undertaking_of(mine), on=TODAY,
        source="commercial register", at=NOW,
    )  # fmt: skip
    with pytest.raises(AidRefused):
        grant(sister, state_programme(tenant), 100_000 * MICRO + 1)
    assert grant(sister, state_programme(tenant), 100_000 * MICRO).aid


def test_a_merger_adds_both_histories_and_loses_none(mine: Tenant, theirs: Tenant) -> None:
    tenant = runner()
    grant(mine, state_programme(tenant), 200_000 * MICRO)
    grant(theirs, state_programme(tenant), 150_000 * MICRO)
    before, source = total(), undertaking_of(theirs)
    aid.merge(actor=staff(), source=source, target=undertaking_of(mine), on=TODAY, reason="merged", at=NOW)
    assert (used(mine), used(theirs), total()) == (350_000 * MICRO, 350_000 * MICRO, before)
    with pytest.raises(AidRefused):
        grant(theirs, state_programme(tenant), 1)
    with pytest.raises(DomainError):
        aid.merge(actor=staff(), source=source, target=undertaking_of(mine), on=TODAY, reason="again", at=NOW)


def test_a_split_divides_the_history_and_loses_none(mine: Tenant, theirs: Tenant) -> None:
    tenant = runner()
    made = grant(mine, state_programme(tenant), 200_000 * MICRO)
    aid.link(actor=staff(), organisation=theirs.organisation, undertaking=undertaking_of(mine), on=TODAY, source="r",
             at=NOW)  # fmt: skip
    later = NOW + timedelta(days=30)
    parts = {made.aid.public_id: 50_000 * MICRO}
    whole = {"actor": staff(), "source": undertaking_of(mine), "name": "New", "on": later.date(), "at": later}
    with pytest.raises(DomainError):
        aid.split(organisations=[theirs.organisation], parts={made.aid.public_id: CAP}, reason="r", **whole)
    aid.split(organisations=[theirs.organisation], parts=parts, reason="demerger", **whole)
    assert (used(mine, later.date()), used(theirs, later.date())) == (150_000 * MICRO, 50_000 * MICRO)
    assert total() == 200_000 * MICRO
    assert undertaking_of(theirs, TODAY) == undertaking_of(mine, TODAY)


def test_history_is_never_changed_and_one_rule_holds_at_a_time(mine: Tenant) -> None:
    grant(mine, state_programme(runner()), MICRO)
    for change in (
        lambda: AidEntry.objects.update(amount=1),
        lambda: AidEntry.objects.all().delete(),
        lambda: AidRecord.objects.update(amount=1),
        lambda: AidRule.objects.create(
            code="de_minimis", valid=(date(2026, 1, 1), date(2027, 1, 1)), cap=1, window_years=3,
            registration_days=20, source="x",
        ),
    ):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_staff_write_the_next_rule_in_euros_from_a_day_until_a_day(staff_browser: Client) -> None:
    rule = {"code": "agriculture", "valid_0": "2026-01-01", "valid_1": "2031-01-01", "euros": "50000.50",
            "window_years": "3", "registration_days": "20", "source": "Regulation (EU) 1408/2013"}  # fmt: skip
    page = staff_browser.get("/admin/grants/aidrule/add/").content.decode()
    assert 'aria-label="Valid: from"' in page
    assert 'aria-label="Valid: until"' in page
    assert staff_browser.post("/admin/grants/aidrule/add/", rule).status_code == 302
    made = AidRule.objects.get(code="agriculture")
    assert (made.cap, made.valid.lower, made.valid.upper) == (50_000_500_000, date(2026, 1, 1), date(2031, 1, 1))
    change = f"/admin/grants/aidrule/{made.pk}/change/"
    assert 'value="50000.5' in staff_browser.get(change).content.decode()
    staff_browser.post(change, {**rule, "euros": "60000", "change_reason": "amended"})
    made.refresh_from_db()
    assert made.cap == 60_000 * MICRO
    overlapping = staff_browser.post("/admin/grants/aidrule/add/", rule)
    assert overlapping.status_code == 200
    assert AidRule.objects.filter(code="agriculture").count() == 1


def test_reclaimed_credit_is_taken_off_the_history(mine: Tenant) -> None:
    made = grant(mine, state_programme(runner()), 100_000 * MICRO)
    proposal = awards.propose_reclaim(actor=staff(), award=made, amount=40_000 * MICRO, reason="unused", at=NOW)
    awards.decide_reclaim(actor=staff(), proposal=proposal, approve=True, reason="", at=NOW)
    assert used(mine) == 60_000 * MICRO


def test_working_days_leave_out_weekends_and_holidays() -> None:
    # 30 April 2026 is a Thursday; 1 and 8 May are holidays.
    holidays = {date(2026, 5, 1), date(2026, 5, 8)}
    assert working_day_after(date(2026, 4, 30), 1, holidays) == date(2026, 5, 4)
    assert working_day_after(date(2026, 4, 30), 5, holidays) == date(2026, 5, 11)


def test_an_aid_is_to_be_registered_in_twenty_working_days_and_reminded_of_until_then(mine: Tenant) -> None:
    tenant = runner()
    record = grant(mine, state_programme(tenant), MICRO).aid
    assert record.register_due_on == date(2026, 3, 30)
    assert reminders.remind_of_register(at=NOW) == 0
    soon = datetime(2026, 3, 23, 9, tzinfo=UTC)
    assert [reminders.remind_of_register(at=soon) for _ in range(2)] == [1, 0]
    assert Event.objects.get(type="grant.aid_to_register").organisation_id == tenant.organisation.pk
    aid.mark_registered(actor=staff(), record=record, reference="FR-1", on=TODAY, at=NOW)
    with pytest.raises(DomainError):
        aid.mark_registered(actor=staff(), record=record, reference="FR-2", on=TODAY, at=NOW)
