# SPDX-License-Identifier: Apache-2.0
"""Usage in, money out: one set-based transaction a batch."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.utils import IntegrityError

from aion.periods import floor_hour
from billing.models import Meter, Run, UsageBatch
from billing.services import rating
from billing.services.expiry import GRACE, goodwill_lots
from billing.services.ledger import platform_account, receivable_account
from billing.states import AccountKind, TransferKind


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of a batch: received = accepted + duplicate + refused."""

    batch_id: int
    received: int
    accepted: int
    duplicate: int
    refused: int


@dataclass(frozen=True, slots=True)
class Window:
    """Whole seconds of one meter inside one UTC hour, from ``start`` on."""

    start: datetime
    meter_id: int
    seconds: int
    revision: int = 0


def open_run(*, at: datetime, **terms: Any) -> Run:
    """Write the terms of a run: organisation, project, member, workload, SKU, frozen price, hold and decision."""
    return Run.objects.create(opened_at=at, **terms)


def open_meter(*, reference: str, run_id: int, milli_gpus: int, allowed: bool, at: datetime) -> int:
    """Register a device (cluster and pod uid) of a run and return the meter's id; the same reference opens once."""
    run = Run.objects.get(pk=run_id)
    meter, _ = Meter.objects.get_or_create(
        reference=reference,
        defaults={
            "run": run,
            "organisation_id": run.organisation_id,
            "price_id": run.price_id,
            "micro_per_gpu_hour": run.micro_per_gpu_hour,
            "milli_gpus": milli_gpus,
            "allowed": allowed,
            "opened_at": at,
        },
    )
    return int(meter.pk)


def post_windows(*, windows: Iterable[Window], source: str, at: datetime) -> BatchResult:
    """COPY ``windows`` and post them; repeats are harmless, in any order and batching."""

    def stage(cursor: Any) -> None:
        with cursor.copy("COPY usage_stage (hour, meter_id, start_second, seconds, revision) FROM STDIN") as copy:
            for window in windows:
                hour = floor_hour(window.start)
                begin = int((window.start - hour).total_seconds())
                copy.write_row((hour, window.meter_id, begin, window.seconds, window.revision))

    return post_staged(stage=stage, source=source, at=at)


@transaction.atomic
def post_staged(*, stage: Callable[[Any], None], source: str, at: datetime) -> BatchResult:
    """Fill the staging table with ``stage(cursor)`` and post it: all of the batch or nothing.

    A crash anywhere leaves no trace; the same batch again posts nothing. Never refuses for lack of credit: what no
    lot can pay goes to the organisation's receivable account.
    """
    with connection.cursor() as cursor:
        cursor.execute(rating.CREATE_TEMPORARY)
        stage(cursor)
        cursor.execute(rating.MEASURE_STAGE)
        received, first, last = cursor.fetchone()
        if not received:
            return BatchResult(0, 0, 0, 0, 0)
        batch = UsageBatch.objects.create(source=source, posted_at=at)
        scope: dict[str, Any] = {"batch_id": batch.pk, "at": at, "first": first, "last": last}
        cursor.execute(rating.ENSURE_PARTITIONS, scope)
        cursor.execute(rating.SAMPLE_STAGE)
        accepted, refused, table = _store(cursor, received, scope)
        if accepted:
            _charge(cursor, accepted=table, batch_id=batch.pk, at=at)
    result = BatchResult(batch.pk, received, accepted, received - accepted - refused, refused)
    UsageBatch.objects.filter(pk=batch.pk).update(
        received=result.received, accepted=result.accepted, duplicate=result.duplicate, refused=result.refused
    )
    return result


def _store(cursor: Any, received: int, scope: dict[str, Any]) -> tuple[int, int, str]:
    """Store what is new; return (accepted, refused, the table that holds what was accepted)."""
    try:
        with transaction.atomic():
            cursor.execute(rating.STORE_ALL, scope)
            accepted, table = cursor.rowcount, "usage_stage"
    except IntegrityError:
        cursor.execute(rating.COUNT_REPEATS, scope)
        if cursor.fetchone()[0] == received:
            return 0, 0, "usage_stage"
        cursor.execute(rating.CREATE_FOR_REPEATS)
        cursor.execute(rating.PICK_FRESH, scope)
        cursor.execute(rating.STORE_FRESH, scope)
        accepted, table = cursor.rowcount, "usage_stored"
    refused = 0
    if accepted < received:
        cursor.execute(rating.QUARANTINE, scope)
        (refused,) = cursor.fetchone()
    return accepted, refused, table


def _charge(cursor: Any, *, accepted: str, batch_id: int, at: datetime) -> None:
    clearing = platform_account(AccountKind.CLEARING, at=at)
    # One round trip: each statement still sees what those before it did, and what others committed while it waited.
    statements = (
        rating.GATHER.substitute(accepted=accepted),
        rating.ENSURE_CARRY,
        rating.LOCK_CARRY,
        rating.RATE,
        rating.CARRY,
        rating.LOCK_HOLDS,
        rating.LOCK_LOTS,
        rating.CAPTURE,
        rating.APPLY_CAPTURE,
        rating.REMAINING,
    )
    cursor.execute("; ".join(statements))
    while cursor.nextset():
        pass
    uncovered, refunds = cursor.fetchone()
    if uncovered:
        _burn_groups(cursor, at=at)
    if refunds:
        _refund(cursor)
    cursor.execute(rating.POST, {"batch_id": batch_id, "at": at, "clearing_id": clearing.pk})
    if refunds:
        _move_on_from_expired_lots(cursor, batch_id=batch_id, at=at)
    cursor.execute(f"{rating.ROLL_UP_HOURS}; {rating.ROLL_UP_DAYS}")


def _burn_groups(cursor: Any, *, at: datetime) -> None:
    cursor.execute(rating.UNCOVERED)
    for organisation_id, sku_id, site_code, programme_code, level, day, last_second, amount, _ in cursor.fetchall():
        need = {
            "organisation_id": organisation_id,
            "sku_id": sku_id,
            "site_code": site_code,
            "programme_code": programme_code,
            "level": level,
            "day": day,
            "last_second": last_second,
        }
        _burn_uncovered(cursor, need, amount, at=at)


def _burn_uncovered(cursor: Any, need: dict[str, Any], amount: int, *, at: datetime) -> None:
    cursor.execute(rating.BURN_FREE, {**need, "amount": amount})
    (burned,) = cursor.fetchone()
    if burned < amount:
        receivable_account(need["organisation_id"], at=at)
        cursor.execute(rating.TO_RECEIVABLE, {**need, "amount": amount - burned})


def _refund(cursor: Any) -> None:
    """Give back what corrections took off."""
    cursor.execute(rating.REFUND)
    for organisation_id, sku_id, day, last_second, amount in cursor.fetchall():
        rest = {
            "organisation_id": organisation_id,
            "sku_id": sku_id,
            "day": day,
            "last_second": last_second,
            "amount": amount,
        }
        cursor.execute(rating.REFUND_REST, rest)


def _move_on_from_expired_lots(cursor: Any, *, batch_id: int, at: datetime) -> None:
    """Turn what expired lots got back into goodwill, or let it expire: by setting."""
    cursor.execute(rating.EXPIRED_REFUNDS, {"expired_before": at - GRACE})
    for organisation_id, expired in cursor.fetchall():
        if settings.REFUND_EXPIRED_AS_GOODWILL:
            targets = goodwill_lots(organisation_id=organisation_id, expired=expired, at=at)
            kind = TransferKind.REFUND
        else:
            targets, kind = [(platform_account(AccountKind.BREAKAGE, at=at), expired)], TransferKind.EXPIRY
        for account, lots in targets:
            move = {
                "organisation_id": organisation_id,
                "account_id": account.pk,
                "kind": kind,
                "expired": lots,
                "batch_id": batch_id,
                "at": at,
            }
            cursor.execute(rating.MOVE_ON, move)
