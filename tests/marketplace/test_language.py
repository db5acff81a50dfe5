# SPDX-License-Identifier: Apache-2.0
"""A person has one language: the switch stores it, a sign-in brings it, mails follow it."""

import pytest
from django.core import mail
from django.test import Client
from django.utils.translation import gettext, override

from aion.events.models import Event, Mail
from aion.events.services.emission import emit, fan_out
from aion.events.services.mails import send_due_mails
from aion.tenancy.models import User
from aion.tenancy.roles import Role
from tests.worlds import NOW, Tenant, browser

SWITCH = "/i18n/setlang/"
WHO = Role.DEVELOPER  # who needs no second factor


def stored(tenant: Tenant) -> str:
    return User.objects.get(pk=tenant.people[WHO].pk).language


def sign_in(tenant: Tenant, client: Client) -> str:
    """Return the language of the first page."""
    user = tenant.people[WHO]
    user.authenticator_set.all().delete()
    answer = client.post("/accounts/login/", {"login": user.email, "password": "correct-horse-battery"})
    assert answer.status_code == 302
    page = client.get(f"/o/{tenant.organisation.slug}/").content.decode()
    return page.split('<html lang="')[1].split('"')[0]


def test_the_switch_is_remembered_for_who_is_signed_in_and_mails_follow(mine: Tenant) -> None:
    client = browser(mine, WHO)
    assert client.post(SWITCH, {"language": "fr"}).status_code == 302
    assert (stored(mine), client.cookies["django_language"].value) == ("fr", "fr")
    Event.objects.update(fanned_out_at=NOW)
    emit(organisation_id=mine.organisation.pk, type="credit.low", data={}, key="low", at=NOW)
    fan_out(at=NOW)
    Mail.objects.exclude(user=mine.people[WHO]).delete()
    send_due_mails(at=NOW)
    assert Mail.objects.get().language == "fr"
    with override("fr"):
        assert mail.outbox[0].subject == f"{gettext('Credit runs low')} · Mine" != "Credit runs low · Mine"


@pytest.mark.parametrize("language", ["de", "", "tlh", "x" * 300])
def test_a_language_that_we_do_not_write_in_is_not_stored(mine: Tenant, language: str) -> None:
    client = browser(mine, WHO)
    client.post(SWITCH, {"language": "fr"})
    assert client.post(SWITCH, {"language": language}).status_code == 302
    assert stored(mine) == "fr"


def test_a_stranger_switches_only_the_browser(mine: Tenant) -> None:
    client = Client()
    client.post(SWITCH, {"language": "fr"})
    assert client.get(SWITCH, {"language": "en-gb"}).status_code == 302
    assert (stored(mine), client.cookies["django_language"].value) == ("", "fr")


def test_a_sign_in_brings_the_own_language_to_another_browser(mine: Tenant) -> None:
    browser(mine, WHO).post(SWITCH, {"language": "fr"})
    assert sign_in(mine, Client()) == "fr"
    other = Client()
    other.post(SWITCH, {"language": "en-gb"})
    assert (sign_in(mine, other), stored(mine)) == ("fr", "fr")


def test_who_chose_before_the_first_sign_in_keeps_it(mine: Tenant) -> None:
    client = Client()
    client.post(SWITCH, {"language": "fr"})
    assert (sign_in(mine, client), stored(mine)) == ("fr", "fr")


def test_the_language_of_the_account_page_is_the_one_of_the_pages(mine: Tenant) -> None:
    client = browser(mine, WHO)
    client.post("/account/notifications/", {"language": "fr"})
    assert '<html lang="fr"' in client.get("/account/").content.decode()
