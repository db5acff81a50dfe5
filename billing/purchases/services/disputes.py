# SPDX-License-Identifier: Apache-2.0
"""Disputes: a bank takes a payment back. Its credit is frozen; in the end it comes back, or is gone and owed."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q, Sum

from aion.audit import services as audit
from aion.events.services.emission import emit
from aion.money import MICRO_PER_CENT
from billing.models import LedgerAccount, Transfer
from billing.purchases.audit import Action
from billing.purchases.models import Dispute, Payment
from billing.purchases.payments.gateway import DisputeSeen
from billing.purchases.services import lots
from billing.purchases.services.shares import net_of
from billing.purchases.states import DisputeState, PaymentState
from billing.states import AccountKind


def settle(*, payment: Payment, seen: DisputeSeen, at: datetime) -> None:
    """Bring a dispute to what the processor says of it; ``payment`` is locked."""
    dispute = Dispute.objects.filter(processor_id=seen.id).first() or _open(payment, seen, at)
    if dispute.state != DisputeState.OPEN:
        return
    _freeze_more(dispute, payment, at)
    if seen.state in {DisputeState.WON, DisputeState.LOST}:
        _close(dispute, payment, DisputeState(seen.state), at)


def tend(*, at: datetime) -> int:
    """Freeze what running work gave back to disputed lots, and take what lots of lost money still owe.

    Return how many payments were looked at.
    """
    disputed = Q(disputes__state=DisputeState.OPEN)
    lost = Q(disputes__state=DisputeState.LOST) | Q(state=PaymentState.FAILED)
    owing = LedgerAccount.objects.filter(kind=AccountKind.RECEIVABLE).exclude(debits=0)
    rows = Payment.objects.filter(lot__isnull=False).filter(
        disputed | (lost & Q(organisation_id__in=owing.values("organisation_id")))
    )
    found = list(rows.order_by("pk").distinct().values_list("pk", flat=True))
    for payment_id in found:
        with transaction.atomic():
            payment = Payment.objects.select_for_update(no_key=True, of=("self",)).get(pk=payment_id)
            for dispute in payment.disputes.open():
                _freeze_more(dispute, payment, at)
            if not payment.disputes.open().exists():
                lots.settle_debt(payment, at=at)
    return len(found)


def _open(payment: Payment, seen: DisputeSeen, at: datetime) -> Dispute:
    before = int(payment.disputes.aggregate(total=Sum("gross_cents", default=0))["total"])
    dispute: Dispute = Dispute.objects.create(
        organisation_id=payment.organisation_id,
        payment=payment,
        processor_id=seen.id,
        net_cents=net_of(payment, before + seen.cents) - net_of(payment, before),
        gross_cents=seen.cents,
        reason=seen.reason[:60],
        opened_at=at,
    )
    actor = lots.processor(payment.organisation_id)
    audit.record(actor=actor, action=Action.DISPUTE_OPENED, subject=dispute, at=at, changes={"gross_cents": seen.cents})
    _tell(dispute, "dispute.opened", at)
    return dispute


def _freeze_more(dispute: Dispute, payment: Payment, at: datetime) -> None:
    prefix = f"dispute:{dispute.public_id}"
    rest = dispute.net_cents * MICRO_PER_CENT - lots.frozen(prefix)
    if rest > 0:
        count = Transfer.objects.filter(idempotency_key__startswith=f"{prefix}:freeze:").count()
        lots.freeze(payment, rest, key=f"{prefix}:freeze:{count}", at=at)


def _close(dispute: Dispute, payment: Payment, to: DisputeState, at: datetime) -> None:
    prefix = f"dispute:{dispute.public_id}"
    kept = lots.frozen(prefix)
    lots.thaw(payment, kept, to_funding=to is DisputeState.LOST, key=f"{prefix}:closed", at=at)
    dispute.state, dispute.closed_at = to, at
    dispute.save(update_fields=["state", "closed_at"])
    actor = lots.processor(payment.organisation_id)
    audit.record(actor=actor, action=Action.DISPUTE_CLOSED, subject=dispute, at=at, changes={"outcome": str(to)})
    if to is DisputeState.LOST:
        rest = dispute.net_cents * MICRO_PER_CENT - kept
        if rest > 0:
            lots.take_back(payment, rest, key=f"{prefix}:lost", at=at, why="A lost dispute")
    _tell(dispute, f"dispute.{to}", at)


def _tell(dispute: Dispute, type_: str, at: datetime) -> None:
    emit(
        organisation_id=dispute.organisation_id,
        type=type_,
        data={
            "dispute": dispute.public_id,
            "payment": dispute.payment.public_id,
            "amount_microcredits": dispute.net_cents * MICRO_PER_CENT,
            "gross_cents": dispute.gross_cents,
        },
        key=f"{type_}:{dispute.public_id}",
        at=at,
    )
