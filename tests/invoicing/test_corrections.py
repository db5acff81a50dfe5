# SPDX-License-Identifier: Apache-2.0
"""Credit notes, corrected and final invoices name what they follow, and never give back more than was taken."""

import threading
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from aion.errors import Conflict, DomainError, Rejected
from billing.errors import FourEyesNeeded
from billing.invoicing.errors import DocumentNotPossible
from billing.invoicing.models import CreditNoteRequest, Document
from billing.invoicing.services.corrections import quote_of_credit, uncredited
from billing.invoicing.services.credit_notes import approve_credit_note, reject_credit_note, request_credit_note
from billing.invoicing.states import DocumentType, Process
from billing.states import RequestState
from tests.billing.books import staff
from tests.invoicing.scenes import AT, CLERK, FRENCH, SWISS, Lenient, ask_for, issue, make_buyer
from tests.worlds import Tenant

CREDIT = DocumentType.CREDIT_NOTE


def issued(tenant: Tenant, net_cents: int = 100_000, **fields: Any) -> Document:
    return issue(ask_for(tenant.organisation, net_cents, **fields), Lenient())


@pytest.fixture
def buyer(db: None) -> Tenant:
    return make_buyer(FRENCH)


def test_credit_notes_take_what_is_left_and_not_a_cent_more(buyer: Tenant) -> None:
    original = issued(buyer)
    ask_for(buyer.organisation, 60_000, type=CREDIT, corrects=original)
    assert uncredited(original) == (40_000, 8_000)
    with pytest.raises(DocumentNotPossible) as refused:
        ask_for(buyer.organisation, 40_001, type=CREDIT, corrects=original)
    assert refused.value.details["uncredited_cents"] == 40_000
    ask_for(buyer.organisation, 40_000, type=CREDIT, corrects=original)
    assert uncredited(original) == (0, 0)


@given(parts=st.lists(st.integers(1, 5_000), min_size=1, max_size=12))
def test_credit_notes_of_all_parts_add_up_to_the_original_to_the_cent(parts: list[int]) -> None:
    original = Document(net_cents=sum(parts), vat_rate_basis_points=2000, vat_category="S", number="x")
    original.vat_cents = (original.net_cents * 2000 + 5000) // 10_000
    left = [original.net_cents, original.vat_cents]

    class Rest:
        @staticmethod
        def of(_: Document) -> tuple[int, int]:
            return left[0], left[1]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("billing.invoicing.services.corrections.uncredited", Rest.of)
        for part in parts:
            quote = quote_of_credit(original, part)
            left[0] -= quote.net_cents
            left[1] -= quote.vat_cents
            assert min(left) >= 0
    assert left == [0, 0]


def test_two_credit_notes_at_once_cannot_both_take_the_rest(committed: None) -> None:
    tenant = make_buyer(FRENCH)
    original = issued(tenant)
    barrier, answers = threading.Barrier(4), []

    def work(number: int) -> None:
        barrier.wait()
        try:
            ask_for(tenant.organisation, 60_000, type=CREDIT, corrects=original, key=f"c-{number}")
            answers.append("asked")
        except DomainError as error:
            answers.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["asked", *["document_not_possible"] * 3]
    assert uncredited(original) == (40_000, 8_000)


def test_an_invoice_that_was_replaced_or_credited_is_not_corrected_again(buyer: Tenant) -> None:
    replaced, credited = issued(buyer), issued(buyer)
    ask_for(buyer.organisation, 90_000, type=DocumentType.CORRECTED, corrects=replaced)
    ask_for(buyer.organisation, 10, type=CREDIT, corrects=credited)
    for original, kind in ((replaced, CREDIT), (replaced, DocumentType.CORRECTED), (credited, DocumentType.CORRECTED)):
        with pytest.raises(DocumentNotPossible):
            ask_for(buyer.organisation, 10, type=kind, corrects=original)


def test_only_an_issued_document_of_the_same_organisation_is_followed(buyer: Tenant) -> None:
    draft, note = ask_for(buyer.organisation), issued(buyer)
    credit = issue(ask_for(buyer.organisation, 10, type=CREDIT, corrects=note), Lenient())
    stranger = make_buyer(SWISS)
    for organisation, original in ((buyer, draft), (buyer, credit), (stranger, note)):
        with pytest.raises(DocumentNotPossible):
            ask_for(organisation.organisation, 10, type=CREDIT, corrects=original)


def test_a_final_invoice_counts_its_advance_once(buyer: Tenant) -> None:
    advance = issued(buyer, 30_000, type=DocumentType.ADVANCE)
    final = ask_for(buyer.organisation, process=Process.AFTER_ADVANCE, corrects=advance)
    assert (final.gross_cents, final.paid_cents, final.due_cents) == (120_000, 36_000, 84_000)
    with pytest.raises(DocumentNotPossible):
        ask_for(buyer.organisation, process=Process.AFTER_ADVANCE, corrects=advance)
    with pytest.raises(DocumentNotPossible):
        ask_for(buyer.organisation, process=Process.AFTER_ADVANCE, corrects=issued(buyer))


def test_staff_credit_up_to_the_limit_alone_and_above_it_with_a_second_person(buyer: Tenant) -> None:
    limit = settings.FOUR_EYES_LIMIT_MICROCREDITS // 10_000
    at_limit, above = limit * 5 // 6, limit * 5 // 6 + 1
    first, second = staff(), staff()
    small, large = issued(buyer, at_limit), issued(buyer, above)
    done = request_credit_note(actor=first, document_id=small.pk, net_cents=None, reason="outage", at=AT)
    assert (done.state, done.document.gross_cents) == (RequestState.APPROVED, small.gross_cents)
    waits = request_credit_note(actor=first, document_id=large.pk, net_cents=None, reason="outage", at=AT)
    assert (waits.state, waits.document) == (RequestState.PENDING, None)
    with pytest.raises(FourEyesNeeded):
        approve_credit_note(actor=first, public_id=waits.public_id, at=AT)
    with pytest.raises(Conflict):
        request_credit_note(actor=second, document_id=large.pk, net_cents=1, reason="again", at=AT)
    made = approve_credit_note(actor=second, public_id=waits.public_id, at=AT)
    assert (made.document.corrects_id, made.document.net_cents, made.document.reason) == (large.pk, above, "outage")


def test_a_rejected_credit_note_leaves_the_invoice_as_it_was(buyer: Tenant) -> None:
    original = issued(buyer, settings.FOUR_EYES_LIMIT_MICROCREDITS // 10_000)
    waits = request_credit_note(actor=staff(), document_id=original.pk, net_cents=None, reason="x", at=AT)
    reject_credit_note(actor=staff(), public_id=waits.public_id, reason="no", at=AT)
    assert CreditNoteRequest.objects.get().state == RequestState.REJECTED
    assert uncredited(original) == (original.net_cents, original.vat_cents)


def test_a_credit_note_needs_a_reason_and_a_person(buyer: Tenant) -> None:
    original = issued(buyer)
    with pytest.raises(Rejected):
        request_credit_note(actor=staff(), document_id=original.pk, net_cents=None, reason=" ", at=AT)
    with pytest.raises(Rejected):
        request_credit_note(actor=CLERK, document_id=original.pk, net_cents=None, reason="x", at=AT)
