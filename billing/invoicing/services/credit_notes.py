# SPDX-License-Identifier: Apache-2.0
"""Credit notes that staff ask for: with a reason, and above the four-eyes limit with a second person."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import Conflict, NotFound, Rejected
from aion.money import MICRO_PER_CENT
from billing.invoicing.audit import Action
from billing.invoicing.errors import DocumentNotPossible
from billing.invoicing.models import CreditNoteRequest, Document
from billing.invoicing.services.corrections import quote_of_credit, uncredited
from billing.invoicing.services.documents import request_document
from billing.invoicing.states import DocumentState, DocumentType, Process
from billing.invoicing.values import Line, References
from billing.services.requests import lock_pending, require_second
from billing.states import RequestState


@transaction.atomic
def request_credit_note(
    *, actor: Actor, document_id: int, net_cents: int | None, reason: str, at: datetime
) -> CreditNoteRequest:
    """Ask for a credit note of ``net_cents``, or of all that is left; up to the limit it is made at once.

    Raises NotFound, Rejected without a reason or a person, DocumentNotPossible for more than is left, Conflict while
    another one waits.
    """
    if not reason.strip():
        raise Rejected(gettext("Write why: it goes on the record."), field="reason")
    if actor.user_id is None:
        raise Rejected(gettext("Only a person can ask for a credit note."))
    original: Document | None = Document.objects.select_for_update(of=("self",)).filter(pk=document_id).first()
    if original is None:
        raise NotFound(gettext("There is no such invoice."))
    if original.state != DocumentState.ISSUED or original.type == DocumentType.CREDIT_NOTE:
        raise DocumentNotPossible(gettext("Only an issued invoice can be credited."))
    if CreditNoteRequest.objects.filter(original=original, state=RequestState.PENDING).exists():
        raise Conflict(gettext("A credit note of this invoice waits for a second person already."))
    wanted = uncredited(original)[0] if net_cents is None else net_cents
    quote = quote_of_credit(original, wanted)
    request = CreditNoteRequest.objects.create(
        organisation_id=original.organisation_id,
        original=original,
        net_cents=wanted,
        reason=reason.strip(),
        requested_by_id=actor.user_id,
        requested_by=actor.label,
        requested_at=at,
    )
    audit.record(
        actor=actor,
        action=Action.CREDIT_REQUESTED,
        subject=request,
        at=at,
        reason=reason,
        changes={"net_cents": wanted, "gross_cents": quote.gross_cents},
    )
    if quote.gross_cents * MICRO_PER_CENT <= settings.FOUR_EYES_LIMIT_MICROCREDITS:
        _make(actor=actor, request=request, at=at)
    return request


@transaction.atomic
def approve_credit_note(*, actor: Actor, public_id: str, at: datetime) -> CreditNoteRequest:
    """Make a credit note that waits. Raises FourEyesNeeded for the person who asked, NotFound, DocumentNotPossible."""
    request = _pending(public_id)
    require_second(
        actor, request.requested_by_id, gettext("You asked for this credit note: another member of staff must approve.")
    )
    _make(actor=actor, request=request, at=at)
    audit.record(actor=actor, action=Action.CREDIT_APPROVED, subject=request, at=at)
    return request


@transaction.atomic
def reject_credit_note(*, actor: Actor, public_id: str, reason: str, at: datetime) -> CreditNoteRequest:
    """Refuse a credit note that waits. Raises NotFound."""
    request = _pending(public_id)
    request.state, request.decided_by, request.decided_at = RequestState.REJECTED, actor.label, at
    request.save(update_fields=["state", "decided_by", "decided_at"])
    audit.record(actor=actor, action=Action.CREDIT_REJECTED, subject=request, at=at, reason=reason)
    return request


def _pending(public_id: str) -> CreditNoteRequest:
    rows = CreditNoteRequest.objects.filter(public_id=public_id).select_related("original")
    found: CreditNoteRequest = lock_pending(rows, missing=gettext("No such credit note waits for a decision."))
    return found


def _make(*, actor: Actor, request: CreditNoteRequest, at: datetime) -> None:
    original = request.original
    names = ", ".join(original.lines.values_list("name", flat=True))
    request.document = request_document(
        actor=actor,
        organisation_id=request.organisation_id,
        type=DocumentType.CREDIT_NOTE,
        process=Process.TO_PAY,
        lines=[Line(name=names[:200], net_cents=request.net_cents)],
        key=f"credit-note:{request.public_id}",
        at=at,
        references=References(**original.references),
        corrects=original,
        reason=request.reason,
    )
    request.state, request.decided_by, request.decided_at = RequestState.APPROVED, actor.label, at
    request.save(update_fields=["document", "state", "decided_by", "decided_at"])
