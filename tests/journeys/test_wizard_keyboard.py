# SPDX-License-Identifier: Apache-2.0
"""The whole wizard with nothing but a keyboard, from the list of calls to the submitted application."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from pytest_django.live_server_helper import LiveServer

from aion import clock
from marketplace.grants.models import Application
from marketplace.grants.states import ApplicationState
from tests.chromium import find
from tests.grants.scenes import PDF, make_programme
from tests.worlds import browser as signed_in
from tests.worlds import make_market, make_tenant

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
MANY = 200


@pytest.fixture
def server(committed: None) -> Iterator[str]:
    """Serve the test's own database, whose rows are committed for real."""
    if find() is None:
        pytest.skip("NO CHROMIUM on this machine")
    running = LiveServer("127.0.0.1")
    yield running.url
    running.stop()


class Hands:
    """Somebody who has no mouse."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def to(self, selector: str) -> None:
        """Press Tab until ``selector`` has the focus. Raises AssertionError when it cannot be reached."""
        for _press in range(MANY):
            if self.page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{selector} cannot be reached by keyboard on: {self.page.inner_text('main')[:600]}")

    def write(self, name: str, text: str) -> None:
        """Type into the field ``name``."""
        self.to(f"[name={name}]")
        self.page.keyboard.type(text)

    def tick(self, name: str) -> None:
        """Tick the box ``name``."""
        self.to(f"[name={name}]")
        self.page.keyboard.press("Space")

    def press(self, selector: str) -> None:
        """Press Enter on a button or link that leads to another page."""
        self.to(selector)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")


ONWARD = "form button.btn-main:not([data-opens])"


def apply_by_keyboard(url: str, slug: str, session: str, gpu: str) -> tuple[str, list[str]]:
    """Walk from the list of calls to the submitted application; return the last heading's page and all errors."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--disable-background-networking", "--no-sandbox", "--disable-gpu"]
        chromium = playwright.chromium.launch(executable_path=find(), args=flags)
        context = chromium.new_context(base_url=url, locale="en-GB")
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": url}])
        page, problems = context.new_page(), []
        page.on("pageerror", lambda error: problems.append(str(error)))
        # Choosers are caught from now on: asked for only at the key press, the browser may show its own first.
        page.on("filechooser", lambda _chooser: None)
        hands = Hands(page)
        page.goto(f"/o/{slug}/grants/")
        hands.press("main form button")
        hands.write("partners", "Université de Rennes")
        hands.press(ONWARD)
        hands.write("title", "A Breton language model")
        hands.write("abstract", "We train a model.")
        hands.write("name_1", "Ana Le Goff")
        hands.write("email_1", "ana@lab.example")
        hands.press(ONWARD)
        hands.write("work_plan", "First data, then training.")
        hands.write("data_class", "Open data")
        hands.write("openness", "Results and code")
        hands.write("ethics", "No personal data.")
        hands.tick("acknowledgement")
        hands.press(ONWARD)
        hands.write("title_1", "Training")
        hands.write("sku_code_1", gpu)
        hands.write("gpu_hours_1", "100")
        hands.press(ONWARD)
        hands.to("[name=file]")
        with page.expect_file_chooser() as chosen:
            page.keyboard.press("Enter")
        chosen.value.set_files({"name": "cv.pdf", "mimeType": "application/pdf", "buffer": PDF})
        hands.press("form[enctype] button")
        hands.press("main footer a.btn-main")
        hands.to("[data-opens=submit]")
        page.keyboard.press("Enter")
        hands.press("dialog[open] .btn-main")
        text = page.inner_text("main")
        chromium.close()
    return text, problems


def test_a_wizard_is_walked_through_by_keyboard_alone(server: str) -> None:
    tenant, market, now = make_tenant("keys"), make_market(), clock.now()
    make_programme(
        at=now,
        opens_at=now - timedelta(days=1),
        closes_at=now + timedelta(days=9),
        decision_on=(now + timedelta(days=20)).date(),
    )
    session = signed_in(tenant).cookies[settings.SESSION_COOKIE_NAME].value
    # In a thread of its own: a browser's event loop would take this thread from Django's connection.
    with ThreadPoolExecutor(max_workers=1) as pool:
        walk = pool.submit(apply_by_keyboard, server, tenant.organisation.slug, session, market.offer.title)
        text, problems = walk.result()
    application = Application.objects.get(organisation=tenant.organisation)
    assert (application.state, application.attachments.count()) == (ApplicationState.ELIGIBLE, 1)
    assert "Submitted. It is eligible" in text
    assert problems == []
