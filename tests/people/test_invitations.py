# SPDX-License-Identifier: Apache-2.0
"""Invitations: by mail, once, in time, to the address that was meant, never above the inviter's own role."""

import re
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.db import connection
from django.test import Client

from aion import clock
from aion.errors import Conflict, DomainError, Forbidden, NotFound, Rejected
from aion.events.models import Event, Mail
from aion.events.services.mails import send_due_mails
from aion.people.errors import InvitationExpired, InvitationForAnother, InvitationUsed, RoleAboveOwn
from aion.people.invitations import LIFE, accept_invitation, digest_of, invite, resend, revoke
from aion.tenancy.models import Invitation, InvitationState, Membership, User
from aion.tenancy.roles import Role
from tests.worlds import NOW, Tenant, browser, make_tenant, make_user

GUEST = "Guest@New.example"


def token_of(invitation: Invitation) -> str:
    """Return the token that the newest mail of ``invitation`` carries."""
    letter = Mail.objects.filter(event__data__invitation=invitation.public_id).latest("pk")
    return str(letter.private["path"]).strip("/").rsplit("/", 1)[1]


def asked(tenant: Tenant, at: datetime = NOW) -> tuple[Invitation, str]:
    invitation = invite(actor=tenant.actor(), email=GUEST, role=Role.DEVELOPER, at=at)
    return invitation, token_of(invitation)


def test_the_mail_carries_the_link_and_the_link_makes_a_member(mine: Tenant) -> None:
    now = clock.now()
    invitation, _ = asked(mine, now)
    assert (invitation.email, invitation.state) == ("guest@new.example", InvitationState.PENDING)
    assert send_due_mails(at=now) == 1
    letter = mail.outbox[-1]
    link = re.search(r"/invitations/[\w-]+/", letter.body)
    assert letter.to == ["guest@new.example"]
    assert "Developer" in letter.body
    assert link is not None
    guest = make_user("guest@new.example")
    client = browser(mine)
    client.force_login(guest)
    assert b"Mine" in client.get(link[0]).content
    assert not Membership.objects.filter(user=guest).exists()
    assert client.post(link[0]).status_code == 302
    assert Membership.objects.get(user=guest).role == Role.DEVELOPER
    again = client.post(link[0])
    assert again.status_code == 409
    assert "ask Mine for a new one" in again.content.decode()


def test_neither_the_token_nor_the_address_is_kept(mine: Tenant) -> None:
    invitation, token = asked(mine)
    send_due_mails(at=NOW)
    letter = Mail.objects.get(event__data__invitation=invitation.public_id)
    assert token not in str(letter.private)
    for event in Event.objects.all():
        assert GUEST.lower() not in str(event.data) + event.key
        assert token not in str(event.data) + event.key
    assert invitation.digest != token


@pytest.mark.parametrize("late", [timedelta(0), timedelta(days=30)])
def test_an_expired_invitation_is_refused_and_says_whom_to_ask(mine: Tenant, late: timedelta) -> None:
    _, token = asked(mine)
    guest = make_user("guest@new.example")
    with pytest.raises(InvitationExpired, match="ask Mine"):
        accept_invitation(user=guest, token=token, at=NOW + LIFE + late)
    assert accept_invitation(user=guest, token=token, at=NOW + LIFE - timedelta(microseconds=1)).role == Role.DEVELOPER


def test_a_used_or_revoked_invitation_is_refused(mine: Tenant) -> None:
    invitation, token = asked(mine)
    guest = make_user("guest@new.example")
    revoke(actor=mine.actor(), public_id=invitation.public_id, at=NOW)
    with pytest.raises(InvitationUsed):
        accept_invitation(user=guest, token=token, at=NOW)
    with pytest.raises(NotFound):
        revoke(actor=mine.actor(), public_id=invitation.public_id, at=NOW)
    _, fresh = asked(mine)
    accept_invitation(user=guest, token=fresh, at=NOW)
    with pytest.raises(InvitationUsed):
        accept_invitation(user=guest, token=fresh, at=NOW)


def test_the_page_of_an_expired_invitation_says_whom_to_ask_and_nothing_is_half_done(mine: Tenant) -> None:
    invitation, token = asked(mine, clock.now() - LIFE)
    client, guest = Client(), make_user("guest@new.example")
    client.force_login(guest)
    for answer in (client.get(f"/invitations/{token}/"), client.post(f"/invitations/{token}/")):
        assert answer.status_code == 409
        assert "ask Mine for a new one" in answer.content.decode()
    invitation.refresh_from_db()
    assert (invitation.state, invitation.accepted_by_id) == (InvitationState.PENDING, None)
    assert not Membership.objects.filter(user=guest).exists()


@pytest.mark.parametrize("act", ["resend", "revoke"])
def test_another_organisations_invitation_is_not_there(mine: Tenant, theirs: Tenant, api: Any, act: str) -> None:
    invitation, token = asked(theirs)
    assert browser(mine).post(f"/o/mine/invitations/{invitation.public_id}/{act}/").status_code == 404
    assert browser(mine).post(f"/o/theirs/invitations/{invitation.public_id}/{act}/").status_code == 404
    client, path = api(mine.key()), f"/api/v1/invitations/{invitation.public_id}"
    answer = client.post(f"{path}/resend") if act == "resend" else client.delete(path)
    assert answer.status_code == 404
    invitation.refresh_from_db()
    assert (invitation.state, invitation.sent, invitation.digest) == (InvitationState.PENDING, 1, digest_of(token))


def test_an_unknown_link_is_not_there(mine: Tenant) -> None:
    asked(mine)
    assert browser(mine).get(f"/invitations/{'x' * 43}/").status_code == 404


def test_a_link_sent_again_ends_the_earlier_one(mine: Tenant) -> None:
    invitation, old = asked(mine)
    resend(actor=mine.actor(), public_id=invitation.public_id, at=NOW + LIFE)
    guest = make_user("guest@new.example")
    with pytest.raises(NotFound):
        accept_invitation(user=guest, token=old, at=NOW)
    accept_invitation(user=guest, token=token_of(invitation), at=NOW + LIFE + timedelta(days=1))
    assert Mail.objects.filter(event__data__invitation=invitation.public_id).count() == 2


def test_an_invitation_is_sent_five_times_at_most(mine: Tenant) -> None:
    invitation, _ = asked(mine)
    for _n in range(4):
        resend(actor=mine.actor(), public_id=invitation.public_id, at=NOW)
    with pytest.raises(Conflict):
        resend(actor=mine.actor(), public_id=invitation.public_id, at=NOW)


@pytest.mark.parametrize("state", ["another", "unverified"])
def test_only_the_confirmed_address_may_accept(mine: Tenant, state: str) -> None:
    _, token = asked(mine)
    person = make_user("another@new.example" if state == "another" else "guest@new.example")
    if state == "unverified":
        EmailAddress.objects.filter(user=person).update(verified=False)
    with pytest.raises(InvitationForAnother):
        accept_invitation(user=person, token=token, at=NOW)
    EmailAddress.objects.update_or_create(email="guest@new.example", defaults={"user": person, "verified": True})
    assert accept_invitation(user=person, token=token, at=NOW)


@pytest.mark.parametrize(
    ("inviter", "role", "wrong"),
    [
        (Role.ADMIN, Role.OWNER, RoleAboveOwn),
        (Role.OWNER, Role.OPERATOR, Rejected),
        (Role.OWNER, "emperor", Rejected),
        (Role.DEVELOPER, Role.VIEWER, Forbidden),
        (Role.BILLING, Role.VIEWER, Forbidden),
        (Role.VIEWER, Role.VIEWER, Forbidden),
    ],
)
def test_a_role_above_ones_own_is_refused_and_nothing_is_sent(
    mine: Tenant, inviter: str, role: str, wrong: type[DomainError]
) -> None:
    with pytest.raises(wrong):
        invite(actor=mine.actor(inviter), email=GUEST, role=role, at=NOW)
    assert (Invitation.objects.count(), Mail.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("email", "wrong"), [("nobody", Rejected), ("OWNER@mine.example", Conflict), ("guest@new.example", Conflict)]
)
def test_a_wrong_a_members_and_an_invited_address_are_refused_at_the_field(
    mine: Tenant, email: str, wrong: type[DomainError]
) -> None:
    asked(mine)
    with pytest.raises(wrong) as caught:
        invite(actor=mine.actor(), email=email, role=Role.VIEWER, at=NOW)
    assert caught.value.field == "email"


def test_the_page_shows_a_refusal_beside_the_field_and_no_role_above_ones_own(mine: Tenant) -> None:
    admin = browser(mine, Role.ADMIN)
    page = admin.get("/o/mine/team/").content.decode()
    assert 'value="admin"' in page
    assert 'value="owner"' not in page
    answer = admin.post("/o/mine/team/", {"email": "owner@mine.example", "role": "viewer"})
    assert answer.status_code == 422
    assert 'id="id_email_error"' in answer.content.decode()
    assert admin.post("/o/mine/team/", {"email": "x@new.example", "role": "owner"}).status_code == 422
    assert Invitation.objects.count() == 0


def test_the_api_refuses_a_role_above_the_keys_own(mine: Tenant, api: Any) -> None:
    body = {"email": GUEST, "role": "owner"}
    answer = api(mine.key(Role.ADMIN)).post("/api/v1/invitations", body, format="json")
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (403, "role_above_own", "role")


def test_of_two_acceptances_at_once_one_makes_a_member(committed: None) -> None:
    tenant = make_tenant("mine")
    _, token = asked(tenant)
    guest = make_user("guest@new.example")
    start, outcomes = threading.Barrier(8), []

    def run() -> None:
        start.wait()
        try:
            accept_invitation(user=User.objects.get(pk=guest.pk), token=token, at=NOW)
            outcomes.append("joined")
        except (InvitationUsed, Conflict) as error:
            outcomes.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert outcomes.count("joined") == 1
    assert len(outcomes) == 8
    assert Membership.objects.filter(user=guest).count() == 1
    assert Event.objects.filter(type="organisation.member_joined").count() == 1
