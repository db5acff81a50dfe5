# SPDX-License-Identifier: Apache-2.0
"""Who is told: one member alone, a person without an account, and everybody of an audience."""

from typing import Any

import pytest
from django.core import mail as outbox
from django.db import IntegrityError, transaction
from django.test import Client

from aion.events import types
from aion.events.models import Event, Mail, Notification, NotificationPreference, WebhookDelivery
from aion.events.services.emission import emit, fan_out
from aion.events.services.letters import emit_to_address
from aion.events.services.mails import send_due_mails
from aion.events.states import MailState
from aion.events.types import EventType, link_of
from aion.tenancy.roles import Role
from tests.worlds import NOW, Tenant

PERSONAL = EventType(
    "credit.told", "credit", "Told", "%(name)s was told.", frozenset(), mail=True, subscribable=False,
    link="credits/%(lot)s/", essential=True,
)  # fmt: skip


@pytest.fixture(autouse=True)
def personal(monkeypatch: Any) -> None:
    """Know a type that is for single people."""
    monkeypatch.setitem(types.TYPES, PERSONAL.name, PERSONAL)


def tell(tenant: Tenant, user: Any = None, **data: Any) -> Event | None:
    Event.objects.filter(fanned_out_at=None).update(fanned_out_at=NOW)
    return emit(
        organisation_id=tenant.organisation.pk, type=PERSONAL.name, data={"name": "R", **data}, key="k", at=NOW,
        recipient=user.pk if user else None,
    )  # fmt: skip


def write_to(tenant: Tenant, **changed: Any) -> Event | None:
    Event.objects.filter(fanned_out_at=None).update(fanned_out_at=NOW)
    given: dict[str, Any] = {
        "organisation_id": tenant.organisation.pk, "type": PERSONAL.name, "data": {"name": "N"}, "language": "fr",
        "address": "new@person.example", "path": "/invitations/tok-en/", "key": "i", "at": NOW,
    }  # fmt: skip
    return emit_to_address(**{**given, **changed})


def test_an_event_for_one_member_tells_that_member_whatever_the_role(mine: Tenant, theirs: Tenant) -> None:
    reviewer = mine.people[Role.REVIEWER]
    tell(mine, reviewer)
    fan_out(at=NOW)
    assert list(Notification.objects.values_list("user_id", flat=True)) == [reviewer.pk]
    assert list(Mail.objects.values_list("user_id", flat=True)) == [reviewer.pk]


def test_who_is_no_member_is_told_nothing(mine: Tenant, theirs: Tenant) -> None:
    tell(mine, theirs.people[Role.OWNER])
    fan_out(at=NOW)
    assert (Notification.objects.count(), Mail.objects.count()) == (0, 0)


def test_a_type_for_single_people_tells_nobody_without_a_recipient(mine: Tenant) -> None:
    tell(mine)
    fan_out(at=NOW)
    assert (Notification.objects.count(), Mail.objects.count()) == (0, 0)


def test_an_essential_mail_goes_out_although_the_family_is_switched_off(mine: Tenant) -> None:
    owner = mine.people[Role.OWNER]
    NotificationPreference.objects.create(user=owner, family="credit", in_app=False, mail=False)
    tell(mine, owner)
    fan_out(at=NOW)
    assert (Notification.objects.count(), Mail.objects.count()) == (0, 1)


def test_the_recipient_of_an_event_never_changes(mine: Tenant) -> None:
    tell(mine, mine.people[Role.OWNER])
    with pytest.raises(IntegrityError), transaction.atomic():
        Event.objects.update(recipient=mine.people[Role.ADMIN])


def test_what_nobody_may_subscribe_to_is_delivered_to_no_webhook(mine: Tenant, endpoint_of: Any) -> None:
    endpoint_of(mine)
    tell(mine, mine.people[Role.OWNER])
    fan_out(at=NOW)
    assert WebhookDelivery.objects.count() == 0


def test_a_mail_opens_the_page_of_its_event(mine: Tenant) -> None:
    tell(mine, mine.people[Role.OWNER], lot="lot_1")
    fan_out(at=NOW)
    send_due_mails(at=NOW)
    assert "http://127.0.0.1:8000/o/mine/credits/lot_1/" in outbox.outbox[0].body
    assert (link_of(PERSONAL.name, {}), link_of("gone.type", {})) == ("notifications/", "notifications/")


def test_a_person_without_an_account_is_written_to_once_in_the_language_given(mine: Tenant) -> None:
    assert write_to(mine) is not None
    assert write_to(mine) is None
    assert send_due_mails(at=NOW) == 1
    (sent,) = outbox.outbox
    assert (sent.to, "http://127.0.0.1:8000/invitations/tok-en/" in sent.body) == (["new@person.example"], True)
    assert "/account/" not in sent.body
    assert "quelqu’un de cette organisation" in sent.body


def test_the_link_of_such_a_mail_is_in_no_event_and_forgotten_once_it_left(mine: Tenant, staff_browser: Client) -> None:
    event = write_to(mine)
    row = Mail.objects.get()
    page = staff_browser.get(f"/admin/events/mail/{row.pk}/change/")
    assert (page.status_code, b"tok-en" in page.content, "tok-en" in str(event and event.data)) == (200, False, False)
    send_due_mails(at=NOW)
    row.refresh_from_db()
    assert (row.state, row.private) == (MailState.SENT, {})


def test_a_mail_has_a_person_or_an_address_and_never_both(mine: Tenant) -> None:
    write_to(mine)
    for change in ({"address": ""}, {"user": mine.people[Role.OWNER]}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Mail.objects.update(**change)
