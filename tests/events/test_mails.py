# SPDX-License-Identifier: Apache-2.0
"""A mail goes out once, in its reader's language; when we cannot know, it is said and not sent again."""

import smtplib
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail as outbox
from django.core.mail.backends.locmem import EmailBackend

from aion.events.models import Event, Mail, Notification
from aion.events.schedule import BACKOFF
from aion.events.services import mails
from aion.events.services.emission import fan_out
from aion.events.services.mails import STUCK_AFTER, send_due_mails
from aion.events.states import MailState
from aion.tenancy.models import Membership
from aion.tenancy.roles import Role
from tests.worlds import NOW, Tenant, make_user


@pytest.fixture
def one(mine: Tenant, happen: Any) -> Mail:
    """Return the one mail that waits: a budget's, to the owner."""
    Event.objects.filter(fanned_out_at=None).update(fanned_out_at=NOW)
    Membership.objects.exclude(role=Role.OWNER).delete()
    happen(mine, "budget.threshold_reached", name="R&D <b>", threshold_percent=80, spent_microcredits=1_234_560_000)
    fan_out(at=NOW)
    row: Mail = Mail.objects.get()
    return row


def breaking(monkeypatch: Any, error: BaseException, *, after: bool = False) -> None:
    """Make the mail server fail, before it took the mail or after."""
    real = EmailBackend.send_messages

    def send(self: Any, messages: Any) -> Any:
        if after:
            real(self, messages)
        raise error

    monkeypatch.setattr(EmailBackend, "send_messages", send)


def test_a_mail_says_what_happened_as_text_and_as_html(mine: Tenant, one: Mail) -> None:
    assert send_due_mails(at=NOW) == 1
    (sent,) = outbox.outbox
    html = sent.alternatives[0][0]
    assert (sent.to, sent.subject) == (["owner@mine.example"], "A budget reached a threshold · Mine")
    assert "R&D <b> has used 80 % of its budget: 1,234.56 of – credits." in sent.body
    assert "R&amp;D &lt;b&gt; has used 80 %" in html
    link = "http://127.0.0.1:8000/o/mine/notifications/"
    assert (link in sent.body, link in html) == (True, True)
    assert sent.extra_headers["Message-ID"] == f"<{one.event.public_id}.{one.pk}@127.0.0.1>"
    one.refresh_from_db()
    assert (one.state, one.sent_at, one.attempts) == (MailState.SENT, NOW, 1)
    assert (send_due_mails(at=NOW + timedelta(days=1)), len(outbox.outbox)) == (0, 1)


def test_a_mail_is_in_the_language_of_its_reader(one: Mail) -> None:
    Mail.objects.update(language="fr")
    send_due_mails(at=NOW)
    (sent,) = outbox.outbox
    assert sent.subject == "Un budget a atteint un seuil · Mine"
    assert "1\u202f234,56" in sent.body or "1\xa0234,56" in sent.body


def test_the_language_is_the_persons_own(mine: Tenant, happen: Any) -> None:
    mine.people[Role.OWNER].language = "fr"
    mine.people[Role.OWNER].save()
    event = happen(mine, "webhook.disabled")
    fan_out(at=NOW)
    assert dict(Mail.objects.filter(event=event).values_list("user__email", "language")) == {
        "owner@mine.example": "fr",
        "admin@mine.example": "en-gb",
    }


@pytest.mark.parametrize("after", [False, True], ids=["before the server had it", "after the server had it"])
def test_a_worker_killed_while_sending_never_sends_twice_and_the_row_says_so(
    one: Mail, monkeypatch: Any, after: bool
) -> None:
    with monkeypatch.context() as patch:
        breaking(patch, SystemExit(), after=after)
        with pytest.raises(SystemExit):
            send_due_mails(at=NOW)
    one.refresh_from_db()
    assert one.state == MailState.SENDING
    send_due_mails(at=NOW + STUCK_AFTER)
    one.refresh_from_db()
    assert one.state == MailState.SENDING
    send_due_mails(at=NOW + STUCK_AFTER + timedelta(seconds=1))
    one.refresh_from_db()
    assert (one.state, len(outbox.outbox)) == (MailState.UNCONFIRMED, int(after))
    assert "Not sent again" in one.last_error
    assert Notification.objects.filter(user_id=one.user_id, event_id=one.event_id).count() == 1


def test_a_worker_killed_before_sending_loses_nothing(one: Mail, monkeypatch: Any) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(mails, "_claim", lambda **_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            send_due_mails(at=NOW)
    assert send_due_mails(at=NOW) == 1


def test_a_worker_that_was_only_slow_still_notes_that_it_sent(one: Mail) -> None:
    claimed = mails._claim(at=NOW)
    assert claimed is not None
    mails.repair_stuck(at=NOW + STUCK_AFTER * 2)
    with outbox.get_connection() as server:
        mails._send(mail=claimed, server=server, at=NOW + STUCK_AFTER * 2)
    one.refresh_from_db()
    assert (one.state, len(outbox.outbox)) == (MailState.SENT, 1)


def test_an_error_of_which_nobody_knows_whether_it_came_before_or_after_is_not_repeated(
    one: Mail, monkeypatch: Any
) -> None:
    breaking(monkeypatch, TimeoutError(), after=True)
    assert send_due_mails(at=NOW) == 0
    one.refresh_from_db()
    assert (one.state, len(outbox.outbox)) == (MailState.UNCONFIRMED, 1)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (smtplib.SMTPDataError(451, b"later"), MailState.PENDING),
        (smtplib.SMTPDataError(550, b"never"), MailState.FAILED),
        (smtplib.SMTPRecipientsRefused({"x": (450, b"greylisted")}), MailState.PENDING),
        (smtplib.SMTPRecipientsRefused({"x": (550, b"unknown")}), MailState.FAILED),
    ],
)
def test_a_refusal_by_the_server_is_repeated_only_when_it_is_temporary(
    one: Mail, monkeypatch: Any, error: Exception, state: MailState
) -> None:
    with monkeypatch.context() as patch:
        breaking(patch, error)
        send_due_mails(at=NOW)
    one.refresh_from_db()
    assert one.state == state
    later = NOW + timedelta(seconds=1.2 * BACKOFF[0])
    assert send_due_mails(at=later) == int(state == MailState.PENDING)


def test_a_mail_server_that_is_down_keeps_mails_waiting(one: Mail, monkeypatch: Any) -> None:
    def refuse(self: Any) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as patch:
        patch.setattr(EmailBackend, "open", refuse)
        for hour in range(100):
            assert send_due_mails(at=NOW + timedelta(hours=hour)) == 0
    one.refresh_from_db()
    assert (one.state, one.attempts) == (MailState.PENDING, 0)
    assert send_due_mails(at=NOW + timedelta(hours=100)) == 1


def test_who_has_left_gets_no_mail(one: Mail) -> None:
    Membership.objects.create(user=make_user(), organisation=one.organisation, role=Role.OWNER)
    Membership.objects.filter(user=one.user).delete()
    assert (send_due_mails(at=NOW), outbox.outbox) == (0, [])
    one.refresh_from_db()
    assert one.state == MailState.DROPPED


def test_one_mail_that_cannot_be_written_does_not_hold_up_the_others(
    mine: Tenant, one: Mail, happen: Any, monkeypatch: Any
) -> None:
    happen(mine, "credit.low")
    fan_out(at=NOW)
    real = mails._message
    monkeypatch.setattr(mails, "_message", lambda mail: 1 / 0 if mail.pk == one.pk else real(mail))
    assert send_due_mails(at=NOW) == 1
    one.refresh_from_db()
    assert one.state == MailState.FAILED
