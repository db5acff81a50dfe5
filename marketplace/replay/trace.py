# SPDX-License-Identifier: Apache-2.0
"""Reading traces. Pure: a file in, items and the truth out; a bad file is refused whole, by line number."""

import csv
import hashlib
import io
import itertools
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

GENERIC = ("tenant", "workload", "gpus", "created_s", "started_s", "ended_s")
HELIOS = ("vc", "time", "total_gpu_num", "running_gpu_num")
GENERIC_ORIGIN = datetime(2025, 1, 1, tzinfo=UTC)
_GPUS = re.compile(r"^\d{1,7}(\.\d{1,3})?$")
_SECONDS = re.compile(r"^\d{1,10}$")
SHOWN = 20


class BadTrace(Exception):
    """The file is refused; ``problems`` name the lines."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        more = f" (and {len(problems) - SHOWN} more)" if len(problems) > SHOWN else ""
        super().__init__("; ".join(problems[:SHOWN]) + more)


@dataclass(frozen=True, slots=True)
class Item:
    """One workload of the trace; seconds from the trace's start. ``started`` None: it never ran."""

    line: int
    tenant: str
    name: str
    milli_gpus: int
    created: int
    started: int | None
    ended: int

    @property
    def truth(self) -> int:
        """Return the milli-GPU-seconds it used."""
        return 0 if self.started is None else self.milli_gpus * (self.ended - self.started)

    @property
    def places_an_order(self) -> bool:
        """Tell whether there is anything to run or hold; no GPU or no length needs no order."""
        return self.milli_gpus > 0 and (self.started is None or self.ended > self.started)


@dataclass(frozen=True, slots=True)
class Trace:
    """A whole file."""

    digest: str
    name: str
    prefix: str
    origin: datetime
    items: tuple[Item, ...]
    end: int

    @property
    def expected(self) -> int:
        """Return the milli-GPU-seconds that the file alone says were used."""
        return sum(item.truth for item in self.items)


def read_trace(path: Path) -> Trace:
    """Read a Helios or generic trace. Raises BadTrace before anything is written."""
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise BadTrace([f"{path} cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise BadTrace([f"{path} is not UTF-8 text (byte {error.start})"]) from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise BadTrace([f"line {reader.line_num}: {error}"]) from error
    columns = [name.strip() for name in reader.fieldnames or []]
    if not columns:
        raise BadTrace(["line 1: the file is empty; it needs a header line"])
    helios = "running_gpu_num" in columns or "vc" in columns
    missing = [name for name in (HELIOS if helios else GENERIC) if name not in columns]
    if missing:
        raise BadTrace([f"line 1: missing column {', '.join(missing)}"])
    problems = [
        f"line {line}: {'too few' if None in row.values() else 'too many'} fields; is the line cut off?"
        for line, row in rows
        if None in row.values() or None in row
    ]
    if problems:
        raise BadTrace(problems)
    digest = hashlib.sha256(raw).hexdigest()
    clean = [(line, {str(key).strip(): str(value).strip() for key, value in row.items()}) for line, row in rows]
    if helios:
        return _helios(digest, path.name, clean)
    return _generic(digest, path.name, clean)


def _generic(digest: str, name: str, rows: list[tuple[int, dict[str, str]]]) -> Trace:
    problems: list[str] = []
    parsed: list[tuple[int, dict[str, str], int, int | None, int | None]] = []
    for line, row in rows:
        wrong = _wrong_cells(row)
        if wrong:
            problems.extend(f"line {line}: {what}" for what in wrong)
            continue
        created = int(row["created_s"])
        started = int(row["started_s"]) if row["started_s"] else None
        ended = int(row["ended_s"]) if row["ended_s"] else None
        if started is not None and started < created:
            problems.append(f"line {line}: started_s {started} is before created_s {created}")
        if ended is not None and ended < (created if started is None else started):
            problems.append(f"line {line}: ended_s {ended} is before its start")
        parsed.append((line, row, created, started, ended))
    if problems:
        raise BadTrace(problems)
    end = max(
        (t for _, _, created, started, ended in parsed for t in (created, started or 0, ended or 0)),
        default=0,
    )
    items = tuple(
        Item(
            line=line,
            tenant=row["tenant"],
            name=f"trace-{line:07d}",
            milli_gpus=_milli(row["gpus"]),
            created=created,
            started=started,
            ended=end if ended is None else ended,
        )
        for line, row, created, started, ended in parsed
    )
    return Trace(digest, name, f"t{digest[:8]}", GENERIC_ORIGIN, items, end)


def _wrong_cells(row: dict[str, str]) -> list[str]:
    wrong = []
    if not row["tenant"]:
        wrong.append("tenant is empty")
    if not _GPUS.match(row["gpus"]):
        wrong.append(f"gpus {row['gpus']!r} is not a number with at most three decimals")
    if not _SECONDS.match(row["created_s"]):
        wrong.append(f"created_s {row['created_s']!r} is not a whole number of seconds")
    wrong.extend(
        f"{column} {row[column]!r} is not a whole number of seconds"
        for column in ("started_s", "ended_s")
        if row[column] and not _SECONDS.match(row[column])
    )
    return wrong


def _milli(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole) * 1000 + int(fraction.ljust(3, "0") or 0)


def _helios(digest: str, name: str, rows: list[tuple[int, dict[str, str]]]) -> Trace:
    problems: list[str] = []
    series: dict[str, list[tuple[datetime, int, int]]] = defaultdict(list)
    for line, row in rows:
        try:
            at = datetime.strptime(row["time"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            problems.append(f"line {line}: time {row['time']!r} is not YYYY-MM-DD HH:MM:SS")
            continue
        if not row["running_gpu_num"].isdigit():
            problems.append(f"line {line}: running_gpu_num {row['running_gpu_num']!r} is not a whole number")
            continue
        if not row["vc"]:
            problems.append(f"line {line}: vc is empty")
            continue
        series[row["vc"]].append((at, int(row["running_gpu_num"]), line))
    if not problems:
        problems = _gaps(series)
    if problems or not series:
        raise BadTrace(problems or ["line 2: the file has no data"])
    origin = min(points[0][0] for points in series.values())
    parts = [
        (origin_hour + start, tenant, gpus, origin_hour + stop)
        for tenant, points in series.items()
        for origin_hour in [(points[0][0] - origin) // timedelta(hours=1)]
        for start, stop, gpus in split_levels([gpus for _, gpus, _ in points])
    ]
    parts.sort()
    items = tuple(
        Item(
            line=index,
            tenant=tenant,
            name=f"helios-{index:05d}",
            milli_gpus=gpus * 1000,
            created=start * 3600,
            started=start * 3600,
            ended=stop * 3600,
        )
        for index, (start, tenant, gpus, stop) in enumerate(parts, 1)
    )
    end = max((item.ended for item in items), default=0)
    return Trace(digest, name, "helios", origin, items, end)


def _gaps(series: dict[str, list[tuple[datetime, int, int]]]) -> list[str]:
    problems = []
    lasts = {points[-1][0] for points in series.values()}
    for tenant, points in series.items():
        for (before, _, _), (at, _, line) in itertools.pairwise(points):
            if at - before != timedelta(hours=1):
                problems.append(f"line {line}: {tenant} jumps from {before:%Y-%m-%d %H:%M} to {at:%Y-%m-%d %H:%M}")
        if points[-1][0] != max(lasts):
            problems.append(f"line {points[-1][2]}: {tenant} ends before the others; is the file cut off?")
    return problems


def split_levels(levels: list[int]) -> list[tuple[int, int, int]]:
    """Cut hourly levels into (start hour, end hour, GPUs): a rise starts, a fall ends the youngest first."""
    stack: list[list[int]] = []
    result = []
    previous = 0
    for hour, level in enumerate([*levels, 0]):
        if level > previous:
            stack.append([hour, level - previous])
        falling = previous - level
        while falling > 0:
            start, gpus = stack[-1]
            taken = min(gpus, falling)
            result.append((start, hour, taken))
            falling -= taken
            if taken == gpus:
                stack.pop()
            else:
                stack[-1][1] -= taken
        previous = level
    return result
