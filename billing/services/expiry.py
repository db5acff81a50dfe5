# SPDX-License-Identifier: Apache-2.0
"""The end of a lot: usable up to the second before, open for late usage for a while, breakage after.

A hold that spans the expiry keeps its share: the run that reserved the credit in time still spends it. What the run
gives back when it ends is expired by the next sweep.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from aion.events.services.emission import emit
from aion.periods import next_midnight
from billing.models import LedgerAccount
from billing.services.ledger import platform_account
from billing.states import ORIGIN_RANK, AccountKind, Origin

GRACE = timedelta(hours=72)
GOODWILL_DAYS = 90
BATCH = 1_000
WARNED_DAYS = (14, 3)
EXPIRE = """
WITH due AS (
  SELECT id, organisation_id, label, expires_at, debits, credits - debits - held AS amount
  FROM billing_ledgeraccount
  WHERE kind = 'lot' AND expires_at <= %(expired_before)s AND credits - debits - held > 0
  ORDER BY id LIMIT %(batch)s FOR NO KEY UPDATE SKIP LOCKED
)
INSERT INTO billing_transfer (public_id, organisation_id, debit_account_id, credit_account_id, amount, kind,
    description, effective_at, created_at, idempotency_key)
SELECT 'tr_' || left(replace(gen_random_uuid()::text, '-', ''), 16), organisation_id, id, %(breakage_id)s, amount,
       'expiry', left('Expired: ' || label, 200), expires_at, %(at)s, concat_ws(':', 'expire', id, debits)
FROM due ORDER BY id
RETURNING debit_account_id, amount, idempotency_key
"""


def expire_lots(*, at: datetime) -> int:
    """Move what is left on lots that expired more than the grace ago to breakage; return how many lots."""
    breakage = platform_account(AccountKind.BREAKAGE, at=at)
    scope: dict[str, Any] = {"expired_before": at - GRACE, "batch": BATCH, "breakage_id": breakage.pk, "at": at}
    total = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(EXPIRE, scope)
            moved = {lot_id: (amount, key) for lot_id, amount, key in cursor.fetchall()}
            for lot in LedgerAccount.objects.filter(pk__in=moved).order_by("pk"):
                amount, key = moved[lot.pk]
                _tell(lot, "credit.lot_expired", key=key, at=at, expired_microcredits=amount)
        total += len(moved)
        if len(moved) < BATCH:
            return total


@transaction.atomic
def warn_of_expiry(*, at: datetime) -> int:
    """Tell organisations of lots that end in a fortnight and in three days with something left; each once."""
    told = 0
    for days in WARNED_DAYS:
        lots: Any = LedgerAccount.objects.spendable_at(at).filter(expires_at__lte=at + timedelta(days=days))
        for lot in lots.order_by("pk").iterator(chunk_size=BATCH):
            key = f"expiring:{lot.pk}:{days}"
            told += _tell(lot, "credit.lot_expiring", key=key, at=at, remaining_microcredits=lot.available)
    return told


def _tell(lot: LedgerAccount, type_: str, *, key: str, at: datetime, **amounts: int) -> bool:
    data = {
        "lot": lot.public_id,
        "label": lot.label,
        "origin": lot.origin,
        "amount_microcredits": lot.credits,
        "expires_at": lot.expires_at,
        **amounts,
    }
    return emit(organisation_id=lot.organisation_id or 0, type=type_, data=data, key=key, at=at) is not None


def goodwill_lots(
    *, organisation_id: int, expired: Collection[int], at: datetime
) -> list[tuple[LedgerAccount, list[int]]]:
    """Return new, empty lots for credit that comes back after its own lot has expired, each with the lots it is for.

    There is one for each set of restrictions: what a funder gave for some work comes back for that work only.
    """
    alike: dict[tuple[Any, ...], list[int]] = {}
    for lot in LedgerAccount.objects.filter(pk__in=expired).order_by("pk"):
        codes = (lot.sku_codes, lot.site_codes, lot.programme_codes)
        alike.setdefault((*(tuple(sorted(set(one))) for one in codes), lot.min_level), []).append(lot.pk)
    return [(_goodwill_lot(organisation_id, *only, at=at), lots) for only, lots in alike.items()]


def _goodwill_lot(
    organisation_id: int,
    sku_codes: Sequence[str],
    site_codes: Sequence[str],
    programme_codes: Sequence[str],
    min_level: int,
    *,
    at: datetime,
) -> LedgerAccount:
    return LedgerAccount.objects.create(
        kind=AccountKind.LOT,
        organisation_id=organisation_id,
        label="Goodwill for a correction",
        origin=Origin.GOODWILL,
        rank=ORIGIN_RANK[Origin.GOODWILL],
        sku_codes=list(sku_codes),
        site_codes=list(site_codes),
        programme_codes=list(programme_codes),
        min_level=min_level,
        starts_at=at,
        expires_at=next_midnight(at + timedelta(days=GOODWILL_DAYS)),
        created_at=at,
    )
