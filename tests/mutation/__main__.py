# SPDX-License-Identifier: Apache-2.0
"""``python -m aion.local run python -m tests.mutation billing/services/holds.py …``.

Puts one fault at a time into a module and runs the tests of the money core until one fails. Prints what noticed each
fault and which ones nothing noticed; exit 1 when one of those is not explained in ``explained.toml``.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from tests.mutation.faults import Fault, faults, with_fault
from tests.mutation.plugin import Mutation, Unclear, execute
from tests.mutation.reach import ROOT, entries, importers, watched

FIRST = {
    "holds": ("test_holds", "test_budgets"),
    "metering": ("test_metering", "test_corrections"),
    "rating": ("test_corrections", "test_metering", "test_worked_examples", "test_expiry"),
    "ledger": ("test_ledger_rules",),
    "budgets": ("test_budgets",),
    "budget_sql": ("test_budgets",),
    "credits": ("test_credits", "test_takebacks", "test_expiry"),
    "pricing": ("test_prices", "test_price_previews"),
    "ingest": ("test_ingest", "test_ingest_paths", "test_worked_examples"),
    "ingest_sql": ("test_ingest", "test_ingest_paths", "test_worked_examples"),
}
# What shows pages, streams files or runs for minutes says little about money for its time.
SKIPPED = (
    "ten_thousand", "two_hundred_thousand", "a_failure_is_shrunk", "test_staff", "test_export", "test_downloads",
    "test_forecast", "test_commands", "test_money_edges", "test_budget_edges", "same_queries",
)  # fmt: skip
OPTIONS = (
    "tests/billing", "tests/clusters/test_ingest.py", "tests/clusters/test_ingest_paths.py",
    "-x", "-q", "-s", "-n", "0", "-p", "no:randomly", "-p", "no:cacheprovider", "--timeout", "60",
    "-k", " and ".join(f"not {word}" for word in SKIPPED),
)  # fmt: skip


class Judge:
    """Tries the faults of modules and says which survive."""

    def __init__(self, wanted: argparse.Namespace) -> None:
        self.wanted = wanted
        with (Path(__file__).parent / "explained.toml").open("rb") as file:
            self.explained = {(one["path"], one["line"], one["fault"]) for one in tomllib.load(file)["survivor"]}
        self.table: list[tuple[str, int, int, int, int]] = []
        self.out = os.fdopen(os.dup(1), "w")

    def say(self, text: str) -> None:
        """Print a line that a fork's silence does not swallow."""
        self.out.write(f"{text}\n")
        self.out.flush()

    def __call__(self, mutation: Mutation) -> int:
        """Judge every module; return the exit code, or anything in a fork."""
        try:
            self.users = {path: importers(path) for path, _ in self.wanted.modules}
            if mutation.clean(watched(set().union(*self.users.values()))):
                return 0
            for path, chosen in self.wanted.modules:
                self._module(mutation, path, chosen)
                if mutation.forked:
                    return 0
        except Unclear as error:
            self.say(f"Nothing can be told from this run:\n{error}")
            return 2
        for path, of, tried, killed, explained in self.table:
            self.say(f"| `{path}` | {of} | {tried} | {killed} | {explained} | {tried - killed - explained} |")
        return int(any(tried > killed + explained for _, _, tried, killed, explained in self.table))

    def _module(self, mutation: Mutation, path: str, chosen: slice | list[int]) -> None:
        source = (ROOT / path).read_text(encoding="utf-8")
        stem = Path(path).stem
        first = FIRST.get(stem, (f"test_{stem}",))
        found = list(faults(source))
        numbers = range(len(found))[chosen] if isinstance(chosen, slice) else chosen
        killed = explained = 0
        for number in numbers:
            fault = found[number]
            order = mutation.order(first, entries(path, source, fault.line, self.users[path]))
            began = time.monotonic()
            verdict = mutation.judge_fault(order, path, with_fault(source, fault))
            if verdict is None:
                return
            known = (path, fault.line_text(source), fault.what) in self.explained
            word = "killed" if not verdict.survived else "explained" if known else "SURVIVED"
            killed, explained = killed + (word == "killed"), explained + (word == "explained")
            self.say(
                f"{word} {number} {_place(path, source, fault)} {verdict.reason} "
                f"({time.monotonic() - began:.0f} s, {len(order)} tests)"
            )
        self.table.append((path, len(found), len(numbers), killed, explained))


def _place(path: str, source: str, fault: Fault) -> str:
    return f"{path}:{fault.line} [{fault.line_text(source)}] {fault.what}"


def _module(word: str) -> tuple[str, slice | list[int]]:
    path, _, numbers = word.partition("@")
    if numbers:
        return path, [int(number) for number in numbers.split(",")]
    path, _, step = word.partition(":")
    return path, slice(None, None, int(step or 1))


def main() -> int:
    """Make the clean database, collect the tests, judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument(
        "modules", nargs="+", type=_module, metavar="MODULE", help="FILE, FILE:3 (each third fault) or FILE@4,17"
    )
    judge = Judge(parser.parse_args())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the databases are dropped on the way out
    url, template = os.environ["DATABASE_URL"], f"mutation_{os.getpid()}"
    os.environ.update({"AION_FUZZ_SEED": "1,150", "DJANGO_SETTINGS_MODULE": "tests.settings"})
    execute(url, "CREATE DATABASE {}", template)
    mutation = Mutation(url, template, judge)
    try:
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"],
            cwd=ROOT, check=True, env={**os.environ, "DATABASE_URL": url.replace("/aion?", f"/{template}?")},
        )  # fmt: skip
        code = int(pytest.main([*OPTIONS], plugins=[mutation]))
    finally:
        if not mutation.forked:
            execute(url, "DROP DATABASE {} WITH (FORCE)", template)
    return code if mutation.forked or code else mutation.code


if __name__ == "__main__":
    sys.exit(main())
