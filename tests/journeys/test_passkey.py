# SPDX-License-Identifier: Apache-2.0
"""A founder from nothing to acting, with a passkey: Chromium's own virtual authenticator answers for the finger."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400), pytest.mark.xdist_group("journeys")]
ADDRESS, PASSWORD = "amina@founder.example", "a-lantern-by-the-harbour"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def page(browser: Any, portal: str) -> Iterator[Any]:
    """Return a page with a virtual authenticator; WebAuthn wants a name for a host, not a number."""
    context = browser.new_context(base_url=portal.replace("127.0.0.1", "localhost"), locale="en-GB")
    tab = context.new_page()
    session = context.new_cdp_session(tab)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    yield tab
    context.close()


def press(page: Any) -> None:
    page.click("main .card button[type=submit]")


def test_a_founder_signs_up_founds_adds_a_passkey_and_acts(page: Any) -> None:
    page.goto("/accounts/signup/")
    page.fill("input[name=email]", ADDRESS)
    page.fill("input[name=password1]", PASSWORD)
    page.fill("input[name=password2]", PASSWORD)
    press(page)
    page.wait_for_url("**/confirm-email/")
    page.goto("/mailbox/")
    link = page.locator("main a[href*='/confirm-email/']").first.get_attribute("href")
    page.goto(re.sub(r"^https?://[^/]+", "", link))
    press(page)
    page.wait_for_url(re.compile(r"/accounts/login/|:\d+/$"))
    if "/login/" in page.url:
        page.fill("input[name=login]", ADDRESS)
        page.fill("input[name=password]", PASSWORD)
        press(page)
        page.wait_for_url(re.compile(r":\d+/$"))
    page.click("main a.btn-main")
    page.wait_for_url("**/organisations/new/")
    page.fill("input[name=name]", "Amina Models")
    page.select_option("select[name=country]", "FR")
    for box in page.locator("input[name=accepted]").all():
        box.check()
    page.click("main button.btn-main")
    page.wait_for_url("**/accounts/2fa/")
    page.locator("main").filter(has_text="second factor").wait_for()
    page.goto("/accounts/2fa/webauthn/add/")
    page.wait_for_url("**/reauthenticate/**")
    page.fill("input[name=password]", PASSWORD)
    press(page)
    page.wait_for_url("**/webauthn/add/**")
    page.click("#mfa_webauthn_add")
    page.wait_for_url(re.compile("/2fa/(?!webauthn/add)"))
    page.goto("/o/amina-models/")
    assert page.locator("h1").inner_text() == "Overview"
