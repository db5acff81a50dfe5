# SPDX-License-Identifier: Apache-2.0
"""How a payment's credit comes and goes: each step one transfer with a key of its own, so that it happens once."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Sum

from aion.actor import Actor, system
from aion.tenancy.services.organisations import freeze_organisation
from billing.models import LedgerAccount, Transfer
from billing.purchases.models import Payment
from billing.services.credits import issue_lot
from billing.services.ledger import platform_account, post_transfer, receivable_account
from billing.states import AccountKind, Origin, TransferKind

BUYER = "purchases"


def processor(organisation_id: int | None = None) -> Actor:
    """Return who acts when the processor has told us something."""
    return system(BUYER, organisation_id=organisation_id)


def advance(payment: Payment, *, at: datetime) -> None:
    """Let part of a debit that is on its way be spent already, once."""
    part = min(payment.microcredits, settings.SEPA_SPEND_LIMIT_MICROCREDITS)
    if payment.lot_id is None and part > 0:
        payment.lot = _issue(payment, part, key=f"payment:{payment.public_id}:advance", at=at)


def deliver(payment: Payment, *, at: datetime) -> None:
    """Give the payment's credit, or what was not advanced of it, once; what the organisation owes is paid first."""
    key = f"payment:{payment.public_id}"
    if payment.lot_id is None:
        payment.lot = _issue(payment, payment.microcredits, key=key, at=at)
    else:
        lot = locked(payment)
        rest = payment.microcredits - advanced(payment)
        if rest > 0:
            post_transfer(
                debit=platform_account(AccountKind.FUNDING, at=at),
                credit=lot,
                amount=rest,
                kind=TransferKind.PURCHASE,
                organisation_id=payment.organisation_id,
                key=key,
                description=lot.label,
                at=at,
            )
    settle_debt(payment, at=at)


def advanced(payment: Payment) -> int:
    """Return what a debit's lot got before it had settled and still has to answer for, in micro-credits."""
    given = Transfer.objects.filter(idempotency_key=f"payment:{payment.public_id}:advance").first()
    back = Transfer.objects.filter(idempotency_key__startswith=f"payment:{payment.public_id}:back:")
    taken = int(back.aggregate(total=Sum("amount", default=0))["total"])
    return (given.amount if given else 0) - taken


def take_advance_back(payment: Payment, *, at: datetime) -> None:
    """Undo an advance whose debit failed; what is spent or held of it becomes owed, and work stops."""
    due = advanced(payment)
    if payment.lot_id is None or due <= 0:
        return
    take_back(payment, due, key=f"payment:{payment.public_id}:back", at=at, why="A direct debit failed")


def take_back(payment: Payment, amount: int, *, key: str, at: datetime, why: str) -> int:
    """Move ``amount`` from the payment's lot to funding; what is not there any more is owed. Return what is owed."""
    lot = locked(payment)
    funding = platform_account(AccountKind.FUNDING, at=at)
    there = min(amount, max(0, lot.available))
    if there:
        _move(payment, lot, funding, there, key=f"{key}:lot", description=why, at=at)
    owed = amount - there
    if owed:
        receivable = receivable_account(payment.organisation_id, at=at)
        _move(payment, receivable, funding, owed, key=f"{key}:owed", description=why, at=at)
        stop_work(payment, why=why, at=at)
    return owed


def stop_work(payment: Payment, *, why: str, at: datetime) -> None:
    """Freeze the organisation: nothing new starts and what runs is stopped, until staff have seen the debt paid."""
    organisation = payment.organisation
    freeze_organisation(
        actor=processor(organisation.pk), organisation=organisation, reason=f"{why} ({payment.public_id})", at=at
    )


def freeze(payment: Payment, amount: int, *, key: str, at: datetime) -> None:
    """Move what the lot still has, up to ``amount``, to the platform's account of disputed credit."""
    lot = locked(payment)
    there = min(amount, max(0, lot.available))
    if there > 0:
        disputed = platform_account(AccountKind.DISPUTED, at=at)
        _move(payment, lot, disputed, there, key=key, description=f"Disputed: {payment.public_id}", at=at)


def frozen(prefix: str) -> int:
    """Return how much the transfers under a dispute's ``prefix`` have frozen."""
    rows = Transfer.objects.filter(idempotency_key__startswith=f"{prefix}:freeze:")
    return int(rows.aggregate(total=Sum("amount", default=0))["total"])


def thaw(payment: Payment, amount: int, *, to_funding: bool, key: str, at: datetime) -> None:
    """End the freeze: back to the lot, or to funding when the money is lost."""
    if amount <= 0:
        return
    target = platform_account(AccountKind.FUNDING, at=at) if to_funding else locked(payment)
    disputed = platform_account(AccountKind.DISPUTED, at=at)
    _move(payment, disputed, target, amount, key=key, description=f"Dispute closed: {payment.public_id}", at=at)


def settle_debt(payment: Payment, *, at: datetime) -> None:
    """Pay what the organisation owes from the payment's lot, as far as it goes."""
    rows = LedgerAccount.objects.filter(kind=AccountKind.RECEIVABLE, organisation_id=payment.organisation_id)
    if payment.lot_id is None or not rows.exists():
        return
    lot = locked(payment)  # lots before the receivable, as usage locks them
    owing = rows.select_for_update(no_key=True).get()
    part = min(owing.debits - owing.credits, lot.available)
    if part > 0:
        post_transfer(
            debit=lot,
            credit=owing,
            amount=part,
            kind=TransferKind.DEBT,
            organisation_id=payment.organisation_id,
            # What the lot had paid before names the step: the same step again is the same transfer.
            key=f"payment:{payment.public_id}:debt:{lot.debits}:{owing.debits}:{owing.credits}",
            description="Paid what was owed",
            at=at,
        )


def locked(payment: Payment) -> LedgerAccount:
    """Return the payment's lot under a lock."""
    lot: LedgerAccount = LedgerAccount.objects.select_for_update(no_key=True).get(pk=payment.lot_id or 0)
    return lot


def _issue(payment: Payment, amount: int, *, key: str, at: datetime) -> LedgerAccount:
    return issue_lot(
        actor=processor(payment.organisation_id),
        organisation_id=payment.organisation_id,
        amount=amount,
        label=f"Purchase {payment.public_id}",
        origin=Origin.PURCHASE,
        key=key,
        at=at,
        expires_at=at + timedelta(days=settings.PURCHASED_CREDIT_DAYS),
    )


def _move(
    payment: Payment,
    debit: LedgerAccount,
    credit: LedgerAccount,
    amount: int,
    *,
    key: str,
    description: str,
    at: datetime,
) -> None:
    post_transfer(
        debit=debit,
        credit=credit,
        amount=amount,
        kind=TransferKind.DISPUTE,
        organisation_id=payment.organisation_id,
        key=key,
        description=description,
        at=at,
    )
