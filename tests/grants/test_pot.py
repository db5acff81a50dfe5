# SPDX-License-Identifier: Apache-2.0
"""A pot is never over-committed, whoever approves at the same moment."""

from functools import partial

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Sum

from billing.models import LedgerAccount
from marketplace.grants.errors import PotExceeded
from marketplace.grants.models import Award, Commitment, Decision, Programme
from marketplace.grants.services import decisions
from marketplace.grants.states import CommitmentKind, DecisionKind
from tests.billing.books import drift
from tests.billing.hands import at_once
from tests.grants.award_scenes import make_application, make_programme, runner, staff
from tests.worlds import MICRO, NOW, Tenant, make_tenant

APPROVALS = 200


def test_two_hundred_approvals_at_once_never_pass_the_pot(committed: None) -> None:
    """Two of three proposals fit: the pot is spent to the last micro-credit, and each award has its lot."""
    each = 7_500 * MICRO
    fitting = 133
    programme = make_programme(runner(), pot=fitting * each, cap_per_award=each)
    proposer, waiting = staff(), []
    for number in range(APPROVALS):
        tenant = make_tenant(f"applicant-{number}", credit=0, roles=())
        application = make_application(tenant, programme)
        waiting.append(
            Decision.objects.create(
                organisation=tenant.organisation, application=application, kind=DecisionKind.AWARD, amount=each,
                reason="x", proposed_by_id=proposer.user_id, proposed_by="x", proposed_at=NOW,
            )
        )  # fmt: skip
    approver = staff()
    answers = at_once(
        *(partial(decisions.approve_decision, actor=approver, public_id=one.public_id, at=NOW) for one in waiting)
    )
    programme.refresh_from_db()
    refused = [one for one in answers if isinstance(one, PotExceeded)]
    approved = [one for one in answers if isinstance(one, Decision)]
    assert (len(approved), len(refused)) == (fitting, APPROVALS - fitting), {type(one) for one in answers}
    assert programme.committed == programme.pot
    assert Award.objects.aggregate(total=Sum("amount"))["total"] == programme.pot
    assert LedgerAccount.objects.lots().aggregate(total=Sum("credits"))["total"] == programme.pot
    assert Decision.objects.filter(state="pending").count() == len(refused)
    assert drift() == []


def test_an_award_above_what_is_left_is_refused_with_what_is_left_and_nothing_written(mine: Tenant) -> None:
    programme = make_programme(runner(), pot=100 * MICRO, cap_per_award=80 * MICRO)
    first = make_application(mine, programme)
    second = make_application(make_tenant("other"), programme)
    proposer, approver = staff(), staff()
    proposed = [
        decisions.propose(
            actor=proposer, application=one, kind=DecisionKind.AWARD, amount=80 * MICRO, reason="Good.", at=NOW
        )
        for one in (first, second)
    ]
    decisions.approve_decision(actor=approver, public_id=proposed[0].public_id, at=NOW)
    with pytest.raises(PotExceeded) as refused:
        decisions.approve_decision(actor=approver, public_id=proposed[1].public_id, at=NOW)
    assert refused.value.details["left_microcredits"] == 20 * MICRO
    second.refresh_from_db()
    proposed[1].refresh_from_db()
    assert (second.state, proposed[1].state, Award.objects.count()) == ("ranked", "pending", 1)


def test_the_database_refuses_a_pot_that_is_passed_or_changed_by_hand(mine: Tenant) -> None:
    programme = make_programme(runner(), pot=100 * MICRO, cap_per_award=80 * MICRO)
    application = make_application(mine, programme)
    with pytest.raises(IntegrityError), transaction.atomic():
        Commitment.objects.create(
            programme=programme, organisation=mine.organisation, application=application,
            kind=CommitmentKind.AWARD, amount=100 * MICRO + 1, at=NOW,
        )  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        Programme.objects.filter(pk=programme.pk).update(committed=1)
    made = Commitment.objects.create(
        programme=programme, organisation=mine.organisation, application=application, kind=CommitmentKind.AWARD,
        amount=100 * MICRO, at=NOW,
    )  # fmt: skip
    programme.refresh_from_db()
    assert programme.left == 0
    with pytest.raises(IntegrityError), transaction.atomic():
        made.delete()
