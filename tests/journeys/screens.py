# SPDX-License-Identifier: Apache-2.0
"""Pictures of every page of a running demo, to be looked at: `python -m tests.journeys.screens URL OUTDIR [WORD…]`.

With words, only pages whose name contains one of them are taken.
"""

import base64
import hashlib
import hmac
import os
import re
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.chromium import find
from tests.journeys.pages import FOUNDER, SCREENS, STAFF, STANDING, THINGS

PASSWORD = "lantern-harbour-2026"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ENTERED = re.compile(r"/o/|/admin/|:\d+/$")
INSIDE = re.compile(r"/o/|/admin/|/2fa/|:\d+/$")
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
THEMES = ("light", "dark")


@contextmanager
def chromium() -> Iterator[Any]:
    """Start a headless Chromium and stop it."""
    from playwright.sync_api import sync_playwright

    flags = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-gpu"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=flags)
        yield browser
        browser.close()


def totp(secret: str = TOTP_SECRET, at: float | None = None) -> str:
    """Return the six digits of ``secret`` (RFC 6238)."""
    step = struct.pack(">Q", int(at if at is not None else time.time()) // 30)
    digest = hmac.new(base64.b32decode(secret), step, hashlib.sha1).digest()
    place = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[place : place + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


class Door:
    """Lets each person of the demo sign in once: a one-time code is refused the second time."""

    def __init__(self) -> None:
        self.cookies: dict[str, Any] = {}

    def enter(self, page: Any, email: str) -> None:
        """Sign ``page`` in as a person of the demo and wait for their first page."""
        if email in self.cookies:
            page.context.add_cookies(self.cookies[email])
            page.goto("/")
        else:
            page.goto("/accounts/login/")
            page.fill("input[name=login]", email)
            page.fill("input[name=password]", PASSWORD)
            page.click("main .card button[type=submit]")
            page.wait_for_url(INSIDE)
            if "/2fa/" in page.url:
                page.fill("input[name=code]", totp())
                page.click("main .card button[type=submit]")
        page.wait_for_url(ENTERED)
        self.cookies[email] = page.context.cookies()


def go(page: Any, path: str) -> Any:
    """Open an address; where the portal asks for the password once more, give it. Returns the response."""
    response = page.goto(path)
    if "/reauthenticate/?" in page.url and page.locator("input[name=password]").count():
        page.fill("input[name=password]", PASSWORD)
        page.click("main .card button[type=submit]")
        page.wait_for_url(lambda url: "/reauthenticate/?" not in url)
    return response


def set_theme(context: Any, theme: str) -> None:
    """Choose the theme before the first paint, in the portal and in the staff admin."""
    context.add_init_script(
        f"localStorage.setItem('theme', '{theme}'); localStorage.setItem('adminTheme', '\"{theme}\"')"
    )


def settle(page: Any) -> None:
    """Wait until fonts are there and htmx has nothing under way."""
    page.evaluate("document.fonts.ready")
    page.locator(".htmx-request").first.wait_for(state="detached")


class Finder:
    """Puts the ids of the demo's things into addresses; each list is read once."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}

    def address(self, page: Any, path: str) -> str:
        """Return ``path`` with its braces filled. Raises AssertionError where the demo has no such thing."""
        for thing in re.findall(r"{([\w-]+)}", path):
            if thing not in self.ids:
                page.goto(THINGS[thing][0])
                rows = page.locator("main tr", has_text=re.compile(STANDING.get(thing, "")))
                links = (
                    (rows if thing in STANDING else page.locator("main"))
                    .locator(":is([href], [action])")
                    .evaluate_all("all => all.map(one => one.getAttribute('href') ?? one.getAttribute('action'))")
                )
                found = [match[1] for link in links if (match := re.search(THINGS[thing][1], link))]
                assert found, f"{THINGS[thing][0]} has no {thing}"
                self.ids[thing] = found[0]
            path = path.replace(f"{{{thing}}}", self.ids[thing])
        return path


def staff_pages(page: Any) -> Iterator[str]:
    """Open the pages of the staff site in turn and yield their addresses.

    Its first page, its own pages, each list, and of each list one row and a new one.
    """
    page.goto("/admin/")
    yield "/admin/"
    hrefs = "links => [...new Set(links.map(link => link.getAttribute('href').split('?')[0]))]"
    links = page.locator("a[href^='/admin/']").evaluate_all(hrefs)
    for path in sorted(link for link in links if link.count("/") == 4 or link == "/admin/consortium/"):
        page.goto(path)
        inside = page.locator("main a[href], #content a[href], #main a[href]").evaluate_all(hrefs)
        yield path
        for end in ("/change/", "/add/"):
            for link in [link for link in inside if link.startswith(path) and link.endswith(end)][:1]:
                page.goto(link)
                yield link


class Camera:
    """Takes one page in every size and theme."""

    def __init__(self, browser: Any, url: str, folder: Path, words: list[str]) -> None:
        self.browser, self.url, self.folder, self.words = browser, url, folder, words
        self.door, self.finder = Door(), Finder()

    @contextmanager
    def visitor(self, theme: str, email: str = "", locale: str = "en-GB") -> Iterator[Any]:
        """Return a page of a person, or of nobody."""
        context = self.browser.new_context(base_url=self.url, locale=locale, color_scheme=theme)
        set_theme(context, theme)
        page = context.new_page()
        if email:
            self.door.enter(page, email)
        yield page
        context.close()

    def wanted(self, name: str) -> bool:
        """Tell whether the words ask for this page."""
        return not self.words or any(word in name for word in self.words)

    def take(self, page: Any, name: str, theme: str, path: str | None = None) -> None:
        """Write the pictures of one page."""
        if not self.wanted(name):
            return
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            if path is not None:
                go(page, path)
            settle(page)
            page.screenshot(path=self.folder / f"{name}.{size}-{theme}.png", full_page=True)
        sys.stdout.write(f"{name} {theme}\n")
        sys.stdout.flush()


def launch_one(page: Any) -> None:
    """Give the tenant a workload to look at."""
    page.goto("/o/atelier-lumen/launch/")
    page.fill("input[name=gpus]", "8")
    page.fill("input[name=hours]", "2")
    page.fill("input[name=name]", f"llama-sft-{int(time.time()) % 10_000}")
    page.click("#main button[type=submit]")
    page.wait_for_url("**/workloads/wl_*/")


def refuse_a_launch(page: Any) -> None:
    """Show a launch with its errors."""
    page.goto("/o/atelier-lumen/launch/")
    page.fill("input[name=gpus]", "64")
    page.fill("input[name=hours]", "8000")
    page.fill("input[name=name]", "Not a name")
    page.click("#main button[type=submit]")
    page.locator("[role=alert]").wait_for()


def take_portal(camera: Camera, theme: str, locale: str) -> None:
    """Take every page of the portal in one theme and language, each seen by its own person."""
    language = locale[:2]
    for who, screens in groupby(sorted(SCREENS, key=lambda one: one.who), key=lambda one: one.who):
        mine = [one for one in screens if camera.wanted(f"{language}-{one.name}")]
        if not mine:
            continue
        with camera.visitor(theme, who, locale) as page:
            for one in mine:
                name = f"{language}-{one.name}"
                camera.take(page, name, theme, camera.finder.address(page, one.path))
            if who == FOUNDER and camera.wanted(f"{language}-launch-refused"):
                refuse_a_launch(page)
                camera.take(page, f"{language}-launch-refused", theme)


def main() -> int:
    """Take them all."""
    url, folder, words = sys.argv[1].rstrip("/"), Path(sys.argv[2]), sys.argv[3:]
    folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        camera = Camera(browser, url, folder, words)
        if not words:
            with camera.visitor(THEMES[0], FOUNDER) as page:
                launch_one(page)
        for theme in THEMES:
            for locale in ("en-GB", "fr-FR"):
                take_portal(camera, theme, locale)
            if words and not any("staff".startswith(word[:5]) for word in words):
                continue
            with camera.visitor(theme, STAFF) as page:
                for path in staff_pages(page):
                    bare = re.sub(r"/[^/]+/change/$", "/change", path).strip("/").replace("/", "-")
                    camera.take(page, f"staff-{bare}", theme, path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
