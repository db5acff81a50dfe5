# SPDX-License-Identifier: Apache-2.0
"""Bringing a payment to what the processor says it is. Level-triggered: any order, any number of times, same end."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop

from aion.audit import services as audit
from aion.events.services.emission import emit
from billing.purchases.audit import Action
from billing.purchases.models import Payment
from billing.purchases.payments.connect import gateway
from billing.purchases.payments.gateway import PaymentSeen
from billing.purchases.services import disputes, lots, papers, refunds
from billing.purchases.states import Method, PaymentState

CURRENCY = "eur"
OTHER_AMOUNT = gettext_noop("Another amount or currency was received than was asked for.")


def sync_payment(*, payment_id: int, at: datetime) -> Payment:
    """Read the payment at the processor and apply what it says. Raises GatewayDown, GatewayRefused.

    The call is made before the row is locked: nobody waits for a slow processor with a lock in hand, and an answer that
    is older than what we know already changes nothing.
    """
    payment = Payment.objects.get(pk=payment_id)
    if not payment.session_id and not payment.intent_id:
        return payment
    seen = gateway().read_payment(session=payment.session_id or "", intent=payment.intent_id or "")
    return apply(payment_id=payment_id, seen=seen, at=at)


@transaction.atomic
def apply(*, payment_id: int, seen: PaymentSeen, at: datetime) -> Payment:
    """Apply what was seen; steps only go forward, and each posts once."""
    payment: Payment = Payment.objects.select_for_update(no_key=True, of=("self",)).get(pk=payment_id)
    _learn(payment, seen, at)
    if seen.state == "paid":
        _paid(payment, seen, at)
    elif seen.state == "processing" and payment.state in {PaymentState.CREATED, PaymentState.OPEN}:
        lots.advance(payment, at=at)
        _move(payment, PaymentState.PROCESSING, lot=payment.lot)
        _tell(payment, "payment.processing", at)
    elif seen.state == "failed":
        _failed(payment, seen.problem, at)
    elif seen.state == "expired":
        _move(payment, PaymentState.EXPIRED)
    if payment.state == PaymentState.PAID:
        for refund in seen.refunds:
            refunds.settle(payment=payment, seen=refund, at=at)
        for dispute in seen.disputes:
            disputes.settle(payment=payment, seen=dispute, at=at)
    return payment


@transaction.atomic
def give_up(*, payment_id: int, at: datetime) -> None:
    """End a payment whose page was never opened: the processor did not answer, or we died while asking."""
    payment = Payment.objects.select_for_update(no_key=True, of=("self",)).get(pk=payment_id)
    if payment.state == PaymentState.CREATED and not payment.session_id and not payment.intent_id:
        _failed(payment, "never_opened", at)


def _learn(payment: Payment, seen: PaymentSeen, at: datetime) -> None:
    payment.intent_id = payment.intent_id or seen.intent or None
    payment.charge_id = payment.charge_id or seen.charge or None
    if seen.method in set(Method):
        payment.method = seen.method
    if seen.fee_cents is not None:
        payment.fee_cents = seen.fee_cents
    payment.captured_cents = max(payment.captured_cents, seen.captured_cents)
    payment.checked_at = at
    fields = ["intent_id", "charge_id", "method", "fee_cents", "checked_at"]
    payment.save(update_fields=fields)


def _paid(payment: Payment, seen: PaymentSeen, at: datetime) -> None:
    if payment.state == PaymentState.PAID:
        return
    if (seen.captured_cents, seen.currency) != (payment.gross_cents, CURRENCY):
        # Money of another amount is nobody's credit: it stands still until staff have sent it back or put it right.
        moved = _move(
            payment,
            PaymentState.MISMATCH,
            captured_cents=seen.captured_cents,
            problem=f"{OTHER_AMOUNT} {seen.captured_cents} {seen.currency}",
        )
        if moved:
            changes = {"captured_cents": seen.captured_cents, "currency": seen.currency}
            audit.record(actor=_actor(payment), action=Action.PAYMENT_MISMATCH, subject=payment, at=at, changes=changes)
        return
    lots.deliver(payment, at=at)
    _move(payment, PaymentState.PAID, captured_cents=seen.captured_cents, lot=payment.lot, paid_at=at, problem="")
    audit.record(actor=_actor(payment), action=Action.PAYMENT_PAID, subject=payment, at=at)
    papers.invoice(payment, at=at)
    _tell(payment, "payment.succeeded", at)


def _failed(payment: Payment, problem: str, at: datetime) -> None:
    if _move(payment, PaymentState.FAILED, problem=problem[:300]):
        lots.take_advance_back(payment, at=at)
        audit.record(
            actor=_actor(payment), action=Action.PAYMENT_FAILED, subject=payment, at=at, changes={"problem": problem}
        )
        _tell(payment, "payment.failed", at)


def _move(payment: Payment, to: PaymentState, **fields: Any) -> bool:
    moved = Payment.objects.filter(pk=payment.pk).move(to, **fields)
    if moved:
        payment.refresh_from_db()
    return bool(moved)


def _tell(payment: Payment, type_: str, at: datetime) -> None:
    emit(
        organisation_id=payment.organisation_id,
        type=type_,
        data={
            "payment": payment.public_id,
            "amount_microcredits": payment.microcredits,
            "gross_cents": payment.gross_cents,
            "method": payment.method,
            "problem": payment.problem,
        },
        key=f"{type_}:{payment.public_id}",
        at=at,
    )


def _actor(payment: Payment) -> Any:
    return lots.processor(payment.organisation_id)
