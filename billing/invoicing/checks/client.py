# SPDX-License-Identifier: Apache-2.0
"""Speaking to the worker: one process for many documents, and a clean error for whatever it does wrong."""

import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from billing.invoicing.errors import CheckFailed

COMMAND = (sys.executable, "-m", "billing.invoicing.checks")
ROOT = Path(__file__).resolve().parents[3]
FIRST_SECONDS = 60.0  # the first answer waits for both rule sets to be compiled
CHUNK = 1 << 16
LARGEST = 1 << 24


class CheckTimedOut(CheckFailed):
    """No answer in time; the process was ended."""


class CheckCrashed(CheckFailed):
    """The process ended in the middle of a document."""


class CheckGarbled(CheckFailed):
    """What came back is no answer to what was asked, or no rule looked at the document."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One rule that a document breaks, or warns of."""

    ruleset: str
    rule: str
    text: str
    fatal: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What the rules said of one document in one syntax: how many looked at it, and which failed."""

    syntax: str
    fired: dict[str, int]
    failures: tuple[Failure, ...]

    def broken(self, waived: Sequence[str] = ()) -> tuple[Failure, ...]:
        """Return the fatal failures but those of ``waived`` rules."""
        return tuple(one for one in self.failures if one.fatal and one.rule not in waived)

    def plain(self) -> dict[str, Any]:
        """Return the report as it is stored."""
        failed = [{"set": f.ruleset, "rule": f.rule, "text": f.text, "fatal": f.fatal} for f in self.failures]
        return {"syntax": self.syntax, "fired": self.fired, "failed": failed}


class Checker:
    """The worker's other end. Documents are checked one after another, from whatever thread they come."""

    def __init__(self, *, command: Sequence[str] = COMMAND, timeout: float = 20.0, first: float = FIRST_SECONDS):
        """Remember how to start the worker; it starts with the first document."""
        self._command, self._timeout, self._first = tuple(command), timeout, first
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._asked = 0
        self._met: set[str] = set()

    @property
    def pid(self) -> int | None:
        """Return the worker's process id, if there is one."""
        return self._process.pid if self._process is not None else None

    def check(self, syntax: str, xml: bytes) -> Report:
        """Return what both rule sets say of ``xml``. Raises CheckTimedOut, CheckCrashed or CheckGarbled."""
        with self._lock:
            self._asked += 1
            patience = self._timeout if syntax in self._met else self._first
            try:
                answer = self._exchange({"id": self._asked, "syntax": syntax, "xml": xml.decode()}, patience)
                report = _report(syntax, self._asked, answer)
            except CheckFailed:
                self._end()
                raise
            self._met.add(syntax)
            return report

    def close(self) -> None:
        """End the worker."""
        with self._lock:
            self._end()

    def _exchange(self, request: dict[str, Any], patience: float) -> bytes:
        process = self._running()
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 - both are pipes
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
        except OSError as error:
            raise CheckCrashed("The checking process ended before it was asked.") from error
        return _line(process.stdout.fileno(), patience)

    def _running(self) -> "subprocess.Popen[bytes]":
        # A fork shares the pipes of its parent: it must not speak on them, and leaves them alone.
        if self._owner != os.getpid():
            self._process, self._met = None, set()
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._owner = os.getpid()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=ROOT,
                bufsize=0,
            )
        return self._process

    def _end(self) -> None:
        process, self._process, self._met = self._process, None, set()
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _line(source: int, patience: float) -> bytes:
    """Return one line, read before ``patience`` seconds are over."""
    until, found = time.monotonic() + patience, b""
    with selectors.DefaultSelector() as selector:
        selector.register(source, selectors.EVENT_READ)
        while not found.endswith(b"\n"):
            left = until - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise CheckTimedOut(f"The checking process did not answer within {patience:g} seconds.")
            piece = os.read(source, CHUNK)
            if not piece:
                raise CheckCrashed("The checking process ended in the middle of a document.")
            found += piece
            if len(found) > LARGEST:
                raise CheckGarbled("The checking process answered without end.")
    return found


def _report(syntax: str, asked: int, line: bytes) -> Report:
    try:
        answer = json.loads(line)
        if answer["id"] != asked:
            raise CheckGarbled("The checking process answered another question.")
        if "error" in answer:
            raise CheckGarbled(f"The document could not be read: {answer['error']}")
        fired = {str(one["name"]): int(one["fired"]) for one in answer["sets"]}
        failures = tuple(
            Failure(one["name"], failed["rule"], failed["text"], bool(failed["fatal"]))
            for one in answer["sets"]
            for failed in one["failed"]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise CheckGarbled("The checking process gave an answer that cannot be read.") from error
    silent = [name for name, count in fired.items() if count == 0]
    if silent or not fired:
        raise CheckGarbled(f"No rule of {', '.join(silent) or 'any set'} looked at the document.")
    return Report(syntax, fired, failures)


_shared: Checker | None = None
_shared_lock = threading.Lock()


def shared_checker() -> Checker:
    """Return this process's checker."""
    global _shared  # noqa: PLW0603 - one worker for a process is the point
    with _shared_lock:
        if _shared is None:
            _shared = Checker()
        return _shared
