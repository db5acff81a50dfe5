# SPDX-License-Identifier: Apache-2.0
"""A stranger becomes a founder: with a passkey or with a password and TOTP, to a colleague and a charged job."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.journeys.screens import totp
from tests.journeys.steps import run_and_stop
from tests.journeys.test_accessibility import violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
PASSWORD = "a-lantern-by-the-harbour"
SIREN, VAT = "552 100 554", "FR96552100554"
SUBMIT = "main .card button[type=submit]"
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "automaticPresenceSimulation": True,
}


class Visitor:
    """A person with a browser of their own, who reads the demo's mailbox in a second tab."""

    def __init__(self, browser: Any, portal: str, locale: str) -> None:
        # Passkeys belong to a name: browsers make none for 127.0.0.1.
        self.context = browser.new_context(
            base_url=portal.replace("127.0.0.1", "localhost"), viewport={"width": 1440, "height": 900}, locale=locale
        )
        self.page = self.context.new_page()
        self.mailbox = self.context.new_page()
        self.problems: list[str] = []
        self.page.on("console", lambda one: self.problems.append(one.text) if one.type == "error" else None)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))

    def give_device(self, *, trusts: bool = True) -> Callable[[], None]:
        """Plug a device in that makes passkeys, or one that does not believe its person; return what unplugs it."""
        session = self.context.new_cdp_session(self.page)
        session.send("WebAuthn.enable")
        device = session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE | {"isUserVerified": trusts}})
        return lambda: session.send("WebAuthn.removeVirtualAuthenticator", device)

    def letter(self, address: str, pattern: str) -> str:
        """Return what ``pattern`` finds in a mail to ``address``, as soon as the worker has sent it."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            self.mailbox.goto("/mailbox/")
            for text in self.mailbox.locator("main .card").filter(has_text=address).all_inner_texts():
                found = re.search(pattern, text)
                if found:
                    self.page.bring_to_front()  # a page that is not seen may not ask for a passkey
                    return found[1]
        raise AssertionError(f"No mail to {address} says {pattern}.")

    def confirm(self, address: str) -> None:
        """Type the code of the newest mail to ``address``."""
        self.page.wait_for_url("**/confirm-email/")
        self.page.fill("input[name=code]", self.letter(address, r"(?m)^([A-Z]{4}-[A-Z]{4})$"))
        self.page.click(SUBMIT)

    def fill(self, **fields: str) -> None:
        """Fill the fields of the page's form, by their names."""
        for name, value in fields.items():
            self.page.fill(f"main [name={name}]", value)

    def refusal(self, field: str) -> str:
        """Return what stands beside a field that was refused."""
        return str(self.page.locator(f"#id_{field}_error").inner_text())


@pytest.fixture
def arrive(browser: Any, portal: str) -> Iterator[Any]:
    """Return what brings a new person to the portal; a console error that no refusal explains fails the test."""
    people: list[Visitor] = []

    def arrive(locale: str = "en-GB") -> Visitor:
        people.append(Visitor(browser, portal, locale))
        return people[-1]

    yield arrive
    for one in people:
        one.context.close()
    # A refusal is a line in Chromium's console, and so is a fragment that a navigation cuts short.
    said = [line for one in people for line in one.problems]
    assert [line for line in said if not re.search("40[39]|422|^htmx:", line)] == []


def found(person: Visitor, name: str) -> None:
    """Found an organisation from the page that greets whoever has none; the documents are accepted with it."""
    page = person.page
    page.locator("main").filter(has_text="You are not a member of an organisation yet").wait_for()
    page.click("main >> text=Found an organisation")
    person.fill(name=name)
    page.select_option("main [name=kind]", "startup")
    page.select_option("main [name=country]", "FR")
    page.click("text=Found organisation")
    page.locator("main [role=alert]").wait_for()
    assert person.refusal("accepted") == "Accept both."
    for box in page.locator("main [name=accepted]").all():
        box.check()
    page.click("text=Found organisation")


def sign_up(person: Visitor, email: str) -> None:
    """Fill the form of who signs up with a password, and confirm the address."""
    person.fill(email=email, password1=PASSWORD, password2=PASSWORD)
    person.page.click(SUBMIT)
    person.confirm(email)


def test_a_founder_with_a_passkey_redeems_a_code_invites_a_colleague_and_launches_what_is_charged(arrive: Any) -> None:
    founder = arrive()
    page = founder.page
    faults = []
    page.goto("/accounts/signup/")
    page.click("text=Sign up with a passkey")
    faults += violations(page)
    founder.fill(email="sofia@nordlys.example")
    page.click("text=Send the code")
    page.wait_for_url("**/confirm-email/")
    faults += violations(page)
    founder.fill(code="AAAA-AAAA")
    page.click(SUBMIT)
    page.locator("main .errorlist").wait_for()
    founder.confirm("sofia@nordlys.example")
    page.wait_for_url("**/webauthn/signup/")
    faults += violations(page)
    unplug = founder.give_device(trusts=False)
    page.click("button:has-text('Make the passkey')")
    page.locator("main [role=alert]").filter(has_text="No passkey was used").wait_for()
    faults += violations(page)
    unplug()
    founder.give_device()
    page.click("button:has-text('Make the passkey')")
    page.locator("main").filter(has_text="Keep recovery codes too").wait_for()

    found(founder, "Nordlys AI")
    page.wait_for_url("**/o/nordlys-ai/")  # the passkey is the second factor that an owner needs
    page.goto("/o/nordlys-ai/settings/")
    assert page.locator("main tbody tr").count() == 2
    assert page.locator("text=documents wait for your acceptance").count() == 0
    founder.fill(address="1 rue de la Paix, Paris", registration_number="552 100 555", vat_number="GR094259216")
    page.select_option("main [name=size]", "small")
    page.click("text=Save legal identity")
    page.locator("main [role=alert]").wait_for()
    assert "compare the number with your extract" in founder.refusal("registration_number")
    founder.fill(registration_number=SIREN)
    page.click("text=Save legal identity")
    page.locator("#id_vat_number_error").wait_for()
    assert "write EL094259216" in founder.refusal("vat_number")
    founder.fill(vat_number=VAT)
    page.click("text=Save legal identity")
    page.locator("text=The legal identity is stored.").wait_for()

    page.goto("/o/nordlys-ai/credits/redeem/")
    founder.fill(code="NOBODY-KNOWS")
    page.click("main button:has-text('Redeem code')")
    assert founder.refusal("code")
    founder.fill(code="hack2026")
    page.click("main button:has-text('Redeem code')")
    page.locator("main").filter(has_text="Hackathon 2026").wait_for()
    page.goto("/o/nordlys-ai/credits/redeem/")
    founder.fill(code="HACK2026")
    page.click("main button:has-text('Redeem code')")
    assert founder.refusal("code")
    page.goto("/o/nordlys-ai/")
    assert page.locator(".stat-value").first.inner_text().startswith("100")

    page.goto("/o/nordlys-ai/team/")
    founder.fill(email="emil@nordlys.example")
    page.select_option("main [name=role]", "developer")
    page.click("text=Send invitation")
    page.locator("text=The invitation is on its way.").wait_for()
    link = founder.letter("emil@nordlys.example", r"(/invitations/[\w-]+/)")
    assert page.goto(link).status == 403
    assert "Sign in with the address that the invitation was sent to" in page.locator("main").inner_text()

    colleague = arrive()
    colleague.page.goto(link)
    colleague.page.wait_for_url("**/accounts/login/**")
    colleague.page.click("main >> text=sign up")
    sign_up(colleague, "emil@nordlys.example")
    colleague.page.wait_for_url(f"**{link}")
    colleague.page.click("text=Accept invitation")
    colleague.page.wait_for_url("**/o/nordlys-ai/team/")
    me = colleague.page.locator("tbody tr").filter(has_text="emil@nordlys.example")
    assert "Developer" in me.inner_text()
    assert colleague.page.locator("text=Send invitation").count() == 0
    assert colleague.page.goto(link).status == 409
    assert "ask Nordlys AI for a new one" in colleague.page.locator("main").inner_text()

    page.goto("/accounts/logout/")
    page.click(SUBMIT)
    page.goto("/accounts/login/?next=/o/nordlys-ai/launch/")
    page.click("text=Sign in with a passkey")
    page.wait_for_url("**/o/nordlys-ai/launch/")
    run_and_stop(page, gpus="2", hours="1", name="first-light", total="4.98")
    page.goto("/o/nordlys-ai/credits/")
    page.locator("main tr", has_text="Usage ").first.wait_for()
    assert faults == []


def test_a_founder_with_a_password_is_led_to_totp_keeps_recovery_codes_and_enters_with_one(arrive: Any) -> None:
    founder = arrive()
    page = founder.page
    page.goto("/accounts/signup/")
    sign_up(founder, "noor@tidal.example")
    found(founder, "Tidal Compute")
    page.wait_for_url("**/accounts/2fa/")
    assert "set up an authenticator app or a passkey first" in page.locator("main").inner_text()
    page.click("main a[href*='/totp/activate']")
    page.wait_for_url(re.compile("/totp/activate|/reauthenticate"))
    if "/reauthenticate" in page.url:
        founder.fill(password=PASSWORD)
        page.click(SUBMIT)
        page.wait_for_url("**/totp/activate/**")
    secret = page.input_value("#authenticator_secret")
    founder.fill(code="000000")
    page.click(SUBMIT)
    page.locator("main .errorlist").wait_for()
    founder.fill(code=totp(secret))
    page.click(SUBMIT)
    page.wait_for_url("**/2fa/recovery-codes/")
    codes = re.findall(r"\b\d{8}\b", page.input_value("main textarea"))
    assert len(codes) == 10
    page.goto("/o/tidal-compute/team/")
    assert "noor@tidal.example" in page.locator("main").inner_text()
    for attempt, arrives in (("sign in", True), ("again", False)):
        page.goto("/accounts/logout/")
        page.click(SUBMIT)
        page.goto("/accounts/login/")
        founder.fill(login="noor@tidal.example", password=PASSWORD)
        page.click(SUBMIT)
        page.wait_for_url("**/2fa/authenticate/**")
        founder.fill(code=codes[0])
        page.click(SUBMIT)
        if arrives:
            page.wait_for_url("**/o/tidal-compute/")
        else:
            page.locator("main .errorlist").wait_for()
            assert "/authenticate" in page.url, attempt


def test_the_way_in_is_french_for_who_reads_french(arrive: Any) -> None:
    person = arrive("fr-FR")
    page = person.page
    for path, words in (
        ("/accounts/signup/", "S’inscrire avec une clé d’accès"),
        ("/accounts/signup/passkey/", "Envoyer le code"),
        ("/accounts/login/", "Se connecter"),
    ):
        page.goto(path)
        assert words in page.locator("main").inner_text()
        assert violations(page) == []


def test_a_page_opened_under_a_bare_address_says_that_passkeys_need_a_name(browser: Any, portal: str) -> None:
    context = browser.new_context(base_url=portal, locale="en-GB")
    page = context.new_page()
    page.goto("/accounts/signup/passkey/")
    page.locator("main [role=alert]").filter(has_text="Passkeys belong to the name of a site").wait_for()
    context.close()
