# SPDX-License-Identifier: Apache-2.0
"""The outbox of mails. A mail goes out at most once, and a row says so when we cannot know whether it did.

A row is marked ``sending``, and that is committed, before the mail server hears of it. A worker that dies in between
leaves it so; after ten minutes it becomes ``unconfirmed``: it may have gone out, so it is never sent again. Staff see
it, and the person finds the same event among the notifications. Only what certainly did not leave (no connection, a
refusal by the server) is tried again.
"""

import smtplib
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from aion.events.models import Mail
from aion.events.schedule import wait_after
from aion.events.states import MailState
from aion.tenancy.models import Membership

log = structlog.get_logger(__name__)
BATCH = 100
STUCK_AFTER = timedelta(minutes=10)


def send_due_mails(*, at: datetime, limit: int = BATCH) -> int:
    """Send the mails that are due, each claimed and marked in a transaction of its own; return how many went out."""
    repair_stuck(at=at)
    if not Mail.objects.due_at(at).exists():
        return 0
    server = get_connection()
    try:
        server.open()
    except OSError as error:
        log.warning("mail server unreachable", error=type(error).__name__)
        return 0
    sent = 0
    try:
        for _ in range(limit):
            mail = _claim(at=at)
            if mail is None:
                break
            outcome = _send(mail=mail, server=server, at=at)
            sent += outcome is MailState.SENT
            if outcome is MailState.UNCONFIRMED:
                # The connection cannot be trusted any more; on a dead one each further mail would be in doubt too.
                break
    finally:
        server.close()
    return sent


def repair_stuck(*, at: datetime) -> int:
    """End claims that are ten minutes old as ``unconfirmed``; return how many there were."""
    stuck = Mail.objects.filter(state=MailState.SENDING, claimed_at__lt=at - STUCK_AFTER).move(
        MailState.UNCONFIRMED, last_error="The worker ended before it could note the result. Not sent again."
    )
    if stuck:
        log.error("mails unconfirmed", count=stuck)
    return stuck


@transaction.atomic
def _claim(*, at: datetime) -> Mail | None:
    mail: Mail | None = (
        Mail.objects.due_at(at)
        .select_related("user", "organisation", "event")
        .select_for_update(skip_locked=True, of=("self",))
        .first()
    )
    if mail is None:
        return None
    Mail.objects.filter(pk=mail.pk).move(MailState.SENDING, claimed_at=at, attempts=mail.attempts + 1)
    mail.attempts += 1
    return mail


def _send(*, mail: Mail, server: Any, at: datetime) -> MailState:
    mine = Mail.objects.filter(pk=mail.pk)
    if not _still_wanted(mail):
        mine.move(MailState.DROPPED, last_error="The person is no longer a member.")
        return MailState.DROPPED
    try:
        message = _message(mail)
    except Exception as error:  # noqa: BLE001 - one event that cannot be written must not hold up all others
        mine.move(MailState.FAILED, last_error=f"{type(error).__name__}: it could not be written.")
        log.error("mail cannot be written", mail=mail.pk, error=type(error).__name__)
        return MailState.FAILED
    try:
        server.send_messages([message])
    except smtplib.SMTPRecipientsRefused as error:
        temporary = all(code < 500 for code, _ in error.recipients.values())
        return _refused(mail=mail, temporary=temporary, error=error, at=at)
    except smtplib.SMTPResponseException as error:
        return _refused(mail=mail, temporary=error.smtp_code < 500, error=error, at=at)
    except Exception as error:  # noqa: BLE001 - whatever it was, it may have happened after the server took the mail
        mine.move(MailState.UNCONFIRMED, last_error=f"{type(error).__name__}: it may have gone out. Not sent again.")
        log.error("mail unconfirmed", mail=mail.pk, error=type(error).__name__)
        return MailState.UNCONFIRMED
    mine.move(MailState.SENT, sent_at=at, last_error="")
    return MailState.SENT


def _still_wanted(mail: Mail) -> bool:
    if mail.user_id is None:
        return True
    return Membership.objects.filter(
        user_id=mail.user_id, organisation_id=mail.organisation_id, user__is_active=True
    ).exists()


def _refused(*, mail: Mail, temporary: bool, error: Exception, at: datetime) -> MailState:
    wait = wait_after(attempts=mail.attempts, subject=f"mail:{mail.pk}") if temporary else None
    mine = Mail.objects.filter(pk=mail.pk)
    why = f"{type(error).__name__}: the mail server refused it."
    if wait is None:
        mine.move(MailState.FAILED, last_error=why)
    else:
        mine.move(MailState.PENDING, next_attempt_at=at + wait, last_error=why)
    log.warning("mail refused", mail=mail.pk, again=wait is not None, error=type(error).__name__)
    return MailState.FAILED if wait is None else MailState.PENDING


def _message(mail: Mail) -> EmailMultiAlternatives:
    organisation = mail.organisation
    home = reverse("portal:overview", kwargs={"slug": organisation.slug})
    with translation.override(mail.language):
        context = {
            "title": mail.event.title,
            "text": mail.event.text,
            "organisation": organisation.name,
            "event": mail.event,
            "language": mail.language,
            "link": settings.BASE_URL + (mail.private.get("path") or home + mail.event.link),
            "preferences": settings.BASE_URL + reverse("portal:account") if mail.user_id else "",
        }
        subject = f"{mail.event.title} · {organisation.name}".replace("\n", " ").replace("\r", " ")
        text = render_to_string("email/event.txt", context)
        html = render_to_string("email/event.html", context)
    host = urlsplit(settings.BASE_URL).hostname or "aion.example"
    message = EmailMultiAlternatives(
        subject,
        text,
        to=[mail.user.email if mail.user else mail.address],
        headers={
            "Message-ID": f"<{mail.event.public_id}.{mail.pk}@{host}>",
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
        },
    )
    message.attach_alternative(html, "text/html")
    return message
