# SPDX-License-Identifier: Apache-2.0
"""Two persons decide; an award can be spent at once and only where the programme says; a refusal says why."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from aion.audit.models import AuditEvent
from aion.errors import DomainError
from aion.events.models import Event
from billing import queries
from billing.models import CreditRequest
from marketplace.grants.models import Award, Decision
from marketplace.grants.services import decisions
from marketplace.grants.states import DecisionKind, ProgrammeState
from marketplace.services.orders import place_order
from tests.billing.books import drift
from tests.grants.award_scenes import award, make_application, make_programme, make_review, make_reviewer, runner, staff
from tests.worlds import MICRO, NOW, Market, Tenant, launch, make_tenant


def code_of(act: Any) -> str:
    with pytest.raises(DomainError) as refused:
        act()
    return refused.value.code


def propose(application: Any, amount: int = 50_000 * MICRO, **fields: Any) -> Decision:
    return decisions.propose(
        application=application, amount=amount,
        **{"actor": staff(), "kind": DecisionKind.AWARD, "reason": "Good.", "at": NOW, **fields},
    )  # fmt: skip


def test_an_award_is_a_restricted_lot_that_two_persons_made_and_that_can_be_spent_at_once(market: Market) -> None:
    applicant = make_tenant("applicant", credit=0)
    programme = make_programme(
        runner(), sku_codes=[market.sku.code], site_codes=[market.site.code], min_level=2, lot_days=90
    )
    made = award(make_application(applicant, programme, project=applicant.project))
    lot = made.lot
    assert (lot.available, lot.sku_codes, lot.site_codes, lot.min_level) == (
        50_000 * MICRO, [market.sku.code], [market.site.code], 2
    )  # fmt: skip
    assert lot.expires_at == made.expires_at == (NOW + timedelta(days=91)).replace(hour=0)
    assert made.report_due_on == (made.expires_at + timedelta(days=90)).date()
    request = CreditRequest.objects.get(lot=lot)
    assert (request.requested_by, request.decided_by) == (made.decision.proposed_by, made.decision.decided_by)
    order = place_order(actor=applicant.actor(), request=launch(applicant, market, gpus=1), at=NOW)
    assert order.pk
    assert queries.balance(applicant.organisation.pk, NOW).held > 0
    made.application.refresh_from_db()
    programme.refresh_from_db()
    assert (made.application.state, programme.committed) == ("awarded", 50_000 * MICRO)
    assert drift() == []


def test_one_person_alone_decides_nothing(mine: Tenant) -> None:
    decision = propose(make_application(mine, make_programme(runner())))
    proposer = staff()
    Decision.objects.filter(pk=decision.pk)
    actor = type(proposer)(decision.proposed_by_id, None, "staff", proposer.scopes, proposer.via, "x")
    approve = decisions.approve_decision
    assert code_of(lambda: approve(actor=actor, public_id=decision.public_id, at=NOW)) == "four_eyes"
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.filter(pk=decision.pk).update(state="approved", decided_by_id=decision.proposed_by_id)
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.filter(pk=decision.pk).update(state="approved")
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.filter(pk=decision.pk).update(amount=1)
    assert not Award.objects.exists()


def test_a_refused_applicant_is_told_the_reason_once(mine: Tenant) -> None:
    application = make_application(mine, make_programme(runner()))
    decision = propose(application, kind=DecisionKind.REFUSE, reason="The plan does not say how it is evaluated.")
    assert decision.amount == 0
    decisions.approve_decision(actor=staff(), public_id=decision.public_id, at=NOW)
    assert code_of(
        lambda: decisions.approve_decision(actor=staff(), public_id=decision.public_id, at=NOW)
    ) == "not_found"  # fmt: skip
    (event,) = Event.objects.filter(type="grant.refused", organisation=mine.organisation)
    assert event.data["reason"] == "The plan does not say how it is evaluated."
    application.refresh_from_db()
    assert application.state == "refused"
    assert AuditEvent.objects.filter(action="decision.approved").count() == 1


def test_a_proposal_that_was_sent_back_makes_room_for_another(mine: Tenant) -> None:
    application = make_application(mine, make_programme(runner()))
    first = propose(application)
    assert code_of(lambda: propose(application)) == "conflict"
    decisions.reject_decision(actor=staff(), public_id=first.public_id, reason="too much", at=NOW)
    assert propose(application, amount=MICRO).amount == MICRO


def test_what_cannot_be_proposed_is_refused_by_name(mine: Tenant) -> None:
    tenant = runner()
    programme = make_programme(tenant, pot=200_000 * MICRO)
    application = make_application(mine, programme)
    assert code_of(lambda: propose(application, amount=100_000 * MICRO + 1)) == "invalid_amount"
    assert code_of(lambda: propose(application, amount=0)) == "invalid_amount"
    assert code_of(lambda: propose(application, reason=" ")) == "invalid"
    early = make_application(mine, make_programme(tenant, state=ProgrammeState.REVIEW))
    assert code_of(lambda: propose(early)) == "wrong_state"
    unranked = make_application(mine, make_programme(tenant), state="in_review")
    assert code_of(lambda: propose(unranked)) == "wrong_state"


def test_a_programme_that_ties_projects_pays_only_for_its_own(market: Market) -> None:
    applicant = make_tenant("applicant", credit=0)
    other = make_tenant("tied", credit=0)
    programme = make_programme(runner(), ties_projects=True)
    made = award(make_application(applicant, programme, project=applicant.project))
    applicant.project.refresh_from_db()
    assert (made.project, applicant.project.programme_code) == (applicant.project, programme.code)
    assert made.lot.programme_codes == [programme.code]
    type(other.project).objects.filter(pk=other.project.pk).update(programme_code="another")
    other.project.refresh_from_db()
    fresh = award(make_application(other, programme, project=other.project))
    assert (fresh.project.programme_code, fresh.project == other.project) == (programme.code, False)
    refusal = code_of(lambda: place_order(actor=other.actor(), request=launch(other, market, gpus=1), at=NOW))
    assert refusal == "insufficient_credit"


def test_proposals_go_down_the_ranking_while_the_pot_lasts(mine: Tenant) -> None:
    tenant = runner()
    programme = make_programme(tenant, pot=100_000 * MICRO)
    reviewer, _actor = make_reviewer(tenant)
    applications = []
    for number, values in enumerate([(1, 1), (5, 5), (3, 3)]):
        one = make_application(make_tenant(f"a{number}", credit=0), programme, requested_amount=40_000 * MICRO)
        make_review(one, reviewer, values)
        applications.append(one)
    made = decisions.propose_down_to_the_pot(
        actor=staff(), programme=programme, applications=applications, reason="In order of rank.", at=NOW
    )
    assert made == 2
    found = Decision.objects.order_by("rank").values_list("application_id", "rank")
    assert list(found) == [(applications[1].pk, 1), (applications[2].pk, 2)]


def test_a_bulk_proposal_ranks_once_however_many_there_are(db: None) -> None:
    programme = make_programme(runner(), pot=10 * MICRO, cap_per_award=10 * MICRO)
    for _ in range(4):
        make_application(make_tenant(credit=0, roles=()), programme, requested_amount=MICRO)
    with CaptureQueriesContext(connection) as captured:
        decisions.propose_down_to_the_pot(
            actor=staff(), programme=programme, applications=programme.applications.all()[:2], reason="x", at=NOW
        )
        assert decisions.propose_refusals(actor=staff(), programme=programme, reason="x", at=NOW) == 2
    assert sum("WITH means AS" in one["sql"] for one in captured) == 2


def test_a_bulk_refusal_asks_as_often_for_nine_applications_as_for_one(db: None) -> None:
    programme = make_programme(runner())
    asked = []
    for count in (1, 9):
        chosen = [make_application(make_tenant(credit=0, roles=()), programme).pk for _ in range(count)]
        with CaptureQueriesContext(connection) as captured:
            left = decisions.refuse_each(actor=staff(), application_ids=chosen, reason="No plan.", at=NOW)
        assert (left, Decision.objects.filter(application__in=chosen, kind="refuse").count()) == ({}, count)
        asked.append(len(captured))
    assert asked[0] == asked[1]
    assert AuditEvent.objects.filter(action="decision.proposed", reason="No plan.").count() == 10


def test_a_bulk_refusal_says_of_each_application_why_it_was_left_as_it_is(db: None) -> None:
    programme = make_programme(runner())
    good, waits, early = (make_application(make_tenant(credit=0, roles=()), programme) for _ in range(3))
    propose(waits)
    type(early).objects.filter(pk=early.pk).update(state="in_review")
    chosen = [good.pk, waits.pk, early.pk]
    left = decisions.refuse_each(actor=staff(), application_ids=chosen, reason="No.", at=NOW)
    assert {pk: error.code for pk, error in left.items()} == {waits.pk: "conflict", early.pk: "wrong_state"}
    assert Decision.objects.get(application=good).kind == "refuse"
    assert (
        code_of(lambda: decisions.refuse_each(actor=staff(), application_ids=chosen, reason=" ", at=NOW)) == "invalid"
    )
