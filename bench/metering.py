# SPDX-License-Identifier: Apache-2.0
"""metering.*: the pipeline against COPY of the same records into a keyless table in the same run."""

import io
import multiprocessing
import time
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection

from bench.measure import Series, Spent, say, timed
from bench.world import RECORD_COLUMNS, START, World, batch_lines, build, fill

REPEATS = 5
BATCHES = (10_000, 100_000)
GOALS = {100_000: 0.18, 10_000: 0.15}
BASELINE = "COPY of the same records into a table without a key"


def stage_of(data: bytes) -> Any:
    """Return the staging function that COPYs ``data``."""

    def stage(cursor: Any) -> None:
        with cursor.copy("COPY usage_stage (hour, meter_id, start_second, seconds, revision) FROM STDIN") as copy:
            copy.write(data)

    return stage


def stored_lines(first: datetime, last: datetime) -> bytes:
    """Return what the table holds in [first, last) as COPY lines: the very records that the pipeline stored."""
    out = io.BytesIO()
    with (
        connection.cursor() as cursor,
        cursor.copy(
            f"COPY (SELECT {RECORD_COLUMNS} FROM billing_usagerecord WHERE hour >= '{first.isoformat()}' "
            f"AND hour < '{last.isoformat()}') TO STDOUT"
        ) as copy,
    ):
        for part in copy:
            out.write(part)
    return out.getvalue()


def plain_copy(data: bytes) -> Spent:
    """COPY stored records into a keyless, logged table of the same columns."""

    def copy_all() -> None:
        with connection.cursor() as cursor, cursor.copy(f"COPY bench_plain ({RECORD_COLUMNS}) FROM STDIN") as copy:
            copy.write(data)

    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_plain")
        cursor.execute("CREATE TABLE bench_plain (LIKE billing_usagerecord)")
    spent = timed(copy_all)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE bench_plain")
    return spent


class Feed:
    """Hands out batches of whole hours that were never sent before."""

    def __init__(self, world: World, first: datetime) -> None:
        """Begin at ``first``."""
        self.world, self.next = world, first

    def batch(self, records: int) -> tuple[datetime, datetime, bytes]:
        """Return (first hour, end, COPY lines) of the next batch."""
        first = self.next
        self.next = first + timedelta(hours=-(-records // len(self.world.meters)))
        return first, self.next, batch_lines(self.world, first=first, records=records)


def pipeline(sizes: list[int]) -> None:
    """Say records a second and ratio of the whole path at each size, for both batch sizes."""
    from billing.services.metering import post_staged

    at_zero: dict[int, float] = {}
    for size in sizes:
        world = build(organisations=200, runs=1250, slug=f"p{size}")
        fill(world, records=size, before=START)
        feed = Feed(world, START)
        for batch in BATCHES:
            copies, runs, replays = Series(), Series(), Series()
            for repeat in range(REPEATS + 1):
                first, last, data = feed.batch(batch)
                spent = timed(partial(post_staged, stage=stage_of(data), source="bench", at=START))
                again = timed(partial(_replayed, data))
                plain = plain_copy(stored_lines(first, last))
                if repeat:  # the first of each warms caches and plans
                    runs.spent.append(spent)
                    replays.spent.append(again)
                    copies.spent.append(plain)
            ratio = copies.median("cpu") / runs.median("cpu")
            common = {"baseline": BASELINE, "clock": "cpu", "size": size, "batch": batch, "workers": 1}
            common["median_of"] = REPEATS
            say("metering.pipeline.records", batch / runs.median("wall"), "records/s",
                ratio=ratio, goal=GOALS[batch], **common)  # fmt: skip
            say("metering.replay.records", batch / replays.median("wall"), "records/s",
                ratio=copies.median("cpu") / replays.median("cpu"), goal=0.45, **common)  # fmt: skip
            at_zero.setdefault(batch, ratio)
            if size != sizes[0]:
                say("metering.pipeline.flat", ratio / at_zero[batch], "share of the ratio at the first size",
                    goal=0.95, **common)  # fmt: skip


def _replayed(data: bytes) -> None:
    from billing.services.metering import post_staged

    again = post_staged(stage=stage_of(data), source="bench", at=START)
    assert (again.accepted, again.refused) == (0, 0), again


def workers() -> None:
    """Say what two workers do against one, each with organisations of its own, at size 0."""
    for batch in BATCHES:
        one = _parallel(1, batch)
        two = _parallel(2, batch)
        say("metering.pipeline.workers", two, "records/s", ratio=two / one, baseline="one worker in the same run",
            clock="wall", size=0, batch=batch, workers=2, median_of=3, goal=1.5)  # fmt: skip


def _parallel(count: int, batch: int) -> float:
    """Return records a second of ``count`` processes, median of three rounds."""
    rates = []
    rounds = 6 if batch < 50_000 else 3
    for attempt in range(3):
        worlds = [
            build(organisations=100, runs=1250, slug=f"w{count}{batch}{attempt}x{number}") for number in range(count)
        ]
        data = [
            [Feed(world, START + timedelta(hours=100 * step)).batch(batch)[2] for step in range(rounds)]
            for world in worlds
        ]
        connection.close()
        context = multiprocessing.get_context("fork")
        gate = context.Barrier(count + 1)
        processes = [context.Process(target=_work, args=(lines, gate)) for lines in data]
        for process in processes:
            process.start()
        gate.wait()
        began = time.perf_counter()
        for process in processes:
            process.join()
        rates.append(count * rounds * batch / (time.perf_counter() - began))
        assert all(process.exitcode == 0 for process in processes)
    return sorted(rates)[1]


def _work(batches: list[bytes], gate: Any) -> None:
    from billing.services.metering import post_staged

    connection.ensure_connection()
    gate.wait()
    for data in batches:
        post_staged(stage=stage_of(data), source="bench", at=START)


def per_record() -> None:
    """Say how the pipeline compares with one ORM transaction a record, at batch 100,000."""
    from django.db import transaction

    from billing.models import LedgerAccount, Meter, UsageHour
    from billing.services.ledger import platform_account, post_transfer
    from billing.services.metering import post_staged
    from billing.states import AccountKind, TransferKind

    world = build(organisations=20, runs=1250, slug="orm")
    feed = Feed(world, START)
    spent = timed(lambda: post_staged(stage=stage_of(feed.batch(100_000)[2]), source="bench", at=START))
    clearing = platform_account(AccountKind.CLEARING, at=START)
    records = 200

    def one_by_one() -> None:
        for number in range(records):
            with transaction.atomic():
                meter = Meter.objects.select_related("run").get(pk=world.meters[number])
                lot = LedgerAccount.objects.select_for_update(no_key=True).get(
                    organisation=meter.organisation_id, kind="lot"
                )
                post_transfer(
                    debit=lot,
                    credit=clearing,
                    amount=meter.micro_per_gpu_hour,
                    kind=TransferKind.USAGE,
                    organisation_id=meter.organisation_id,
                    key=f"orm:{number}",
                    description="",
                    at=START,
                )
                row, _ = UsageHour.objects.get_or_create(
                    organisation_id=meter.organisation_id,
                    project_id=meter.run.project_id,
                    sku_id=meter.run.sku_id,
                    site_code=meter.run.site_code,
                    hour=START,
                    defaults={"milli_gpu_seconds": 0, "exact": 0},
                )
                row.milli_gpu_seconds += 3_600_000
                row.save()

    slow = timed(one_by_one)
    say("metering.pipeline.per_record", records / slow.wall, "records/s",
        ratio=(slow.cpu / records) / (spent.cpu / 100_000), baseline="the pipeline, batch 100,000", clock="cpu",
        size=0, batch=1, workers=1, median_of=1, goal=300)  # fmt: skip
