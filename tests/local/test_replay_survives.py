# SPDX-License-Identifier: Apache-2.0
"""`make replay` on a machine of its own: exact on a generic trace, and the same when its parts are killed in turn."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from tests.local.cluster import migrated_cluster

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.local, pytest.mark.timeout(400)]


def environment(state: Path) -> dict[str, str]:
    """Return this process's environment without the services it was given: the replay brings its own."""
    given = {"DATABASE_URL", "AION_BROKER_URL", "AION_QUEUE", "AION_SITE_URL", "DJANGO_SETTINGS_MODULE"}
    values = {name: value for name, value in os.environ.items() if name not in given}
    return {**values, "AION_LOCAL_STATE": str(state), "AION_VIRTUAL_CLOCK": "yes"}


def trace(path: Path, *, hours: int, runs: int) -> int:
    """Write a trace with fractions, gangs, cancellations and open ends; return its milli-GPU-seconds."""
    dice = random.Random(7)
    lines, truth, end = ["tenant,workload,gpus,created_s,started_s,ended_s"], 0, hours * 3600
    for number in range(runs):
        created = dice.randrange(0, end - 7200)
        started = created + dice.randrange(0, 3600)
        ended = min(end, started + dice.randrange(1, 40_000))
        milli = dice.choice([1000, 2000, 8000, 13_000, 333, 1500, 0])
        gpus = f"{milli / 1000:g}"
        if number % 9 == 4:
            lines.append(f"t{number % 3},w{number},{gpus},{created},,{ended}")
            continue
        truth += milli * (ended - started)
        lines.append(f"t{number % 3},w{number},{gpus},{created},{started},{ended}")
    lines.append(f"t0,last,1,0,0,{end}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return truth + 1000 * end


def kill(state: Path, child: str) -> None:
    status = json.loads((state / "replay" / "status.json").read_text(encoding="utf-8"))
    os.kill(status["children"][child]["pid"], signal.SIGKILL)


def kill_in_turn(stderr: IO[str], state: Path, plan: dict[str, str]) -> list[str]:
    """Kill a part at each share of the progress; return what standard error said."""
    said = []
    for line in stderr:
        said.append(line)
        for share, child in list(plan.items()):
            if share in line:
                kill(state, child)
                del plan[share]
    assert plan == {}, said[-5:]
    return said


def test_a_replay_whose_parts_are_killed_in_turn_closes_with_the_exact_truth(tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    truth = trace(file, hours=120, runs=60)
    process = subprocess.Popen(
        [sys.executable, "-m", "aion.local", "replay", str(file), "--json"],
        cwd=ROOT,
        env=environment(tmp_path / "state") | migrated_cluster(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    said = kill_in_turn(
        process.stderr, tmp_path / "state", {" 20%": "worker", " 40%": "site", " 60%": "postgres", " 80%": "broker"}
    )
    output = process.stdout.read()
    assert process.wait() == 0, said[-15:]
    answer = json.loads(output)
    assert output.count("\n") == 1
    assert answer["gpu_seconds_metered"] == answer["gpu_seconds_expected"] == pytest.approx(truth / 1000, abs=0)
    assert (answer["open_holds"], answer["unrated_records"], answer["ledger_reconciled"]) == (0, 0, True)


def test_a_bad_file_is_refused_with_exit_2_before_anything_starts(tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("tenant,workload,gpus,created_s,started_s,ended_s\na,1,1,5,4,9\n", encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "aion.local", "replay", str(file), "--json"],
        cwd=ROOT,
        env=environment(tmp_path / "state"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert "line 2: started_s 4 is before created_s 5" in result.stderr
    assert not (tmp_path / "state" / "replay" / "postgres").exists()
