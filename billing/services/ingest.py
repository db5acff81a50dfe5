# SPDX-License-Identifier: Apache-2.0
"""Usage that operators meter on their own side: judged line by line, set-based, and posted like any other.

The good lines of a batch land, the others come back by index with the reason and are kept in quarantine.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from billing.models import UsageBatch
from billing.services import ingest_sql as sql
from billing.services.metering import BatchResult, post_staged

LATE = timedelta(days=35)
SKEW = timedelta(minutes=5)
# The codes are part of the API.
REASONS = {
    "unknown_workload": "No workload with this id runs on a pool that you operate and meter yourself.",
    "end_before_start": "The window must end after it starts.",
    "crosses_the_hour": "A window lies inside one UTC hour: cut it at the full hour.",
    "in_the_future": "The window ends in the future.",
    "before_the_workload": "The window starts before the workload was launched.",
    "after_the_workload": "The window ends after the workload did.",
    "too_late": "Usage is accepted for 35 days.",
    "exceeds_the_workload": "The workload has fewer GPUs than that.",
    "device_of_another_workload": "This device was metered for another workload: use the pod's uid.",
    "device_changed_size": "A device keeps its size: a resized pod is a new device.",
    "overlap": "The window overlaps another one of the same device.",
    "exceeds_the_hold": "The workload has used all that its launch reserved: nothing more can be charged to it.",
    "stale_revision": "A correction carries the revision after the last one, and the seconds that are right.",
    "no_change": "The window has these seconds already.",
    "no_allowing_decision": "No residency decision allows this usage: it is kept, and never charged.",
    "conflict": "Another content is stored under this device, window and revision.",
}


@dataclass(frozen=True, slots=True)
class RunTerms:
    """What bounds the usage of one run: its size, its time and the prefix of its devices."""

    workload_ref: str
    run_id: int
    prefix: str
    milli_gpus: int
    max_seconds: int
    not_before: datetime
    not_after: datetime | None
    allowed: bool

    def as_row(self) -> tuple[Any, ...]:
        """Return the row of the staging table."""
        hold = self.milli_gpus * self.max_seconds
        bounds = (self.not_before, self.not_after, self.allowed)
        return (self.workload_ref, self.run_id, self.prefix, self.milli_gpus, hold, *bounds)


# line, workload, device, window start, seconds, milli-GPUs, revision
Reading = tuple[int, str, str, datetime, int, int, int]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that did not land."""

    line: int
    code: str

    @property
    def detail(self) -> str:
        """Return what is wrong and what to do."""
        return REASONS[self.code]


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What became of a batch: received = accepted + duplicate + refused."""

    batch: BatchResult
    refusals: list[Refusal]


@transaction.atomic
def ingest_readings(
    *, organisation_id: int, readings: Iterable[Reading], terms: Sequence[RunTerms], source: str, at: datetime
) -> IngestResult:
    """Judge and post ``readings``; the same batch again posts nothing and answers the same.

    ``organisation_id`` is the operator's, under whom lines of unknown workloads are kept.
    """

    def stage(cursor: Any) -> None:
        cursor.execute(sql.CREATE_TEMPORARY)
        with cursor.copy(sql.COPY_RUNS) as copy:
            for one in terms:
                copy.write_row(one.as_row())
        with cursor.copy(sql.COPY_READINGS) as copy:
            for reading in readings:
                copy.write_row(reading)
        cursor.execute(sql.SAMPLE)
        cursor.execute(sql.LOCK_RUNS)
        cursor.execute(sql.JUDGE, {"late": at - LATE, "future": at + SKEW})
        cursor.execute(sql.OPEN_METERS, {"at": at})
        cursor.execute(sql.TO_PIPELINE)

    result = post_staged(stage=stage, source=source, at=at)
    with connection.cursor() as cursor:
        cursor.execute(sql.REFUSED_IN_PIPELINE)
        cursor.execute(sql.REFUSED)
        refusals = [Refusal(line, code) for line, code in cursor.fetchall()]
        kept = len(refusals) - result.refused
        if kept:
            batch_id = result.batch_id or UsageBatch.objects.create(source=source, posted_at=at).pk
            cursor.execute(sql.KEEP_REFUSED, {"batch_id": batch_id, "operator_id": organisation_id, "at": at})
            result = BatchResult(
                batch_id, result.received + kept, result.accepted, result.duplicate, result.refused + kept
            )
            UsageBatch.objects.filter(pk=batch_id).update(received=result.received, refused=result.refused)
    return IngestResult(result, refusals)
