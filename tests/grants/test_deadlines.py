# SPDX-License-Identifier: Apache-2.0
"""Who has a draft is reminded a week and a day before the deadline, and all are told once it has passed: each once."""

from collections import Counter
from datetime import timedelta
from functools import partial

from django.core import mail
from django.utils import translation

from aion.events.models import Event, Mail
from aion.events.services.emission import fan_out
from aion.events.services.mails import send_due_mails
from aion.events.types import sentence
from marketplace.grants.models import Programme
from marketplace.grants.services import deadlines
from marketplace.grants.services.applications import withdraw
from marketplace.grants.services.programmes import move_deadline
from marketplace.grants.tasks import remind, tell_of_closing
from tests.billing.hands import at_once
from tests.grants.scenes import make_application, make_programme, staff, submitted_application
from tests.worlds import NOW, Market, Tenant, make_tenant

DAY = timedelta(days=1)


def closing(days: float, **fields: object) -> Programme:
    return make_programme(closes_at=NOW + days * DAY, **fields)


def test_a_draft_is_reminded_of_a_week_and_a_day_before_and_never_twice(mine: Tenant, market: Market) -> None:
    programme = closing(10)
    draft = make_application(mine, programme)
    submitted_application(make_tenant(), programme, market)
    days = (2.9, 3.1, 4, 8.9, 9.1, 9.9, 10.1)
    assert [deadlines.remind_of_drafts(at=NOW + day * DAY) for day in days] == [0, 1, 0, 0, 1, 0, 0]
    told = Event.objects.filter(type="grant.deadline_near")
    assert {one.organisation_id for one in told} == {mine.organisation.pk}
    assert told[0].data["application"] == draft.public_id
    assert draft.public_id in sentence("grant.deadline_near", told[0].data)  # it has no title yet


def test_a_deadline_that_moved_is_reminded_of_anew(mine: Tenant) -> None:
    programme = closing(5)
    make_application(mine, programme)
    assert deadlines.remind_of_drafts(at=NOW) == 1
    later = NOW + 6 * DAY
    move_deadline(actor=staff(), programme=programme, closes_at=later, reason="More time", at=NOW)
    assert [deadlines.remind_of_drafts(at=NOW), deadlines.remind_of_drafts(at=NOW)] == [1, 0]


def test_when_a_call_closes_each_hears_once_what_it_means_for_them(mine: Tenant, market: Market) -> None:
    programme = closing(2)
    draft, given_up = make_application(mine, programme), make_tenant()
    other = make_tenant()
    submitted = submitted_application(other, programme, market)
    back = submitted_application(given_up, programme, market)
    withdraw(actor=given_up.actor(), public_id=back.public_id, at=NOW)
    at = NOW + 2 * DAY
    assert [deadlines.tell_of_closing(at=one) for one in (at - timedelta(seconds=1), at, at + DAY)] == [0, 1, 0]
    told = Event.objects.filter(type__in=("grant.call_closed", "grant.call_closed_on_draft", "grant.programme_closed"))
    assert {(one.type, one.organisation_id) for one in told} == {
        ("grant.call_closed_on_draft", draft.organisation_id),
        ("grant.call_closed", submitted.organisation_id),
        ("grant.programme_closed", programme.organisation_id),
    }
    assert told.get(type="grant.programme_closed").data["submitted"] == 1


def test_a_later_deadline_closes_anew(mine: Tenant) -> None:
    programme = closing(2)
    make_application(mine, programme)
    assert deadlines.tell_of_closing(at=NOW + 3 * DAY) == 1
    move_deadline(actor=staff(), programme=programme, closes_at=NOW + 4 * DAY, reason="Power cut", at=NOW + 3 * DAY)
    assert [deadlines.tell_of_closing(at=NOW + day * DAY) for day in (3, 5, 6)] == [0, 1, 0]


def test_the_notices_go_by_mail_through_the_outbox_in_the_readers_language(mine: Tenant) -> None:
    owner = mine.people["owner"]
    type(owner).objects.filter(pk=owner.pk).update(language="fr")
    make_application(mine, closing(0.5))
    for at in (NOW, NOW + DAY):
        deadlines.remind_of_drafts(at=at)
        deadlines.tell_of_closing(at=at)
        fan_out(at=at)
        send_due_mails(at=at)
    ours = Mail.objects.filter(user=owner, event__type__startswith="grant.")
    sent = Counter(ours.values_list("event__type", flat=True))
    assert sent == {"grant.deadline_near": 1, "grant.call_closed_on_draft": 1}
    subjects = [one.subject for one in mail.outbox if owner.email in one.to]
    with translation.override("fr"):
        assert any("brouillon" in one for one in subjects), subjects


def test_two_workers_at_the_same_moment_tell_once(committed: None) -> None:
    programme = closing(1)
    make_application(make_tenant(roles=("owner",)), programme)
    at = NOW + 2 * DAY
    answers = at_once(*(partial(deadlines.tell_of_closing, at=at) for _ in range(4)))
    assert sorted(answers) == [0, 0, 0, 1], answers
    assert Event.objects.filter(type="grant.call_closed_on_draft").count() == 1


def test_the_periodic_tasks_do_it(mine: Tenant) -> None:
    """Real time is long after the scene's: the call has closed, and its draft is past reminding."""
    make_application(mine, closing(1))
    assert (remind(), tell_of_closing(), tell_of_closing()) == (0, 1, 0)
