# SPDX-License-Identifier: Apache-2.0
"""Owners, billing and staff act with a second factor only, at every edge, and keep the last one."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.test import Client

from aion.audit.models import AuditEvent
from aion.events.models import Event
from aion.tenancy.models import Membership, User
from aion.tenancy.roles import NEEDS_SECOND_FACTOR, Role
from tests.billing.staffing import make_staff
from tests.worlds import Tenant, browser, make_user

SECRET = {"secret": "JBSWY3DPEHPK3PXP"}


def without_factor(tenant: Tenant) -> None:
    Authenticator.objects.filter(user__in=tenant.people.values()).delete()


@pytest.mark.parametrize("role", list(Role))
def test_at_the_portal_a_role_that_needs_a_factor_is_led_to_its_set_up(mine: Tenant, role: str) -> None:
    assert browser(mine, role).get("/o/mine/team/").status_code == 200
    without_factor(mine)
    answer = browser(mine, role).get("/o/mine/team/")
    if role in NEEDS_SECOND_FACTOR:
        assert (answer.status_code, answer.url) == (302, "/accounts/2fa/")
        assert browser(mine, role).post("/o/mine/team/leave/", {"typed": "Mine"}).status_code == 302
        assert Membership.objects.filter(organisation=mine.organisation, role=role).exists()
    else:
        assert answer.status_code == 200


@pytest.mark.parametrize("role", list(Role))
def test_a_key_of_such_a_role_answers_403_with_its_code(mine: Tenant, api: Any, role: str) -> None:
    key = mine.key(role)
    assert api(key).get("/api/v1/organisations").status_code == 200
    without_factor(mine)
    answer = api(key).get("/api/v1/organisations")
    if role in NEEDS_SECOND_FACTOR:
        assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_needed")
    else:
        assert answer.status_code == 200


@pytest.mark.parametrize("role", [Role.OWNER, Role.BILLING])
def test_a_passkey_alone_is_a_second_factor(mine: Tenant, api: Any, role: str) -> None:
    key = mine.key(role)
    without_factor(mine)
    user = mine.people[role]
    Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data={"name": "telephone"})
    assert browser(mine, role).get("/o/mine/team/").status_code == 200
    assert api(key).get("/api/v1/organisations").status_code == 200


@pytest.mark.parametrize(
    ("factor", "status"),
    [(Authenticator.Type.TOTP, 200), (Authenticator.Type.WEBAUTHN, 200), (Authenticator.Type.RECOVERY_CODES, 302)],
)
def test_the_admin_opens_to_an_app_or_a_passkey_and_not_to_recovery_codes_alone(
    db: None, factor: str, status: int
) -> None:
    user = make_user(is_staff=True, is_superuser=True, second_factor=False)
    Authenticator.objects.create(user=user, type=factor, data={"name": "one"})
    client = Client()
    client.force_login(user)
    assert client.get("/admin/").status_code == status


def test_recovery_codes_alone_are_no_second_factor(mine: Tenant) -> None:
    without_factor(mine)
    Authenticator.objects.create(
        user=mine.people[Role.OWNER], type=Authenticator.Type.RECOVERY_CODES, data={"seed": "x", "used_mask": 0}
    )
    assert browser(mine).get("/o/mine/").status_code == 302


def test_a_stranger_without_a_factor_learns_nothing_of_an_organisation(mine: Tenant, theirs: Tenant) -> None:
    without_factor(theirs)
    assert browser(theirs).get("/o/mine/").status_code == 404


def deactivate(user: User) -> bool:
    """Try to remove the authenticator app in the browser, freshly signed in; tell whether it is gone."""
    client = Client()
    client.force_login(user)
    client.post("/accounts/reauthenticate/", {"password": "correct-horse-battery"})
    client.post("/accounts/2fa/totp/deactivate/")
    return not Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists()


@pytest.mark.parametrize(
    ("role", "gone"), [(Role.OWNER, False), (Role.BILLING, False), (Role.DEVELOPER, True), (Role.ADMIN, True)]
)
def test_the_last_factor_stays_where_the_role_needs_one(mine: Tenant, role: str, gone: bool) -> None:
    assert deactivate(mine.people[role]) is gone


def test_staff_keep_their_last_factor_and_may_drop_one_of_two(db: None) -> None:
    user = make_user(is_staff=True)
    assert not deactivate(user)
    Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data={"name": "key"})
    assert deactivate(user)


def test_every_answer_to_a_key_names_the_organisation(mine: Tenant, api: Any) -> None:
    for path in ("organisations", "members", "projects/prj_0000000000000000"):
        answer = api(mine.key()).get(f"/api/v1/{path}")
        assert answer.headers["Aion-Organisation"] == mine.organisation.public_id
    assert "Aion-Organisation" not in api(None).get("/api/v1/members").headers


def signed_in(tenant: Tenant) -> tuple[Client, UserSession]:
    """Return the owner's browser, and the row that the sign-in page would have left of it."""
    client = browser(tenant)
    assert client.get("/o/mine/").status_code == 200
    return client, UserSession.objects.create(
        user=tenant.people[Role.OWNER], session_key=client.session.session_key, ip="192.0.2.7", user_agent="Firefox"
    )


def test_staff_take_a_lost_factor_away_and_the_person_is_signed_out_and_told(mine: Tenant) -> None:
    staff, _ = make_staff("staff")
    owner = mine.people[Role.OWNER]
    theirs, _session = signed_in(mine)
    Authenticator.objects.create(user=owner, type=Authenticator.Type.RECOVERY_CODES, data={"seed": "of-codes"})
    factor = Authenticator.objects.get(user=owner, type=Authenticator.Type.TOTP)
    page = f"/admin/mfa/authenticator/{factor.pk}/"
    assert factor.data["secret"] not in staff.get(f"{page}change/").content.decode()
    assert staff.post(f"{page}remove/", {"confirmed": "yes", "reason": ""}).status_code == 200
    assert Authenticator.objects.filter(user=owner).count() == 2
    staff.post(f"{page}remove/", {"confirmed": "yes", "reason": "lost the phone, called back"})
    assert not Authenticator.objects.filter(user=owner).exists()
    assert not UserSession.objects.filter(user=owner).exists()
    assert theirs.get("/o/mine/").status_code == 302
    event = Event.objects.get(type="organisation.second_factor_removed")
    assert (event.organisation_id, event.recipient_id) == (mine.organisation.pk, owner.pk)
    entry = AuditEvent.objects.get(action="factor.removed")
    assert (entry.reason, entry.changes) == ("lost the phone, called back", {"type": ["totp", None]})


def test_staff_sign_one_browser_out_and_see_no_key_of_it(mine: Tenant) -> None:
    staff, _ = make_staff("staff")
    theirs, session = signed_in(mine)
    page = f"/admin/usersessions/usersession/{session.pk}/"
    assert session.session_key not in staff.get(f"{page}change/").content.decode()
    staff.post(f"{page}end/", {"confirmed": "yes", "reason": "a stranger's"})
    assert theirs.get("/o/mine/").status_code == 302
    assert session.ip not in str(AuditEvent.objects.filter(action="session.ended").values())
