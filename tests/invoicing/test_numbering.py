# SPDX-License-Identifier: Apache-2.0
"""Numbers run 1..N without a gap and in the order of time, and what is issued stays, whoever writes."""

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from billing.invoicing.models import Document, DocumentCheck, DocumentFile, DocumentLine, NumberSeries
from billing.invoicing.services.numbering import take_number
from billing.invoicing.states import DocumentState, Stage
from tests.invoicing.scenes import AT, CLERK, FRENCH, Lenient, ask_for, issue, make_buyer

THREADS, NUMBERS = 16, 500


class Undone(Exception):
    """A transaction that ends badly."""


def number(document: Document, at: datetime) -> None:
    """Issue a document as far as the database is concerned."""
    taken = take_number(at=at)
    document.state, document.number, document.issued_at = DocumentState.ISSUED, taken.text, taken.issued_at
    document.year, document.sequence = taken.year, taken.sequence
    document.save()


def test_500_numbers_taken_by_16_threads_with_random_rollbacks_are_1_to_500_in_the_order_of_time(
    committed: None,
) -> None:
    organisation = make_buyer(FRENCH).organisation
    pattern = ask_for(organisation)
    fields = {
        f.name: getattr(pattern, f.name) for f in Document._meta.fields if f.name not in {"id", "public_id", "key"}
    }
    drafts: SimpleQueue[Document] = SimpleQueue()
    for row in Document.objects.bulk_create(Document(key=f"n-{n}", **fields) for n in range(NUMBERS)):
        drafts.put(row)
    begin, undone = threading.Barrier(THREADS), []

    def work(seed: int) -> None:
        dice = random.Random(seed)
        begin.wait()
        try:
            while not drafts.empty():
                document = drafts.get()
                while True:
                    try:
                        with transaction.atomic():
                            # The edge's clock: read before the lock is had, so that it may be earlier than the last.
                            number(document, timezone.now() - timedelta(microseconds=dice.randrange(2_000)))
                            if dice.random() < 0.3:
                                raise Undone
                        break
                    except Undone:
                        undone.append(document.pk)
                        document.refresh_from_db()
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(undone) > NUMBERS // 10
    year = datetime.now(UTC).year
    rows = list(Document.objects.issued().order_by("sequence").values_list("number", "issued_at"))
    assert [text for text, _ in rows] == [f"AION-{year}-{n:06}" for n in range(1, NUMBERS + 1)]
    times = [at for _, at in rows]
    assert times == sorted(times)
    assert NumberSeries.objects.get().last == NUMBERS


def test_each_year_begins_again_at_one(db: None) -> None:
    organisation = make_buyer(FRENCH).organisation
    days = (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    numbers = [issue(ask_for(organisation, at=AT), Lenient(), day).number for day in (*days, days[1])]
    assert numbers == ["AION-2026-000001", "AION-2027-000001", "AION-2027-000002"]


def test_who_waited_for_the_lock_is_issued_no_earlier_than_who_had_it(db: None) -> None:
    organisation = make_buyer(FRENCH).organisation
    first = issue(ask_for(organisation), Lenient(), AT)
    second = issue(ask_for(organisation), Lenient(), AT - timedelta(seconds=5))
    assert (first.issued_at, second.issued_at) == (AT, AT)


def _gap(row: Document) -> None:
    row.number, row.sequence = "AION-2026-000003", 3


def _before(row: Document) -> None:
    row.issued_at = AT - timedelta(seconds=1)


def _other_year(row: Document) -> None:
    row.year, row.sequence, row.number = 2025, 1, "AION-2025-000001"


def _other_text(row: Document) -> None:
    row.number = "AION-2026-2"


def _repeated(row: Document) -> None:
    row.number, row.sequence = "AION-2026-000001", 1


@pytest.mark.parametrize("wrong", [_gap, _before, _other_year, _other_text, _repeated])
def test_the_database_refuses_a_number_that_does_not_follow(db: None, wrong: Callable[[Document], None]) -> None:
    organisation = make_buyer(FRENCH).organisation
    issue(ask_for(organisation), Lenient(), AT)
    row = ask_for(organisation)
    row.state, row.issued_at, row.year, row.sequence, row.number = "issued", AT, 2026, 2, "AION-2026-000002"
    wrong(row)
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()
    row.refresh_from_db()
    assert row.state == DocumentState.DRAFT


def test_the_database_refuses_every_change_of_what_was_issued(db: None) -> None:
    document = issue(ask_for(make_buyer(FRENCH).organisation), Lenient())
    pk = document.pk
    acts: list[Callable[[], Any]] = [
        lambda: Document.objects.filter(pk=pk).update(net_cents=1, gross_cents=document.vat_cents + 1),
        lambda: Document.objects.filter(pk=pk).update(last_error="x"),
        lambda: Document.objects.filter(pk=pk).update(state="draft", number=None, issued_at=None),
        lambda: DocumentLine.objects.filter(document=document).update(name="x"),
        lambda: DocumentLine.objects.filter(document=document).delete(),
        lambda: DocumentLine.objects.create(
            document=document, position=9, name="x", quantity_milli=1, unit="C62", unit_price_micro=1, net_cents=0
        ),
        lambda: DocumentFile.objects.filter(document=document).update(content=b"x"),
        lambda: DocumentFile.objects.filter(document=document).delete(),
        lambda: DocumentCheck.objects.filter(document=document).update(passed=True),
        lambda: NumberSeries.objects.update(last=0),
        lambda: NumberSeries.objects.all().delete(),
    ]
    for act in acts:
        with pytest.raises(IntegrityError), transaction.atomic():
            act()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what is pending would be the reason that TRUNCATE is refused
    for table in ("document", "documentline", "documentfile"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE invoicing_{table} CASCADE")
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM invoicing_document WHERE id = %s", [pk])


def test_a_draft_is_never_deleted_either(db: None) -> None:
    document = ask_for(make_buyer(FRENCH).organisation)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM invoicing_document WHERE id = %s", [document.pk])


def test_the_last_check_of_an_issued_document_is_kept(db: None) -> None:
    document = issue(ask_for(make_buyer(FRENCH).organisation), Lenient())
    assert DocumentCheck.objects.filter(document=document, stage=Stage.FINAL, passed=True).count() == 1
    assert CLERK.label == "test"
