# SPDX-License-Identifier: Apache-2.0
"""Collect the tests once; then, for each fault, fork, put the fault in and run them until one fails.

A fork gets a database of its own, copied from a clean one, so that nothing a killed run leaves behind is seen by the
next, and two runs at once share nothing.
"""

import importlib
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections
from psycopg import sql

from tests.mutation.patch import put
from tests.mutation.reach import ROOT, Entered, telling

SECONDS = 300
GONE = ("connection to server", "server closed the connection", "the database system is")


@dataclass(frozen=True)
class Verdict:
    """What a run of the tests said: the test that failed and why, or nothing where all passed."""

    survived: bool
    reason: str


class Unclear(Exception):
    """A run that says nothing about the tests: the database is gone, or pytest itself failed."""


class Mutation:
    """A pytest plugin: the loop over tests becomes a loop over faults."""

    def __init__(self, url: str, template: str, judge: Callable[["Mutation"], int]) -> None:
        self.url, self.template, self.judge = url, template, judge
        self.number, self.code, self.report = 0, 0, Path()
        self.forked = False
        self.items: list[pytest.Item] = []
        self.entered: Entered = set()
        self.reached: dict[str, tuple[float, Entered]] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Judge all faults; in a fork, return None: pytest goes on with its own loop."""
        if session.testsfailed or not session.items:
            raise pytest.UsageError("The tests cannot be collected.")
        self.session, self.items = session, list(session.items)
        self.code = self.judge(self)
        return None if self.forked else True

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: pytest.FixtureRequest) -> bool | None:
        """Let a fork use the database it was given, instead of making one by all migrations."""
        if fixturedef.argname != "django_db_setup":
            return None
        fixturedef.cached_result = (None, fixturedef.cache_key(request), None)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Note what a test enters and how long it takes."""
        self.entered.clear()
        began = time.monotonic()
        result = yield
        self.reached[item.nodeid] = (time.monotonic() - began, set(self.entered))
        return result

    def pytest_sessionfinish(self) -> None:
        """Tell the parent what the tests entered."""
        if self.forked:
            told = {test: [seconds, sorted(entered)] for test, (seconds, entered) in self.reached.items()}
            (self.report.parent / "reached.json").write_text(json.dumps(told), encoding="utf-8")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what failed first, for the parent."""
        if report.failed and not self.report.exists():
            message = getattr(getattr(report.longrepr, "reprcrash", None), "message", str(report.longrepr))
            self.report.write_text(json.dumps([report.nodeid, message]), encoding="utf-8")

    def clean(self, paths: set[str]) -> bool:
        """Run everything without a fault, noting which functions of ``paths`` each test enters. Raises Unclear.

        True in the fork.
        """

        def prepare() -> None:
            for path in paths:
                module = importlib.import_module(dotted(path))
                vars(module)["_entered"] = self.entered
                put(module, telling(path, (ROOT / path).read_text(encoding="utf-8")))

        verdict = self._run(self.items, prepare)
        if verdict and not verdict.survived:
            raise Unclear(f"The tests fail without any fault: {verdict.reason}")
        return verdict is None

    def judge_fault(self, order: list[pytest.Item], path: str, source: str) -> Verdict | None:
        """Run ``order`` with ``source`` in place of ``path``; None in the fork. Raises Unclear."""
        if not order:
            return Verdict(True, "no test enters it")
        return self._run(order, lambda: self._put(path, source))

    def order(self, first: tuple[str, ...], entries: Entered | None) -> list[pytest.Item]:
        """Return the tests that enter one of ``entries``; all for None.

        Short ones come before long ones, and those of the files ``first`` count as five times shorter.
        """

        def place(item: pytest.Item) -> float:
            return self.reached[item.nodeid][0] * (0.2 if item.path.stem in first else 1)

        able = (item for item in self.items if entries is None or self.reached[item.nodeid][1] & entries)
        return sorted(able, key=place)

    def _run(self, order: list[pytest.Item], prepare: Callable[[], None]) -> Verdict | None:
        self.number += 1
        database, folder = f"{self.template}_{self.number}", Path(tempfile.mkdtemp(prefix="aion-mutation-"))
        self.report, log = folder / "report.json", folder / "log"
        execute(self.url, "CREATE DATABASE {} TEMPLATE {}", database, self.template)
        child = os.fork()
        if not child:
            self._become(database, order, log)
            prepare()
            return None
        try:
            verdict = self._verdict(_wait(child, SECONDS), log)
            if verdict.survived and not self.reached:
                told = json.loads((folder / "reached.json").read_text(encoding="utf-8"))
                self.reached = {
                    test: (took, {(path, name) for path, name in what}) for test, (took, what) in told.items()
                }
            return verdict
        finally:
            execute(self.url, "DROP DATABASE {} WITH (FORCE)", database)
            shutil.rmtree(folder)

    def _verdict(self, status: int | None, log: Path) -> Verdict:
        if status is None:
            return Verdict(False, f"no answer within {SECONDS} s")
        if status == 0:
            return Verdict(True, "")
        if not self.report.exists():
            raise Unclear(log.read_text(encoding="utf-8", errors="replace")[-3000:])
        test, message = json.loads(self.report.read_text(encoding="utf-8"))
        if any(word in message for word in GONE):
            raise Unclear(message)
        return Verdict(False, f"{test.rpartition('/')[2]}: {' '.join(message.split())[:110]}")

    def _become(self, database: str, order: list[pytest.Item], log: Path) -> None:
        """Be the fork: a session of its own, no output but the log, the database ``database``."""
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self.forked = True
        out = os.open(log, os.O_WRONLY | os.O_CREAT)
        for descriptor in (1, 2):
            os.dup2(out, descriptor)
        if connections["default"].connection is not None:
            raise RuntimeError("A connection from before the fork would be shared.")
        connections["default"].settings_dict["NAME"] = database
        self.session.items[:] = order

    def _put(self, path: str, source: str) -> None:
        name = dotted(path)
        try:
            changed = put(importlib.import_module(name), source)
        except Exception as error:  # noqa: BLE001 - a module that does not load is a fault that is noticed
            self.report.write_text(json.dumps([f"loading {name}", repr(error)]), encoding="utf-8")
            os._exit(1)
        if not changed and source != (ROOT / path).read_text(encoding="utf-8"):
            os._exit(70)


def _wait(child: int, seconds: int) -> int | None:
    """Wait for the fork; return its status, or None when it had to be killed. It never outlives the wait."""
    handle, ended = os.pidfd_open(child), False
    try:
        ended = bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)
        if not ended:
            os.killpg(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    return status if ended else None


def execute(url: str, statement: str, *names: str) -> None:
    """Run a statement outside any transaction, on the server's own database."""
    with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def dotted(path: str) -> str:
    """Return the name that a file is imported by."""
    return path.removesuffix(".py").replace("/", ".")
