# SPDX-License-Identifier: Apache-2.0
"""`make bench [ARGS='--only metering.pipeline --sizes 0,5000000']`: medians and ratios as JSON lines."""

import argparse
import os
import sys
from collections.abc import Callable

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django
from django.conf import settings

from aion.startup import warm_up

django.setup()  # everything below needs the registry

from django.db import connection  # noqa: E402

from bench import grants, invoices, ledger, market, metering, payments, screens, settlement  # noqa: E402
from bench.measure import machine, note  # noqa: E402

SIZES = "0,5000000,20000000"
# Families that are measured together share a function, which then runs once.
FAMILIES: dict[str, Callable[[list[int]], None]] = {
    "metering.pipeline": metering.pipeline,
    "metering.replay": metering.pipeline,
    "metering.edge": metering.edge,
    "ledger.holds": ledger.holds,
    "ledger.hot": ledger.hot,
    "ledger.rollup": ledger.books,
    "ledger.rerate": ledger.books,
    "ledger.reconcile": ledger.books,
    "ledger.close": ledger.close,
    "ledger.migrate": ledger.migrate,
    "settlement.close": settlement.close,
    "portal.pages": screens.pages,
    "api.lists": screens.lists,
    "grants.ranking": grants.ranked,
    "catalogue": market.catalogue,
    "invoices.issue": invoices.issue,
    "payments.webhook": payments.webhook,
}
UNKNOWN = 2


def options() -> argparse.Namespace:
    """Read the command line; a wrong word ends with exit code 2 and a sentence."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measure; JSON lines on standard output.")
    parser.add_argument("--only", action="append", metavar="FAMILY", help=f"one of {', '.join(FAMILIES)}")
    parser.add_argument("--sizes", default=SIZES, help=f"records already stored (default {SIZES})")
    return parser.parse_args()


def main() -> int:
    """Run each family on a database of its own that is dropped afterwards."""
    given = options()
    unknown = sorted(set(given.only or []) - set(FAMILIES))
    try:
        sizes = [int(part) for part in given.sizes.split(",")]
    except ValueError:
        note("Sizes are whole numbers with commas between them, such as 0,5000000.")
        return UNKNOWN
    if unknown or not sizes or min(sizes) < 0:
        note(f"There is no family {', '.join(unknown)}: use {', '.join(FAMILIES)}." if unknown else "Sizes start at 0.")
        return UNKNOWN
    chosen = given.only or list(FAMILIES)
    # Not Django's whole test environment: that copies the context of every template which is rendered.
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]
    for function in dict.fromkeys(FAMILIES[name] for name in chosen):
        name = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            machine()
            warm_up()  # as every web process does
            function(sizes)
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
