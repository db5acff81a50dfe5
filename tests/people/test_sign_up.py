# SPDX-License-Identifier: Apache-2.0
"""From a stranger to an owner who acts."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core import mail
from django.test import Client

from aion.errors import Conflict, Rejected
from aion.people.errors import AddressNotVerified
from aion.people.organisations import MOST_OWNED, found_organisation
from aion.tenancy.models import Membership, Organisation, Project, TermsAcceptance, TermsVersion, User
from aion.tenancy.roles import Role
from tests.worlds import NOW, make_user

PASSWORD = "a-lantern-by-the-harbour"
FORM = {"name": "Noor & Co", "kind": "startup", "country": "FR"}


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
    client.post("/accounts/signup/", {"email": "Noor@Example.org", "password1": PASSWORD, "password2": PASSWORD})
    assert client.get("/organisations/new/").status_code == 302  # nobody is signed in before the address is confirmed
    assert client.post("/accounts/confirm-email/", {"code": code_in(mail.outbox[-1])}).url == "/"
    page = client.get("/").content.decode()
    assert "/organisations/new/" in page
    answer = client.post("/organisations/new/", FORM | {"accepted": documents()})
    assert (answer.status_code, answer.url) == (302, "/o/noor-co/")
    assert client.get("/o/noor-co/").url == "/accounts/2fa/"
    assert "second factor" in client.get("/accounts/2fa/").content.decode()
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.get("/accounts/2fa/totp/activate/")
    secret = client.session["mfa.totp.secret"]
    code = format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))
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
