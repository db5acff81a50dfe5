# SPDX-License-Identifier: Apache-2.0
"""The end of a lot: usable up to the second before, open for late usage for a while, breakage after.

A hold that spans the expiry keeps its share: the run that reserved the credit in time still spends it. What the run
gives back when it ends is expired by the next sweep.
"""

from datetime import datetime, timedelta

from django.db import connection, transaction

from aion.periods import next_midnight
from billing.models import LedgerAccount
from billing.services.ledger import platform_account
from billing.states import ORIGIN_RANK, AccountKind, Origin

GRACE = timedelta(hours=72)
GOODWILL_DAYS = 90
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
"""
BATCH = 10_000


def expire_lots(*, at: datetime) -> int:
    """Move what is left on lots that expired more than the grace ago to breakage; return how many lots."""
    breakage = platform_account(AccountKind.BREAKAGE, at=at)
    total = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(EXPIRE, {"expired_before": at - GRACE, "batch": BATCH, "breakage_id": breakage.pk, "at": at})
            moved = int(cursor.rowcount)
        total += moved
        if moved < BATCH:
            return total


def goodwill_lot(*, organisation_id: int, at: datetime) -> LedgerAccount:
    """Return a new, empty lot for credit that comes back after its own lot has expired."""
    return LedgerAccount.objects.create(
        kind=AccountKind.LOT,
        organisation_id=organisation_id,
        label="Goodwill for a correction",
        origin=Origin.GOODWILL,
        rank=ORIGIN_RANK[Origin.GOODWILL],
        starts_at=at,
        expires_at=next_midnight(at + timedelta(days=GOODWILL_DAYS)),
        created_at=at,
    )
