# SPDX-License-Identifier: Apache-2.0
"""`make bench`: medians and ratios against a baseline of the same run, as JSON lines on standard output."""

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()  # everything below needs the registry

from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402

REPEATS = 5
METERS = 200
START = datetime(2026, 1, 1, tzinfo=UTC)


def say(**values: Any) -> None:
    """Print one JSON line."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def timed(action: Callable[[], Any]) -> tuple[float, float]:
    """Return wall and client CPU seconds of an action."""
    cpu, wall = resource.getrusage(resource.RUSAGE_SELF).ru_utime, time.perf_counter()
    action()
    return time.perf_counter() - wall, resource.getrusage(resource.RUSAGE_SELF).ru_utime - cpu


def pipeline(records: int) -> None:
    """Measure ingest → dedupe → residency → rate → ledger against a plain COPY of the same records."""
    from billing.services.metering import post_staged
    from tests.worlds import MICRO, make_market, make_meter, make_tenant

    tenants = [make_tenant(credit=10**9, roles=()) for _ in range(20)]
    market = make_market(gpus=10**6)
    meters = [make_meter(tenants[n % 20], market, hold=10**6 * MICRO).pk for n in range(METERS)]
    hours = records // METERS
    copies, pipelines = [], []
    for repeat in range(REPEATS):
        first = START + timedelta(hours=repeat * hours)
        lines = "".join(
            f"{(first + timedelta(hours=h)).isoformat()}\t{meter}\t0\t3600\n" for h in range(hours) for meter in meters
        ).encode()

        def plain(data: bytes = lines) -> None:
            with connection.cursor() as cursor:
                cursor.execute(
                    "CREATE TEMPORARY TABLE plain (window_start timestamptz, meter_id bigint, revision smallint, "
                    "seconds integer)"
                )
                with cursor.copy("COPY plain FROM STDIN") as copy:
                    copy.write(data)
                cursor.execute("DROP TABLE plain")

        def stage(cursor: Any, data: bytes = lines) -> None:
            with cursor.copy("COPY usage_stage FROM STDIN") as copy:
                copy.write(data)

        copies.append(timed(plain)[0])
        pipelines.append(timed(lambda: post_staged(stage=stage, source="bench", at=START))[0])
    copy, whole = statistics.median(copies), statistics.median(pipelines)
    say(
        bench="pipeline",
        batch=records,
        records_per_second=round(records / whole),
        copy_records_per_second=round(records / copy),
        ratio=round(copy / whole, 3),
        repeats=REPEATS,
    )


def pages() -> None:
    """Measure p95 and query counts of the overview, the launch estimate and the list endpoints."""
    from rest_framework.test import APIClient

    from aion import clock
    from marketplace.services.orders import place_order
    from tests.worlds import launch, make_market, make_tenant

    tenant, market = make_tenant("bench", credit=10**6), make_market(gpus=1000)
    for _number in range(60):
        place_order(actor=tenant.actor(), request=launch(tenant, market, gpus=1), at=clock.now())
    browser = Client()
    browser.force_login(tenant.people["owner"])
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {tenant.key()}")
    query = f"offer={market.offer.public_id}&gpus=8&hours=2&name=a&image=b&project={tenant.project.public_id}"
    wanted: dict[str, tuple[Any, str]] = {
        "overview": (browser, "/o/bench/"),
        "launch estimate": (browser, f"/o/bench/launch/estimate/?{query}"),
        "workloads page": (browser, "/o/bench/workloads/"),
        **{
            f"api {name}": (api, f"/api/v1/{name}") for name in ("workloads", "offers", "credit-lots", "ledger-entries")
        },
    }
    for name, (client, path) in wanted.items():
        queries: list[str] = []

        def count(execute: Any, sql: str, *rest: Any, seen: list[str] = queries) -> Any:
            seen.append(sql)
            return execute(sql, *rest)

        with connection.execute_wrapper(count):
            assert client.get(path).status_code == 200, path
        spent = sorted(timed(partial(client.get, path))[0] for _ in range(40))
        say(
            bench="page",
            name=name,
            median_ms=round(1000 * statistics.median(spent), 1),
            p95_ms=round(1000 * spent[37], 1),
            queries=len(queries),
        )


def main() -> None:
    """Run on a database of its own that is dropped afterwards."""
    setup_test_environment()
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        say(bench="machine", cpus=os.cpu_count(), python=sys.version.split()[0])
        for records in (10_000, 100_000):
            pipeline(records)
        pages()
    finally:
        connection.creation.destroy_test_db(connection.settings_dict["NAME"], verbosity=0)


if __name__ == "__main__":
    main()
