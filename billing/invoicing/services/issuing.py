# SPDX-License-Identifier: Apache-2.0
"""From draft to issued: checked without a number, numbered and kept in one short transaction, checked once more.

A process that dies between two steps leaves a draft, or an issued document that the next pass checks; it never leaves a
number without a document or a document without its files.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import DomainError
from aion.events.services.emission import emit
from aion.money import MICRO_PER_CENT
from aion.queue import nudge
from billing.invoicing import terms
from billing.invoicing.audit import Action
from billing.invoicing.checks.client import Report
from billing.invoicing.errors import CheckFailed, DocumentRefused
from billing.invoicing.models import Dispatch, Document, DocumentCheck, DocumentFile
from billing.invoicing.pdf.data import page_data
from billing.invoicing.pdf.paper import set_page, with_xml, xml_inside
from billing.invoicing.queries import rules
from billing.invoicing.services.contents import content_of, party_facts
from billing.invoicing.services.numbering import Number, placeholder, take_number
from billing.invoicing.states import DispatchState, DocumentState, FileKind, Stage

log = structlog.get_logger(__name__)
SYNTAXES = {FileKind.CII: "cii", FileKind.UBL: "ubl"}
BATCH = 50
MOST_MINUTES = 60


class Checks(Protocol):
    """Who looks at XML: the process of ``billing.invoicing.checks``, or a test's own."""

    def check(self, syntax: str, xml: bytes) -> Report:
        """Return what the rules say. Raises CheckFailed."""


def issue_document(*, actor: Actor, document_id: int, at: datetime, checks: Checks) -> Document:
    """Check, number, keep and check again. Raises DocumentRefused naming the rules, CheckFailed, NoLegalIdentity.

    A document that is issued already is returned as it is; one that was refused waits for ``retry_document``.
    """
    document: Document = Document.objects.select_related("corrects", "evidence").get(pk=document_id)
    if document.state != DocumentState.DRAFT:
        return document
    _check_draft(actor, document, at, checks)
    issued = number_and_keep(actor=actor, document_id=document_id, at=at)
    recheck(document=issued, at=at, checks=checks)
    return issued


def _check_draft(actor: Actor, document: Document, at: datetime, checks: Checks) -> None:
    day = at.astimezone(UTC).date()
    content = content_of(document, number=placeholder(document.pk), issued_on=day)
    try:
        rendered = terms.render(content)
    except ValueError as error:
        _refuse(actor, document, at, [{"rule": "XSD", "text": str(error)}])
    reports = [checks.check(syntax, xml) for syntax, xml in rendered.items()]
    waived = rules.waived_by(document.vat_rule, day)
    broken = {one.rule: one.text for report in reports for one in report.broken(waived)}
    DocumentCheck.objects.create(
        document=document, stage=Stage.DRAFT, passed=not broken, report=_plain(reports, waived), checked_at=at
    )
    if broken:
        _refuse(actor, document, at, [{"rule": rule, "text": text} for rule, text in sorted(broken.items())])


def _plain(reports: Iterable[Report], waived: Iterable[str]) -> list[dict[str, object]]:
    return [{**report.plain(), "waived": list(waived)} for report in reports]


def _refuse(actor: Actor, document: Document, at: datetime, broken: list[dict[str, str]]) -> None:
    """Keep which rules were broken and raise DocumentRefused."""
    names = ", ".join(one["rule"] for one in broken)
    with transaction.atomic():
        if Document.objects.filter(pk=document.pk).move(DocumentState.REFUSED, refusal=broken, last_error=names[:300]):
            audit.record(actor=actor, action=Action.DOCUMENT_REFUSED, subject=document, at=at, reason=names[:200])
    raise DocumentRefused(
        gettext("Rules are broken: %(names)s.") % {"names": names}, rules=[one["rule"] for one in broken]
    )


@transaction.atomic
def number_and_keep(*, actor: Actor, document_id: int, at: datetime) -> Document:
    """Take the number, write the files and the facts, and say so: all of it or nothing."""
    document: Document = (
        Document.objects.select_for_update(of=("self",)).select_related("corrects", "evidence").get(pk=document_id)
    )
    if document.state != DocumentState.DRAFT:
        return document
    number = take_number(at=at, series=document.series)
    content = content_of(document, number=number.text, issued_on=number.issued_at.date())
    rendered = terms.render(content)
    page = set_page(page_data(content), at=number.issued_at)
    pdf = with_xml(page, rendered["cii"], title=f"{content.seller.name} {number.text}", author=content.seller.name)
    for kind, made in ((FileKind.FACTURX, pdf), (FileKind.CII, rendered["cii"]), (FileKind.UBL, rendered["ubl"])):
        DocumentFile.objects.create(
            document=document, kind=kind, content=made, size=len(made), sha256=hashlib.sha256(made).hexdigest(),
            created_at=number.issued_at,
        )  # fmt: skip
    _write(document, number, content)
    if content.treatment == "B2B" and content.buyer.siren:
        Dispatch.objects.create(
            organisation_id=document.organisation_id, document=document, key=document.public_id, created_at=at,
            next_attempt_at=at,
        )  # fmt: skip
    audit.record(actor=actor, action=Action.DOCUMENT_ISSUED, subject=document, at=number.issued_at)
    emit(
        organisation_id=document.organisation_id,
        type="invoice.issued",
        data={
            "invoice": document.public_id,
            "number": number.text,
            "amount_microcredits": document.gross_cents * MICRO_PER_CENT,
        },
        key=f"invoice.issued:{document.public_id}",
        at=number.issued_at,
    )
    nudge("invoicing.recheck_documents")
    return document


def _write(document: Document, number: Number, content: terms.Content) -> None:
    document.state, document.number, document.issued_at = DocumentState.ISSUED, number.text, number.issued_at
    document.year, document.sequence = number.year, number.sequence
    document.seller, document.buyer = party_facts(content.seller), party_facts(content.buyer)
    document.notes = [{"subject": subject, "fr": fr, "en": en} for subject, fr, en in content.notes]
    document.due_on, document.refusal, document.last_error = content.due_on, [], ""
    document.save()


def recheck(*, document: Document, at: datetime, checks: Checks) -> bool:
    """Check what was written, byte for byte, before it leaves the house; return whether it may. Raises CheckFailed.

    The page must carry the very CII that was checked. A document that does not pass is held and staff see why.
    """
    kept = {one.kind: bytes(one.content) for one in document.files.all()}
    reports = [checks.check(syntax, kept[kind]) for kind, syntax in SYNTAXES.items()]
    day = document.issued_at.date() if document.issued_at else at.date()
    waived = rules.waived_by(document.vat_rule, day)
    passed = not any(report.broken(waived) for report in reports)
    passed = passed and xml_inside(kept[FileKind.FACTURX]) == kept[FileKind.CII]
    with transaction.atomic():
        DocumentCheck.objects.create(
            document=document, stage=Stage.FINAL, passed=passed, report=_plain(reports, waived), checked_at=at
        )
        if not passed:
            Dispatch.objects.filter(document=document).move(DispatchState.HELD, last_error="final check")
            log.error("issued document does not pass its last check", document=document.number)
        else:
            nudge("invoicing.send_documents")
    return passed


def issue_waiting(*, actor: Actor, at: datetime, checks: Checks, limit: int = BATCH) -> int:
    """Issue the drafts that wait, the oldest first; return how many were. One that cannot be waits longer each time."""
    due = Document.objects.waiting().filter(Q(next_attempt_at=None) | Q(next_attempt_at__lte=at))
    issued = 0
    for pk in list(due.values_list("pk", flat=True)[:limit]):
        try:
            issued += issue_document(actor=actor, document_id=pk, at=at, checks=checks).state == DocumentState.ISSUED
        except DocumentRefused as error:
            log.warning("document refused", document=pk, rules=error.detail)
        except Exception as error:  # noqa: BLE001 - one document must not keep the others from being issued
            _later(pk, at, error)
            if isinstance(error, CheckFailed):
                break  # the next one would wait for the same process
    return issued


def _later(pk: int, at: datetime, error: Exception) -> None:
    """Try again later, twice as late each time, an hour at the most."""
    detail = error.detail if isinstance(error, DomainError) else type(error).__name__
    log.warning("document waits", document=pk, error=detail)
    row = Document.objects.filter(pk=pk, state=DocumentState.DRAFT).first()
    if row is not None:
        row.attempts = min(row.attempts + 1, 1000)
        row.next_attempt_at = at + timedelta(minutes=min(MOST_MINUTES, 2 ** min(row.attempts, 6)))
        row.last_error = detail[:300]
        row.save(update_fields=["attempts", "next_attempt_at", "last_error"])


def recheck_issued(*, at: datetime, checks: Checks, limit: int = BATCH) -> int:
    """Check again what was issued by a process that died before its last check; return how many were."""
    left = Document.objects.issued().exclude(checks__stage=Stage.FINAL).order_by("pk")[:limit]
    for document in left:
        recheck(document=document, at=at, checks=checks)
    return len(left)
