# SPDX-License-Identifier: Apache-2.0
"""Issuing may end at any step: what is left is a draft, or an issued document that the next pass looks at."""

import hashlib
import threading
from datetime import date, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db import connection
from pypdf import PdfReader

from aion.audit.models import AuditEvent
from aion.events.models import Event
from billing.invoicing import tasks
from billing.invoicing.checks.client import CheckCrashed, Checker
from billing.invoicing.errors import DocumentNotPossible, DocumentRefused
from billing.invoicing.models import Dispatch, Document, DocumentCheck, DocumentFile, NumberSeries
from billing.invoicing.services import issuing
from billing.invoicing.services.vat import quote_vat
from billing.invoicing.states import DispatchState, DocumentState, DocumentType, FileKind, Process, Stage
from billing.invoicing.values import Line, References
from tests.invoicing.scenes import AT, CLERK, FRENCH, GERMAN, TOWN, Lenient, ask_for, identify, issue, make_buyer


class Killed(BaseException):
    """The process ends here: nothing catches it."""


class Away(Lenient):
    """Checks whose process is gone, from the n-th question on."""

    def __init__(self, after: int = 0) -> None:
        super().__init__()
        self.after = after

    def check(self, syntax: str, xml: bytes) -> Any:
        if self.asked >= self.after:
            raise CheckCrashed("gone")
        return super().check(syntax, xml)


def kill_at(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: Any, **__: Any) -> None:
        raise Killed(name)

    monkeypatch.setattr(issuing, name, die)


STEPS = ["number_and_keep", "take_number", "set_page", "with_xml", "emit", "recheck"]


@pytest.mark.parametrize("step", STEPS)
def test_a_process_that_is_killed_between_two_steps_leaves_no_gap_and_the_next_one_goes_on(
    committed: None, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    document = ask_for(make_buyer(FRENCH).organisation)
    with monkeypatch.context() as patched:
        kill_at(step, patched)
        with pytest.raises(Killed):
            issue(document, Lenient())
    document.refresh_from_db()
    done = step == "recheck"
    assert document.state == (DocumentState.ISSUED if done else DocumentState.DRAFT)
    assert DocumentFile.objects.count() == (3 if done else 0)
    assert Event.objects.filter(type="invoice.issued").count() == (1 if done else 0)
    assert issuing.issue_waiting(actor=CLERK, at=AT, checks=Lenient()) == (0 if done else 1)
    assert issuing.recheck_issued(at=AT, checks=Lenient()) == (1 if done else 0)
    document.refresh_from_db()
    assert document.number == "AION-2026-000001"
    assert NumberSeries.objects.get().last == 1
    assert Event.objects.filter(type="invoice.issued").count() == 1
    assert document.files.count() == 3
    assert document.checks.filter(stage=Stage.FINAL, passed=True).count() == 1


def test_two_workers_that_issue_one_draft_at_once_give_it_one_number(committed: None) -> None:
    document = ask_for(make_buyer(FRENCH).organisation)
    barrier = threading.Barrier(2)

    def work() -> None:
        barrier.wait()
        try:
            issue(Document.objects.get(pk=document.pk), Lenient())
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    document.refresh_from_db()
    assert (document.number, NumberSeries.objects.get().last) == ("AION-2026-000001", 1)
    assert document.files.count() == 3


def test_an_issued_document_is_told_audited_and_kept_in_three_forms(db: None) -> None:
    tenant = make_buyer(FRENCH)
    document = issue(ask_for(tenant.organisation), Lenient())
    event = Event.objects.get(type="invoice.issued")
    assert event.data == {
        "invoice": document.public_id, "number": "AION-2026-000001", "amount_microcredits": 1_200_000_000,
    }  # fmt: skip
    acts = AuditEvent.objects.filter(subject_id=document.public_id).order_by("pk").values_list("action", flat=True)
    assert list(acts) == ["invoice.requested", "invoice.issued"]
    for kept in document.files.all():
        assert (len(bytes(kept.content)), hashlib.sha256(bytes(kept.content)).hexdigest()) == (kept.size, kept.sha256)
    assert (document.seller["siren"], document.buyer["siren"]) == ("991888777", "732829320")
    assert [note["subject"] for note in document.notes[:3]] == ["PMT", "PMD", "AAB"]


def test_the_page_is_pdf_a_3_with_the_xml_declared_inside_it(db: None) -> None:
    document = issue(ask_for(make_buyer(FRENCH).organisation), Lenient())
    reader = PdfReader(BytesIO(bytes(document.files.get(kind=FileKind.FACTURX).content)))
    metadata = reader.trailer["/Root"]["/Metadata"].get_object().get_data().decode()
    assert "<pdfaid:part>3</pdfaid:part>" in metadata
    assert "EN 16931" in metadata
    assert reader.trailer["/Root"]["/OutputIntents"]
    assert list(reader.attachments) == ["factur-x.xml"]
    text = reader.pages[0].extract_text()
    for words in ("Facture", "AION-2026-000001", "FR59991888777", "732829320", "Pas d’escompte", "40\u00a0€", "1 / 1"):
        assert words.replace("\u00a0", " ") in text.replace("\u00a0", " "), words


def test_a_refused_draft_names_the_rules_and_gets_no_number(db: None) -> None:
    document = ask_for(make_buyer(FRENCH).organisation)
    with pytest.raises(DocumentRefused) as refused:
        issue(document, Lenient("BR-CO-15", "BR-FR-05"))
    assert refused.value.details["rules"] == ["BR-CO-15", "BR-FR-05"]
    document.refresh_from_db()
    assert (document.state, [one["rule"] for one in document.refusal]) == ("refused", ["BR-CO-15", "BR-FR-05"])
    assert not NumberSeries.objects.exists()
    assert DocumentCheck.objects.get().passed is False


def test_without_the_checking_process_a_draft_waits_longer_each_time_and_is_never_issued_unchecked(db: None) -> None:
    document = ask_for(make_buyer(FRENCH).organisation)
    assert issuing.issue_waiting(actor=CLERK, at=AT, checks=Away()) == 0
    document.refresh_from_db()
    assert (document.state, document.attempts, document.last_error) == ("draft", 1, "gone")
    assert document.next_attempt_at == AT + timedelta(minutes=2)
    late = Lenient()
    assert issuing.issue_waiting(actor=CLERK, at=AT, checks=late) == 0
    assert late.asked == 0
    assert issuing.issue_waiting(actor=CLERK, at=AT + timedelta(minutes=2), checks=late) == 1


def test_one_document_that_cannot_be_made_does_not_keep_the_others(db: None) -> None:
    broken, sound = make_buyer(FRENCH), make_buyer(GERMAN)
    first, second = ask_for(broken.organisation), ask_for(sound.organisation)
    broken.organisation.legal_identity.delete()
    assert issuing.issue_waiting(actor=CLERK, at=AT, checks=Lenient()) == 1
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, first.attempts, second.state) == ("draft", 1, "issued")


def test_what_does_not_pass_its_last_check_is_held_and_never_sent(db: None) -> None:
    document = ask_for(make_buyer(FRENCH).organisation)
    issued = issuing.number_and_keep(actor=CLERK, document_id=document.pk, at=AT)
    assert issuing.recheck(document=issued, at=AT, checks=Lenient("BR-CO-15")) is False
    assert Dispatch.objects.get().state == DispatchState.HELD
    assert document.checks.get(stage=Stage.FINAL).passed is False


def test_a_final_check_that_finds_nobody_is_made_by_the_next_pass(db: None) -> None:
    document = ask_for(make_buyer(FRENCH).organisation)
    with pytest.raises(CheckCrashed):
        issue(document, Away(after=2))
    document.refresh_from_db()
    assert document.state == DocumentState.ISSUED
    assert issuing.recheck_issued(at=AT, checks=Lenient()) == 1
    assert issuing.recheck_issued(at=AT, checks=Lenient()) == 0


def test_the_same_key_asks_once_and_another_content_under_it_is_refused(db: None) -> None:
    organisation = make_buyer(FRENCH).organisation
    first = ask_for(organisation, key="order-1")
    assert ask_for(organisation, key="order-1").pk == first.pk
    with pytest.raises(DocumentNotPossible):
        ask_for(organisation, 5, key="order-1")
    assert Document.objects.count() == 1


def test_a_quote_that_somebody_has_paid_by_stands_whatever_vies_says_later(db: None) -> None:
    tenant = make_buyer(GERMAN, confirmed=False)
    quote = quote_vat(organisation_id=tenant.organisation.pk, net_cents=100_000, at=AT)
    identify(tenant.organisation, GERMAN)
    document = ask_for(tenant.organisation, process=Process.PAID, vat=quote)
    assert (document.vat_rule, document.gross_cents, document.paid_cents) == ("eu-consumer-oss", 119_000, 119_000)
    with pytest.raises(DocumentNotPossible):
        ask_for(tenant.organisation, 5, vat=quote)


@pytest.mark.parametrize(
    "fields",
    [
        {"lines": []},
        {"lines": [Line("x", -1)]},
        {"lines": [Line("x", 1, 0)]},
        {"process": Process.PAID, "paid_cents": 1},
        {"process": Process.AFTER_ADVANCE},
        {"type": DocumentType.CREDIT_NOTE},
        {"type": DocumentType.CORRECTED},
        {"paid_cents": 999_999_999},
    ],
)
def test_a_document_that_contradicts_itself_is_not_asked_for(db: None, fields: dict[str, Any]) -> None:
    with pytest.raises(DocumentNotPossible):
        ask_for(make_buyer(FRENCH).organisation, **fields)
    assert not Document.objects.exists()


def test_only_french_businesses_get_their_documents_by_the_platform(db: None) -> None:
    for buyer, expected in ((FRENCH, 1), (GERMAN, 0), (TOWN, 0)):
        document = issue(ask_for(make_buyer(buyer).organisation), Lenient())
        assert Dispatch.objects.filter(document=document).count() == expected


def test_a_draft_that_waited_is_not_due_before_its_own_day(db: None) -> None:
    document = ask_for(make_buyer(FRENCH).organisation, due_on=date(2026, 11, 1))
    assert issue(document, Lenient()).due_on == AT.date()


def test_references_are_kept_as_they_were_given(db: None) -> None:
    document = ask_for(make_buyer(TOWN).organisation, references=References(purchase_order="EJ-1", lot="2"))
    assert (document.references["purchase_order"], document.references["lot"]) == ("EJ-1", "2")


def test_the_tasks_issue_check_and_send_with_the_real_rules(
    db: None, checker: Checker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "shared_checker", lambda: checker)
    document = ask_for(make_buyer(FRENCH).organisation, process=Process.PAID)
    done = (
        tasks.issue_documents(), tasks.recheck_documents(), tasks.send_documents(), tasks.read_statuses(),
        tasks.report_statuses(), tasks.issue_documents(), tasks.send_documents(),
    )  # fmt: skip
    assert done == (1, 0, 1, 3, 1, 0, 0)
    assert sorted(document.statuses.values_list("code", flat=True)) == ["200", "201", "202", "212"]
