# SPDX-License-Identifier: Apache-2.0
"""What expires of an award goes back to its pot, once, and the pot's figures add up to the last micro-credit."""

from datetime import datetime, timedelta
from functools import partial

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from aion.events.models import Event
from billing.models import Hold, Transfer
from billing.services.expiry import GRACE, expire_lots
from billing.services.holds import release_hold
from billing.services.metering import Window, post_windows
from marketplace.grants.errors import PotExceeded
from marketplace.grants.models import AidEntry, Application, Award, Commitment, Programme
from marketplace.grants.queries.awards import reclaimed
from marketplace.grants.queries.funder import funder_lines, totals_of
from marketplace.grants.services import awards, decisions, returns
from marketplace.grants.states import CommitmentKind, DecisionKind
from tests.billing.books import drift
from tests.billing.hands import at_once
from tests.grants.award_scenes import award, make_application, make_programme, runner, staff
from tests.grants.test_aid import state_programme
from tests.worlds import MICRO, NOW, PRICE, Market, Tenant, browser, make_meter, make_tenant, text

POT = 1_000 * MICRO


def won(programme: Programme, amount: int = POT) -> tuple[Tenant, Award]:
    tenant = make_tenant(credit=0)
    return tenant, award(make_application(tenant, programme), amount)


def after_the_grace(made: Award) -> datetime:
    return made.expires_at + GRACE + timedelta(minutes=1)


def expire(made: Award) -> datetime:
    at = after_the_grace(made)
    assert expire_lots(at=at) == 1
    return at


def test_what_was_not_spent_returns_once_and_can_be_awarded_again(market: Market) -> None:
    tenant = runner()
    programme = make_programme(tenant, pot=POT, cap_per_award=POT)
    winner, made = won(programme)
    meter = make_meter(winner, market, hold=PRICE)
    post_windows(windows=[Window(NOW, meter.pk, 3600)], source="test", at=NOW + timedelta(hours=2))
    assert returns.return_expired(at=made.expires_at) == 0  # late usage may still come
    at = expire(made)
    assert [returns.return_expired(at=at), returns.return_expired(at=at)] == [1, 0]
    programme.refresh_from_db()
    assert programme.committed == PRICE
    assert reclaimed(made) == POT - PRICE
    (line,) = funder_lines(programme)
    assert line.granted - line.spent - line.reclaimed == 0 == line.left
    assert totals_of([line]).reclaimed == POT - PRICE
    told = Event.objects.get(type="grant.expiry_returned")
    assert (told.organisation_id, told.data["amount_microcredits"]) == (tenant.organisation.pk, POT - PRICE)
    again = make_application(make_tenant(credit=0), programme)
    with pytest.raises(PotExceeded):
        propose(again, POT)
    award(again, POT - PRICE, at=at)
    programme.refresh_from_db()
    assert (programme.committed, programme.left) == (POT, 0)
    assert drift() == []


def propose(application: Application, amount: int) -> None:
    decisions.propose(
        actor=staff(), application=application, kind=DecisionKind.AWARD, amount=amount, reason="x", at=NOW
    )


def test_what_was_reclaimed_before_does_not_return_twice(db: None) -> None:
    programme = make_programme(runner(), pot=POT, cap_per_award=POT)
    _winner, made = won(programme)
    proposal = awards.propose_reclaim(actor=staff(), award=made, amount=400 * MICRO, reason="Unused.", at=NOW)
    awards.decide_reclaim(actor=staff(), proposal=proposal, approve=True, reason="", at=NOW)
    returns.return_expired(at=expire(made))
    programme.refresh_from_db()
    assert (programme.committed, reclaimed(made)) == (0, POT)


def test_what_a_run_held_past_the_end_returns_when_the_run_has_given_it_back(market: Market) -> None:
    programme = make_programme(runner(), pot=POT, cap_per_award=POT)
    winner, made = won(programme)
    make_meter(winner, market, hold=100 * MICRO)
    at = expire(made)
    assert returns.return_expired(at=at) == 1
    programme.refresh_from_db()
    assert programme.committed == 100 * MICRO
    release_hold(hold_id=Hold.objects.get().pk, at=at)
    assert [expire_lots(at=at), returns.return_expired(at=at)] == [1, 1]
    programme.refresh_from_db()
    assert programme.committed == 0


def test_the_database_refuses_a_return_without_its_entry_twice_or_above_the_award(db: None) -> None:
    programme = make_programme(runner(), pot=3 * POT, cap_per_award=POT)
    _winner, made = won(programme)
    _other, _second = won(programme)
    returns.return_expired(at=expire_both(made))
    entry = Transfer.objects.filter(kind="expiry").first()
    common = {
        "programme": programme, "organisation_id": made.organisation_id, "application_id": made.application_id,
        "at": NOW,
    }  # fmt: skip
    for wrong in (
        {"kind": CommitmentKind.EXPIRY, "amount": -1},
        {"kind": CommitmentKind.EXPIRY, "amount": -1, "transfer": entry},
        {"kind": CommitmentKind.RECLAIM, "amount": -1},
        {"kind": CommitmentKind.EXPIRY, "amount": 1},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Commitment.objects.create(**common, **wrong)
    programme.refresh_from_db()
    assert programme.committed == 0


def expire_both(made: Award) -> datetime:
    at = after_the_grace(made)
    assert expire_lots(at=at) == 2
    return at


def test_aid_counts_although_the_credit_expired_unused(db: None) -> None:
    """The right was given: that it was not used takes nothing off the history."""
    programme = state_programme(runner())
    tenant = make_tenant(credit=0)
    made = award(make_application(tenant, programme, declared_aid=0), 100 * MICRO)
    returns.return_expired(at=expire(made))
    assert list(AidEntry.objects.values_list("kind", "amount")) == [("grant", 100 * MICRO)]


def test_workers_at_the_same_moment_return_once(committed: None) -> None:
    programme = make_programme(runner(), pot=POT, cap_per_award=POT)
    _winner, made = won(programme)
    at = expire(made)
    answers = at_once(*(partial(returns.return_expired, at=at) for _ in range(4)))
    assert sorted(answers) == [0, 0, 0, 1], answers
    programme.refresh_from_db()
    assert programme.committed == 0


def test_the_pages_show_what_went_back(db: None) -> None:
    tenant = runner()
    programme = make_programme(tenant, pot=POT, cap_per_award=POT)
    winner, made = won(programme)
    returns.return_expired(at=expire(made))
    path = reverse("portal:award", kwargs={"slug": winner.organisation.slug, "public_id": made.public_id})
    assert "Gone back to the pot" in browser(winner).get(path).content.decode()
    path = reverse("portal:programme_csv", kwargs={"slug": tenant.organisation.slug, "public_id": programme.public_id})
    lines = text(browser(tenant).get(path)).splitlines()
    assert "1000.000000" in lines[1].split(",")[9]
