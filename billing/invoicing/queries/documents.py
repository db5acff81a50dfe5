# SPDX-License-Identifier: Apache-2.0
"""Reading documents: every read starts at ``visible_to``, and files leave only after the last check."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, Case, Exists, F, OuterRef, Q, QuerySet, Sum, When

from aion.actor import Actor
from billing.invoicing.models import Document, DocumentCheck, DocumentFile
from billing.invoicing.states import DocumentState, DocumentType, FileKind, Stage

PASSED = DocumentCheck.objects.filter(document=OuterRef("pk"), stage=Stage.FINAL, passed=True)
PASSED_OF_FILE = DocumentCheck.objects.filter(document=OuterRef("document_id"), stage=Stage.FINAL, passed=True)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is narrowed to; empty is all of it. ``q`` is part of a number or id."""

    year: int | None = None
    type: str = ""
    state: str = ""
    q: str = ""

    @property
    def narrows(self) -> bool:
        """Tell whether rows are left out."""
        return bool(self.year or self.type or self.state or self.q)


@dataclass(frozen=True, slots=True)
class Totals:
    """What issued documents add up to, credit notes taken off. Integer cents."""

    net: int
    vat: int
    gross: int


def documents(actor: Actor, wanted: Wanted = Wanted()) -> QuerySet[Document]:
    """Return the organisation's documents, the latest first; each knows whether it was ``released``."""
    rows: QuerySet[Document] = Document.objects.visible_to(actor).select_related("corrects")
    if wanted.year:
        rows = rows.filter(Q(year=wanted.year) | Q(year=None, requested_at__year=wanted.year))
    if wanted.type:
        rows = rows.filter(type=wanted.type)
    if wanted.state:
        rows = rows.filter(state=wanted.state)
    if wanted.q:
        rows = rows.filter(Q(number__icontains=wanted.q) | Q(public_id=wanted.q))
    return rows.annotate(released=Exists(PASSED)).order_by(F("issued_at").desc(nulls_first=True), "-pk")


def totals(rows: QuerySet[Document]) -> Totals:
    """Return what the issued ones among ``rows`` add up to."""
    sums = rows.filter(state=DocumentState.ISSUED).aggregate(**{name: _signed(f"{name}_cents") for name in NAMES})
    return Totals(**{name: int(sums[name] or 0) for name in NAMES})


NAMES = ("net", "vat", "gross")


def _signed(column: str) -> Any:
    return Sum(
        Case(When(type=DocumentType.CREDIT_NOTE, then=-F(column)), default=F(column), output_field=BigIntegerField())
    )


def years(actor: Actor) -> list[int]:
    """Return the years that the organisation has documents of, the latest first."""
    found = Document.objects.visible_to(actor).exclude(year=None).order_by("-year").values_list("year", flat=True)
    return list(found.distinct())


def related(document: Document) -> list[Document]:
    """Return what follows a document: credit notes, its correction, the final invoice."""
    return list(document.corrections.order_by("pk"))


def files(actor: Actor) -> QuerySet[DocumentFile]:
    """Return the forms of the organisation's documents that passed their last check."""
    rows = Document.objects.visible_to(actor).issued()
    return DocumentFile.objects.filter(document__in=rows).filter(Exists(PASSED_OF_FILE)).select_related("document")


def file_of(actor: Actor, public_id: str, kind: str) -> DocumentFile | None:
    """Return one form of a document, or None: not there, a stranger's, or not released yet."""
    return files(actor).filter(document__public_id=public_id, kind=kind).first()


def files_between(actor: Actor, start: datetime, end: datetime) -> Iterable[DocumentFile]:
    """Return page and UBL of all documents issued in [start, end), a few at a time."""
    rows = files(actor).filter(document__issued_at__gte=start, document__issued_at__lt=end)
    chosen = rows.filter(kind__in=[FileKind.FACTURX, FileKind.UBL]).order_by("document__issued_at", "document_id")
    return chosen.iterator(chunk_size=20)
