# SPDX-License-Identifier: Apache-2.0
"""Usage in, money out: one set-based transaction a batch."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from billing.models import LedgerAccount, Meter, UsageBatch
from billing.services import rating
from billing.services.ledger import platform_account
from billing.states import AccountKind


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
    """Whole seconds of one meter inside one UTC hour, starting at ``start``."""

    start: datetime
    meter_id: int
    seconds: int
    revision: int = 0


def open_meter(
    *,
    reference: str,
    organisation_id: int,
    project_id: int,
    workload_ref: str,
    site_code: str,
    sku_id: int,
    price_id: int,
    micro_per_gpu_hour: int,
    milli_gpus: int,
    hold_id: int | None,
    decision_id: int | None,
    at: datetime,
) -> int:
    """Register who pays for ``reference`` (cluster and pod uid) and at which frozen price; return the meter's id."""
    meter, _ = Meter.objects.get_or_create(
        reference=reference,
        defaults={
            "organisation_id": organisation_id,
            "project_id": project_id,
            "workload_ref": workload_ref,
            "site_code": site_code,
            "sku_id": sku_id,
            "price_id": price_id,
            "micro_per_gpu_hour": micro_per_gpu_hour,
            "milli_gpus": milli_gpus,
            "hold_id": hold_id,
            "decision_id": decision_id,
            "opened_at": at,
        },
    )
    return int(meter.pk)


def post_windows(*, windows: Iterable[Window], source: str, at: datetime) -> BatchResult:
    """COPY ``windows`` and post them; repeats are harmless, in any order and batching."""

    def stage(cursor: Any) -> None:
        with cursor.copy("COPY usage_stage (window_start, meter_id, revision, seconds) FROM STDIN") as copy:
            for window in windows:
                copy.write_row((window.start, window.meter_id, window.revision, window.seconds))

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
        cursor.execute("SELECT count(*) FROM usage_stage")
        (received,) = cursor.fetchone()
        if not received:
            return BatchResult(0, 0, 0, 0, 0)
        cursor.execute("ANALYZE usage_stage")
        batch = UsageBatch.objects.create(source=source, posted_at=at)
        scope: dict[str, Any] = {"batch_id": batch.pk, "at": at}
        cursor.execute(rating.ACCEPT, scope)
        accepted = cursor.rowcount
        cursor.execute(rating.QUARANTINE, scope)
        (refused,) = cursor.fetchone()
        if accepted:
            _charge(cursor, batch_id=batch.pk, at=at)
    result = BatchResult(batch.pk, received, accepted, received - accepted - refused, refused)
    UsageBatch.objects.filter(pk=batch.pk).update(
        received=result.received, accepted=result.accepted, duplicate=result.duplicate, refused=result.refused
    )
    return result


def _charge(cursor: Any, *, batch_id: int, at: datetime) -> None:
    clearing = platform_account(AccountKind.CLEARING, at=at)
    for statement in (rating.ENSURE_CARRY, rating.LOCK_CARRY, rating.RATE, rating.CARRY):
        cursor.execute(statement)
    for statement in (
        rating.LOCK_HOLDS,
        rating.LOCK_LOTS,
        rating.CAPTURE,
        rating.APPLY_CAPTURE,
        rating.UNCOVERED,
    ):
        cursor.execute(statement)
    for organisation_id, sku_id, day, last_second, amount in cursor.fetchall():
        _burn_uncovered(
            cursor,
            organisation_id=organisation_id,
            sku_id=sku_id,
            day=day,
            last_second=last_second,
            amount=amount,
            at=at,
        )
    cursor.execute(rating.POST, {"batch_id": batch_id, "at": at, "clearing_id": clearing.pk})
    cursor.execute(rating.ROLL_UP)


def _burn_uncovered(
    cursor: Any,
    *,
    organisation_id: int,
    sku_id: int,
    day: datetime,
    last_second: datetime,
    amount: int,
    at: datetime,
) -> None:
    need: dict[str, Any] = {
        "organisation_id": organisation_id,
        "sku_id": sku_id,
        "day": day,
        "last_second": last_second,
        "amount": amount,
    }
    cursor.execute(rating.BURN_FREE, need)
    (burned,) = cursor.fetchone()
    if burned < amount:
        LedgerAccount.objects.get_or_create(
            kind=AccountKind.RECEIVABLE,
            organisation_id=organisation_id,
            defaults={"label": "Receivable", "created_at": at},
        )
        cursor.execute(rating.TO_RECEIVABLE, {**need, "amount": amount - burned})
