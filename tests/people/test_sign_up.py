# SPDX-License-Identifier: Apache-2.0
"""From a stranger to an owner who acts."""

import re
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core import mail
from django.core.cache import cache
from django.test import Client

from aion import clock
from aion.errors import Conflict, Rejected
from aion.people.errors import AddressNotVerified
from aion.people.invitations import invite
from aion.people.organisations import MOST_OWNED, found_organisation
from aion.tenancy.models import (
    Invitation,
    InvitationState,
    Membership,
    Organisation,
    Project,
    TermsAcceptance,
    TermsVersion,
    User,
)
from aion.tenancy.roles import Role
from tests.people.test_invitations import token_of
from tests.worlds import NOW, Tenant, make_user

PASSWORD = "a-lantern-by-the-harbour"
CONFIRM, SIGN_UP, BY_PASSKEY = "/accounts/confirm-email/", "/accounts/signup/", "/accounts/signup/passkey/"
FORM = {"name": "Noor & Co", "kind": "startup", "country": "FR"}


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    """Forget how often an address was tried: the limits are kept in the cache, which tests share."""
    cache.clear()


def documents() -> list[int]:
    return list(TermsVersion.objects.values_list("pk", flat=True))


def found(user: User, **fields: Any) -> Organisation:
    return found_organisation(**{"user": user, **FORM, "accepted": documents(), "at": NOW, **fields})


def code_in(letter: Any) -> str:
    """Return the code that a mail carries on a line of its own."""
    found = re.search(r"(?m)^([A-Z]{4}-[A-Z]{4})$", letter.body)
    assert found is not None
    return found[1]


def test_a_person_signs_up_confirms_founds_sets_up_a_factor_and_acts(db: None) -> None:
    client = Client()
    client.post(SIGN_UP, {"email": "Noor@Example.org", "password1": PASSWORD, "password2": PASSWORD})
    assert client.get("/organisations/new/").status_code == 302  # nobody is signed in before the address is confirmed
    assert client.post(CONFIRM, {"code": code_in(mail.outbox[-1])}).url == "/"
    page = client.get("/").content.decode()
    assert "/organisations/new/" in page
    answer = client.post("/organisations/new/", FORM | {"accepted": documents()})
    assert (answer.status_code, answer.url) == (302, "/o/noor-co/")
    assert client.get("/o/noor-co/").url == "/accounts/2fa/"
    assert "second factor" in client.get("/accounts/2fa/").content.decode()
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.get("/accounts/2fa/totp/activate/")
    secret = client.session["mfa.totp.secret"]
    now = list(yield_hotp_counters_from_time())[1]  # the half-minute in the middle of those that count
    code = format_hotp_value(hotp_value(secret, now))
    assert client.post("/accounts/2fa/totp/activate/", {"code": code}).status_code == 302
    assert client.get("/o/noor-co/").status_code == 200
    assert client.get("/accounts/sessions/").status_code == 200


def test_a_founder_owns_it_with_a_first_project_and_the_documents_are_kept(db: None) -> None:
    user = make_user()
    organisation = found(user)
    assert Membership.objects.get(user=user).role == Role.OWNER
    assert Project.objects.filter(organisation=organisation).count() == 1
    kept = TermsAcceptance.objects.filter(organisation=organisation, user_id=user.pk, at=NOW)
    assert set(kept.values_list("terms_id", flat=True)) == set(documents())
    assert found(user).slug.startswith("noor-co-")  # a second one of this name gets another address


def test_an_unconfirmed_address_cannot_found(db: None) -> None:
    user = make_user(verified=False)
    with pytest.raises(AddressNotVerified):
        found(user)
    EmailAddress.objects.filter(user=user).update(verified=True, email="other@example.org")
    with pytest.raises(AddressNotVerified):
        found(user)
    assert Organisation.objects.count() == 0


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "  &&  "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"kind": "member"}, "kind"),
        ({"country": "XX"}, "country"),
        ({"accepted": []}, "accepted"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_founded(db: None, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Rejected) as caught:
        found(make_user(), **fields)
    assert caught.value.field == field
    assert Organisation.objects.count() == 0


def test_the_page_shows_the_refusal_beside_the_field(db: None) -> None:
    client = Client()
    client.force_login(make_user())
    answer = client.post("/organisations/new/", FORM | {"name": "&&&", "accepted": documents()})
    assert answer.status_code == 422
    assert 'id="id_name_error"' in answer.content.decode()
    assert client.post("/organisations/new/", FORM).status_code == 422


def test_nobody_owns_very_many(db: None) -> None:
    user = make_user()
    for number in range(MOST_OWNED):
        found(user, name=f"Org {number}")
    with pytest.raises(Conflict):
        found(user)


def form_of(path: str, email: str) -> dict[str, str]:
    return {"email": email} | ({} if path == BY_PASSKEY else {"password1": PASSWORD, "password2": PASSWORD})


def enters(client: Client) -> bool:
    return bool(client.get("/account/").status_code == 200)


def test_who_has_not_confirmed_gets_a_code_at_sign_in_and_does_nothing_before(mine: Tenant) -> None:
    user = make_user("guest@new.example", verified=False, second_factor=False)
    token = token_of(invite(actor=mine.actor(), email=user.email, role=Role.DEVELOPER, at=clock.now()))
    client = Client()
    answer = client.post("/accounts/login/", {"login": user.email, "password": "correct-horse-battery"})
    assert (answer.status_code, answer.url) == (302, CONFIRM)
    assert "We sent a code to guest@new.example" in client.get(CONFIRM).content.decode()
    for path, data in (
        ("/organisations/new/", FORM | {"accepted": documents()}),
        (f"/invitations/{token}/", {}),
        ("/account/", {"name": "Guest"}),
    ):
        answer = client.post(path, data)
        assert (answer.status_code, answer.url.split("?")[0]) == (302, "/accounts/login/")
    assert Invitation.objects.get().state == InvitationState.PENDING
    assert Organisation.objects.count() == 1
    assert not Membership.objects.filter(user=user).exists()
    assert client.post(CONFIRM, {"code": code_in(mail.outbox[-1])}).status_code == 302
    assert client.post(f"/invitations/{token}/").url == "/o/mine/team/"


def test_the_page_tells_who_lost_the_confirmation_how_to_confirm(db: None) -> None:
    client = Client()
    client.force_login(make_user(verified=False))
    answer = client.post("/organisations/new/", FORM | {"accepted": documents()})
    assert answer.status_code == 422
    assert "Have a code sent on the page of your e-mail addresses" in answer.content.decode()
    assert Organisation.objects.count() == 0


@pytest.mark.parametrize("path", [SIGN_UP, BY_PASSKEY])
def test_three_wrong_codes_end_a_sign_up_and_the_right_one_comes_too_late(db: None, path: str) -> None:
    client = Client()
    assert client.post(path, form_of(path, "noor@example.org")).url == CONFIRM
    code = code_in(mail.outbox[-1])
    for _time in range(2):
        answer = client.post(CONFIRM, {"code": "WRNG-WRNG"})
        assert (answer.status_code, "errorlist" in answer.content.decode()) == (200, True)
    assert client.post(CONFIRM, {"code": "WRNG-WRNG"}).url == "/accounts/login/"
    client.post(CONFIRM, {"code": code})
    assert not enters(client)
    assert not EmailAddress.objects.get().verified


def test_a_code_holds_for_a_quarter_of_an_hour_and_a_second_one_can_be_sent(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client()
    client.post(SIGN_UP, form_of(SIGN_UP, "noor@example.org"))
    first = code_in(mail.outbox[-1])
    later(monkeypatch, timedelta(seconds=11))
    client.post(CONFIRM, {"action": "resend"})
    assert len(mail.outbox) == 2
    assert client.post(CONFIRM, {"code": first}).status_code == 200
    second = code_in(mail.outbox[-1])
    later(monkeypatch, timedelta(minutes=30))
    assert client.post(CONFIRM, {"code": second}).url == "/accounts/login/"
    assert not enters(client)


def later(monkeypatch: pytest.MonkeyPatch, time: timedelta) -> None:
    """Let django-allauth's clock run ahead."""
    from time import time as now

    monkeypatch.setattr("time.time", lambda: now() + time.total_seconds())


@pytest.mark.parametrize("path", [SIGN_UP, BY_PASSKEY])
def test_a_taken_address_gets_the_same_page_and_its_owner_a_mail(db: None, path: str) -> None:
    owner = make_user("taken@example.org")
    pages = []
    for email in ("fresh@example.org", owner.email):
        client = Client()
        assert client.post(path, form_of(path, email)).url == CONFIRM
        page = client.get(CONFIRM).content.decode().replace(email, "…")
        pages.append(re.sub(r'(csrfmiddlewaretoken" value|Request.*mono)[^<>]*', "", page))
    assert pages[0] == pages[1]
    assert "/accounts/password/reset/" in mail.outbox[-1].body
    assert mail.outbox[-1].to == [owner.email]
    assert User.objects.count() == 2


def test_a_passkey_sign_up_that_was_left_is_no_way_in_and_a_new_password_takes_it_up(db: None) -> None:
    client = Client()
    client.post(BY_PASSKEY, form_of(BY_PASSKEY, "noor@example.org"))
    assert client.post(CONFIRM, {"code": code_in(mail.outbox[-1])}).url == "/accounts/2fa/webauthn/signup/"
    assert client.post("/accounts/2fa/webauthn/signup/", {"credential": "{}"}).status_code == 200
    assert client.post("/accounts/2fa/webauthn/signup/", {"credential": "no json"}).status_code == 200
    assert not enters(client)
    user = User.objects.get()
    assert not user.has_usable_password()
    other = Client()
    other.post("/accounts/password/reset/", {"email": user.email})
    link = re.search(r"/accounts/password/reset/key/\S+", mail.outbox[-1].body)
    assert link is not None
    form = other.get(link[0]).url
    assert other.post(form, {"password1": PASSWORD, "password2": PASSWORD}).status_code == 302
    other.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert enters(other)


def test_too_many_tries_get_a_page_that_says_to_wait(db: None) -> None:
    client = Client()
    for _time in range(10):
        assert client.post("/accounts/2fa/webauthn/login/", {"credential": "{}"}).status_code == 302
    answer = client.post("/accounts/2fa/webauthn/login/", {"credential": "{}"})
    assert answer.status_code == 429
    assert "Wait a minute" in answer.content.decode()
