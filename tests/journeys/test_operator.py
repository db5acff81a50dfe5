# SPDX-License-Identifier: Apache-2.0
"""An operator publishes an offer: written and proposed in the portal, approved by staff, found in the catalogue."""

import re
from typing import Any

import pytest

from tests.journeys.pages import FOUNDER, OPERATOR, STAFF
from tests.journeys.screens import Door

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
TITLE = "L40S at spot price"


def visitor(browser: Any, portal: str, door: Door, email: str) -> Any:
    page = browser.new_context(base_url=portal, viewport={"width": 1440, "height": 900}, locale="en-GB").new_page()
    door.enter(page, email)
    return page


def test_an_operator_publishes_an_offer_staff_approve_it_and_it_stands_in_the_catalogue(
    browser: Any, portal: str, door: Door
) -> None:
    operator = visitor(browser, portal, door, OPERATOR)
    operator.goto("/o/scaleway/offers/")
    operator.click("text=New offer")
    operator.select_option("select[name=pool]", label="Paris inference · NVIDIA L40S · Paris DC5")
    operator.fill("input[name=title]", TITLE)
    operator.select_option("select[name=capacity_class]", "spot")
    operator.fill("input[name=price]", "0.79")
    operator.fill("input[name=max_gpus]", "4000")
    operator.click("text=Keep draft")
    operator.locator(".errorlist").filter(has_text="The pool has 128 in all").wait_for()
    assert operator.input_value("input[name=title]") == TITLE
    operator.fill("input[name=max_gpus]", "32")
    operator.click("text=Keep draft")
    operator.wait_for_url("**/offers/off_*/")
    operator.click("text=Propose to AION")
    operator.locator("text=AION is looking at it").wait_for()

    founder = visitor(browser, portal, door, FOUNDER)
    founder.goto("/prices/?capacity_class=spot")
    assert founder.locator("text=Nothing fits").count() == 1

    staff = visitor(browser, portal, door, STAFF)
    staff.goto("/admin/marketplace/offer/?state__exact=proposed")
    staff.click(f"#result_list a:has-text('{TITLE}')")
    staff.click("a:has-text('Approve')")
    staff.fill("textarea[name=reason]", "Facts and price checked.")
    staff.click("form button:has-text('Approve')")
    staff.locator(f"text={TITLE}: on sale").wait_for()

    founder.select_option("select[name=capacity_class]", "spot")
    founder.fill("input[name=q]", "L40S")
    founder.click("main button:has-text('Filter')")
    row = founder.locator("tbody tr").filter(has_text=TITLE)
    row.wait_for()
    assert "0.79" in row.inner_text()
    row.locator("a.row-link").click()
    founder.wait_for_url("**/prices/off_*/**")
    assert "operator's price" in founder.locator("main").inner_text()
    founder.click("text=Price calculator")
    founder.fill("input[name=gpus]", "10")
    founder.fill("input[name=hours]", "1")
    founder.fill("input[name=days]", "1")
    founder.click("text=Calculate")
    founder.locator("#total").filter(has_text=re.compile(r"^7\.90")).wait_for()

    operator.reload()
    operator.locator("text=See it in the catalogue").wait_for()
    operator.goto("/o/scaleway/notifications/")
    operator.locator("main").filter(has_text=f"{TITLE} was approved").wait_for()
    for page in (operator, founder, staff):
        page.context.close()
