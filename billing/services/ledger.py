# SPDX-License-Identifier: Apache-2.0
"""Posting to the ledger: one row, two accounts, once."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from billing.audit import Action
from billing.errors import AlreadyReversed, InvalidAmount
from billing.models import LedgerAccount, Transfer
from billing.states import AccountKind, TransferKind


def platform_account(kind: AccountKind, *, at: datetime) -> LedgerAccount:
    """Return the platform's one account of ``kind``, made on first use."""
    account, _ = LedgerAccount.objects.get_or_create(
        kind=kind,
        organisation=None,
        defaults={"label": f"AION {kind}", "created_at": at, "public_id": f"acc_{kind}"},
    )
    return account


def receivable_account(organisation_id: int, *, at: datetime) -> LedgerAccount:
    """Return the organisation's one account of what no lot could pay, made on first use."""
    account, _ = LedgerAccount.objects.get_or_create(
        kind=AccountKind.RECEIVABLE,
        organisation_id=organisation_id,
        defaults={"label": "Receivable", "created_at": at},
    )
    return account


@transaction.atomic
def post_transfer(
    *,
    debit: LedgerAccount,
    credit: LedgerAccount,
    amount: int,
    kind: TransferKind,
    organisation_id: int,
    key: str,
    description: str,
    at: datetime,
    effective_at: datetime | None = None,
    reverses: Transfer | None = None,
) -> Transfer:
    """Move ``amount`` micro-credits from ``debit`` to ``credit``; the same ``key`` posts once.

    Raises InvalidAmount for an amount of 0 or less, IntegrityError when a lot would be overdrawn.
    """
    if amount <= 0:
        raise InvalidAmount(gettext("An amount must be above zero."))
    posted: Transfer | None = Transfer.objects.filter(idempotency_key=key).first()
    if posted is not None:
        return posted
    return Transfer.objects.create(
        organisation_id=organisation_id,
        debit_account=debit,
        credit_account=credit,
        amount=amount,
        kind=kind,
        description=description,
        idempotency_key=key,
        effective_at=effective_at or at,
        created_at=at,
        reverses=reverses,
    )


def reverse_transfer(*, actor: Actor, transfer: Transfer, reason: str, at: datetime) -> Transfer:
    """Post the opposite of ``transfer``. Raises AlreadyReversed the second time."""
    try:
        with transaction.atomic():
            reversal = Transfer.objects.create(
                organisation_id=transfer.organisation_id,
                debit_account_id=transfer.credit_account_id,
                credit_account_id=transfer.debit_account_id,
                amount=transfer.amount,
                kind=TransferKind.REVERSAL,
                description=reason[:200],
                idempotency_key=f"reverse:{transfer.pk}",
                effective_at=at,
                created_at=at,
                reverses=transfer,
            )
            audit.record(actor=actor, action=Action.TRANSFER_REVERSED, subject=reversal, at=at, reason=reason)
    except IntegrityError as error:
        if Transfer.objects.filter(reverses=transfer).exists():
            raise AlreadyReversed(
                gettext("%(transfer)s is reversed already.") % {"transfer": transfer.public_id}
            ) from error
        raise
    return reversal
