# SPDX-License-Identifier: Apache-2.0
"""Taking times, and saying them as JSON lines: CPU of client and backend, or wall."""

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection


@dataclass(frozen=True, slots=True)
class Spent:
    """What an action took, in seconds. ``cpu`` is this process and its database backend together."""

    wall: float
    cpu: float


@dataclass(slots=True)
class Series:
    """Several measurements of one thing."""

    spent: list[Spent] = field(default_factory=list)

    def median(self, clock: str) -> float:
        """Return the median of ``cpu`` or ``wall`` seconds."""
        return float(statistics.median(getattr(one, clock) for one in self.spent))

    def percentile(self, share: float, clock: str = "wall") -> float:
        """Return a percentile (nearest rank) of the seconds."""
        ordered = sorted(getattr(one, clock) for one in self.spent)
        return float(ordered[min(len(ordered) - 1, int(share * len(ordered)))])


def backend_cpu(pid: int) -> float:
    """Return the CPU seconds of a PostgreSQL backend on this machine."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


def own_cpu() -> float:
    """Return the CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def backend_pid() -> int:
    """Return the process id of this connection's backend."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def timed(action: Callable[[], Any]) -> Spent:
    """Run an action and return what it took."""
    pid = backend_pid()
    cpu, wall = own_cpu() + backend_cpu(pid), time.perf_counter()
    action()
    wall = time.perf_counter() - wall
    return Spent(wall, own_cpu() + backend_cpu(pid) - cpu)


def say(name: str, value: float, unit: str, **more: Any) -> None:
    """Print one line. Every line has the same keys; what does not apply is null."""
    line = {
        "name": name,
        "value": round(value, 4) if isinstance(value, float) else value,
        "unit": unit,
        **dict.fromkeys(("ratio", "baseline", "clock", "size", "batch", "workers", "median_of", "goal")),
        **{key: round(item, 4) if isinstance(item, float) else item for key, item in more.items()},
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Tell the person what happens; standard output holds only JSON lines."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def machine() -> None:
    """Say what this machine is."""
    note(f"{os.cpu_count()} CPUs, Python {sys.version.split()[0]}, PostgreSQL {server_version()}")


def server_version() -> str:
    """Return PostgreSQL's version."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return str(cursor.fetchone()[0])
