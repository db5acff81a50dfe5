# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the rating worker and of PostgreSQL at any moment: every batch counts exactly once, the books agree.

``AION_KILLS=500`` (``make chaos``) kills more often; ``AION_KILL_SEED`` repeats one run.
"""

import contextlib
import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aion.local import layout
from aion.local.postgres import Postgres, ensure_database
from tests.local.cluster import migrated_cluster
from tests.local.rating_worker import BATCHES, LOTS, ORGANISATIONS, truth
from tests.local.test_replay_survives import ROOT, environment

KILLS = int(os.environ.get("AION_KILLS", "40"))
SEED = os.environ.get("AION_KILL_SEED", "3")
pytestmark = [pytest.mark.local, pytest.mark.timeout(240 + 5 * KILLS)]


class Server:
    """A durable PostgreSQL of its own."""

    def __init__(self, state: Path) -> None:
        group = layout.Group("kills").load()
        self.url, self.log = group.database_url(), (state / "postgres.log").open("ab")
        self.postgres = Postgres(group, durable=True)
        self.postgres.prepare()
        self.start()

    def start(self) -> None:
        while True:
            self.process = subprocess.Popen(
                self.postgres.command(), cwd="/", stdout=self.log, stderr=self.log, **self.postgres.identity()
            )
            while self.process.poll() is None:
                with contextlib.suppress(psycopg.OperationalError):
                    ensure_database(self.url)
                    return
                time.sleep(0.05)  # the server says nothing when it is ready
            # The backends of a killed server hold its memory for a moment, and the next one refuses to start.

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        self.log.close()

    def wait(self) -> None:
        """Wait until the server answers again after one of its backends was killed."""
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                ensure_database(self.url)
                return
            time.sleep(0.05)  # it recovers

    def kill_postmaster(self) -> None:
        self.process.kill()
        self.process.wait()
        self.start()

    def kill_backend(self) -> None:
        """Kill a backend and wait until the server, which ends all of them for it, answers again."""
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = 'aion' AND pid <> pg_backend_pid() LIMIT 1"
            ).fetchone()
            if row is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(str(row[0])), signal.SIGKILL)
                    # Until the server has noticed it lets people in, and throws them out again.
                    connection.execute("SELECT pg_sleep(5)")
        self.wait()

    def copy(self, name: str) -> str:
        """Return the address of a copy of the database."""
        parts = psycopg.conninfo.conninfo_to_dict(self.url)
        with psycopg.connect(psycopg.conninfo.make_conninfo(**{**parts, "dbname": "postgres"}), autocommit=True) as one:
            one.execute(f"CREATE DATABASE {name} TEMPLATE aion")
        return self.url.replace("/aion?", f"/{name}?")


class Worker:
    """The rating worker; what it says is read line by line."""

    def __init__(self, url: str) -> None:
        env = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.local.rating_worker"],
            cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
        )  # fmt: skip
        self.rest, self.batch = b"", -1
        assert self.line() == {"ready": True}

    def line(self, seconds: float = 60.0) -> dict[str, Any] | None:
        """Return the next line, None when none comes in time."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + seconds
        while b"\n" not in self.rest:
            if not select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return None
            self.rest += os.read(self.process.stdout.fileno(), 65_536)
        text, self.rest = self.rest.split(b"\n", 1)
        words: dict[str, Any] = json.loads(text)
        self.batch = max(self.batch, words.get("batch", -1))
        return words

    def begin(self, do: str, **words: Any) -> int:
        """Start a command and return the pid of its process."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **words}).encode() + b"\n")
        self.early: list[dict[str, Any]] = []
        while True:
            line = self.line()
            assert line is not None
            if "pid" in line:
                return int(line["pid"])
            self.early.append(line)

    def end(self) -> tuple[int, dict[str, Any]]:
        """Read until the command has ended: its exit code and its answer or error."""
        last: dict[str, Any] = next((line for line in self.early if "answer" in line or "error" in line), {})
        while True:
            line = self.line()
            assert line is not None
            if "ended" in line:
                return int(line["ended"]), last
            if "batch" not in line:
                last = line

    def ask(self, do: str, **words: Any) -> Any:
        """Do a command that nobody disturbs and return its answer."""
        self.begin(do, **words)
        code, last = self.end()
        assert code == 0, last
        return last["answer"]

    def listen(self, seconds: float) -> bool:
        """Read what comes for a while; False when the command has ended in it."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            line = self.line(left)
            if line is not None and "batch" not in line:
                self.early.append(line)
                if "ended" in line:
                    return False
        return True

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    state = tmp_path_factory.mktemp("kills")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in migrated_cluster().items():
            patch.setenv(name, value)
        patch.setattr(layout, "STATE", state)
        patch.delenv("DATABASE_URL", raising=False)
        started = Server(state)
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"],
            cwd=ROOT,
            check=True,
            env={**environment(state), "DATABASE_URL": started.url, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        )
        yield started
        started.stop()


@pytest.fixture(scope="module")
def world(server: Server) -> dict[str, Any]:
    worker = Worker(server.url)
    made: dict[str, Any] = worker.ask("set_up")
    worker.stop()
    return made


def test_a_thousand_batches_count_once_though_worker_and_database_are_killed(
    server: Server, world: dict[str, Any]
) -> None:
    calm = Worker(server.copy("calm"))
    calm.ask("post", first=0, meters=world["meters"])
    expected = calm.ask("books", organisation=world["organisation"])
    calm.stop()
    dice, worker = random.Random(SEED), Worker(server.url)
    victims = ["worker"] * KILLS + ["postmaster"] * (KILLS // 8) + ["backend"] * (KILLS // 8)
    dice.shuffle(victims)
    killed = dict.fromkeys(victims, 0)
    while victims or worker.batch < BATCHES - 1:
        first = max(0, worker.batch + 1 - dice.randint(0, 25))
        pid = worker.begin("post", first=first, meters=world["meters"])
        runs = worker.listen(dice.uniform(0.0, 0.6)) if victims else worker.listen(600.0)
        if not runs:
            continue
        victim = victims.pop()
        killed[victim] += 1
        if victim == "worker":
            os.kill(pid, signal.SIGKILL)
        elif victim == "postmaster":
            server.kill_postmaster()
        else:
            server.kill_backend()
        code, last = worker.end()
        assert code in {-signal.SIGKILL, 1, 0}, last
        assert code != 1 or victim != "worker", last
    found = worker.ask("books", organisation=world["organisation"])
    worker.stop()
    assert killed == {"worker": KILLS, "postmaster": KILLS // 8, "backend": KILLS // 8}
    assert (found["exact"], found["drift"]) == (truth(), [])
    assert truth() == 3_600_000 * found["charged"] + found["carry"]
    assert found == expected


@pytest.mark.parametrize(("do", "kills"), [("close", 8), ("expire", 8)])
def test_a_job_that_is_killed_in_the_middle_ends_as_if_it_had_not_been(
    server: Server, world: dict[str, Any], do: str, kills: int
) -> None:
    calm = Worker(server.copy(f"calm_{do}"))
    calm.ask(do)
    expected = calm.ask("books", organisation=world["organisation"])
    calm.stop()
    dice, worker = random.Random(f"{SEED} {do}"), Worker(server.url)
    stopped = 0
    for _ in range(kills):
        pid = worker.begin(do)
        if worker.listen(dice.uniform(0.01, 0.12)):
            os.kill(pid, signal.SIGKILL)
            stopped += worker.end()[0] == -signal.SIGKILL
    worker.ask(do)
    assert (
        worker.ask(do) == {"close": {"closed": 0, "already": len(expected["statements"])}, "expire": {"expired": 0}}[do]
    )
    found = worker.ask("books", organisation=world["organisation"])
    worker.stop()
    assert stopped > 0
    assert (found, found["drift"]) == (expected, [])
    assert len(found["statements"]) >= ORGANISATIONS if do == "close" else len(found["expired"]) >= LOTS
