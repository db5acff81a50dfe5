# SPDX-License-Identifier: Apache-2.0
"""metering.*: the pipeline against COPY of the same records into a keyless table in the same run."""

import io
import json
import multiprocessing
import time
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection

from bench.measure import Series, Spent, say, timed
from bench.world import RECORD_COLUMNS, START, World, batch_lines, build, fill, make_operated_runs

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
    """Say records a second and ratio of the whole path at each size, for both batch sizes, and of a whole replay."""
    from billing.services.metering import post_staged

    at_first: dict[int, float] = {}
    world, before, stored = build(organisations=200, runs=1250, slug="pipe"), START, 0
    feed = Feed(world, START)
    for size in sorted(sizes):
        before = fill(world, records=size - stored, before=before)
        stored = max(stored, size)
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
            common = {
                "baseline": BASELINE, "clock": "cpu", "size": size, "batch": batch, "workers": 1, "median_of": REPEATS,
            }  # fmt: skip
            say("metering.pipeline.records", batch / runs.median("wall"), "records/s",
                ratio=ratio, goal=GOALS[batch], **common)  # fmt: skip
            say("metering.replay.records", batch / replays.median("wall"), "records/s",
                ratio=copies.median("cpu") / replays.median("cpu"), goal=0.45, **common)  # fmt: skip
            if batch in at_first:
                flat = {**common, "baseline": "the ratio at the first size"}
                say("metering.pipeline.flat", ratio, "ratio", ratio=ratio / at_first[batch], goal=0.95, **flat)
            at_first.setdefault(batch, ratio)
    _workers()
    _per_record()
    _gigafactory(feed)


def _gigafactory(feed: Feed) -> None:
    """Say what share of one core and how much disk a day the whole gigafactory takes, by layout."""
    from billing.services.metering import post_staged

    before = disk_bytes()
    spent = timed(partial(post_staged, stage=stage_of(feed.batch(100_000)[2]), source="bench", at=START))
    cpu, size = spent.cpu / 100_000, (disk_bytes() - before) / 100_000
    for gpus, name in ((288_000, "288,000 GPUs"), (1_440_000, "1 GW, 1,440,000 GPUs")):
        layouts = (
            ("a record per GPU and minute", gpus / 60),
            ("a record per GPU and hour", gpus / 3600),
            ("a record per pod of a node and hour, the layout chosen", gpus / 8 / 3600),
        )
        for layout, rate in layouts:
            say("metering.pipeline.gigafactory", 100 * rate * cpu, "per cent of one core", clock="cpu", batch=100_000,
                workers=1, size=0, baseline=f"{name}: {layout}: {rate:,.0f} records/s, "
                f"{rate * 86_400 * size / 2**30:,.1f} GiB a day")  # fmt: skip


def disk_bytes() -> int:
    """Return what usage records, roll-ups and transfers take on disk."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c WHERE c.relkind = 'r' AND "
            "(c.relname LIKE 'billing\\_usage%' OR c.relname = 'billing_transfer')"
        )
        return int(cursor.fetchone()[0])


def _replayed(data: bytes) -> None:
    from billing.services.metering import post_staged

    again = post_staged(stage=stage_of(data), source="bench", at=START)
    assert (again.accepted, again.refused) == (0, 0), again


def _workers() -> None:
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


def _per_record() -> None:
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


def edge(sizes: list[int]) -> None:
    """Say what the HTTP edge takes: a JSON body of 10,000 CloudEvents until it is stored, deduped and posted."""
    from aion.actor import Scope, system
    from billing.models import Run
    from clusters.models import Pool
    from clusters.services.ingest import EVENT_TYPE
    from clusters.states import MeteredBy

    assert sizes is not None
    stage = make_operated_runs()
    Pool.objects.filter(pk=stage.pool.pk).update(metered_by=MeteredBy.OPERATOR)
    actor = system("operator", organisation_id=stage.pool.organisation_id)
    actor.require(Scope.USAGE_INGEST)
    refs = list(Run.objects.filter(pk__in=stage.runs).values_list("workload_ref", flat=True))
    copies, runs = Series(), Series()
    for repeat in range(REPEATS + 1):
        hour = stage.since + timedelta(hours=repeat)
        body = json.dumps([
            {
                "specversion": "1.0", "id": f"{repeat}-{ref}-{device}", "source": "bench", "type": EVENT_TYPE,
                "subject": ref,
                "data": {
                    "device": f"{ref}-{device}", "window_start": hour.isoformat(),
                    "window_end": (hour + timedelta(hours=1)).isoformat(), "milli_gpus": 8000,
                },
            }
            for ref in refs
            for device in range(8)
        ]).encode()  # fmt: skip
        at = hour + timedelta(hours=2)
        spent = timed(partial(_ingested, actor, body, at, len(refs) * 8))
        plain = plain_copy(stored_lines(hour, hour + timedelta(hours=1)))
        if repeat:
            runs.spent.append(spent)
            copies.spent.append(plain)
    count = len(refs) * 8
    say("metering.edge.records", count / runs.median("wall"), "records/s",
        ratio=copies.median("cpu") / runs.median("cpu"), baseline=BASELINE, clock="cpu", size=0, batch=count, workers=1,
        median_of=REPEATS, goal=0.10)  # fmt: skip


def _ingested(actor: Any, body: bytes, at: datetime, count: int) -> None:
    from clusters.services.ingest import ingest_events

    done = ingest_events(actor=actor, body=body, at=at)
    assert done.result.batch.accepted == count, done
