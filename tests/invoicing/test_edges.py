# SPDX-License-Identifier: Apache-2.0
"""Invoices in the portal and over the API: what is listed, what it adds up to, and the very files that were kept."""

import io
import re
import zipfile
from typing import Any

import pytest
from django.urls import reverse

from billing.invoicing.models import Document
from billing.invoicing.platform.loopback import LoopbackPlatform
from billing.invoicing.portal.invoices import FILES
from billing.invoicing.services import issuing, platform
from billing.invoicing.states import DocumentType, FileKind, Process
from tests.invoicing.scenes import AT, CLERK, FRENCH, GERMAN, SWISS, Lenient, ask_for, issue, make_buyer
from tests.worlds import Tenant, browser, count


@pytest.fixture
def buyer(db: None) -> Tenant:
    return make_buyer(FRENCH)


def page(tenant: Tenant, name: str = "invoices", *arguments: Any, **query: Any) -> str:
    answer = browser(tenant).get(reverse(f"portal:{name}", args=[tenant.organisation.slug, *arguments]), query)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().replace("\u00a0", " ").split())


def test_the_list_adds_up_what_was_issued_less_credit_notes_and_filters(buyer: Tenant) -> None:
    first = issue(ask_for(buyer.organisation), Lenient())
    issue(ask_for(buyer.organisation, 40_000, type=DocumentType.CREDIT_NOTE, corrects=first), Lenient())
    ask_for(buyer.organisation, 999_900)
    shown = page(buyer)
    assert shown.count('class="row-link"') == 3
    foot = re.search(r"<tfoot>.*?</tfoot>", shown)
    assert foot is not None
    assert re.findall(r">([^<>]* €)<", foot.group()) == ["600.00 €", "120.00 €", "720.00 €"]
    assert "−480.00 €" in shown
    assert page(buyer, type="381").count('class="row-link"') == 1
    assert page(buyer, state="draft").count('class="row-link"') == 1
    assert page(buyer, year="2026").count('class="row-link"') == 3
    assert "No invoice matches" in page(buyer, year="2019")
    assert page(buyer, q="000002").count('class="row-link"') == 1
    assert page(buyer, year="x", type="y", state="z").count('class="row-link"') == 3


def test_who_has_no_invoices_is_told_what_will_be_here(buyer: Tenant) -> None:
    assert "No invoices yet" in page(buyer)


def test_the_list_takes_the_same_number_of_queries_however_long_it_is(buyer: Tenant) -> None:
    client, address = browser(buyer), reverse("portal:invoices", args=[buyer.organisation.slug])
    issue(ask_for(buyer.organisation), Lenient())
    few = count(lambda: client.get(address))
    for _ in range(6):
        ask_for(buyer.organisation)
    assert count(lambda: client.get(address)) == few


def test_the_page_says_why_this_vat_and_names_what_follows(db: None) -> None:
    tenant = make_buyer(GERMAN)
    original = issue(ask_for(tenant.organisation), Lenient())
    credit = issue(ask_for(tenant.organisation, 5, type=DocumentType.CREDIT_NOTE, corrects=original, reason="late"),
                   Lenient())  # fmt: skip
    shown = page(tenant, "invoice", original.public_id)
    for words in ("reverse charge", "VATEX-EU-AE", "confirmed by VIES", "OFFLINE-", credit.number, "1,000.00 €"):
        assert words in shown, words
    assert original.number in page(tenant, "invoice", credit.public_id)
    assert "late" in page(tenant, "invoice", credit.public_id)


def test_the_page_shows_the_life_on_the_platform_with_what_was_collected(buyer: Tenant) -> None:
    document = issue(ask_for(buyer.organisation, process=Process.PAID), Lenient())
    platform.send_due(at=AT, platform=LoopbackPlatform())
    platform.read_statuses(at=AT, platform=LoopbackPlatform())
    shown = page(buyer, "invoice", document.public_id)
    for words in ("Deposited with the platform", "212", "Payment collected · 1,200.00 € (20 %)"):
        assert words in shown, words


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_download_is_the_very_file_that_was_kept(buyer: Tenant, api: Any, name: str) -> None:
    document = issue(ask_for(buyer.organisation), Lenient())
    kept = bytes(document.files.get(kind=FILES[name]).content)
    address = reverse(f"portal:invoice_{name}", args=[buyer.organisation.slug, document.public_id])
    answers = [
        browser(buyer).get(address),
        api(buyer.key()).get(f"/api/v1/invoices/{document.public_id}/{name}", HTTP_ACCEPT="*/*"),
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert b"".join(answer.streaming_content) == kept
        assert f'filename="{document.number}.' in answer["Content-Disposition"]


def test_nothing_leaves_before_its_last_check_and_nothing_of_a_strangers(buyer: Tenant, api: Any) -> None:
    draft = ask_for(buyer.organisation)
    issued = issuing.number_and_keep(actor=CLERK, document_id=draft.pk, at=AT)
    stranger = make_buyer(SWISS)
    address = reverse("portal:invoice_pdf", args=[buyer.organisation.slug, issued.public_id])
    assert browser(buyer).get(address).status_code == 404
    assert "It is being checked" in page(buyer, "invoice", issued.public_id)
    issuing.recheck(document=issued, at=AT, checks=Lenient())
    assert browser(buyer).get(address).status_code == 200
    own = reverse("portal:invoice_pdf", args=[stranger.organisation.slug, issued.public_id])
    assert browser(stranger).get(own).status_code == 404
    assert api(stranger.key()).get(f"/api/v1/invoices/{issued.public_id}/pdf").status_code == 404


def test_the_zip_of_a_period_has_the_page_and_the_ubl_of_each_invoice_in_it(buyer: Tenant, api: Any) -> None:
    documents = [issue(ask_for(buyer.organisation), Lenient()) for _ in range(2)]
    issue(ask_for(make_buyer(SWISS).organisation), Lenient())
    query = {"from": "2026-11-28", "to": "2026-11-29"}
    address = reverse("portal:invoices_zip", args=[buyer.organisation.slug])
    for answer in (browser(buyer).get(address, query), api(buyer.key()).get("/api/v1/invoices/archive", query)):
        with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as found:
            assert sorted(found.namelist()) == sorted(
                f"{d.number}.{end}" for d in documents for end in ("pdf", "ubl.xml")
            )
            kept = bytes(documents[0].files.get(kind=FileKind.UBL).content)
            assert found.read(f"{documents[0].number}.ubl.xml") == kept
            assert found.testzip() is None
    empty = browser(buyer).get(address, {"from": "2026-01-01", "to": "2026-01-02"})
    assert zipfile.ZipFile(io.BytesIO(b"".join(empty.streaming_content))).namelist() == []


def test_a_period_that_is_none_goes_back_with_a_sentence(buyer: Tenant, api: Any) -> None:
    address = reverse("portal:invoices_zip", args=[buyer.organisation.slug])
    assert browser(buyer).get(address, {"from": "2026-02-01", "to": "2026-01-01"}).status_code == 302
    assert api(buyer.key()).get("/api/v1/invoices/archive", {"from": "x"}).status_code == 422
    assert api(buyer.key()).get("/api/v1/invoices/archive", {"form": "x"}).status_code == 422


def test_the_api_lists_filters_and_shows_lines(buyer: Tenant, api: Any) -> None:
    document = issue(ask_for(buyer.organisation), Lenient())
    ask_for(buyer.organisation, 5)
    client = api(buyer.key())
    listed = client.get("/api/v1/invoices", {"state": "issued"}).json()
    assert [one["id"] for one in listed["items"]] == [document.public_id]
    assert client.get("/api/v1/invoices", {"year": "2026"}).json()["items"][0]["number"] == document.number
    one = client.get(f"/api/v1/invoices/{document.public_id}").json()
    assert {key: one[key] for key in ("net_cents", "vat_cents", "gross_cents", "due_cents", "released")} == {
        "net_cents": 100_000, "vat_cents": 20_000, "gross_cents": 120_000, "due_cents": 120_000, "released": True,
    }  # fmt: skip
    assert ([line["net_cents"] for line in one["lines"]], one["corrects"]) == ([100_000], None)
    credit = issue(ask_for(buyer.organisation, 5, type=DocumentType.CREDIT_NOTE, corrects=document), Lenient())
    assert client.get(f"/api/v1/invoices/{credit.public_id}").json()["corrects"] == document.public_id
    assert client.get("/api/v1/invoices", {"kind": "x"}).status_code == 422


def test_a_developer_sees_no_invoices(buyer: Tenant, api: Any) -> None:
    address = reverse("portal:invoices", args=[buyer.organisation.slug])
    assert browser(buyer, "developer").get(address).status_code == 403
    assert api(buyer.key("developer")).get("/api/v1/invoices").status_code == 403
    assert Document.objects.count() == 0
