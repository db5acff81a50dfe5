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
from pathlib import Path
from typing import Any

from tests.chromium import find

PASSWORD = "lantern-harbour-2026"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ENTERED = re.compile("/o/|/admin/")
INSIDE = re.compile("/o/|/admin/|/2fa/")
FOUNDER, OPERATOR, STAFF = "ines@lumen.example", "paul@scaleway.example", "staff@aion.example"
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
THEMES = ("light", "dark")
TENANT = [
    "",
    "launch/",
    "workloads/",
    "usage/",
    "usage/?group=project",
    "usage/?group=workload&measure=carbon",
    "credits/",
    "statements/",
    "budgets/",
    "projects/",
    "quotas/",
    "team/",
    "keys/",
    "webhooks/",
    "notifications/",
    "audit/",
]
ADMIN = [
    "tenancy/organisation/",
    "tenancy/user/",
    "tenancy/quotarequest/",
    "consortium/",
    "clusters/site/",
    "clusters/pool/",
    "clusters/workload/",
    "marketplace/offer/",
    "marketplace/order/",
    "billing/ledgeraccount/",
    "billing/transfer/",
    "billing/creditrequest/",
    "billing/creditrequest/add/",
    "billing/correctionrequest/",
    "billing/correctionrequest/add/",
    "billing/quarantinedusage/",
    "billing/pricebook/",
    "billing/pricedraft/",
    "billing/pricedraft/add/",
    "billing/price/",
    "billing/promotion/add/",
    "billing/hold/",
    "billing/run/",
    "billing/meter/",
    "billing/usagehour/",
    "billing/budget/",
    "billing/monthstatement/",
    "audit/auditevent/",
]
PUBLIC = ["prices/", "accounts/login/", "accounts/signup/", "accounts/password/reset/", "mailbox/", "ui/", "nowhere/"]
ACCOUNT = ["account/", "accounts/2fa/", "accounts/email/", "accounts/password/change/", "accounts/logout/"]


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


def set_theme(context: Any, theme: str) -> None:
    """Choose the theme before the first paint, in the portal and in the staff admin."""
    context.add_init_script(
        f"localStorage.setItem('theme', '{theme}'); localStorage.setItem('adminTheme', '\"{theme}\"')"
    )


def settle(page: Any) -> None:
    """Wait until fonts are there and htmx has nothing under way."""
    page.evaluate("document.fonts.ready")
    page.locator(".htmx-request").first.wait_for(state="detached")


def name_of(path: str) -> str:
    """Return a file name for a path."""
    return path.strip("/").replace("/?", "-").replace("/", "-").replace("?", "-").replace("=", "-") or "overview"


class Camera:
    """Takes one page in every size and theme."""

    def __init__(self, browser: Any, url: str, folder: Path, words: list[str]) -> None:
        self.browser, self.url, self.folder, self.words = browser, url, folder, words
        self.door = Door()

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

    def take(self, page: Any, name: str, theme: str, path: str | None = None) -> None:
        """Write the pictures of one page."""
        if self.words and not any(word in name for word in self.words):
            return
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            if path is not None:
                page.goto(path)
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


def main() -> int:
    """Take them all."""
    url, folder, words = sys.argv[1].rstrip("/"), Path(sys.argv[2]), sys.argv[3:]
    folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        camera = Camera(browser, url, folder, words)
        for theme in THEMES:
            with camera.visitor(theme) as page:
                for path in PUBLIC:
                    camera.take(page, f"public-{name_of(path)}", theme, f"/{path}")
            with camera.visitor(theme, FOUNDER) as page:
                if theme == THEMES[0] and not words:
                    launch_one(page)
                for path in TENANT:
                    camera.take(page, f"founder-{name_of(path)}", theme, f"/o/atelier-lumen/{path}")
                for path in ACCOUNT:
                    camera.take(page, f"founder-{name_of(path)}", theme, f"/{path}")
                page.goto("/o/atelier-lumen/workloads/")
                first = page.locator("a.row-link").first.get_attribute("href")
                camera.take(page, "founder-workload", theme, first)
                refuse_a_launch(page)
                camera.take(page, "founder-launch-refused", theme)
            with camera.visitor(theme, OPERATOR) as page:
                camera.take(page, "operator-pools", theme, "/o/scaleway/pools/")
                camera.take(page, "operator-refused", theme, "/o/scaleway/credits/")
            with camera.visitor(theme, FOUNDER, "fr-FR") as page:
                for path in TENANT:
                    camera.take(page, f"french-{name_of(path)}", theme, f"/o/atelier-lumen/{path}")
                camera.take(page, "french-nowhere", theme, "/nowhere/")
            with camera.visitor(theme, STAFF) as page:
                camera.take(page, "staff-index", theme, "/admin/")
                for path in ADMIN:
                    camera.take(page, f"staff-{name_of(path)}", theme, f"/admin/{path}")
                page.goto("/admin/tenancy/organisation/")
                change = page.locator("#result_list a[href*='/change/']").first.get_attribute("href")
                camera.take(page, "staff-organisation-change", theme, change)
    return 0


if __name__ == "__main__":
    sys.exit(main())
