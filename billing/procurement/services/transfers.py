# SPDX-License-Identifier: Apache-2.0
"""Money that came in by bank: recorded by one member of staff, above the limit booked by another.

The exact amount of an accepted quote issues its credits; parts add up until they reach it, and too much is refused,
but kept with its reference, so that it can be sent back.
"""

from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import NotFound, Rejected
from aion.figures import plain_euros
from aion.money import MICRO, MICRO_PER_CENT
from billing.invoicing.services.documents import request_document
from billing.invoicing.services.vat import quote_vat
from billing.invoicing.states import DocumentState, DocumentType, Process
from billing.invoicing.values import Line, References
from billing.procurement.audit import Action
from billing.procurement.errors import BankReferenceUsed, WrongState
from billing.procurement.models import BankTransfer, Quote, ServiceAttestation
from billing.procurement.queries.lists import received
from billing.procurement.services.checks import (
    above_limit,
    require_amount,
    require_past,
    require_person,
    require_reason,
)
from billing.procurement.services.quotes import tell
from billing.procurement.states import BankTransferState, QuoteState
from billing.services.credits import issue_lot
from billing.services.requests import lock_pending, require_second
from billing.states import Origin

REFERENCE_LIMIT = 80


@transaction.atomic
def record_quote_payment(
    *, actor: Actor, public_id: str, amount_cents: int, received_on: date, bank_reference: str, at: datetime
) -> BankTransfer:
    """Record money for an accepted quote; the state of the row says what became of it, ``refusal`` why it was refused.

    Raises NotFound, WrongState for a quote that is not accepted, InvalidAmount, Rejected, BankReferenceUsed.
    """
    quote: Quote | None = Quote.objects.select_for_update(no_key=True).filter(public_id=public_id).first()
    if quote is None:
        raise NotFound(_("There is no such quote."))
    if quote.state != QuoteState.ACCEPTED:
        raise WrongState(
            _("Only an accepted quote is paid: ask the customer to accept it first, or send the money back.")
        )
    row = _row(actor, amount_cents, received_on, bank_reference, at, quote=quote)
    return _judged(actor, row, at)


@transaction.atomic
def record_invoice_payment(
    *, actor: Actor, public_id: str, amount_cents: int, received_on: date, bank_reference: str, at: datetime
) -> BankTransfer:
    """Record money for the invoice of the attestation ``public_id``; parts add up as for a quote.

    Raises NotFound, WrongState while the invoice is not issued, InvalidAmount, Rejected, BankReferenceUsed.
    """
    rows = ServiceAttestation.objects.select_for_update(of=("self",), no_key=True).select_related("document")
    attestation: ServiceAttestation | None = rows.filter(public_id=public_id).first()
    if attestation is None:
        raise NotFound(_("There is no such attested service."))
    if attestation.document.state != DocumentState.ISSUED:
        raise WrongState(_("The invoice is not issued yet: nobody can have paid it."))
    row = _row(actor, amount_cents, received_on, bank_reference, at, attestation=attestation)
    return _judged(actor, row, at)


@transaction.atomic
def approve_transfer(*, actor: Actor, public_id: str, at: datetime) -> BankTransfer:
    """Book a transfer as the second person. Raises NotFound when none waits, FourEyesNeeded for who recorded it."""
    row = _waiting(public_id)
    require_second(actor, row.recorded_by_id, _("You recorded this transfer: another member of staff must book it."))
    refusal = _refusal(row, at)
    if refusal:
        _decide(row, BankTransferState.REFUSED, actor, at, refusal)
        audit.record(actor=actor, action=Action.TRANSFER_REFUSED, subject=row, at=at, reason=refusal[:200])
        return row
    _decide(row, BankTransferState.APPROVED, actor, at)
    _booked(actor, row, at)
    return row


@transaction.atomic
def reject_transfer(*, actor: Actor, public_id: str, reason: str, at: datetime) -> BankTransfer:
    """Strike out a transfer that waits: it was typed wrongly. Its reference stays used.

    Raises NotFound, Rejected without a reason.
    """
    require_reason(reason)
    row = _waiting(public_id)
    _decide(row, BankTransferState.REJECTED, actor, at, reason)
    audit.record(actor=actor, action=Action.TRANSFER_REJECTED, subject=row, at=at, reason=reason)
    return row


def _row(
    actor: Actor,
    amount_cents: int,
    received_on: date,
    bank_reference: str,
    at: datetime,
    *,
    quote: Quote | None = None,
    attestation: ServiceAttestation | None = None,
) -> BankTransfer:
    person = require_person(actor)
    require_amount(amount_cents)
    require_past(received_on, at=at, field="received_on")
    reference = " ".join(bank_reference.split()).upper()
    if not 1 <= len(reference) <= REFERENCE_LIMIT:
        raise Rejected(_("Write the reference of the bank statement's line."), field="bank_reference")
    target = quote or attestation
    assert target is not None  # noqa: S101 - each caller passes one
    try:
        with transaction.atomic():
            row = BankTransfer.objects.create(
                organisation_id=target.organisation_id,
                quote=quote,
                attestation=attestation,
                amount_cents=amount_cents,
                received_on=received_on,
                bank_reference=reference,
                recorded_by_id=person,
                recorded_by=actor.label,
                recorded_at=at,
            )
    except IntegrityError as error:
        raise BankReferenceUsed(
            _("The transfer %(reference)s is recorded already: look at the bank statement again.")
            % {"reference": reference},
            field="bank_reference",
        ) from error
    audit.record(
        actor=actor, action=Action.TRANSFER_RECORDED, subject=row, at=at, changes={"amount_cents": amount_cents}
    )
    return row


def _judged(actor: Actor, row: BankTransfer, at: datetime) -> BankTransfer:
    refusal = _refusal(row, at)
    if refusal:
        row.state, row.refusal = BankTransferState.REFUSED, refusal
        row.save(update_fields=["state", "refusal"])
        audit.record(actor=actor, action=Action.TRANSFER_REFUSED, subject=row, at=at, reason=refusal[:200])
        return row
    booked, waiting = received(_siblings(row))
    # Counted over all that came in for one thing: small parts do not get past the limit.
    if above_limit(booked + waiting):
        return row
    row.state = BankTransferState.APPROVED
    row.save(update_fields=["state"])
    _booked(actor, row, at)
    return row


def _refusal(row: BankTransfer, at: datetime) -> str:
    """Return why money cannot be taken for its thing; nothing where it can. The row counts as waiting already."""
    booked, waiting = received(_siblings(row))
    left = _due(row) - booked - waiting + row.amount_cents
    if row.amount_cents > left:
        return _(
            "%(amount)s euros came in and %(left)s are open: send the whole transfer back, and ask for exactly what is "
            "open, under a new reference."
        ) % {"amount": plain_euros(row.amount_cents), "left": plain_euros(max(0, left))}
    if row.quote is not None:
        vat = quote_vat(organisation_id=row.organisation_id, net_cents=row.quote.net_cents, at=at)
        if vat.gross_cents != row.quote.gross_cents:
            return _("VAT has changed since the quote was offered: send the money back and offer a new quote.")
    return ""


def _due(row: BankTransfer) -> int:
    if row.quote is not None:
        return row.quote.gross_cents
    assert row.attestation is not None  # noqa: S101 - a constraint of the table
    return row.attestation.document.gross_cents


def _siblings(row: BankTransfer) -> QuerySet[BankTransfer]:
    rows: QuerySet[BankTransfer] = BankTransfer.objects.filter(quote=row.quote, attestation=row.attestation)
    return rows


def _booked(actor: Actor, row: BankTransfer, at: datetime) -> None:
    audit.record(actor=actor, action=Action.TRANSFER_BOOKED, subject=row, at=at)
    if row.quote is not None and received(_siblings(row))[0] == row.quote.gross_cents:
        _settle(actor, row.quote, at)


def _settle(actor: Actor, quote: Quote, at: datetime) -> None:
    """Issue the credits of a quote that is paid in full, and ask for its invoice."""
    key = f"quote:{quote.public_id}"
    quote.lot = issue_lot(
        actor=actor,
        organisation_id=quote.organisation_id,
        amount=quote.net_cents * MICRO_PER_CENT,
        label=f"Quote {quote.number}",
        origin=Origin.PURCHASE,
        key=key,
        at=at,
        reason=f"Paid by bank transfer: {quote.number}",
    )
    line = Line(
        name="GPU credits",
        net_cents=quote.net_cents,
        quantity_milli=quote.credits * 1_000,
        unit_price_micro=MICRO,
    )
    quote.document = request_document(
        actor=actor,
        organisation_id=quote.organisation_id,
        type=DocumentType.INVOICE,
        process=Process.PAID,
        lines=[line],
        key=key,
        at=at,
        references=References(sales_order=quote.number or ""),
        paid_cents=quote.gross_cents,
    )
    quote.settled_at = at
    quote.save(update_fields=["lot", "document", "settled_at"])
    audit.record(actor=actor, action=Action.QUOTE_SETTLED, subject=quote, at=at, changes={"lot": quote.lot.public_id})
    tell(quote, "quote.paid", at)


def _waiting(public_id: str) -> BankTransfer:
    rows = BankTransfer.objects.select_related("quote", "attestation__document").filter(public_id=public_id)
    missing = _("No such transfer waits for a second person.")
    found = rows.first()
    if found is None:
        raise NotFound(missing)
    # The thing is locked before the row, in the order of those who record: two at once cannot wait for each other.
    if found.quote_id is not None:
        Quote.objects.select_for_update(no_key=True).get(pk=found.quote_id)
    else:
        ServiceAttestation.objects.select_for_update(no_key=True).get(pk=found.attestation_id)
    row: BankTransfer = lock_pending(rows, missing=missing)
    return row


def _decide(row: BankTransfer, state: BankTransferState, actor: Actor, at: datetime, refusal: str = "") -> None:
    second = actor.user_id if actor.user_id != row.recorded_by_id else None
    row.state, row.refusal = state, refusal[:400]
    row.decided_by_id, row.decided_by, row.decided_at = second, actor.label, at
    row.save(update_fields=["state", "refusal", "decided_by_id", "decided_by", "decided_at"])
