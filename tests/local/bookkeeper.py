# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E402 - models can be imported only after the set-up
"""Writes books into the database of DATABASE_URL, step by step: the same steps lead to the same books."""

import json
import sys
from datetime import timedelta
from typing import Any

import django

django.setup()

from django.core.management import call_command

from aion.tenancy.models import Organisation
from aion.tenancy.roles import Role
from billing.models import Meter, Run
from billing.services.metering import Window, open_meter, post_windows
from billing.states import Origin
from marketplace.services.orders import place_order
from tests.worlds import NOW, launch, make_lot, make_market, make_meter, make_tenant


def open_books() -> None:
    """Make two tenants; one pays from holds and lots, the other soon owes."""
    for slug, credit in (("rich", 2_000), ("poor", 3)):
        tenant = make_tenant(slug, credit=credit, roles=(Role.OWNER,))
        make_lot(tenant.organisation, 5, f"Grant of {slug}", origin=Origin.GRANT, expires_at=NOW + timedelta(days=9))
        for number, price in enumerate((2_490_001, 1_999_999)):
            market = make_market(code=f"{slug}{number}", price=price)
            make_meter(tenant, market, milli_gpus=8_000)
            if slug == "rich":
                order = place_order(actor=tenant.actor(), request=launch(tenant, market, gpus=1, hours=4), at=NOW)
                run = Run.objects.get(workload_ref=order.workload.public_id)
                open_meter(reference=f"drill/{number}", run_id=run.pk, milli_gpus=1_000, allowed=True, at=NOW)


def post(first: int, count: int) -> None:
    """Post ``count`` batches, one an hour from hour ``first`` on."""
    meters = list(Meter.objects.order_by("pk").values_list("pk", flat=True))
    for hour in range(first, first + count):
        windows = [
            Window(NOW + timedelta(hours=hour), meter, 1 + (hour * 577 + place * 131) % 3600)
            for place, meter in enumerate(meters)
        ]
        post_windows(windows=windows, source="drill", at=NOW + timedelta(hours=hour + 1))


def lot(label: str, credit: int) -> None:
    """Sell a lot to the tenant that owes."""
    make_lot(Organisation.objects.get(slug="poor"), credit, label, at=NOW, key=f"drill:{label}")


def migrate() -> None:
    """Make the tables."""
    call_command("migrate", interactive=False, verbosity=0)


def reconcile() -> None:
    """Prove the books; exit 1 on drift."""
    call_command("reconcile_ledger", stdout=sys.stderr)


STEPS: dict[str, Any] = {"migrate": migrate, "reconcile": reconcile, "open": open_books, "post": post, "lot": lot}

if __name__ == "__main__":
    for name, *arguments in json.loads(sys.argv[1]):
        STEPS[name](*arguments)
