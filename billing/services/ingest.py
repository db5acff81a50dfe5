# SPDX-License-Identifier: Apache-2.0
"""Usage that operators meter on their own side: judged line by line, set-based, and posted like any other.

The good lines of a batch land, the others come back by index with the reason and are kept in quarantine.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction

from billing.models import UsageBatch
from billing.services import ingest_sql as sql
from billing.services.metering import BatchResult, post_staged

LATE = timedelta(days=35)
SKEW = timedelta(minutes=5)
HOUR = timedelta(hours=1)
NEVER = datetime(2000, 1, 1, tzinfo=UTC)
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


class RunTerms(NamedTuple):
    """What bounds the usage of one run: its size, its time (or its text in PostgreSQL) and its devices' prefix."""

    workload_ref: str
    run_id: int
    prefix: str
    milli_gpus: int
    max_seconds: int
    not_before: datetime | str
    not_after: datetime | str | None
    allowed: bool

    def as_line(self) -> str:
        """Return the COPY line of the staging table."""
        hold = self.milli_gpus * self.max_seconds
        end = r"\N" if self.not_after is None else self.not_after
        return f"{self.run_id}\t{self.milli_gpus}\t{hold}\t{self.not_before}\t{end}\t{self.allowed}\n"


Shape = tuple[datetime, int, int, int]  # what many lines have in common: start, seconds, milli-GPUs, revision
# line, workload, device, window start, seconds, milli-GPUs, revision; the two texts have no control characters
Reading = tuple[int, str, str, datetime, int, int, int]
NO_RUN = 0


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


class Staged:
    """A batch as COPY text. A line names its run and its shape by number: both are few beside the lines."""

    def __init__(self, readings: Iterable[Reading], terms: Sequence[RunTerms]) -> None:
        """Write ``readings``; a reading whose workload is not in ``terms`` has no run."""
        # Both numbers and both texts of a line stand behind one look-up each: 10,000 lines are one pass.
        heads = {one.workload_ref: _head(one.run_id, one.prefix) for one in terms}
        shapes: dict[Shape, int] = {}
        devices, lines = set(), []
        for line, workload, device, start, seconds, milli, revision in readings:
            owned = f"{heads.get(workload) or _head(NO_RUN, workload)}{device}"
            number = shapes.setdefault((start, seconds, milli, revision), len(shapes))
            devices.add(owned)
            lines.append(f"{owned}\t{number}\t{line}\n")
        self.one_line_each = len(devices) == len(lines)
        self.runs = "".join([one.as_line() for one in terms])
        self.shapes = "".join(
            [
                f"{number}\t{start}\t{seconds}\t{milli}\t{revision}\n"
                for (start, seconds, milli, revision), number in shapes.items()
            ]
        )
        self.readings = _escaped("".join(lines), len(lines))
        starts = [start for start, *_ in shapes]
        self.first = min(starts, default=NEVER) - HOUR
        self.last = max(starts, default=NEVER)


def _head(run_id: int, prefix: str) -> str:
    return f"{run_id}\t{prefix}/"


def _escaped(text: str, lines: int) -> str:
    # A control character in a text would be a line or a column that nobody sent.
    if text.count("\n") != lines or text.count("\t") != 3 * lines:
        raise ValueError("The texts of readings have no control characters: check them where they come in.")
    return text.replace("\\", "\\\\")


@transaction.atomic
def ingest_readings(
    *, organisation_id: int, readings: Iterable[Reading], terms: Sequence[RunTerms], source: str, at: datetime
) -> IngestResult:
    """Judge and post ``readings``; the same batch again posts nothing and answers the same.

    ``organisation_id`` is the operator's, under whom lines of unknown workloads are kept.
    """

    staged = Staged(readings, terms)

    def stage(cursor: Any) -> None:
        cursor.execute(sql.CREATE_TEMPORARY)
        for statement, text in (
            (sql.COPY_RUNS, staged.runs),
            (sql.COPY_SHAPES, staged.shapes),
            (sql.COPY_READINGS, staged.readings),
        ):
            with cursor.copy(statement) as copy:
                copy.write(text)
        cursor.execute(sql.SAMPLE_TERMS)
        cursor.execute(sql.LOCK_RUNS)
        scope = {"late": at - LATE, "future": at + SKEW, "first": staged.first, "last": staged.last}
        cursor.execute(sql.STAGE_PLAIN_RUNS_APART if staged.one_line_each else sql.STAGE_PLAIN_RUNS, scope)
        (odd,) = cursor.fetchone()
        if odd:
            cursor.execute(sql.SAMPLE_READINGS)
            cursor.execute(sql.JUDGE, {**scope, "runs": odd})
            cursor.execute(sql.OPEN_METERS, {"at": at})
            cursor.execute(sql.TO_PIPELINE)

    result = post_staged(stage=stage, source=source, at=at)
    with connection.cursor() as cursor:
        if result.refused:
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
