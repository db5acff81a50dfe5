# SPDX-License-Identifier: Apache-2.0
"""`manage.py reconcile_ledger`: prove that the books agree with themselves."""

import argparse
import json as json_module
import sys
from typing import Any

from django.core.management.base import BaseCommand

from aion import clock
from billing.reconcile import run_checks
from billing.services.reconciliation import keep_result


class Command(BaseCommand):
    """Run every check and keep the result; exit 1 and the differences on drift. Repairs nothing."""

    help = "Proves balances = transfers, lots = transfers, holds = open runs, charged seconds = metered seconds."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take the form of the answer."""
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *_: Any, json: bool, **__: Any) -> None:
        """Exit 0 when no row contradicts, 1 otherwise."""
        results = run_checks()
        keep_result(results=results, at=clock.now())
        drift = any(result.contradictions for result in results)
        if json:
            answer = {
                "reconciled": not drift,
                "checks": [
                    {"name": r.name, "contradictions": r.contradictions, "examples": r.examples} for r in results
                ],
            }
            self.stdout.write(json_module.dumps(answer))
        else:
            for result in results:
                self.stdout.write(f"{'ok   ' if not result.contradictions else 'DRIFT'} {result.name}")
                for example in result.examples:
                    self.stdout.write(f"        {', '.join(example)}")
                if result.contradictions > len(result.examples):
                    self.stdout.write(f"        … {result.contradictions} rows in all")
            self.stdout.write("The ledger reconciles." if not drift else "The ledger does not reconcile.")
        if drift:
            sys.exit(1)
