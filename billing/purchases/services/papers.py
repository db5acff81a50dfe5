# SPDX-License-Identifier: Apache-2.0
"""Invoices of payments and credit notes of refunds: asked for at once where that is possible, else by the sweep.

Money that has arrived is credited whatever its invoice lacks, and a credit note names an invoice that is issued.
"""

from datetime import datetime

import structlog
from django.db import transaction

from billing.invoicing.errors import DocumentNotPossible, NoLegalIdentity, NoVatRule
from billing.invoicing.services.documents import request_document
from billing.invoicing.states import DocumentState, DocumentType, Process
from billing.invoicing.values import Line, VatQuote
from billing.purchases.models import Payment, Refund
from billing.purchases.services import lots
from billing.purchases.states import PaymentState, RefundState

log = structlog.get_logger(__name__)
CREDIT = "GPU credits (AION Marketplace)"
BATCH = 200


def credit_line(net_cents: int) -> Line:
    """Return the line of a document that sells or gives back credit: one credit is one euro."""
    return Line(CREDIT, net_cents, quantity_milli=net_cents * 10, unit="C62", unit_price_micro=1_000_000)


def invoice(payment: Payment, *, at: datetime) -> None:
    """Ask for the invoice of a payment that has arrived, taxed as it was sold; the sweep asks again where it cannot."""
    try:
        with transaction.atomic():
            payment.document = request_document(
                actor=lots.processor(payment.organisation_id),
                organisation_id=payment.organisation_id,
                type=DocumentType.INVOICE,
                process=Process.PAID,
                lines=[credit_line(payment.net_cents)],
                paid_cents=payment.gross_cents,
                vat=VatQuote(**{**payment.vat, "mentions": tuple(payment.vat.get("mentions", ()))}),
                key=f"payment:{payment.public_id}",
                at=at,
            )
            payment.save(update_fields=["document"])
    except (NoLegalIdentity, NoVatRule, DocumentNotPossible) as error:
        log.error("payment without invoice", payment=payment.public_id, code=error.code)


def credit_note(refund: Refund, *, at: datetime) -> None:
    """Ask for the credit note of a refund that was paid, once the invoice it names is issued."""
    original = refund.payment.document
    if original is None or original.state != DocumentState.ISSUED or not refund.net_cents:
        return
    try:
        with transaction.atomic():
            refund.document = request_document(
                actor=lots.processor(refund.organisation_id),
                organisation_id=refund.organisation_id,
                type=DocumentType.CREDIT_NOTE,
                process=Process.PAID,
                lines=[credit_line(refund.net_cents)],
                corrects=original,
                reason=refund.reason,
                key=f"refund:{refund.public_id}",
                at=at,
            )
            refund.save(update_fields=["document"])
    except (NoLegalIdentity, NoVatRule, DocumentNotPossible) as error:
        log.error("refund without credit note", refund=refund.public_id, code=error.code)


def catch_up(*, at: datetime) -> int:
    """Ask for every paper that is missing and can be had; return how many were looked at."""
    payments = list(Payment.objects.filter(state=PaymentState.PAID, document=None).order_by("pk")[:BATCH])
    for payment in payments:
        invoice(payment, at=at)
    paid = Refund.objects.filter(state=RefundState.SUCCEEDED, document=None, net_cents__gt=0)
    ready = paid.filter(payment__document__state=DocumentState.ISSUED).select_related("payment__document")
    refunds = list(ready.order_by("pk")[:BATCH])
    for refund in refunds:
        credit_note(refund, at=at)
    return len(payments) + len(refunds)
