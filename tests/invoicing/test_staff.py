# SPDX-License-Identifier: Apache-2.0
"""Staff see what waits and why, put it right, credit with four eyes, and add law without rewriting it."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.test import Client
from django.urls import reverse

from aion import clock
from billing.invoicing.errors import DocumentRefused
from billing.invoicing.models import CreditNoteRequest, Dispatch, Document, Mention, VatRate
from billing.invoicing.states import DispatchState, DocumentState
from tests.billing import staffing
from tests.billing.staffing import make_staff
from tests.invoicing.scenes import FRENCH, Lenient, ask_for, issue, make_buyer

PAGES = ("document", "creditnoterequest", "dispatch", "vatrate", "vatrule", "mention", "seller", "vatevidence",
         "viesanswer")  # fmt: skip


def address(model: str, page: str = "changelist", *arguments: Any) -> str:
    return reverse(f"admin:invoicing_{model}_{page}", args=arguments)


press = partial(staffing.press, of="invoicing")


@pytest.fixture
def issued(db: None) -> Document:
    return issue(ask_for(make_buyer(FRENCH).organisation), Lenient())


@pytest.mark.parametrize("model", PAGES)
def test_every_list_and_page_opens(issued: Document, staff_browser: Client, model: str) -> None:
    assert staff_browser.get(address(model), {"q": "AION"}).status_code == 200
    row = apps.get_model("invoicing", model).objects.first()
    if row is not None:
        assert staff_browser.get(address(model, "change", row.pk)).status_code == 200


def test_the_queue_names_the_rules_and_a_retry_puts_a_refused_invoice_back(db: None, staff_browser: Client) -> None:
    document = ask_for(make_buyer(FRENCH).organisation)
    with pytest.raises(DocumentRefused):
        issue(document, Lenient("BR-FR-05"))
    assert "BR-FR-05" in staff_browser.get(address("document"), {"state__exact": "refused"}).content.decode()
    assert press(staff_browser, "document", "retry", document.pk, reason="mended")
    document.refresh_from_db()
    assert document.state == DocumentState.DRAFT


def test_a_credit_note_above_the_limit_is_approved_by_another_member_of_staff(db: None) -> None:
    original = issue(
        ask_for(make_buyer(FRENCH).organisation, settings.FOUR_EYES_LIMIT_MICROCREDITS // 10_000), Lenient()
    )
    (first, _), (second, _) = make_staff("one"), make_staff("two")
    press(first, "document", "credit", original.pk, reason="outage", net="")
    request = CreditNoteRequest.objects.get()
    said = press(first, "creditnoterequest", "approve", request.pk)
    assert "another member of staff" in said[0]
    press(second, "creditnoterequest", "approve", request.pk)
    request.refresh_from_db()
    assert (request.state, request.document.net_cents) == ("approved", original.net_cents)


def test_an_amount_in_euros_is_credited_to_the_cent(issued: Document, staff_browser: Client) -> None:
    press(staff_browser, "document", "credit", issued.pk, reason="outage", net="12.34")
    assert CreditNoteRequest.objects.get().document.net_cents == 1234
    said = press(staff_browser, "document", "credit", issued.pk, reason="too much", net="5000")
    assert "At most" in said[0]


def test_what_was_given_up_is_sent_again_from_its_own_page(issued: Document, staff_browser: Client) -> None:
    Dispatch.objects.update(state=DispatchState.FAILED)
    press(staff_browser, "document", "resend", issued.pk, reason="the platform is back")
    assert Dispatch.objects.get().state == DispatchState.PENDING


def test_a_new_version_of_a_rate_is_added_and_the_old_one_is_not_touched(db: None, staff_browser: Client) -> None:
    begins = clock.now().date() + timedelta(days=40)
    data = {
        "territory": "LU", "place": "eu", "rate_basis_points": "1800", "source": "Loi TVA", "note": "",
        "begins_on": f"{begins:%Y-%m-%d}", "change_reason": "announced",
    }  # fmt: skip
    assert staff_browser.post(address("vatrate", "add"), data).status_code == 302
    rows = VatRate.objects.filter(territory="LU").order_by("valid")
    assert [(row.rate_basis_points, row.valid.upper) for row in rows] == [(1700, begins), (1800, None)]
    again = staff_browser.post(address("vatrate", "add"), {**data, "begins_on": "2026-01-01"})
    assert (again.status_code, VatRate.objects.filter(territory="LU").count()) == (200, 2)


def test_a_row_of_law_cannot_be_edited_or_deleted_here(db: None, staff_browser: Client) -> None:
    row = Mention.objects.get(code="no-discount")
    staff_browser.post(address("mention", "change", row.pk), {"text_fr": "x"})
    staff_browser.post(address("mention", "delete", row.pk), {"post": "yes"})
    row.refresh_from_db()
    assert row.text_fr == "Pas d’escompte pour paiement anticipé."


def test_the_first_page_counts_what_waits(db: None, staff_browser: Client) -> None:
    ask_for(make_buyer(FRENCH).organisation)
    assert "Invoices that wait" in staff_browser.get(reverse("admin:index")).content.decode()
