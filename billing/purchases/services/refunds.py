# SPDX-License-Identifier: Apache-2.0
"""Refunds: the credit leaves its lot first, then the money goes; what the processor refuses puts the credit back."""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q, Sum
from django.utils.translation import gettext

from aion import figures
from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import NotFound, Rejected
from aion.events.services.emission import emit
from aion.money import MICRO_PER_CENT
from aion.queue import nudge
from billing.purchases.audit import Action
from billing.purchases.errors import RefundRefused
from billing.purchases.models import Payment, Refund
from billing.purchases.payments.connect import gateway
from billing.purchases.payments.gateway import GatewayDown, GatewayRefused, RefundSeen
from billing.purchases.services import lots, papers
from billing.purchases.services.shares import gross_of, net_of
from billing.purchases.states import DisputeState, PaymentState, RefundState
from billing.services.ledger import platform_account, post_transfer
from billing.services.requests import require_second
from billing.services.takebacks import refund_lot
from billing.states import AccountKind, TransferKind

log = structlog.get_logger(__name__)
CENTS = 100
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=6)


@transaction.atomic
def request_refund(*, actor: Actor, payment_id: int, credits_: int, reason: str, at: datetime) -> Refund:
    """Ask for ``credits_`` whole credits of a payment to be paid back. Above the limit a second person decides.

    Raises NotFound, Rejected without a reason, RefundRefused for a payment that is not paid, is disputed, or has less
    left of it or of its unspent credit.
    """
    if not reason.strip():
        raise Rejected(gettext("Write why: it goes on the record."), field="reason")
    payment = _locked(payment_id)
    if payment.state != PaymentState.PAID:
        raise RefundRefused(gettext("Only a payment that has arrived is paid back."))
    if payment.disputes.exclude(state=DisputeState.WON).exists():
        raise RefundRefused(gettext("The bank disputes this payment: it is decided there who keeps the money."))
    net_cents = credits_ * CENTS
    left, unspent = payment.net_cents - _taken(payment, waiting=True), lots.locked(payment).available
    if net_cents <= 0 or net_cents > left or lots_of(net_cents) > unspent:
        raise RefundRefused(
            gettext("At most %(most)s credits can be paid back: what is neither spent, held nor refunded.")
            % {"most": figures.number(max(0, min(left // CENTS, unspent // lots_of(CENTS))))},
            field="credits",
        )
    refund = Refund.objects.create(
        organisation_id=payment.organisation_id,
        payment=payment,
        net_cents=net_cents,
        gross_cents=gross_of(payment, _taken(payment, waiting=True) + net_cents)
        - gross_of(payment, _taken(payment, waiting=True)),
        reason=reason[:200],
        requested_by_id=actor.user_id,
        requested_by=actor.label,
        requested_at=at,
    )
    changes = {"net_cents": net_cents, "payment": payment.public_id}
    audit.record(actor=actor, action=Action.REFUND_REQUESTED, subject=refund, at=at, reason=reason, changes=changes)
    if lots_of(_taken(payment, waiting=True)) <= settings.FOUR_EYES_LIMIT_MICROCREDITS:
        _send(refund, payment, actor=actor, second="", at=at)
    return refund


@transaction.atomic
def approve_refund(*, actor: Actor, public_id: str, at: datetime) -> Refund:
    """Send a waiting refund as the second person. Raises NotFound, FourEyesNeeded, RefundNotPossible."""
    refund, payment = _waiting(public_id)
    require_second(
        actor, refund.requested_by_id, gettext("You asked for this refund: a second member of staff must approve it.")
    )
    audit.record(actor=actor, action=Action.REFUND_APPROVED, subject=refund, at=at)
    _send(refund, payment, actor=actor, second=refund.requested_by, at=at)
    return refund


@transaction.atomic
def reject_refund(*, actor: Actor, public_id: str, reason: str, at: datetime) -> Refund:
    """Refuse a waiting refund. Raises NotFound, Rejected without a reason."""
    if not reason.strip():
        raise Rejected(gettext("Write why: it goes on the record."), field="reason")
    refund, _ = _waiting(public_id)
    Refund.objects.filter(pk=refund.pk).move(RefundState.REJECTED, decided_by=actor.label, decided_at=at)
    audit.record(actor=actor, action=Action.REFUND_REJECTED, subject=refund, at=at, reason=reason)
    refund.refresh_from_db()
    return refund


def send_due(*, at: datetime, limit: int = 50) -> int:
    """Ask the processor for every refund whose answer we do not have; the refund's id is the key. Return how many."""
    due = Refund.objects.filter(Q(next_attempt_at=None) | Q(next_attempt_at__lte=at), state=RefundState.SENDING)
    sent = 0
    for refund in due.select_related("payment").order_by("pk")[:limit]:
        try:
            seen = gateway().refund(
                intent=refund.payment.intent_id or "",
                cents=refund.gross_cents,
                refund=refund.public_id,
                key=refund.public_id,
            )
        except GatewayDown:
            pause = min(FIRST_PAUSE * 2 ** min(refund.attempts, 12), LONGEST_PAUSE)
            Refund.objects.filter(pk=refund.pk).update(attempts=refund.attempts + 1, next_attempt_at=at + pause)
        except GatewayRefused as error:
            _refused(refund.pk, problem=error.code, at=at)
        else:
            with transaction.atomic():
                settle(payment=_locked(refund.payment_id), seen=seen, at=at)
            sent += 1
    return sent


def settle(*, payment: Payment, seen: RefundSeen, at: datetime) -> None:
    """Bring a refund to what the processor says of it; ``payment`` is locked. One made at its desk is taken over."""
    refund = Refund.objects.filter(payment=payment).filter(
        Q(processor_id=seen.id) | Q(public_id=seen.ours or "-")
    ).first() or _found(payment, seen, at)
    if refund.processor_id is None:
        refund.processor_id = seen.id
        refund.save(update_fields=["processor_id"])
    if seen.state == "failed":
        _refused(refund.pk, problem="failed", at=at)
        return
    to = RefundState.SUCCEEDED if seen.state == "succeeded" else RefundState.PENDING
    if Refund.objects.filter(pk=refund.pk).move(to) and to is RefundState.SUCCEEDED:
        _succeeded(refund, payment, at)


def lots_of(cents: int) -> int:
    """Return the micro-credits that so many net cents bought."""
    return cents * MICRO_PER_CENT


def _send(refund: Refund, payment: Payment, *, actor: Actor, second: str, at: datetime) -> None:
    lot = lots.locked(payment)
    refund_lot(
        actor=actor,
        public_id=lot.public_id,
        amount=lots_of(refund.net_cents),
        reason=refund.reason,
        key=refund.public_id,
        at=at,
        second=second,
    )
    Refund.objects.filter(pk=refund.pk).move(RefundState.SENDING, decided_by=actor.label, decided_at=at)
    refund.refresh_from_db()
    nudge("purchases.send_refunds")


def _succeeded(refund: Refund, payment: Payment, at: datetime) -> None:
    refund.payment = payment
    papers.credit_note(refund, at=at)
    _tell(refund, "refund.succeeded", at)


@transaction.atomic
def _refused(refund_id: int, *, problem: str, at: datetime) -> None:
    """Put the credit back: the money did not go, or came back from the bank."""
    refund = Refund.objects.select_for_update(of=("self",)).select_related("payment").get(pk=refund_id)
    if not Refund.objects.filter(pk=refund.pk).move(RefundState.FAILED, problem=problem[:300]):
        return
    if refund.net_cents:
        post_transfer(
            debit=platform_account(AccountKind.FUNDING, at=at),
            credit=lots.locked(refund.payment),
            amount=lots_of(refund.net_cents),
            kind=TransferKind.PURCHASE,
            organisation_id=refund.organisation_id,
            key=f"refund:{refund.public_id}:back",
            description=f"Refund failed: {refund.public_id}",
            at=at,
        )
    actor = lots.processor(refund.organisation_id)
    audit.record(actor=actor, action=Action.REFUND_FAILED, subject=refund, at=at, changes={"problem": problem})
    _tell(refund, "refund.failed", at)


def _found(payment: Payment, seen: RefundSeen, at: datetime) -> Refund:
    """Take over a refund that somebody made at the processor's own desk: the money is gone, so the credit goes."""
    before = int(payment.refunds.taking().aggregate(total=Sum("gross_cents", default=0))["total"])
    net = net_of(payment, before + seen.cents) - net_of(payment, before)
    refund: Refund = Refund.objects.create(
        organisation_id=payment.organisation_id,
        payment=payment,
        state=RefundState.SENDING,
        net_cents=net,
        gross_cents=seen.cents,
        processor_id=seen.id,
        found=True,
        reason="Made at the payment processor",
        requested_by=lots.BUYER,
        requested_at=at,
    )
    if net:
        lots.take_back(payment, lots_of(net), key=f"refund:{refund.public_id}", at=at, why="Refunded by the processor")
    log.warning("refund found at the processor", refund=refund.public_id, payment=payment.public_id)
    audit.record(
        actor=lots.processor(payment.organisation_id),
        action=Action.REFUND_FOUND,
        subject=refund,
        at=at,
        changes={"gross_cents": seen.cents, "payment": payment.public_id},
    )
    return refund


def _taken(payment: Payment, *, waiting: bool) -> int:
    """Return the net cents of a payment that refunds and lost disputes have taken, or will."""
    states = {RefundState.SENDING, RefundState.PENDING, RefundState.SUCCEEDED}
    rows = payment.refunds.filter(state__in=states | ({RefundState.WAITING} if waiting else set()))
    return int(rows.aggregate(total=Sum("net_cents", default=0))["total"])


def _waiting(public_id: str) -> tuple[Refund, Payment]:
    found = Refund.objects.filter(public_id=public_id, state=RefundState.WAITING).first()
    if found is None:
        raise NotFound(gettext("No such refund waits for a decision."))
    payment = _locked(found.payment_id)
    refund = Refund.objects.select_for_update().filter(pk=found.pk, state=RefundState.WAITING).first()
    if refund is None:
        raise NotFound(gettext("No such refund waits for a decision."))
    return refund, payment


def _locked(payment_id: int) -> Payment:
    payment: Payment | None = Payment.objects.select_for_update(no_key=True, of=("self",)).filter(pk=payment_id).first()
    if payment is None:
        raise NotFound(gettext("There is no such payment."))
    return payment


def _tell(refund: Refund, type_: str, at: datetime) -> None:
    emit(
        organisation_id=refund.organisation_id,
        type=type_,
        data={
            "refund": refund.public_id,
            "payment": refund.payment.public_id,
            "amount_microcredits": lots_of(refund.net_cents),
            "gross_cents": refund.gross_cents,
        },
        key=f"{type_}:{refund.public_id}",
        at=at,
    )
