# SPDX-License-Identifier: Apache-2.0
"""Writes books into the database of DATABASE_URL, step by step, for the restore drill: the same steps, the same books."""

import json
import sys
from datetime import timedelta
from typing import Any

import django

django.setup()

from billing.models import Meter
from billing.services.metering import Window, post_windows
from billing.states import Origin
from tests.worlds import MICRO, NOW, make_lot, make_market, make_meter, make_tenant


def open_books() -> None:
    """Make two tenants; one pays from holds and lots, the other soon owes."""
    for slug, credit in (("rich", 2_000), ("poor", 3)):
        tenant = make_tenant(slug, credit=credit, roles=())
        make_lot(tenant.organisation, 5, f"Grant of {slug}", origin=Origin.GRANT, expires_at=NOW + timedelta(days=9))
        for number, price in enumerate((2_490_001, 1_999_999)):
            market = make_market(code=f"{slug}{number}", price=price)
            make_meter(tenant, market, milli_gpus=333, hold=MICRO if slug == "rich" else None)
            make_meter(tenant, market, milli_gpus=8_000)


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
    from aion.tenancy.models import Organisation

    make_lot(Organisation.objects.get(slug="poor"), credit, label, at=NOW)


STEPS: dict[str, Any] = {"open": open_books, "post": post, "lot": lot}

if __name__ == "__main__":
    for name, *arguments in json.loads(sys.argv[1]):
        STEPS[name](*arguments)
