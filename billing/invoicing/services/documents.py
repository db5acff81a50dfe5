# SPDX-License-Identifier: Apache-2.0
"""Asking for a document: a draft row in the caller's transaction; a task checks, numbers and issues it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from aion.queue import nudge
from billing.invoicing.audit import Action
from billing.invoicing.errors import DocumentNotPossible
from billing.invoicing.models import Document, DocumentLine
from billing.invoicing.queries import rules
from billing.invoicing.services import corrections
from billing.invoicing.services.vat import decide_vat, facts_of, keep_evidence
from billing.invoicing.states import DocumentType, Process
from billing.invoicing.values import Line, Period, References, VatQuote

PAYMENT_DAYS = 30


@transaction.atomic
def request_document(
    *,
    actor: Actor,
    organisation_id: int,
    type: DocumentType,
    process: Process,
    lines: Sequence[Line],
    key: str,
    at: datetime,
    references: References = References(),  # noqa: B008 - frozen
    paid_cents: int = 0,
    corrects: Document | None = None,
    period: Period | None = None,
    due_on: date | None = None,
    vat: VatQuote | None = None,
    reason: str = "",
) -> Document:
    """Write down that a document is to be issued and return it; the same ``key`` asks once.

    VAT is decided now and stands; ``vat`` is a quote that somebody has paid by already. A credit note is taxed as the
    document that it ``corrects``, a final invoice after an advance names that advance. ``paid_cents`` of 0 is all of it
    for process PAID, and the advance for AFTER_ADVANCE. Raises NoLegalIdentity, NoVatRule, DocumentNotPossible.
    """
    net_cents = _net_of(lines)
    found = Document.objects.filter(key=key).first()
    if found is not None:
        return _same(found, organisation_id, type, net_cents)
    original = corrections.locked(corrects, organisation_id=organisation_id, type=type, process=process)
    facts = facts_of(organisation_id=organisation_id, at=at)
    if vat is not None and vat.net_cents != net_cents:
        raise DocumentNotPossible(gettext("The lines do not add up to the amount that VAT was quoted for."))
    quote = vat or decide_vat(facts=facts, net_cents=net_cents, at=at)
    if original is not None and type == DocumentType.CREDIT_NOTE:
        quote = corrections.quote_of_credit(original, net_cents)
    paid = _paid(process, quote.gross_cents, paid_cents, original)
    try:
        with transaction.atomic():
            document = Document.objects.create(
                organisation_id=organisation_id,
                key=key,
                type=type,
                process=process,
                corrects=original,
                references=asdict(references),
                vat_category=quote.category,
                vat_rate_basis_points=quote.rate_basis_points,
                vat_rule=quote.rule,
                exemption_code=quote.exemption_code,
                mentions=list(quote.mentions),
                reason=reason[:200],
                net_cents=quote.net_cents,
                vat_cents=quote.vat_cents,
                gross_cents=quote.gross_cents,
                paid_cents=paid,
                period_first=period.first if period else None,
                period_last=period.last if period else None,
                due_on=due_on or _due(process, at),
                requested_at=at,
            )
    except IntegrityError:
        # Somebody asked under this key a moment ago; any other contradiction is raised again by the look-up.
        return _same(Document.objects.get(key=key), organisation_id, type, net_cents)
    DocumentLine.objects.bulk_create(
        DocumentLine(document=document, position=position, **asdict(line))
        for position, line in enumerate(lines, start=1)
    )
    keep_evidence(document=document, facts=facts, quote=quote, at=at)
    audit.record(actor=actor, action=Action.DOCUMENT_REQUESTED, subject=document, at=at, reason=reason)
    nudge("invoicing.issue_documents")
    return document


def _net_of(lines: Sequence[Line]) -> int:
    if not lines:
        raise DocumentNotPossible(gettext("A document needs a line."))
    for line in lines:
        if line.net_cents < 0 or line.quantity_milli <= 0 or line.unit_price_micro < 0:
            raise DocumentNotPossible(
                gettext("A line has a quantity above zero and no negative amount: use a credit note."), field="lines"
            )
    return sum(line.net_cents for line in lines)


def _same(found: Document, organisation_id: int, type: DocumentType, net_cents: int) -> Document:
    """Return what was asked for under this key. Raises DocumentNotPossible where it was something else."""
    if (found.organisation_id, found.type, found.net_cents) != (organisation_id, type, net_cents):
        raise DocumentNotPossible(gettext("Another document was asked for under this key."), field="key")
    return found


def _paid(process: Process, gross_cents: int, paid_cents: int, original: Document | None) -> int:
    """Return what was paid before. Raises DocumentNotPossible where that contradicts the process."""
    expected = paid_cents
    if process == Process.PAID:
        expected = gross_cents
    elif process == Process.AFTER_ADVANCE and original is not None:
        expected = original.gross_cents
    if paid_cents not in {0, expected} or expected > gross_cents:
        raise DocumentNotPossible(
            gettext("What was paid contradicts the process, or is more than the total."), field="paid_cents"
        )
    return expected


def _due(process: Process, at: datetime) -> date:
    if process == Process.PAID:
        return at.date()
    seller = rules.seller_on(at.date())
    return at.date() + timedelta(days=seller.payment_days if seller else PAYMENT_DAYS)
