# SPDX-License-Identifier: Apache-2.0
"""What a machine can tell of accessibility: axe-core on every page, a walk by keyboard, 200 % zoom.

It finds only part of what people meet; it is no claim of conformity.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.screens import ACCOUNT, FOUNDER, PUBLIC, TENANT, Door, refuse_a_launch, set_theme, settle

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400), pytest.mark.xdist_group("journeys")]
AXE = (Path(__file__).resolve().parents[1] / "vendor" / "axe.min.js").read_text(encoding="utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """tags => axe.run(document, {runOnly: tags, resultTypes: ["violations"]}).then(result =>
  result.violations.flatMap(one => one.nodes.map(node => `${one.id}: ${node.target} ${node.failureSummary}`)))"""
FOCUS = """() => {
  const active = document.activeElement;
  if (!active || active === document.body) return null;
  const seen = element => {
    const style = getComputedStyle(element);
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
  };
  const box = active.getBoundingClientRect();
  window.numbers ??= new Map();
  if (!window.numbers.has(active)) window.numbers.set(active, window.numbers.size);
  return {
    number: window.numbers.get(active),
    what: `${active.tagName.toLowerCase()} ${active.id || active.textContent.trim().slice(0, 40)}`,
    href: active.getAttribute("href"),
    visible: box.width > 0 && box.height > 0 && (seen(active) || seen(active.closest(".choice") ?? active)),
  };
}"""


@pytest.fixture(scope="module")
def founder(browser: Any, portal: str, door: Door) -> Any:
    """Return a signed-in founder's cookies."""
    context = browser.new_context(base_url=portal)
    door.enter(context.new_page(), FOUNDER)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def visit(browser: Any, portal: str, founder: Any) -> Iterator[Callable[..., Any]]:
    """Return a function that opens a page of the founder, or of nobody."""
    contexts = []

    def open_page(locale: str = "en-GB", theme: str = "light", *, signed_in: bool = True, **size: Any) -> Any:
        state = founder if signed_in else None
        context = browser.new_context(
            base_url=portal, locale=locale, color_scheme=theme, storage_state=state, reduced_motion="reduce", **size
        )
        set_theme(context, theme)
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


def violations(page: Any) -> list[str]:
    settle(page)
    page.evaluate(AXE)
    return [f"{page.url}: {found}" for found in page.evaluate(RUN, TAGS)]


def workload_of(page: Any) -> str:
    page.goto("/o/atelier-lumen/workloads/")
    return str(page.locator("a.row-link").first.get_attribute("href"))


@pytest.mark.parametrize(
    ("locale", "theme", "width"),
    [
        ("en-GB", "light", 1440),
        ("en-GB", "light", 390),
        ("en-GB", "dark", 1440),
        ("en-GB", "dark", 390),
        ("fr-FR", "light", 1440),
    ],
)
def test_axe_finds_nothing_on_any_page(visit: Any, locale: str, theme: str, width: int) -> None:
    size = {"viewport": {"width": width, "height": 900}}
    found = []
    stranger = visit(locale, theme, signed_in=False, **size)
    for path in PUBLIC:
        stranger.goto(f"/{path}")
        found += violations(stranger)
    page = visit(locale, theme, **size)
    paths = [f"/o/atelier-lumen/{path}" for path in TENANT] + [f"/{path}" for path in [*ACCOUNT, "nowhere/"]]
    for path in [*paths, workload_of(page), "/accounts/2fa/totp/activate"]:
        page.goto(path)
        found += violations(page)
    assert page.locator("html").get_attribute("lang") == ("fr" if locale == "fr-FR" else "en-gb")
    refuse_a_launch(page)
    found += violations(page)
    assert found == []


def test_axe_runs_under_the_portals_policy_and_finds_a_planted_fault(visit: Any) -> None:
    page = visit(signed_in=False)
    page.goto("/prices/")
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert [one.split(": ")[1] for one in violations(page)] == ["button-name"]


def test_a_new_person_confirms_their_address_and_is_told_where_to_go(visit: Any) -> None:
    page = visit(signed_in=False)
    page.goto("/accounts/signup/")
    page.fill("input[name=email]", "noor@example.org")
    page.fill("input[name=password1]", "a-lantern-by-the-harbour")
    page.fill("input[name=password2]", "a-lantern-by-the-harbour")
    page.click("main .card button[type=submit]")
    page.wait_for_url("**/confirm-email/")
    found = violations(page)
    mailbox = page.context.new_page()
    mailbox.goto("/mailbox/")
    found += violations(mailbox)
    letter = mailbox.locator("main .card").filter(has_text="noor@example.org").first.inner_text()
    code = re.search(r"(?m)^([A-Z]{4}-[A-Z]{4})$", letter)
    assert code is not None
    page.fill("input[name=code]", code[1])
    page.click("main .card button[type=submit]")
    page.wait_for_url(re.compile(r"127\.0\.0\.1:\d+/$"))
    assert "You are not a member of an organisation yet" in page.locator("main").inner_text()
    assert found + violations(page) == []


@pytest.mark.parametrize("path", ["", "launch/"])
def test_the_keyboard_reaches_everything_and_always_shows_where_it_is(visit: Any, path: str) -> None:
    page = visit(viewport={"width": 1440, "height": 900})
    page.goto(f"/o/atelier-lumen/{path}")
    settle(page)
    steps: list[dict[str, Any]] = []
    while True:
        page.keyboard.press("Tab")
        step = page.evaluate(FOCUS)
        if step is None or (steps and step["number"] == steps[0]["number"]):
            break
        steps.append(step)
        assert step["number"] == len(steps) - 1, f"trapped at {step['what']}"
    assert [step["what"] for step in steps if not step["visible"]] == []
    assert steps[0]["href"] == "#main"
    assert "mailto:support@aion.example" in {step["href"] for step in steps}
    assert len(steps) > 15


def test_at_two_hundred_per_cent_no_page_scrolls_sideways(visit: Any) -> None:
    page = visit(viewport={"width": 720, "height": 450}, device_scale_factor=2)
    wide = []
    for path in [*(f"/o/atelier-lumen/{path}" for path in TENANT), *(f"/{path}" for path in [*ACCOUNT, *PUBLIC])]:
        page.goto(path)
        settle(page)
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            wide.append(path)
    assert wide == []
