# SPDX-License-Identifier: Apache-2.0
"""Credit is paid by a card whose bank asks, is there within seconds, has an invoice, and is paid back by staff."""

import re
import time
from typing import Any

import pytest

from tests.journeys.pages import STAFF
from tests.journeys.screens import Door

pytestmark = [pytest.mark.browser, pytest.mark.timeout(500)]
PAYER = "giulia@lumen.example"
LUMEN = "/o/atelier-lumen"


def visitor(browser: Any, portal: str, door: Door, email: str) -> Any:
    """Return a page on which a person of the demo is signed in, at the name that payments come back to."""
    address = portal.replace("127.0.0.1", "localhost")
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900}, locale="en-GB")
    page = context.new_page()
    door.enter(page, email)
    return page


def test_a_card_whose_bank_asks_pays_for_credit_that_staff_pay_back(browser: Any, portal: str) -> None:
    door = Door()  # cookies of the other journeys belong to another name of this machine
    payer = visitor(browser, portal, door, PAYER)
    payer.goto(f"{LUMEN}/credits/")
    payer.click("main >> text=Add credits")
    payer.fill("input[name=credits]", "250")
    payer.locator("#price .total").filter(has_text="300.00").wait_for()
    payer.click("main button:has-text('Go to payment')")
    payer.wait_for_url("**/c/pay/cs_*")
    payer.check("input[value=authenticationRequired]")
    payer.locator("button", has_text="Pay").click()
    payer.wait_for_url("**/authenticate/**")
    paid_at = time.monotonic()
    payer.click("button[value=pass]")
    payer.wait_for_url("**/payments/pay_*/**")
    payer.locator("text=250 credits are yours to spend").wait_for(timeout=30_000)
    assert time.monotonic() - paid_at < 30

    payment = re.search(r"pay_\w+", payer.url)
    assert payment is not None
    # The invoice is checked, numbered and set by a task; a check that failed is tried again after two minutes.
    link = payer.locator("main a[href*='/invoices/doc_']").filter(has_text="AION-")
    link.wait_for(timeout=200_000)
    link.click()
    with payer.expect_download() as download:
        payer.locator("main a[href$='/pdf/']").click()
    assert download.value.path().read_bytes().startswith(b"%PDF")

    staff = visitor(browser, portal, door, STAFF)
    staff.goto(f"/admin/purchases/payment/?q={payment[0]}")
    staff.click(f"#result_list a:has-text('{payment[0]}')")
    staff.click("a:has-text('Pay back')")
    staff.fill("input[name=credits]", "100")
    staff.fill("textarea[name=reason]", "Bought too much.")
    staff.click("form button:has-text('Pay back')")
    staff.locator("text=on its way").first.wait_for()

    refund = payer.locator("main tr").filter(has_text="Refund")
    payer.goto(f"{LUMEN}/payments/{payment[0]}/")
    refund.filter(has_text="Succeeded").wait_for(timeout=60_000)
    assert "120.00" in refund.inner_text()
    payer.goto(f"{LUMEN}/credits/")
    row = payer.locator("main tr").filter(has_text=f"Purchase {payment[0]}").first
    assert "150.00" in row.inner_text()
