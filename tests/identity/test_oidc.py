# SPDX-License-Identifier: Apache-2.0
"""Signing in with an account elsewhere, against a real provider in its own process over real HTTP."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client

from aion.identity import oidc_apps, origins
from aion.tenancy.models import User
from tests.identity.serve import CLIENT, PASSWORD, SECRET
from tests.worlds import make_user

ROOT = Path(__file__).resolve().parents[2]
CALLBACK = "http://testserver/accounts/oidc/oidc/login/callback/"


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the provider and return its address."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    folder = tmp_path_factory.mktemp("identity")
    env = os.environ | {"IDENTITY_KEY": key.decode(), "IDENTITY_DATABASE": str(folder / "identity.sqlite3")}
    command = [sys.executable, "-m", "tests.identity.serve", CALLBACK]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.terminate()


@pytest.fixture
def known(provider: str, settings: Any, monkeypatch: pytest.MonkeyPatch, db: None) -> str:
    """Configure the product for the provider, through the environment's own variables."""
    monkeypatch.setenv("AION_OIDC_CLIENT_ID", CLIENT)
    monkeypatch.setenv("AION_OIDC_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("AION_OIDC_NAME", "Elsewhere")
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": oidc_apps(provider)}}
    return provider


def come_from(provider: str, address: str, client: Client) -> Any:
    """Sign in at the provider as ``address`` and come back with what it says; return the product's answer."""
    start = client.post("/accounts/oidc/oidc/login/")
    assert start.status_code == 302
    assert "code_challenge=" in start.url
    with requests.Session() as browser:
        page = browser.get(start.url)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token is not None
        form = {"login": address.split("@", maxsplit=1)[0], "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
        answer = browser.post(page.url, data=form, allow_redirects=False)
        while not answer.headers["Location"].startswith(CALLBACK):
            answer = browser.get(requests.compat.urljoin(answer.url, answer.headers["Location"]), allow_redirects=False)
    back = urlsplit(answer.headers["Location"])
    return client.get(f"{back.path}?{back.query}", follow=True)


def test_a_confirmed_account_elsewhere_becomes_a_person_here_and_finds_itself_again(known: str) -> None:
    client = Client()
    assert "Elsewhere" in client.get("/accounts/login/").content.decode()
    come_from(known, "known@elsewhere.example", client)
    user = User.objects.get(email="known@elsewhere.example")
    assert user.name == "Noor Haddad"
    assert not user.has_usable_password()
    assert EmailAddress.objects.get(user=user).verified
    assert client.get("/account/").status_code == 200
    again = Client()
    come_from(known, "known@elsewhere.example", again)
    assert again.get("/account/").status_code == 200
    assert (User.objects.count(), SocialAccount.objects.count()) == (1, 1)


def test_an_unconfirmed_account_elsewhere_is_sent_back_with_what_to_do(known: str) -> None:
    client = Client()
    answer = come_from(known, "unsure@elsewhere.example", client)
    assert "confirm it there first" in answer.content.decode()
    assert (User.objects.count(), SocialAccount.objects.count()) == (0, 0)
    assert client.get("/account/").status_code == 302


def test_an_account_here_is_never_connected_silently(known: str) -> None:
    mine = make_user("taken@elsewhere.example")
    client = Client()
    come_from(known, "taken@elsewhere.example", client)
    assert client.get("/account/").status_code == 302
    assert not SocialAccount.objects.filter(user=mine).exists()
    assert User.objects.count() == 1


def test_without_an_address_there_is_no_provider_and_no_hole_in_the_policy() -> None:
    assert (oidc_apps(""), origins("")) == ([], [])
    assert origins("https://id.example/realms/x") == ["https://id.example"]
