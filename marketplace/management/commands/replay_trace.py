# SPDX-License-Identifier: Apache-2.0
"""`manage.py replay_trace FILE`: the main job on a real trace, in virtual time."""

import argparse
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from aion import env
from aion.money import to_decimal
from marketplace.replay.bar import Bar
from marketplace.replay.driver import Driver, ReplayFailed, Result, plain
from marketplace.replay.site import SiteGone
from marketplace.replay.trace import BadTrace, read_trace

BAD_FILE = 2


class Command(BaseCommand):
    """Replay a trace through orders, the site's API, metering and rating."""

    help = "Replays FILE (Helios or generic pod trace) and closes with figures checked against the file."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take the file and the form of the answer."""
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--json", action="store_true", help="one JSON object on standard output, all else on stderr"
        )
        parser.add_argument("--check", action="store_true", help="only read and check the file")

    def handle(self, *_: Any, file: Path, json: bool, check: bool, **__: Any) -> None:
        """Exit 0 when the truth is hit and all reconciles, 1 otherwise, 2 for a bad file."""
        say = self.stderr if json else self.stdout
        try:
            trace = read_trace(file)
        except BadTrace as error:
            self.stderr.write(f"{file.name} is refused: {error}. Nothing was written.")
            sys.exit(BAD_FILE)
        if check:
            return
        if not settings.VIRTUAL_CLOCK:
            self.stderr.write(
                "A replay needs virtual time: run `make replay`, or set AION_VIRTUAL_CLOCK=yes everywhere."
            )
            sys.exit(1)
        site = env.text("AION_SITE_URL")
        say.write(f"Replaying {trace.name}: {len(trace.items)} workloads, {plain(trace.expected)} GPU-seconds.")
        bar = Bar()
        try:
            result = Driver(trace, site_url=f"{site}/clusters/{trace.prefix}", report=bar.show).run()
        except (ReplayFailed, SiteGone) as error:
            bar.end()
            self.stderr.write(f"{error} Start the same command again: it goes on where it stopped.")
            sys.exit(1)
        bar.end()
        for line in table(result):
            say.write(line)
        if json:
            self.stdout.write(result.as_json())
        if not result.ok:
            sys.exit(1)


def table(result: Result) -> list[str]:
    """Return the closing table."""

    def mark(good: bool) -> str:
        return "ok" if good else "WRONG"

    hours, expected = result.metered_milli / 3_600_000, result.expected_milli / 3_600_000
    hit = result.metered_milli == result.expected_milli
    rows = [
        ("GPU-hours metered", f"{hours:,.3f}", f"expected {expected:,.3f}", hit),
        ("GPU-seconds metered", plain(result.metered_milli), f"expected {plain(result.expected_milli)}", hit),
        ("Charged (EUR)", f"{to_decimal(result.charged):,.6f}", "", True),
        ("Holds open", str(result.open_holds), "expected 0", not result.open_holds),
        ("Unrated records", str(result.unrated), f"quarantine {result.quarantined}", not result.unrated),
        ("Ledger reconciled", "yes" if result.reconciled else "no", "", result.reconciled),
    ]  # fmt: skip
    lines = [f"{result.workloads:,} workloads, {result.pods:,} pods"]
    lines += [f"  {name:<20} {value:>22}  {note:<28} {mark(good)}" for name, value, note, good in rows]
    lines += [f"  contradiction: {name} ({count} rows)" for name, count in result.contradictions.items()]
    return lines
