# SPDX-License-Identifier: Apache-2.0
"""A whole call in real browsers: written, applied for, reviewed blind, decided by two, spent, reported, read by the
funder. Staff do all of it in the admin."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.grants.scenes import PDF
from tests.journeys.screens import FOUNDER, STAFF, Door
from tests.journeys.steps import run_and_stop

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1500)]
CODE, NAME = "journey-call", "Small models, small call"
SECOND_STAFF, RIVAL = "staff2@aion.example", "marta@climat.example"
REVIEWERS, FUNDER = ("nora@review.example", "tomas@review.example"), "hugo@prize.example"
GPU, BEST, OTHER = "h100-sxm", "A speech model for Occitan", "Rain over the Alps"
# From writing the call to its deadline: short, since the journey waits for it; where the machine is slow staff move it.
OPEN_FOR, TOO_SHORT, MORE = timedelta(seconds=60), timedelta(seconds=25), timedelta(seconds=60)
WHY_NOT = "The work plan does not say how the results are evaluated."
WHY = "Open data, open weights, and a plan that can be followed."


class Call:
    """The people of one call, each with a browser of their own, signed in once."""

    def __init__(self, browser: Any, portal: str, door: Door) -> None:
        self.browser, self.portal, self.door = browser, portal, door
        self.pages: dict[str, Any] = {}
        self.closes_at = datetime.max.replace(tzinfo=UTC)

    def page(self, email: str) -> Any:
        """Return the page of a person."""
        if email not in self.pages:
            context = self.browser.new_context(
                base_url=self.portal, viewport={"width": 1440, "height": 900}, locale="en-GB", accept_downloads=True
            )
            self.pages[email] = context.new_page()
            self.door.enter(self.pages[email], email)
        return self.pages[email]

    def close(self) -> None:
        """Close every browser."""
        for page in self.pages.values():
            page.context.close()


@pytest.fixture
def call(browser: Any, portal: str, door: Door) -> Iterator[Call]:
    """Return a call that nobody has written yet."""
    made = Call(browser, portal, door)
    yield made
    made.close()


def act(page: Any, title: str, **fields: str) -> None:
    """Press a button of a row's page in the admin, fill in what it asks for and confirm."""
    page.get_by_role("link", name=title, exact=True).filter(visible=True).first.click()
    for name, value in fields.items():
        field = page.locator(f"[name={name}]")
        if field.evaluate("one => one.tagName") == "SELECT":
            field.select_option(field.locator("option", has_text=value).get_attribute("value"))
        else:
            field.fill(value)
    page.locator("form button[type=submit]", has_text=title).click()


def said(page: Any, words: str) -> None:
    """Wait for what the page says; fail with all it says."""
    page.locator("body").filter(has_text=words).wait_for()


def until_it_says(page: Any, path: str, words: str, *, times: int = 90) -> None:
    """Open ``path`` again until it says ``words``: what makes them true happens elsewhere, in its own time."""
    from playwright.sync_api import TimeoutError as NotYet

    for _attempt in range(times):
        page.goto(path)
        try:
            page.locator("main").filter(has_text=words).wait_for(timeout=2_000)
        except NotYet:
            continue
        return
    raise AssertionError(f"{path} never said {words!r}: {page.inner_text('main')[:2000]}")


@contextmanager
def downloaded(page: Any, link: str) -> Iterator[bytes]:
    """Return what a link downloads."""
    with page.expect_download() as download:
        page.locator("main a", has_text=link).click()
    yield Path(download.value.path()).read_bytes()


def split(name: str, at: datetime) -> dict[str, str]:
    """Return the two fields of an instant."""
    return {f"{name}_0": f"{at:%Y-%m-%d}", f"{name}_1": f"{at:%H:%M:%S}"}


def write_and_publish(call: Call) -> None:
    """Staff write the programme with its criteria, appoint two reviewers and publish it."""
    staff, now = call.page(STAFF), datetime.now(UTC)
    staff.goto("/admin/grants/programme/add/")
    texts = {
        "code": CODE, "name_en": NAME, "name_fr": "Petits modèles", "summary_en": "For small teams.",
        "summary_fr": "Pour de petites équipes.", "funder": "Prize Foundation", "pot": "300", "cap_per_award": "300",
        "decision_on": f"{now + timedelta(days=2):%Y-%m-%d}", "lot_days": "3", "only_skus": GPU,
        "rules": '[{"id": "once", "kind": "one_per_organisation"}]', **split("opens_at", now - timedelta(days=1)),
    }  # fmt: skip
    for name, value in texts.items():
        staff.fill(f"[name={name}]", value)
    staff.select_option("[name=money_source]", "private_prize")
    staff.click("#id_organisation + .select2")
    staff.fill(".select2-search__field", "AION")
    staff.locator(".select2-results__option", has_text="AION").first.click()
    for number, (code, weight) in enumerate((("idea", "60"), ("plan", "40"))):
        row = {"position": f"{number + 1}", "code": code, "name_en": code.title(), "name_fr": code, "weight": weight}
        for name, value in row.items():
            staff.fill(f"[name=criteria-{number}-{name}]", value)
    call.closes_at = datetime.now(UTC) + OPEN_FOR
    for name, value in split("closes_at", call.closes_at).items():
        staff.fill(f"[name={name}]", value)
    staff.click("button[name=_continue], input[name=_continue]")
    said(staff, "was added successfully")
    for name in ("Nora Lindqvist", "Tomáš Novák"):
        act(staff, "Appoint a reviewer", reviewer=name)
        said(staff, "reviewer appointed")
    act(staff, "Publish")
    said(staff, f"{NAME}: published")


def keep_open(call: Call) -> None:
    """Give applicants more time when the deadline comes too soon."""
    if call.closes_at - datetime.now(UTC) > TOO_SHORT:
        return
    staff = call.page(STAFF)
    open_programme(staff)
    call.closes_at = datetime.now(UTC) + MORE
    act(staff, "Move the deadline", reason="The machine is slow.", **split("closes_at", call.closes_at))
    said(staff, "deadline moved")


def begin(page: Any, slug: str) -> None:
    """Find the call in the list and begin an application."""
    page.goto(f"/o/{slug}/grants/")
    page.locator("tr", has_text=NAME).locator("button", has_text="Apply").click()
    page.wait_for_url("**/organisation/")
    page.click("text=Save and go on")
    page.wait_for_url("**/project/")


def describe(page: Any, title: str, hours: int) -> None:
    """Fill in the project, the work and what it takes."""
    page.fill("[name=title]", title)
    page.fill("[name=abstract]", f"{title}: trained on open data and published with its weights.")
    page.fill("[name=name_1]", "Ana Le Goff")
    page.fill("[name=email_1]", "ana@lab.example")
    page.click("text=Save and go on")
    page.wait_for_url("**/workload/")
    page.fill("[name=work_plan]", "First data, then training, then evaluation.")
    page.select_option("[name=data_class]", "open")
    page.select_option("[name=openness]", "open")
    page.fill("[name=ethics]", "No personal data.")
    page.check("[name=acknowledgement]")
    page.click("text=Save and go on")
    page.wait_for_url("**/estimate/")
    page.fill("[name=title_1]", "Training")
    page.select_option("[name=sku_code_1]", GPU)
    page.fill("[name=gpu_hours_1]", str(hours))
    page.locator("button", has_text="Save and go on").click()
    page.wait_for_url("**/documents/")


def submit(page: Any) -> None:
    """Submit from the last step."""
    page.click("[data-opens=submit]")
    page.click("dialog[open] .btn-main")
    said(page, "Submitted. It is eligible")


def apply_with_a_break(call: Call) -> None:
    """The founder saves a draft, comes back to it later, attaches a file and submits."""
    page = call.page(FOUNDER)
    keep_open(call)
    begin(page, "atelier-lumen")
    page.fill("[name=title]", "A working title")
    page.locator("button[name=stay]").click()
    said(page, "The draft is saved.")
    page.goto("/o/atelier-lumen/grants/")
    page.locator("main a", has_text="A working title").first.click()
    page.click("text=Go on with the draft")
    page.click("text=Save and go on")
    page.wait_for_url("**/project/")
    assert page.input_value("[name=title]") == "A working title"
    describe(page, BEST, 100)
    page.set_input_files("[name=file]", {"name": "virus.pdf", "mimeType": "application/pdf", "buffer": b"MZ\x90"})
    page.locator("form[enctype] button").click()
    said(page, "This is not a file that we take")
    page.set_input_files("[name=file]", {"name": "plan.pdf", "mimeType": "application/pdf", "buffer": PDF})
    page.locator("form[enctype] button").click()
    said(page, "The file is attached.")
    page.locator("main a", has_text="Go on").click()
    keep_open(call)
    submit(page)


def apply_at_once(call: Call) -> None:
    """Another team applies for as much."""
    page = call.page(RIVAL)
    keep_open(call)
    begin(page, "institut-climat")
    describe(page, OTHER, 100)
    page.locator("main a", has_text="Go on").click()
    keep_open(call)
    submit(page)


def assign(call: Call) -> None:
    """Staff read the attachment and share the reviews."""
    staff = call.page(STAFF)
    staff.goto(f"/admin/grants/application/?q={BEST.replace(' ', '+')}")
    staff.locator("#result_list tbody a[href*='/change/']").first.click()
    staff.wait_for_url("**/change/**")
    with staff.expect_download() as download:
        staff.locator("a", has_text="plan.pdf").click()
    assert Path(download.value.path()).read_bytes() == PDF
    open_programme(staff)
    act(staff, "Assign reviewers evenly", **split("due_at", datetime.now(UTC) + timedelta(days=7)))
    said(staff, "reviewers assigned")


def open_programme(staff: Any) -> None:
    """Open the call's page in the admin."""
    staff.goto(f"/admin/grants/programme/?q={CODE}")
    staff.locator("#result_list tbody a[href*='/change/']").first.click()
    staff.wait_for_url("**/change/**")


def review(call: Call, email: str, scores: dict[str, tuple[int, int]], *, first: bool) -> None:
    """A reviewer declares independence, scores without seeing anybody else's, and hands in."""
    page = call.page(email)
    for title, values in scores.items():
        page.goto("/o/aion/reviews/")
        page.locator("a.row-link", has_text=title).click()
        assert "trained on open data" not in page.inner_text("main")
        page.select_option("[name=conflict]", "none")
        page.locator("button", has_text="Declare").click()
        said(page, "trained on open data")
        assert "What the others gave" not in page.inner_text("main")
        for name, value in zip(("idea", "plan"), values, strict=True):
            page.fill(f"[name={name}]", str(value))
            page.fill(f"[name={name}_comment]", f"{value} of 5, by {email.partition('@')[0]}")
        page.locator("button", has_text="Hand in for good").click()
        said(page, "Handed in. You see now what the others gave.")
        said(page, "Nobody else has handed in yet." if first else "of 5, by nora")


def hold_the_meeting(call: Call) -> None:
    """After the deadline staff rank, one proposes in the order of rank, another approves."""
    staff, second = call.page(STAFF), call.page(SECOND_STAFF)
    open_programme(staff)
    act(staff, "Close for review", reason="The deadline has passed.")
    said(staff, "in review")
    act(staff, "Open the panel", reason="All reviews are in.")
    said(staff, "before the panel")
    ranked = staff.locator("table", has_text="Points of 10,000").locator("tr").all_inner_texts()
    assert [BEST in ranked[1], OTHER in ranked[2]] == [True, True], ranked
    act(staff, "Propose awards down to the pot", reason=WHY)
    said(staff, "proposed")
    act(staff, "Propose to refuse the rest", reason=WHY_NOT)
    said(staff, "proposed")
    for title in (BEST, OTHER):
        open_decision(staff, title)
        act(staff, "Approve")
        said(staff, "another member of staff must approve it")
        open_decision(second, title)
        act(second, "Approve")
        said(second, "approved")
    open_programme(staff)
    act(staff, "Mark as decided", reason="Both are decided.")
    said(staff, "decided")


def open_decision(page: Any, title: str) -> None:
    """Open the decision on an application in the admin."""
    page.goto(f"/admin/grants/decision/?q={title.replace(' ', '+')}")
    page.locator("#result_list tbody a[href*='/change/']").first.click()
    page.wait_for_url("**/change/**")


def hear(call: Call) -> str:
    """Winner and refused get their mails; the winner's credit lot is there. Return the award's page."""
    page = call.page(FOUNDER)
    until_it_says(page, "/mailbox/", f"{BEST} was awarded 249.00 credits by {NAME}")
    mails = page.inner_text("main")
    assert WHY in mails
    assert f"{OTHER} was not awarded by {NAME}. The panel says: {WHY_NOT}" in mails
    page.goto("/o/atelier-lumen/grants/awards/")
    page.locator("main a", has_text=BEST).first.click()
    page.wait_for_url("**/awards/awd_*/")
    award = str(page.url)
    with downloaded(page, "Letter (PDF)") as letter:
        assert letter.startswith(b"%PDF")
    page.goto("/o/atelier-lumen/credits/")
    lot = page.locator("tr", has_text=NAME).first.inner_text()
    assert "249.00" in lot, lot
    rival = call.page(RIVAL)
    rival.goto("/o/institut-climat/grants/")
    rival.locator("main a", has_text=OTHER).first.click()
    said(rival, WHY_NOT)
    return award


def spend(call: Call, award: str) -> str:
    """The winner runs a job on the award's credits and sees it drawn down. Return what is spent, as written."""
    page = call.page(FOUNDER)
    page.goto("/o/atelier-lumen/launch/")
    run_and_stop(page, gpus="32", hours="1", name="occitan-1", total="79.68")
    page.goto(award)
    spent = page.locator(".stat", has_text="Spent").locator(".stat-value").first.inner_text().split()[0]
    assert 0 < float(spent) < 79.68, page.inner_text("main")
    assert "Week of" in page.inner_text("main")
    return str(spent)


def report(call: Call, award: str, spent: str) -> None:
    """The winner hands in the report, whose figures are there already; staff accept it."""
    page, staff = call.page(FOUNDER), call.page(STAFF)
    page.goto(f"{award}report/")
    figures = page.locator(".card", has_text="Figures from the ledger").inner_text().replace("\u00a0", " ")
    assert f"{spent} cr" in figures and "249.00 cr" in figures
    page.locator("button", has_text="Hand in for good").click()
    said(page, "Write what came of the work first.")
    page.fill("[name=results]", "It speaks Occitan.")
    page.locator("button", has_text="Hand in for good").click()
    said(page, "the figures of this moment stay with it")
    staff.goto("/admin/grants/finalreport/?state__exact=submitted")
    staff.locator("#result_list tbody a[href*='/change/']").first.click()
    staff.wait_for_url("**/change/**")
    said(staff, "It speaks Occitan.")
    act(staff, "Accept", reason="Clear and complete.")
    said(staff, "accepted")


def read_as_the_funder(call: Call, spent: str) -> None:
    """The funder reads pot, ranking and awards, and takes the report home."""
    page = call.page(FUNDER)
    page.goto("/o/aion/programmes/")
    page.locator("main a", has_text=NAME).first.click()
    page.wait_for_url("**/programmes/prg_*/")
    shown = page.inner_text("main")
    assert BEST in shown and spent in shown
    with downloaded(page, "Report (CSV)") as content:
        (row,) = csv.DictReader(StringIO(content.decode("utf-8-sig")))
    assert (row["organisation"], row["title"], row["granted_eur"]) == ("Atelier Lumen", BEST, "249.000000")
    assert (row["runs"], row["report"], row["state"], row["state_aid"]) == ("1", "accepted", "closed", "no aid")
    assert float(row["spent_eur"]) == pytest.approx(float(spent), abs=0.01)
    with downloaded(page, "Report (PDF)") as content:
        assert content.startswith(b"%PDF")


def test_a_call_runs_from_its_first_draft_to_the_funders_report(call: Call) -> None:
    write_and_publish(call)
    apply_with_a_break(call)
    apply_at_once(call)
    assign(call)
    review(call, REVIEWERS[0], {BEST: (5, 4), OTHER: (3, 2)}, first=True)
    review(call, REVIEWERS[1], {BEST: (4, 4), OTHER: (4, 2)}, first=False)
    until_it_says(call.page(FOUNDER), "/o/atelier-lumen/notifications/", f"{NAME} has closed")
    hold_the_meeting(call)
    award = hear(call)
    spent = spend(call, award)
    report(call, award, spent)
    read_as_the_funder(call, spent)
