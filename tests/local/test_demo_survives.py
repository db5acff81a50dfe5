# SPDX-License-Identifier: Apache-2.0
"""A demo of its own: a replay beside its portal stays exact when the web server is killed."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aion.local.layout import free_port
from tests.local.test_replay_survives import ROOT, environment, trace

LOCAL = [sys.executable, "-m", "aion.local"]
pytestmark = [pytest.mark.local, pytest.mark.timeout(400)]


@dataclass
class Demo:
    """A running demo."""

    env: dict[str, str]
    state: Path
    url: str

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([*LOCAL, *arguments], cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)

    def children(self) -> dict[str, Any]:
        status = json.loads((self.state / "demo" / "status.json").read_text(encoding="utf-8"))
        children: dict[str, Any] = status["children"]
        return children

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    state, port = tmp_path_factory.mktemp("demo"), free_port()
    env = environment(state) | {"AION_PORT": str(port), "AION_GROUP": "demo"}
    result = Demo(env, state, f"http://127.0.0.1:{port}")
    try:
        started = result.run("demo", "--no-replay", "--no-history")
        assert started.returncode == 0, started.stdout + started.stderr
        yield result
    finally:
        result.run("stop")


def test_a_replay_beside_the_portal_is_exact_when_the_web_server_is_killed(demo: Demo, tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    truth = trace(file, hours=48, runs=30)
    replay = subprocess.Popen(
        [*LOCAL, "manage", "replay_trace", str(file), "--json"],
        cwd=ROOT,
        env=demo.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert replay.stdout is not None and replay.stderr is not None
    before = demo.children()["web"]
    orphans = Path(f"/proc/{before['pid']}/task/{before['pid']}/children").read_text(encoding="ascii").split()
    for line in replay.stderr:
        if " 50%" in line:
            os.kill(before["pid"], signal.SIGKILL)
            break
    said, output = replay.stderr.read(), replay.stdout.read()
    assert replay.wait() == 0, said
    answer = json.loads(output)
    assert answer == {
        "gpu_seconds_metered": truth / 1000,
        "gpu_seconds_expected": truth / 1000,
        "charged_microcredits": answer["charged_microcredits"],
        "open_holds": 0,
        "unrated_records": 0,
        "ledger_reconciled": True,
    }
    assert [pid for pid in orphans if Path(f"/proc/{pid}").exists()] == []
    # The supervisor writes its status after the new child was started; the port opens when Django is loaded.
    deadline = time.monotonic() + 30
    while not demo.ready() and time.monotonic() < deadline:
        time.sleep(0.2)
    after = demo.children()["web"]
    assert (demo.ready(), after["restarts"], after["pid"] == before["pid"]) == (True, before["restarts"] + 1, False)
    assert {name: child["restarts"] for name, child in demo.children().items() if name != "web"} == dict.fromkeys(
        ("postgres", "broker", "site", "sandbox", "worker", "beat", "watcher"), 0
    )


IN_A_REPLAY = "from aion import clock; clock.set_virtual(clock.machine_now().replace(year=2020))"


def test_a_demo_whose_supervisor_was_killed_in_a_replay_starts_again_on_the_same_data(demo: Demo) -> None:
    before = demo.children()
    held = demo.run("manage", "shell", "--no-imports", "-c", IN_A_REPLAY)
    assert held.returncode == 0, held.stdout + held.stderr
    status = json.loads((demo.state / "demo" / "status.json").read_text(encoding="utf-8"))
    os.kill(status["pid"], signal.SIGKILL)
    again = demo.run("demo", "--no-replay", "--no-history")
    assert again.returncode == 0, again.stdout + again.stderr
    after = demo.children()
    assert (demo.ready(), set(after), after["postgres"]["pid"] == before["postgres"]["pid"]) == (
        True,
        set(before),
        False,
    )
