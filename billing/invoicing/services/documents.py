# SPDX-License-Identifier: Apache-2.0
"""Asking for a document: a draft row in the caller's transaction; a task checks, numbers and issues it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext

from aion.actor import Actor
from aion.queue import nudge
from billing.invoicing.errors import DocumentNotPossible
from billing.invoicing.models import Document, DocumentLine
from billing.invoicing.services.vat import quote_vat
from billing.invoicing.states import DocumentType, Process
from billing.invoicing.values import Line, Period, References, VatQuote


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
) -> Document:
    """Write down that a document is to be issued and return it; the same ``key`` asks once.

    VAT is decided now and stands, or stands already: ``vat`` is what the buyer was shown and paid. Raises
    NoLegalIdentity, NoVatRule, DocumentNotPossible.
    """
    del actor
    found: Document | None = Document.objects.filter(key=key).first()
    if found is not None:
        return found
    if not lines:
        raise DocumentNotPossible(gettext("A document needs a line."))
    vat = vat or quote_vat(organisation_id=organisation_id, net_cents=sum(line.net_cents for line in lines), at=at)
    document = Document.objects.create(
        organisation_id=organisation_id,
        key=key,
        type=type,
        process=process,
        corrects=corrects,
        references=asdict(references),
        vat_category=vat.category,
        vat_rate_basis_points=vat.rate_basis_points,
        vat_rule=vat.rule,
        exemption_code=vat.exemption_code,
        mentions=list(vat.mentions),
        net_cents=vat.net_cents,
        vat_cents=vat.vat_cents,
        gross_cents=vat.gross_cents,
        paid_cents=paid_cents,
        period_first=period.first if period else None,
        period_last=period.last if period else None,
        due_on=due_on,
        requested_at=at,
    )
    DocumentLine.objects.bulk_create(
        DocumentLine(document=document, position=position, **asdict(line))
        for position, line in enumerate(lines, start=1)
    )
    nudge("invoicing.issue_documents")
    return document
