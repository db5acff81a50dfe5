# SPDX-License-Identifier: Apache-2.0
"""The pages that payers see, as a browser without script sends and shows them, and once in a real one."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from billing.sandbox.texts import EN, FR, language, money
from tests.chromium import find
from tests.sandbox.scenes import BAD_IBAN, GOOD_IBAN, saved_method, session_params
from tests.sandbox.server import RunningSandbox, exchange, post_form


def get(sandbox: RunningSandbox, address: str, accepted: str = "en") -> tuple[int, str]:
    path = address.removeprefix(sandbox.base_url)
    status, _, body = exchange(sandbox.base_url, "GET", path, headers={"Accept-Language": accepted})
    return status, body.decode()


def open_session(sandbox: RunningSandbox, **more: Any) -> tuple[Any, str]:
    session = sandbox.v1.checkout.sessions.create(session_params(**more))
    return session, session.url.removeprefix(sandbox.base_url)


def test_a_payer_pays_and_goes_to_the_sellers_page(sandbox: RunningSandbox) -> None:
    session, path = open_session(sandbox)
    assert post_form(sandbox.base_url, path, method="visa", name="Ada", email="ada@example.org") == (
        303, f"http://127.0.0.1:9/paid?session={session.id}",
    )  # fmt: skip
    session = sandbox.v1.checkout.sessions.retrieve(session.id)
    assert (session.status, session.url, session.customer_details.email) == ("complete", None, "ada@example.org")
    assert post_form(sandbox.base_url, path, method="visa")[0] == 303
    assert len(sandbox.v1.charges.list().data) == 1


def test_nothing_of_the_intent_exists_before_the_payer_acts(sandbox: RunningSandbox) -> None:
    session, path = open_session(sandbox)
    get(sandbox, path)
    assert (session.payment_intent, sandbox.v1.payment_intents.list().data) == (None, [])


@pytest.mark.parametrize(
    ("method", "sentence"),
    [("visa_chargeDeclined", EN["declined"]), ("visa_chargeDeclinedInsufficientFunds", EN["insufficient"])],
)
def test_a_declined_payer_reads_why_and_pays_with_another_card(
    sandbox: RunningSandbox, method: str, sentence: str
) -> None:
    session, path = open_session(sandbox)
    assert post_form(sandbox.base_url, path, method=method) == (303, path)
    assert sentence in get(sandbox, path)[1]
    assert post_form(sandbox.base_url, path, method="visa")[0] == 303
    session = sandbox.v1.checkout.sessions.retrieve(session.id)
    (found,) = sandbox.v1.checkout.sessions.list({"payment_intent": session.payment_intent}).data
    assert (found.id, found.payment_status, len(sandbox.v1.payment_intents.list().data)) == (session.id, "paid", 1)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [({}, EN["choose"]), ({"method": "sepa", "iban": "DE00370400440532013000"}, EN["bad_iban"])],
)
def test_a_wrong_form_comes_back_with_a_sentence(sandbox: RunningSandbox, given: dict[str, str], sentence: str) -> None:
    _, path = open_session(sandbox)
    body = "&".join(f"{name}={value}" for name, value in given.items()).encode()
    status, _, page = exchange(sandbox.base_url, "POST", path, body or b"x=1")
    assert (status, sentence in page.decode()) == (422, True)


def test_a_card_that_is_not_allowed_is_not_offered_and_not_taken(sandbox: RunningSandbox) -> None:
    session, path = open_session(sandbox, allowed_payment_method_types=["sepa_debit"])
    page = get(sandbox, path)[1]
    assert (EN["sepa"] in page, EN["visa"] in page) == (True, False)
    assert post_form(sandbox.base_url, path, method="visa")[0] == 422
    assert post_form(sandbox.base_url, path, method="sepa", iban=GOOD_IBAN)[0] == 303
    assert sandbox.v1.checkout.sessions.retrieve(session.id).status == "complete"


def test_an_expired_session_takes_no_money(sandbox: RunningSandbox) -> None:
    by_hand, path = open_session(sandbox)
    by_time, other = open_session(sandbox)
    assert sandbox.v1.checkout.sessions.expire(by_hand.id).status == "expired"
    sandbox.control("clock", advance=86_400)
    assert sandbox.v1.checkout.sessions.retrieve(by_time.id).status == "expired"
    for address in (path, other):
        status, page = get(sandbox, address)
        assert (status, EN["closed_title"] in page, "http://127.0.0.1:9/cancelled" in page) == (410, True, True)
        assert post_form(sandbox.base_url, address, method="visa")[0] == 410
    assert sandbox.v1.charges.list().data == []
    assert sandbox.delivered() == ["checkout.session.expired"] * 2


def test_a_session_of_a_setup_saves_a_method_and_takes_no_money(sandbox: RunningSandbox) -> None:
    customer = sandbox.v1.customers.create({"email": "ada@example.org"})
    session = sandbox.v1.checkout.sessions.create(
        {"mode": "setup", "currency": "eur", "customer": customer.id, "success_url": "http://127.0.0.1:9/saved"}
    )
    path = session.url.removeprefix(sandbox.base_url)
    assert "ada@example.org" in get(sandbox, path)[1]
    assert post_form(sandbox.base_url, path, method="authenticationRequiredOnSetup")[1].endswith(session.setup_intent)
    assert post_form(sandbox.base_url, f"/authenticate/{session.setup_intent}", act="fail") == (303, path)
    assert EN["unauthenticated"] in get(sandbox, path)[1]
    post_form(sandbox.base_url, path, method="authenticationRequiredOnSetup")
    post_form(sandbox.base_url, f"/authenticate/{session.setup_intent}", act="pass")
    session = sandbox.v1.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent"]})
    (method,) = sandbox.v1.payment_methods.list({"customer": customer.id}).data
    assert (session.status, session.payment_status, session.setup_intent.payment_method) == (
        "complete", "no_payment_required", method.id,
    )  # fmt: skip
    assert sandbox.v1.charges.list().data == []


def test_a_customer_removes_a_saved_method_and_nobody_elses(sandbox: RunningSandbox) -> None:
    customer, method = saved_method(sandbox)
    _, other = saved_method(sandbox)
    params = {"customer": customer.id, "return_url": "http://127.0.0.1:9/credits"}
    address = sandbox.v1.billing_portal.sessions.create(params).url
    path = address.removeprefix(sandbox.base_url)
    page = get(sandbox, path)[1]
    assert (method.id in page, other.id in page, "http://127.0.0.1:9/credits" in page) == (True, False, True)
    for identity in (method.id, other.id):
        assert post_form(sandbox.base_url, path, remove=identity) == (303, path)
    assert sandbox.v1.payment_methods.list({"customer": customer.id}).data == []
    assert sandbox.v1.payment_methods.retrieve(other.id).customer is not None
    assert EN["portal_empty"] in get(sandbox, path)[1]


def test_what_a_stranger_writes_is_shown_and_never_run(sandbox: RunningSandbox) -> None:
    price = {"currency": "eur", "unit_amount": 900, "product_data": {"name": "<script>alert(1)</script>"}}
    items = [{"price_data": price, "quantity": 1}]
    _, path = open_session(sandbox, line_items=items, cancel_url="javascript:alert(1)", customer_email='"><b>@x.org')
    status, headers, body = exchange(sandbox.base_url, "GET", path)
    page = body.decode()
    assert (status, "<script" in page, "javascript:" in page, "<b>" in page) == (200, False, False, False)
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert re.findall(r'(?:src|href)="(?!/style\.css|data:,)[^"]*"', page) == []


def test_a_page_speaks_the_readers_language(sandbox: RunningSandbox) -> None:
    _, path = open_session(sandbox, line_items=session_params(123_456)["line_items"])
    french = get(sandbox, path, "de;q=0.9, fr-FR;q=0.8, en;q=0.1")[1]
    assert ('<html lang="fr">' in french, "Payer 1\u202f234,56\u00a0€" in french) == (True, True)
    assert ('<html lang="en">' in get(sandbox, path, "de")[1], EN["test"] in get(sandbox, path, "")[1]) == (True, True)
    _, fixed = open_session(sandbox, locale="fr")
    assert FR["test"] in get(sandbox, fixed, "en")[1]
    assert get(sandbox, "/c/pay/cs_test_nobody", "fr") == (404, get(sandbox, "/nothing", "fr")[1])


def test_both_languages_say_the_same_with_their_own_spaces() -> None:
    assert set(EN) == set(FR)
    fields = {key: (re.findall(r"{\w+", EN[key]), re.findall(r"{\w+", FR[key])) for key in EN}
    assert {key: pair for key, pair in fields.items() if pair[0] != pair[1]} == {}
    assert [text for text in FR.values() if re.search(r"[^\u00a0][:;?!€]", re.sub(r"{[^}]*}", "", text))] == []
    assert (money(123_456_789, "en"), money(5, "fr")) == ("€1,234,567.89", "0,05\u00a0€")
    assert [language(accepted) for accepted in ("fr", "fr;q=0, en", "x", "en, fr", "fr;q=x")] == [
        "fr", "en", "en", "en", "en",
    ]  # fmt: skip


@pytest.fixture
def browser_page() -> Iterator[Page]:
    """Return a page of a real browser, as wide as a phone."""
    binary = find()
    if binary is None:
        pytest.skip("there is no Chromium: python -m tests.chromium installs one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        try:
            yield browser.new_page(viewport={"width": 360, "height": 740}, locale="en-GB")
        finally:
            browser.close()


@pytest.mark.browser
def test_a_person_pays_with_3d_secure_on_a_phone(sandbox: RunningSandbox, browser_page: Page) -> None:
    address = f"{sandbox.base_url}/mandate?session={{CHECKOUT_SESSION_ID}}"  # a page that is sure to answer
    session, _ = open_session(sandbox, success_url=address, cancel_url=f"{sandbox.base_url}/mandate?cancelled")
    browser_page.goto(session.url)
    assert browser_page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert browser_page.get_by_label("IBAN").is_visible() is False
    browser_page.get_by_label(EN["sepa"]).check()
    assert browser_page.get_by_label("IBAN").is_visible() is True
    browser_page.get_by_label(EN["authenticationRequired"]).check()
    browser_page.get_by_role("button", name="Pay €25.00").click()
    browser_page.get_by_role("button", name=EN["3ds_fail"]).click()
    assert browser_page.get_by_role("alert").inner_text() == EN["unauthenticated"]
    browser_page.get_by_label(EN["authenticationRequired"]).check()
    browser_page.get_by_role("button", name="Pay €25.00").click()
    browser_page.get_by_role("button", name=EN["3ds_pass"]).click()
    browser_page.wait_for_url(f"**/mandate?session={session.id}")
    assert sandbox.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_a_returned_debit_is_known_by_its_iban(sandbox: RunningSandbox) -> None:
    session, path = open_session(sandbox)
    assert post_form(sandbox.base_url, path, method="sepa", iban=BAD_IBAN[:4] + " " + BAD_IBAN[4:])[0] == 303
    sandbox.control("clock", advance=5 * 86_400)
    assert sandbox.v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"
