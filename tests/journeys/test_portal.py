# SPDX-License-Identifier: Apache-2.0
"""What a person does, in a real browser, against the real services."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.screens import Door
from tests.journeys.steps import run_and_stop

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
PAGES = [
    "",
    "launch/",
    "workloads/",
    "usage/",
    "credits/",
    "statements/",
    "budgets/",
    "keys/",
    "webhooks/",
    "notifications/",
    "projects/",
    "team/",
    "audit/",
]


@pytest.fixture
def page(browser: Any, portal: str) -> Iterator[Any]:
    """Return a fresh page that fails the test on any console error."""
    context = browser.new_context(base_url=portal, viewport={"width": 1440, "height": 900}, locale="en-GB")
    tab = context.new_page()
    problems: list[str] = []
    tab.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: problems.append(str(error)))
    yield tab
    context.close()
    # A refused request is a line in Chromium's console, and so is a fragment that a navigation cuts short.
    assert [problem for problem in problems if not re.search("40[249]|^htmx:", problem)] == []


def test_a_founder_launches_eight_gpus_watches_them_run_stops_them_and_sees_the_charge(page: Any, door: Door) -> None:
    door.enter(page, "ines@lumen.example")
    assert page.locator("h1").inner_text() == "Overview"
    assert re.search(r"\d", page.locator(".stat-value").first.inner_text())
    page.click(".topbar a.btn-main")
    page.wait_for_url("**/launch/")
    run_and_stop(page, gpus="8", hours="2", name="journey-run", total="39.84")
    assert page.locator("text=Allowed").count() == 1
    page.goto("/o/atelier-lumen/workloads/?q=journey-run")
    assert page.locator("tbody tr").count() == 1


def test_a_stranger_cannot_open_any_of_these_pages(page: Any, door: Door) -> None:
    door.enter(page, "marta@climat.example")
    for path in PAGES:
        assert page.goto(f"/o/atelier-lumen/{path}").status == 404, path


def test_a_launch_that_cannot_be_paid_says_so_and_keeps_what_was_typed(page: Any, door: Door) -> None:
    door.enter(page, "ines@lumen.example")
    page.goto("/o/atelier-lumen/launch/")
    page.fill("input[name=gpus]", "64")
    page.fill("input[name=hours]", "700")
    page.fill("input[name=name]", "too-dear")
    page.click("main button[type=submit]")
    page.locator("[role=alert]").filter(has_text="credits").wait_for()
    assert page.input_value("input[name=name]") == "too-dear"


def test_a_key_is_shown_once_and_works(page: Any, door: Door, portal: str) -> None:
    door.enter(page, "jonas@lumen.example")
    page.goto("/o/atelier-lumen/keys/")
    page.fill("input[name=name]", "laptop")
    page.check("input[value='workloads:read']")
    page.click("text=Create key")
    key = page.locator("#new-key").inner_text()
    answer = page.request.get(f"{portal}/api/v1/workloads", headers={"Authorization": f"Bearer {key}"})
    assert answer.status == 200
    page.goto("/o/atelier-lumen/keys/")
    assert key not in page.content()


@pytest.mark.parametrize("width", [1440, 390])
def test_no_page_scrolls_sideways_and_the_french_one_is_french(page: Any, door: Door, width: int) -> None:
    door.enter(page, "ines@lumen.example")
    page.set_viewport_size({"width": width, "height": 844})
    for path in PAGES:
        page.goto(f"/o/atelier-lumen/{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("/o/atelier-lumen/")
    page.select_option("#language", "fr")
    page.locator("h1").filter(has_text="Vue d’ensemble").wait_for()
    page.select_option("#language", "en-gb")  # a person keeps the language, in every browser
    page.locator("h1").filter(has_text="Overview").wait_for()


def test_staff_without_the_second_factor_do_not_reach_the_admin(page: Any) -> None:
    page.goto("/admin/")
    assert "/accounts/login/" in page.url
