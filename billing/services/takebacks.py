# SPDX-License-Identifier: Apache-2.0
"""Credit that goes back where it came from: reversed whole; or unspent, refunded (bought) or reclaimed (granted)."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import Conflict, NotFound, Rejected
from aion.figures import credits_in_full
from aion.money import decimal_string
from billing.audit import Action
from billing.errors import AlreadyReversed, InvalidAmount, NotReversible, ReclaimNotPossible, RefundNotPossible
from billing.models import LedgerAccount, Transfer
from billing.services.ledger import platform_account, post_transfer, reverse_transfer
from billing.states import AccountKind, Origin, TransferKind

REVERSIBLE = (TransferKind.GRANT, TransferKind.PURCHASE)
RECLAIMABLE = (Origin.GRANT, Origin.PROMO)


@transaction.atomic
def take_back(*, actor: Actor, public_id: str, reason: str, at: datetime, second: str = "") -> Transfer:
    """Reverse the transfer that issued a lot, whole. ``second`` names who agreed, above the four-eyes limit.

    Raises NotFound, Rejected without a reason, AlreadyReversed, NotReversible when the lot has spent or holds part of
    it, is no grant or purchase, or is above the limit and nobody else agreed.
    """
    if not reason.strip():
        raise Rejected(gettext("Write why: it goes on the record."), field="reason")
    transfer = Transfer.objects.select_related("credit_account").filter(public_id=public_id).first()
    if transfer is None:
        raise NotFound(gettext("There is no such transfer."))
    if transfer.kind not in REVERSIBLE:
        raise NotReversible(gettext("Only a grant or a purchase is reversed here; usage is put right by a correction."))
    lot = _locked(transfer.credit_account_id)
    if Transfer.objects.filter(reverses=transfer).exists():
        raise AlreadyReversed(gettext("%(transfer)s is reversed already.") % {"transfer": transfer.public_id})
    if not second:
        _require_within_limit(
            transfer.amount,
            NotReversible,
            gettext("two members of staff take them back together, with manage.py take_back (see docs/operations.md)."),
        )
    if lot.available < transfer.amount:
        raise NotReversible(
            gettext(
                "A reversal takes back all of it, and of %(transfer_amount)s credits %(lot_available)s are "
                "still there (%(lot_held)s are held): let running work end, or refund what is left of a "
                "purchase."
            )
            % {
                "transfer_amount": credits_in_full(transfer.amount),
                "lot_available": credits_in_full(max(0, lot.available)),
                "lot_held": credits_in_full(lot.held),
            }
        )
    words = f"{reason} (agreed by {second})" if second else reason
    return reverse_transfer(actor=actor, transfer=transfer, reason=words, at=at)


@transaction.atomic
def refund_lot(
    *, actor: Actor, public_id: str, amount: int, reason: str, key: str, at: datetime, second: str = ""
) -> Transfer:
    """Move ``amount`` unspent micro-credits of a purchase back to funding; the same ``key`` refunds once.

    Paying the money back is the payment's own business. ``second`` names who agreed, above the four-eyes limit.
    Raises NotFound, InvalidAmount, Rejected without a reason or key, RefundNotPossible for a lot that was not bought,
    has expired or has less left, or when all refunds of the lot together pass the limit and nobody else agreed.
    """
    if amount <= 0:
        raise InvalidAmount(gettext("A refund must be above zero."), field="amount")
    if not reason.strip():
        raise Rejected(gettext("Write why: it goes on the record."), field="reason")
    if not key.strip():
        raise Rejected(gettext("A refund needs a key, so that it happens once."), field="key")
    found = LedgerAccount.objects.lots().filter(public_id=public_id).first()
    if found is None:
        raise NotFound(gettext("There is no such credit lot."))
    lot = _locked(found.pk)
    posted: Transfer | None = Transfer.objects.filter(idempotency_key=f"refund:{key}").first()
    if posted is not None:
        if (posted.debit_account_id, posted.amount) != (lot.pk, amount):
            raise RefundNotPossible(gettext("This key refunded something else."), field="key")
        return posted
    if lot.origin != Origin.PURCHASE:
        raise RefundNotPossible(gettext("Only bought credit is refunded; a grant is reversed."))
    if lot.expires_at is not None and lot.expires_at <= at:
        raise RefundNotPossible(gettext("This lot has expired: what was left of it is not the customer's any more."))
    if amount > lot.available:
        raise RefundNotPossible(
            gettext("%(lot_available)s credits of this lot are neither spent nor held: refund at most that.")
            % {"lot_available": credits_in_full(lot.available)},
            field="amount",
        )
    # Counted over the lot's life under its lock: neither small parts nor two at once get past the limit.
    if not second:
        _require_within_limit(
            _refunded(lot) + amount,
            RefundNotPossible,
            gettext(
                "that is counted over all refunds of this lot and needs a second person. A card payment is refunded on "
                "its own page, where a second member of staff approves; any other purchase is reversed by two with "
                "manage.py take_back, while nothing of it is spent, held or refunded (see docs/operations.md)."
            ),
            field="amount",
        )
    transfer = post_transfer(
        debit=lot,
        credit=platform_account(AccountKind.FUNDING, at=at),
        amount=amount,
        kind=TransferKind.REFUND,
        organisation_id=lot.organisation_id or 0,
        key=f"refund:{key}",
        description=f"Refund: {lot.label}",
        at=at,
    )
    audit.record(
        actor=actor,
        action=Action.LOT_REFUNDED,
        subject=lot,
        at=at,
        reason=f"{reason} (agreed by {second})" if second else reason,
        changes={"amount": decimal_string(amount), "transfer": transfer.public_id},
    )
    return transfer


def most_refundable(lot: LedgerAccount) -> int:
    """Return how much of a purchase one person may refund now: what is free, within the lot's limit."""
    return max(0, min(lot.available, settings.FOUR_EYES_LIMIT_MICROCREDITS - _refunded(lot)))


def _refunded(lot: LedgerAccount) -> int:
    refunds = Transfer.objects.filter(debit_account=lot, kind=TransferKind.REFUND)
    return int(refunds.aggregate(total=Sum("amount", default=0))["total"])


@transaction.atomic
def reclaim(
    *, actor: Actor, public_id: str, amount: int, reason: str, key: str, at: datetime, second: str = ""
) -> Transfer:
    """Move ``amount`` unspent micro-credits of a grant back to funding; the same ``key`` reclaims once.

    What is held stays: running work keeps what it reserved. ``second`` names who agreed, above the four-eyes limit.
    Raises NotFound, InvalidAmount, Rejected without a reason or key, ReclaimNotPossible for a lot that was bought, has
    expired or has less left, or when one person alone would pass the limit over the lot's life.
    """
    if amount <= 0:
        raise InvalidAmount(gettext("The amount must be above zero."), field="amount")
    if not reason.strip():
        raise Rejected(gettext("Write why: it goes on the record."), field="reason")
    if not key.strip():
        raise Rejected(gettext("A reclaim needs a key, so that it happens once."), field="key")
    found = LedgerAccount.objects.lots().filter(public_id=public_id).first()
    if found is None:
        raise NotFound(gettext("There is no such credit lot."))
    lot = _locked(found.pk)
    posted: Transfer | None = Transfer.objects.filter(idempotency_key=f"reclaim:{key}").first()
    if posted is not None:
        if (posted.debit_account_id, posted.amount) != (lot.pk, amount):
            raise ReclaimNotPossible(gettext("This key reclaimed something else."), field="key")
        return posted
    if lot.origin not in RECLAIMABLE:
        raise ReclaimNotPossible(gettext("Only granted credit is reclaimed; bought credit is refunded."))
    if lot.expires_at is not None and lot.expires_at <= at:
        raise ReclaimNotPossible(gettext("This lot has expired: what was left of it goes by its expiry."))
    if amount > lot.available:
        raise ReclaimNotPossible(
            gettext("%(available)s credits of this lot are neither spent nor held: reclaim at most that.")
            % {"available": credits_in_full(max(0, lot.available))},
            field="amount",
        )
    if not second:
        taken = Transfer.objects.filter(debit_account=lot, kind=TransferKind.RECLAIM)
        before = int(taken.aggregate(total=Sum("amount", default=0))["total"])
        route = gettext("a second person must agree.")
        _require_within_limit(before + amount, ReclaimNotPossible, route, field="amount")
    transfer = post_transfer(
        debit=lot,
        credit=platform_account(AccountKind.FUNDING, at=at),
        amount=amount,
        kind=TransferKind.RECLAIM,
        organisation_id=lot.organisation_id or 0,
        key=f"reclaim:{key}",
        description=f"Reclaim: {lot.label}",
        at=at,
    )
    audit.record(
        actor=actor,
        action=Action.LOT_RECLAIMED,
        subject=lot,
        at=at,
        reason=f"{reason} (agreed by {second})" if second else reason,
        changes={"amount": decimal_string(amount), "transfer": transfer.public_id},
    )
    return transfer


def _require_within_limit(amount: int, refusal: type[Conflict], route: str, *, field: str | None = None) -> None:
    """Refuse what one person may not move alone, with the ``route`` that there is for two. Raises ``refusal``."""
    limit = settings.FOUR_EYES_LIMIT_MICROCREDITS
    if amount > limit:
        raise refusal(
            gettext("%(amount)s credits are above the four-eyes limit of %(limit)s: %(route)s")
            % {"amount": credits_in_full(amount), "limit": credits_in_full(limit), "route": route},
            field=field,
        )


def _locked(account_id: int) -> LedgerAccount:
    account: LedgerAccount = LedgerAccount.objects.select_for_update(no_key=True).get(pk=account_id)
    return account
