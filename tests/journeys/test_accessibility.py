# SPDX-License-Identifier: Apache-2.0
"""What a machine can tell of accessibility: axe-core on every page, a walk by keyboard, 200 % zoom.

It finds only part of what people meet; it is no claim of conformity.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib import admin

from tests.journeys.pages import FOUNDER, SCREENS, STAFF, Screen
from tests.journeys.screens import Door, Finder, go, refuse_a_launch, set_theme, settle, staff_pages

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
AXE = (Path(__file__).resolve().parents[1] / "vendor" / "axe.min.js").read_text(encoding="utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Without fetching and parsing every style sheet again: of all rules, only the one about playing media asks for them.
RUN = """([options, left]) => axe.run(
  {exclude: left}, {resultTypes: ["violations"], preload: false, ...options}
).then(result => result.violations.flatMap(
  one => one.nodes.map(node => `${one.id}: ${node.target} ${node.failureSummary}`)
))"""
ALL = {"runOnly": TAGS}
# django-unfold has no main landmark; Django's double list names a tooltip that takes no name, and select2 does not
# name its field.
STAFF_RULES = {"runOnly": [tag for tag in TAGS if tag != "best-practice"]}
NOT_OURS = [".help-tooltip", ".select2-container"]
# The menu is the same on every page of a person: it is judged on the first one.
MENU, STAFF_MENU = [".side"], ["#nav-sidebar"]
# What another theme or width can change; the rest was asked on the same page.
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
DOUBLED = {"width": 720, "height": 450}  # the wide one at 200 %
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
def finder() -> Finder:
    """Return what finds the demo's things."""
    return Finder()


@pytest.fixture
def visit(browser: Any, portal: str, door: Door) -> Iterator[Callable[..., Any]]:
    """Return a function that opens a page of the founder, of somebody else, or of nobody."""
    contexts = []

    def open_page(locale: str = "en-GB", theme: str = "light", *, who: str = FOUNDER, **size: Any) -> Any:
        context = browser.new_context(
            base_url=portal, locale=locale, color_scheme=theme, reduced_motion="reduce", **({"viewport": WIDE} | size)
        )
        set_theme(context, theme)
        contexts.append(context)
        page = context.new_page()
        if who:
            door.enter(page, who)
        return page

    yield open_page
    for context in contexts:
        context.close()


def violations(page: Any, options: dict[str, Any] | None = None, without: Sequence[str] = ()) -> list[str]:
    settle(page)
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    return [f"{page.url}: {found}" for found in page.evaluate(RUN, [options or ALL, list(without)])]


def look(page: Any, without: Sequence[str] = ()) -> list[str]:
    """Ask axe about one page that is open: all of it when narrow and when wide, and its colours in the dark."""
    page.set_viewport_size(WIDE)
    found = violations(page, without=without)
    page.evaluate("document.documentElement.classList.add('dark')")
    found += [f"dark {one}" for one in violations(page, COLOURS, without)]
    page.evaluate("document.documentElement.classList.remove('dark')")
    page.set_viewport_size(NARROW)
    found += [f"narrow {one}" for one in violations(page, without=without)]
    return found + sideways(page)


def sideways(page: Any) -> list[str]:
    """Say where the open page scrolls sideways: on a telephone, and on a desk at 200 %."""
    found = []
    for size in (NARROW, DOUBLED):
        page.set_viewport_size(size)
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            found.append(f"{page.url} scrolls sideways at {size['width']} px")
    return found


def by_person() -> list[tuple[str, list[Screen]]]:
    return [(who, [one for one in SCREENS if one.who == who]) for who in dict.fromkeys(one.who for one in SCREENS)]


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
def test_axe_finds_nothing_and_no_page_scrolls_sideways(visit: Any, finder: Finder, locale: str) -> None:
    found = []
    for who, screens in by_person():
        page = visit(locale, who=who)
        for number, one in enumerate(screens):
            address = finder.address(page, one.path)
            page.set_viewport_size(WIDE)
            go(page, address)
            if urlsplit(page.url).path != urlsplit(address).path:
                found.append(f"{address} leads to {page.url}")
            # Axe judges structure and colours, which no language changes; longer words change what fits.
            found += look(page, MENU if number else ()) if locale == "en-GB" else sideways(page)
        if who == FOUNDER:
            refuse_a_launch(page)
            found += look(page)
        assert page.locator("html").get_attribute("lang") == ("fr" if locale == "fr-FR" else "en-gb")
        page.context.close()
    assert found == []


def test_axe_finds_nothing_on_the_pages_of_staff(visit: Any) -> None:
    page = visit(who=STAFF)
    found = []
    for number, _path in enumerate(staff_pages(page)):
        # Unfold's bar of buttons stays at the lower edge and covers what lies there: show the whole page at once.
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({**WIDE, "height": WIDE["height"] + height})
        found += violations(page, STAFF_RULES, NOT_OURS + (STAFF_MENU if number else []))
        page.set_viewport_size(WIDE)
    assert found == []


def test_every_model_of_the_staff_site_is_in_its_menu(visit: Any) -> None:
    page = visit(who=STAFF)
    page.goto("/admin/")
    linked = set(page.locator("a[href^='/admin/']").evaluate_all("all => all.map(one => one.getAttribute('href'))"))
    lists = {f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in admin.site._registry}
    assert lists - linked == set()


def test_axe_runs_under_the_portals_policy_and_finds_a_planted_fault(visit: Any) -> None:
    page = visit(who="")
    page.goto("/prices/")
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert [one.split(": ")[1] for one in violations(page)] == ["button-name"]


def test_a_new_person_confirms_their_address_and_is_told_where_to_go(visit: Any) -> None:
    page = visit(who="")
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


def test_a_camera_can_read_the_code_of_an_authenticator_app_in_the_dark(visit: Any) -> None:
    page = visit(theme="dark", who="jonas@lumen.example")
    go(page, "/accounts/2fa/totp/activate/")
    code = page.locator("img[src^='data:image/svg']")
    assert code.evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(255, 255, 255)"


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
