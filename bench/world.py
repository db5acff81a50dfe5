# SPDX-License-Identifier: Apache-2.0
"""A large world made by set-based statements: organisations, runs of eight devices each with its hold, stored usage."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from bench.measure import note

START = datetime(2026, 1, 1, tzinfo=UTC)
MICRO = 1_000_000
DEVICES_PER_RUN = 8
RECORD_COLUMNS = (
    "hour, meter_id, organisation_id, price_id, batch_id, exact, milli_gpus, start_second, seconds, revision"
)


@dataclass(frozen=True, slots=True)
class World:
    """The ids of what was made."""

    organisations: list[int]
    meters: list[int]


def build(*, organisations: int, runs: int, credit: int = 10**9, hold: int = 10**6, slug: str = "bench") -> World:
    """Make ``organisations`` with a project and a lot each, and ``runs`` of eight whole GPUs with a hold each."""
    from tests.worlds import make_market

    market = make_market(gpus=10**6, code=slug)
    values: dict[str, Any] = {
        "slug": slug,
        "organisations": organisations,
        "runs": runs,
        "sku": market.sku.pk,
        "price": market.price.pk,
        "micro": market.price.micro_per_gpu_hour,
        "credit": credit * MICRO,
        "hold": hold * MICRO,
        "site": market.site.code,
        "at": START - timedelta(days=30),
        "devices": DEVICES_PER_RUN,
    }
    with connection.cursor() as cursor:
        for statement in STATEMENTS:
            cursor.execute(statement, values)
        cursor.execute("SELECT id FROM tenancy_organisation WHERE slug LIKE %s ORDER BY id", [f"{slug}-o%"])
        owners = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT id FROM billing_meter WHERE reference LIKE %s ORDER BY id", [f"{slug}/%"])
        meters = [row[0] for row in cursor.fetchall()]
        for table in ("billing_run", "billing_meter", "billing_hold", "billing_holdleg", "billing_ledgeraccount"):
            cursor.execute(f"ANALYZE {table}")
    return World(owners, meters)


STATEMENTS = (
    """INSERT INTO tenancy_organisation (public_id, name, slug, kind, country_id, state, frozen_reason, milli_gpu_quota,
           created_at)
       SELECT 'org_' || %(slug)s || n, 'Bench ' || n, %(slug)s || '-o' || n, 'startup', 'FR', 'active', '', 10^9, %(at)s
       FROM generate_series(1, %(organisations)s) n""",
    """INSERT INTO tenancy_project (public_id, organisation_id, name, slug, residency_policy, programme_code,
           milli_gpu_quota, restricted, created_at)
       SELECT 'prj_' || o.id, o.id, 'Main', 'main', 'EU_RESIDENT', '', 10^9, false, %(at)s
       FROM tenancy_organisation o WHERE o.slug LIKE %(slug)s || '-o%%'""",
    """INSERT INTO billing_ledgeraccount (public_id, kind, organisation_id, label, origin, rank, sku_codes, site_codes,
           programme_codes, min_level, starts_at, debits, credits, held, created_at)
       SELECT 'lot_' || o.id, 'lot', o.id, 'Credit', 'purchase', 2, '{}', '{}', '{}', 0, %(at)s, 0, 0, 0, %(at)s
       FROM tenancy_organisation o WHERE o.slug LIKE %(slug)s || '-o%%'""",
    """INSERT INTO billing_ledgeraccount (public_id, kind, label, origin, rank, sku_codes, site_codes, programme_codes,
           min_level, debits, credits, held, created_at)
       VALUES ('acc_funding', 'funding', 'AION funding', '', 0, '{}', '{}', '{}', 0, 0, 0, 0, %(at)s)
       ON CONFLICT DO NOTHING""",
    """INSERT INTO billing_transfer (public_id, organisation_id, debit_account_id, credit_account_id, amount, kind,
           description, effective_at, created_at, idempotency_key)
       SELECT 'tr_b' || a.id, a.organisation_id, (SELECT id FROM billing_ledgeraccount WHERE kind = 'funding'), a.id,
              %(credit)s, 'purchase', 'Credit', %(at)s, %(at)s, 'bench:' || a.public_id
       FROM billing_ledgeraccount a WHERE a.kind = 'lot' AND a.credits = 0""",
    """INSERT INTO residency_residencydecision (organisation_id, subject, gate, policy, allowed, reasons, facts,
           engine_version, table_version, decided_at)
       SELECT o.id, %(slug)s, 'order', 'EU_RESIDENT', true, '{}', '{}', 'bench', 'bench', %(at)s
       FROM tenancy_organisation o WHERE o.slug LIKE %(slug)s || '-o%%'""",
    """INSERT INTO billing_hold (public_id, organisation_id, project_id, amount, state, reference, sku_code, site_code,
           programme_code, level, created_at)
       SELECT 'hold_' || %(slug)s || n, p.organisation_id, p.id, %(hold)s, 'open', %(slug)s || '-' || n, '', '', '', 2,
              %(at)s
       FROM generate_series(1, %(runs)s) n
       JOIN (SELECT p.*, row_number() OVER (ORDER BY p.id) AS place FROM tenancy_project p
             JOIN tenancy_organisation o ON o.id = p.organisation_id WHERE o.slug LIKE %(slug)s || '-o%%') p
         ON p.place = n %% %(organisations)s + 1""",
    """INSERT INTO billing_holdleg (hold_id, lot_id, position, amount, captured, released)
       SELECT h.id, a.id, 1, h.amount, 0, 0 FROM billing_hold h
       JOIN billing_ledgeraccount a ON a.organisation_id = h.organisation_id AND a.kind = 'lot'
       WHERE h.reference LIKE %(slug)s || '-%%'""",
    """UPDATE billing_ledgeraccount a SET held = l.held
       FROM (SELECT lot_id, sum(amount - captured - released) AS held FROM billing_holdleg GROUP BY 1) l
       WHERE l.lot_id = a.id AND a.held <> l.held""",
    """INSERT INTO billing_run (organisation_id, project_id, workload_ref, name, site_code, sku_id, price_id,
           micro_per_gpu_hour, hold_id, decision_id, opened_at)
       SELECT h.organisation_id, h.project_id, 'wl_' || h.id, h.reference, %(site)s, %(sku)s, %(price)s, %(micro)s,
              h.id, d.id, %(at)s
       FROM billing_hold h
       JOIN residency_residencydecision d ON d.organisation_id = h.organisation_id AND d.subject = %(slug)s
       WHERE h.reference LIKE %(slug)s || '-%%' ORDER BY h.id""",
    """INSERT INTO billing_meter (organisation_id, run_id, reference, price_id, micro_per_gpu_hour, milli_gpus, allowed,
           opened_at)
       SELECT r.organisation_id, r.id, %(slug)s || '/' || r.id || '/' || n, r.price_id, r.micro_per_gpu_hour, 1000,
              true, %(at)s
       FROM billing_run r CROSS JOIN generate_series(1, %(devices)s) n
       WHERE r.name LIKE %(slug)s || '-%%' ORDER BY r.id, n""",
)
# Stored beforehand as the pipeline would have: records, both roll-ups, and one transfer per organisation and day.
FILL = f"""
INSERT INTO billing_usagerecord ({RECORD_COLUMNS})
SELECT h.hour, m.id, m.organisation_id, m.price_id, %(batch)s, m.micro_per_gpu_hour * m.milli_gpus * 3600,
       m.milli_gpus, 0, 3600, 0
FROM generate_series(%(first)s::timestamptz, %(last)s::timestamptz, interval '1 hour') AS h(hour)
CROSS JOIN (SELECT * FROM billing_meter WHERE id = ANY (%(meters)s) ORDER BY id) m
"""
ROLL_UP_DAYS = """
INSERT INTO billing_usageday (organisation_id, run_id, day, milli_gpu_seconds, exact)
SELECT u.organisation_id, m.run_id, date_trunc('day', u.hour, 'UTC'), sum(u.milli_gpus::bigint * u.seconds),
       sum(u.exact)
FROM billing_usagerecord u JOIN billing_meter m ON m.id = u.meter_id
WHERE u.hour >= %(first)s AND u.hour < %(end)s AND u.batch_id = %(batch)s GROUP BY 1, 2, 3
ON CONFLICT (organisation_id, day, run_id) DO UPDATE
SET milli_gpu_seconds = billing_usageday.milli_gpu_seconds + EXCLUDED.milli_gpu_seconds,
    exact = billing_usageday.exact + EXCLUDED.exact
"""
ROLL_UP_HOURS = """
INSERT INTO billing_usagehour (organisation_id, project_id, sku_id, site_code, hour, milli_gpu_seconds, exact)
SELECT u.organisation_id, r.project_id, r.sku_id, r.site_code, u.hour, sum(u.milli_gpus::bigint * u.seconds),
       sum(u.exact)
FROM billing_usagerecord u JOIN billing_meter m ON m.id = u.meter_id JOIN billing_run r ON r.id = m.run_id
WHERE u.hour >= %(first)s AND u.hour < %(end)s AND u.batch_id = %(batch)s GROUP BY 1, 2, 3, 4, 5
"""
CHARGE = """
INSERT INTO billing_transfer (public_id, organisation_id, debit_account_id, credit_account_id, amount, kind,
    description, batch_id, sku_id, usage_day, effective_at, created_at, idempotency_key)
SELECT 'tr_' || left(replace(gen_random_uuid()::text, '-', ''), 16), h.organisation_id, a.id, c.id,
       sum(h.exact) / 3600000, 'usage', 'Usage', %(batch)s, h.sku_id, date_trunc('day', h.hour, 'UTC'),
       max(h.hour) + interval '1 hour', now(),
       concat_ws(':', 'fill', %(batch)s::bigint, h.organisation_id, date_trunc('day', h.hour, 'UTC'))
FROM billing_usagehour h
JOIN billing_ledgeraccount a ON a.organisation_id = h.organisation_id AND a.kind = 'lot'
JOIN billing_ledgeraccount c ON c.kind = 'clearing'
WHERE h.organisation_id = ANY (%(organisations)s) AND h.hour >= %(first)s AND h.hour < %(end)s
GROUP BY h.organisation_id, a.id, c.id, h.sku_id, date_trunc('day', h.hour, 'UTC')
"""


def fill(world: World, *, records: int, before: datetime) -> datetime:
    """Store ``records`` whole hours of the world's meters before ``before``, as posted; return their first hour."""
    from billing.services.ledger import platform_account
    from billing.states import AccountKind

    hours = -(-records // len(world.meters))
    first = before - timedelta(hours=hours)
    if hours <= 0:
        return before
    note(f"storing {hours * len(world.meters):,} records …")
    platform_account(AccountKind.CLEARING, at=START)
    with connection.cursor() as cursor:
        cursor.execute("SELECT billing_ensure_usage_partitions(%s, %s)", [first, before])
        cursor.execute(
            "INSERT INTO billing_usagebatch (source, received, accepted, duplicate, refused, posted_at) "
            "VALUES ('fill', 0, 0, 0, 0, now()) RETURNING id"
        )
        scope: dict[str, Any] = {
            "batch": cursor.fetchone()[0],
            "meters": world.meters,
            "organisations": world.organisations,
        }
        begin = first
        while begin < before:
            end = min(before, begin + timedelta(hours=100))
            cursor.execute(FILL, {**scope, "first": begin, "last": end - timedelta(hours=1)})
            begin = end
        scope |= {"first": first, "end": before}
        for statement in (ROLL_UP_HOURS, ROLL_UP_DAYS, CHARGE):
            cursor.execute(statement, scope)
        for table in ("billing_usagerecord", "billing_usagehour", "billing_usageday", "billing_transfer"):
            cursor.execute(f"VACUUM ANALYZE {table}")
    return first


def batch_lines(world: World, *, first: datetime, records: int) -> bytes:
    """Return a batch as COPY lines of the wire record: hour, meter, first second, seconds, revision."""
    hours = -(-records // len(world.meters))
    lines = [
        f"{(first + timedelta(hours=hour)).isoformat()}\t{meter}\t0\t3600\t0\n"
        for hour in range(hours)
        for meter in world.meters
    ]
    return "".join(lines[:records]).encode()


@dataclass(frozen=True, slots=True)
class Operated:
    """Runs on a pool whose operator meters it."""

    pool: Any
    runs: list[int]
    since: datetime


def make_operated_runs(*, runs: int = 1250) -> Operated:
    """Place ``runs`` orders of 64 GPUs on a pool that its operator meters: eight devices a run."""
    from marketplace.services.orders import place_order
    from tests.worlds import launch, make_market, make_tenant

    market = make_market(gpus=10**6, code="edge")
    tenants = [make_tenant(f"edge-{number}", credit=10**8, roles=(), quota=10**6) for number in range(50)]
    actors = [system_of(tenant) for tenant in tenants]
    placed = []
    for number in range(runs):
        request = launch(tenants[number % 50], market, gpus=64, hours=100)
        run_id = place_order(actor=actors[number % 50], request=request, at=START).workload.run_id
        if run_id is not None:
            placed.append(run_id)
    return Operated(market.pool, placed, START)


def system_of(tenant: Any) -> Any:
    """Return the system's actor in a tenant."""
    from aion.actor import system

    return system("bench", organisation_id=tenant.organisation.pk)
