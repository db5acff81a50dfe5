# SPDX-License-Identifier: Apache-2.0
"""ledger.*: holds under concurrency, the hot platform account, roll-up, re-rating, reconciler, close, migrations."""

import multiprocessing
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from django.db import connection

from bench.measure import Series, Spent, note, say, timed
from bench.metering import plain_copy, stored_lines
from bench.world import ROLL_UP_HOURS, START, build, fill

REPEATS = 5
MOST_TRANSFERS = 1_000_000
CLIENTS = (1, 4, 16)
# A connection's first call compiles the functions: that one must be rarer than the percentile that is said.
PER_CLIENT = 300


def holds(sizes: list[int]) -> None:
    """Say holds a second and p99 for 1, 4 and 16 clients on one organisation's lots, against append-only transfers."""
    from billing.models import LedgerAccount
    from billing.reconcile import run_checks
    from billing.services.ledger import platform_account
    from billing.states import AccountKind

    assert sizes is not None
    platform_account(AccountKind.CLEARING, at=START)
    # In tables that were analysed while all but empty, each foreign key is checked by reading them whole.
    build(organisations=200, runs=5_000, slug="others", hold=1)
    for clients in CLIENTS:
        world = build(organisations=1, runs=1, slug=f"hold{clients}", credit=10**6, hold=1)
        plain = together(clients, partial(_transfers, world.organisations[0]))
        held = together(clients, partial(_holds, world.organisations[0]))
        common = {"size": 0, "batch": 1, "workers": clients, "median_of": clients * PER_CLIENT, "clock": "wall"}
        say("ledger.holds.rate", held.rate, "holds/s", ratio=held.rate / plain.rate,
            baseline="one-row transfers without a balance, same clients", goal=0.6, **common)  # fmt: skip
        say("ledger.holds.p99", 1000 * held.series.percentile(0.99), "ms", goal=20, **common)
        say("ledger.holds.floor", 1000 * plain.series.percentile(0.99), "ms",
            baseline="p99 of the same clients' one-row transfers, which wait for no lock", **common)  # fmt: skip
        lot = LedgerAccount.objects.get(organisation=world.organisations[0], kind="lot")
        assert lot.held == 10**6 * (1 + clients * PER_CLIENT), lot.held
        names = ["held = open legs", "holds = their legs", "lots = transfers, never below zero"]
        assert [c.name for c in run_checks(organisations=world.organisations, names=names) if c.contradictions] == []


class Together:
    """What several clients did at once."""

    def __init__(self, seconds: float, spent: list[float]) -> None:
        """Keep the duration and each act's seconds."""
        self.series = Series([Spent(one, 0.0) for one in spent])
        self.rate = len(spent) / seconds


Act = Callable[[int], None]


def together(clients: int, prepare: Callable[[int], Act]) -> Together:
    """Run the act that ``prepare(client)`` returns PER_CLIENT times in each of ``clients`` processes at once."""
    connection.close()
    context = multiprocessing.get_context("fork")
    gate, answers = context.Barrier(clients + 1, timeout=60), context.Queue()
    processes = [context.Process(target=_client, args=(number, prepare, gate, answers)) for number in range(clients)]
    for process in processes:
        process.start()
    gate.wait()
    began = time.perf_counter()
    spent = [one for _ in processes for one in answers.get(timeout=120)]
    seconds = time.perf_counter() - began
    for process in processes:
        process.join()
    return Together(seconds, spent)


def _client(number: int, prepare: Callable[[int], Act], gate: Any, answers: Any) -> None:
    act = prepare(number)  # its queries warm the connection
    gate.wait()
    spent = []
    for turn in range(PER_CLIENT):
        began = time.perf_counter()
        act(turn)
        spent.append(time.perf_counter() - began)
    answers.put(spent)


def _holds(organisation: int, client: int) -> Act:
    from aion.tenancy.models import Project
    from billing.services.holds import Purpose, place_hold

    purpose = Purpose(organisation, Project.objects.get(organisation=organisation).pk, "x", "y")

    def act(turn: int) -> None:
        place_hold(purpose=purpose, amount=10**6, reference=f"bench-{client}-{turn}", at=START)

    return act


def _transfers(organisation: int, client: int) -> Act:
    from billing.models import LedgerAccount

    debit, credit = (LedgerAccount.objects.get(kind=kind).pk for kind in ("funding", "clearing"))

    def act(turn: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(TRANSFER, [f"tr_b{organisation}x{client}x{turn}"[:24], organisation, debit, credit, START,
                                      START, f"plain:{organisation}:{client}:{turn}"])  # fmt: skip

    return act


TRANSFER = """
INSERT INTO billing_transfer (public_id, organisation_id, debit_account_id, credit_account_id, amount, kind,
    description, effective_at, created_at, idempotency_key) VALUES (%s, %s, %s, %s, 1, 'usage', '', %s, %s, %s)
"""


def hot(sizes: list[int]) -> None:
    """Say what 16 writers that all pay the one platform account do, against writers that share nothing."""
    from billing.services.ledger import platform_account
    from billing.states import AccountKind

    assert sizes is not None
    platform_account(AccountKind.CLEARING, at=START)
    world = build(organisations=16, runs=16, slug="hot", credit=10**6, hold=1)
    apart = together(16, partial(_pay, world.organisations, False))
    shared = together(16, partial(_pay, world.organisations, True))
    say("ledger.hot.rate", shared.rate, "transfers/s", ratio=shared.rate / apart.rate,
        baseline="each writer between accounts of its own", clock="wall", size=0, batch=1, workers=16,
        median_of=16 * PER_CLIENT, goal=0.85)  # fmt: skip


def _pay(organisations: list[int], shared: bool, client: int) -> Act:
    from django.db import transaction

    from billing.models import LedgerAccount

    lot = LedgerAccount.objects.get(organisation=organisations[client], kind="lot")
    own, _ = LedgerAccount.objects.get_or_create(
        kind="receivable", organisation_id=organisations[client], defaults={"label": "own", "created_at": START}
    )
    taker = LedgerAccount.objects.get(kind="clearing") if shared else own

    def act(turn: int) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(TRANSFER, [f"tr_h{int(shared)}x{client}x{turn}", organisations[client], lot.pk, taker.pk,
                                      START, START, f"hot:{shared}:{client}:{turn}"])  # fmt: skip
            until = time.perf_counter() + 0.002  # an ORM's time before it commits
            while time.perf_counter() < until:
                pass

    return act


def books(sizes: list[int]) -> None:
    """Say what roll-up, re-rating and the reconciler take at the largest size, as COPY divided by it (wall)."""
    from billing.reconcile import run_checks

    size = max(sizes)
    if size <= 0:
        note("ledger.rollup, ledger.rerate and ledger.reconcile need a size above 0: using 1,000,000")
        size = 1_000_000
    world = build(organisations=200, runs=1250, slug="books")
    first = fill(world, records=size, before=START)
    sample_end = min(START, first + timedelta(hours=100))
    data = stored_lines(first, sample_end)
    sampled = len(world.meters) * int((sample_end - first) / timedelta(hours=1))
    copies = Series([plain_copy(data) for _ in range(3)])
    copy_all = copies.median("wall") / sampled * size
    common = {"clock": "wall", "size": size, "workers": 1, "median_of": 3,
              "baseline": "COPY of the same records into a table without a key"}  # fmt: skip

    def seconds(action: Callable[[], Any], times: int = 3) -> float:
        return Series([timed(action) for _ in range(times)]).median("wall")

    rollup = ROLL_UP_HOURS.split("INSERT INTO", 1)[1].split("\n", 1)[1].replace("AND u.batch_id = %(batch)s", "")
    rollup_s = seconds(partial(_select, rollup, {"first": first, "end": START}))
    say("ledger.rollup.records", size / rollup_s, "records/s", ratio=copy_all / rollup_s, goal=1, **common)
    rerate_s = seconds(partial(_select, RERATE, {"first": first, "end": START, "micro": 2_500_000}))
    say("ledger.rerate.records", size / rerate_s, "records/s", ratio=copy_all / rerate_s, goal=3, **common)
    checks = run_checks(organisations=world.organisations)
    assert [check.name for check in checks if check.contradictions] == [], checks
    reconcile_s = seconds(partial(run_checks, organisations=world.organisations), 1)
    say("ledger.reconcile.records", size / reconcile_s, "records/s", ratio=copy_all / reconcile_s,
        **{**common, "median_of": 1, "baseline": f"{common['baseline']}; all checks of records too"})  # fmt: skip
    # A batch of 10,000 records posts some hundred transfers; each is written under its guards, for 50 microseconds.
    transfers = min(size, MOST_TRANSFERS)
    with connection.cursor() as cursor:
        cursor.execute(MANY_TRANSFERS, {"organisations": world.organisations, "size": transfers, "at": START})
        cursor.execute("VACUUM ANALYZE billing_transfer")
    money = partial(run_checks, organisations=world.organisations, names=MONEY_CHECKS)
    assert [check.name for check in money() if check.contradictions] == []
    money_s = seconds(money)
    say("ledger.reconcile.transfers", transfers / money_s, "transfers/s", ratio=copy_all * transfers / size / money_s,
        goal=5, **{**common, "size": transfers})  # fmt: skip


MONEY_CHECKS = ["balances = transfers", "lots = transfers, never below zero", "held = open legs", "holds = their legs"]
MANY_TRANSFERS = """
INSERT INTO billing_transfer (public_id, organisation_id, debit_account_id, credit_account_id, amount, kind,
    description, effective_at, created_at, idempotency_key)
SELECT 'tr_m' || n, a.organisation_id, (SELECT id FROM billing_ledgeraccount WHERE kind = 'funding'), a.id,
       1 + n %% 1000, 'purchase', 'Credit', %(at)s, %(at)s, 'many:' || n
FROM generate_series(1, %(size)s) n
JOIN (SELECT id, organisation_id, row_number() OVER (ORDER BY id) AS place FROM billing_ledgeraccount
      WHERE kind = 'lot' AND organisation_id = ANY (%(organisations)s)) a
  ON a.place = n %% cardinality(%(organisations)s::bigint[]) + 1
"""
# Summed by hour and price first: what is joined, cut to days and multiplied is then thousands of sums, not records.
RERATE = """
SELECT u.organisation_id, p.sku_id, date_trunc('day', u.hour, 'UTC'),
       sum(%(micro)s::bigint * u.milli_gpu_seconds) - sum(u.exact)
FROM (
  SELECT organisation_id, price_id, hour, sum(milli_gpus::bigint * seconds) AS milli_gpu_seconds, sum(exact) AS exact
  FROM billing_usagerecord WHERE hour >= %(first)s AND hour < %(end)s GROUP BY 1, 2, 3
) u JOIN billing_price p ON p.id = u.price_id
GROUP BY 1, 2, 3
"""


def _select(query: str, scope: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({query}) counted", scope)


def close(sizes: list[int]) -> None:
    """Say what closing a month takes: 10,000 runs of one organisation; a million records of 1,000 organisations."""
    from datetime import date

    from aion.actor import system
    from billing.services.statements import close_for, close_month

    assert sizes is not None
    one = build(organisations=1, runs=10_000, slug="closeone", credit=10**9, hold=1)
    fill(one, records=80_000 * 2, before=START)
    december = date(2025, 12, 1)
    spent = timed(partial(close_for, organisation_id=one.organisations[0], month=december, at=START))
    say("ledger.close.workloads", spent.wall, "s", clock="wall", size=10_000, workers=1, median_of=1, goal=60)
    many = build(organisations=1_000, runs=1_250, slug="closemany", credit=10**9, hold=1)
    fill(many, records=1_000_000, before=START)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    whole = timed(partial(close_month, actor=system("bench"), month=december, at=START + timedelta(days=10)))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    say("ledger.close.records", whole.wall, "s", clock="wall", size=1_000_000, workers=1, median_of=1,
        baseline=f"1,000 organisations; memory grew by {grown:.0f} MiB")  # fmt: skip
    again = close_month(actor=system("bench"), month=december, at=START + timedelta(days=10))
    assert again.closed == 0, again


def migrate(sizes: list[int]) -> None:
    """Say the CPU seconds of migrating from empty, PostgreSQL's included."""
    assert sizes is not None
    url = os.environ["DATABASE_URL"]
    name = "bench_migrate"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name}")
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    parts: dict[str, Any] = {**conninfo_to_dict(url), "dbname": name}
    target = make_conninfo(**parts)
    command = [sys.executable, "-c", MIGRATE]
    environment = {**os.environ, "DATABASE_URL": target, "PYTHONPATH": str(Path.cwd())}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
    say(
        "ledger.migrate.cpu",
        float(answer.stdout.split()[-1]),
        "s",
        clock="cpu",
        size=0,
        workers=1,
        median_of=1,
        goal=30,
    )


MIGRATE = """
import os, resource
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django
django.setup()
from django.core.management import call_command
from bench.measure import backend_cpu, backend_pid
call_command("migrate", verbosity=0)
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime + backend_cpu(backend_pid()))
"""
