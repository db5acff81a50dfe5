# SPDX-License-Identifier: Apache-2.0
"""catalogue.*: p95 and query counts of page and API with 10,000 offers of 1,000 organisations, against a handful."""

from functools import partial
from typing import Any

from django.db import connection
from django.test import Client

from bench.measure import Series, note, say, timed
from bench.screens import count, fetch

OFFERS, OPERATORS, SKUS = 10_000, 1_000, 24
FEW = 10
REPEATS = 60
GOAL = 50
# Operators' own prices are asked for where a line has one: a handful of offers may have none.
OWN_PRICES = 1
# A third of the offers have a price of their own, and half of those have announced another.
STATEMENTS = (
    """INSERT INTO tenancy_organisation (public_id, name, slug, kind, country_id, state, frozen_reason, milli_gpu_quota,
           created_at)
       SELECT 'org_m' || n, 'Operator ' || n, 'market-o' || n, 'member', 'FR', 'active', '', 0, now()
       FROM generate_series(1, %(operators)s) n""",
    """INSERT INTO clusters_site (public_id, code, name, operator_id, country_id, pue, g_co2e_per_kwh, storage_code,
           backup_code, failover_code, support_from, telemetry_code, transit, operator_seat, non_eu_max_holder_pct,
           non_eu_total_pct, certificate)
       SELECT 'site_m' || o.id, 'm-' || o.slug, 'Site ' || o.name, o.id, country, 1.1 + (o.id %% 40) / 100.0,
              20 + o.id %% 400, country, country, country, 'FR', country, 'EU', 'FR', o.id %% 60, o.id %% 60, 'none'
       FROM (SELECT o.*, (ARRAY['FR', 'DE', 'NL', 'NO'])[1 + o.id %% 4] AS country FROM tenancy_organisation o
             WHERE o.slug LIKE 'market-o%%') o""",
    """INSERT INTO clusters_cluster (site_id, code, api_url, ca_pem, credential_ref, enabled, last_seen_at, last_error,
           clock_skew_seconds)
       SELECT id, code, 'http://127.0.0.1:9/', '', '', true, now(), '', 0 FROM clusters_site WHERE code LIKE 'm-%%'""",
    """INSERT INTO clusters_nodeflavour (code, name, vendor, kind, product, resource_name, per_node, memory_gib,
           interconnect, watts, vcpus, host_memory_gib, local_disk_gib)
       SELECT 'mf-' || n, 'Accelerator ' || n, (ARRAY['NVIDIA', 'AMD', 'VSora', 'SiPearl'])[1 + n %% 4], 'gpu', 'x',
              'x', 8, 24 * (1 + n %% 8), 'InfiniBand', 700, 224, 2048, 30720
       FROM generate_series(1, %(skus)s) n""",
    """INSERT INTO billing_sku (code, name, accelerator)
       SELECT code, name, kind FROM clusters_nodeflavour WHERE code LIKE 'mf-%%'""",
    "INSERT INTO billing_pricebook (code, name) VALUES ('list', 'List prices') ON CONFLICT DO NOTHING",
    """INSERT INTO billing_price (book_id, sku_id, valid, micro_per_gpu_hour)
       SELECT b.id, s.id, tstzrange('2024-01-01', NULL), 1000000 + s.id * 7919
       FROM billing_pricebook b, billing_sku s WHERE b.code = 'list' AND s.code LIKE 'mf-%%'""",
    """INSERT INTO clusters_pool (public_id, organisation_id, cluster_id, flavour_id, code, name, milli_gpus, fractions,
           metered_by, storage_class)
       SELECT 'pool_m' || n, s.operator_id, c.id, f.id, 'mp-' || n, 'Pool ' || n, 1000 * (64 + n %% 512), false, 'aion',
              'NVMe'
       FROM generate_series(1, %(offers)s) n
       JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place FROM clusters_cluster WHERE code LIKE 'm-%%') c
         ON c.place = n %% %(operators)s
       JOIN clusters_site s ON s.id = c.site_id
       JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place FROM clusters_nodeflavour WHERE code LIKE 'mf-%%') f
         ON f.place = n %% %(skus)s""",
    """INSERT INTO billing_pricebook (code, name, operator_id)
       SELECT 'off_' || p.code, p.name, p.organisation_id FROM clusters_pool p
       WHERE p.code LIKE 'mp-%%' AND p.id %% 3 = 0""",
    """INSERT INTO marketplace_offer (public_id, organisation_id, pool_id, sku_id, title, description, capacity_class,
           price_book_id, own_micro_per_gpu_hour, announced_micro_per_gpu_hour, announced_from, storage_class, state,
           decision_reason, min_milli_gpus, max_milli_gpus, max_seconds, position)
       SELECT 'off_m' || p.id, p.organisation_id, p.id, s.id, f.name || ' ' || p.name, '', 'on_demand', b.id,
              CASE WHEN b.id IS NULL THEN NULL ELSE 900000 + p.id %% 3000000 END,
              CASE WHEN b.id IS NOT NULL AND p.id %% 2 = 0 THEN 1900000 END,
              CASE WHEN b.id IS NOT NULL AND p.id %% 2 = 0 THEN now() + interval '9 days' END, '',
              'published', '', 1000, p.milli_gpus, 2592000, 100 + p.id %% 100
       FROM clusters_pool p JOIN clusters_nodeflavour f ON f.id = p.flavour_id JOIN billing_sku s ON s.code = f.code
       LEFT JOIN billing_pricebook b ON b.code = 'off_' || p.code WHERE p.code LIKE 'mp-%%'""",
    """INSERT INTO billing_price (book_id, sku_id, valid, micro_per_gpu_hour)
       SELECT o.price_book_id, o.sku_id, tstzrange('2024-01-01', NULL), o.own_micro_per_gpu_hour
       FROM marketplace_offer o WHERE o.price_book_id IS NOT NULL""",
    "ANALYZE",
)
PAGES = {
    "page": "/prices/",
    "cheapest": "/prices/?sort=price",
    "filtered": "/prices/?vendor=AMD&level=EU_OWNED&memory=48&sort=-price&page=3",
    "free": "/prices/?free=on&gpus=16&country=DE",
}


def catalogue(sizes: list[int]) -> None:
    """Say p95 of the catalogue's page and API for a signed-in member, and that the number of queries does not grow."""
    from rest_framework.test import APIClient

    from aion import clock
    from marketplace.services.orders import place_order
    from tests.worlds import launch, make_market, make_tenant

    assert sizes is not None
    tenant, market = make_tenant("bench-market", credit=10**6), make_market(gpus=1000)
    for number in range(FEW):
        place_order(actor=tenant.actor(), request=launch(tenant, market, gpus=1, name=f"b-{number}"), at=clock.now())
    browser, api = Client(), APIClient()
    browser.force_login(tenant.people["owner"])
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {tenant.key()}")
    targets = [(f"catalogue.{name}", browser, path) for name, path in PAGES.items()]
    targets.append(("catalogue.api", api, "/api/v1/offers?sort=price&limit=50"))
    _fill(offers=FEW, operators=FEW)
    few = {name: count(partial(fetch, client, path)) for name, client, path in targets}
    _clear()
    _fill(offers=OFFERS, operators=OPERATORS)
    note(f"{OFFERS:,} offers of {OPERATORS:,} organisations")
    for name, client, path in targets:
        _measure(name, client, path, few=few[name])


def _fill(**size: int) -> None:
    with connection.cursor() as cursor:
        for statement in STATEMENTS:
            cursor.execute(statement, {"skus": SKUS, **size})


def _clear() -> None:
    """Forget the handful; prices are facts that only go behind the triggers."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for statement in (
            "DELETE FROM marketplace_offer WHERE public_id LIKE 'off_m%'",
            "DELETE FROM billing_price WHERE sku_id IN (SELECT id FROM billing_sku WHERE code LIKE 'mf-%')",
            "DELETE FROM billing_pricebook WHERE code LIKE 'off_mp-%'",
            "DELETE FROM clusters_pool WHERE code LIKE 'mp-%'",
            "DELETE FROM billing_sku WHERE code LIKE 'mf-%'",
            "DELETE FROM clusters_nodeflavour WHERE code LIKE 'mf-%'",
            "DELETE FROM clusters_cluster WHERE code LIKE 'm-market-%'",
            "DELETE FROM clusters_site WHERE code LIKE 'm-market-%'",
            "DELETE FROM tenancy_organisation WHERE slug LIKE 'market-o%'",
        ):
            cursor.execute(statement)
        cursor.execute("SET session_replication_role = DEFAULT")


def _measure(name: str, client: Any, path: str, *, few: int) -> None:
    queries = count(partial(fetch, client, path))
    assert queries <= few + OWN_PRICES, f"{name}: {queries} queries, {few} with {FEW} offers"
    series = Series([timed(partial(fetch, client, path)) for _ in range(REPEATS)])
    cpu, wall = (1000 * series.median(clock) for clock in ("cpu", "wall"))
    say(name, 1000 * series.percentile(0.95), "ms at p95", clock="wall", size=OFFERS, workers=1, median_of=REPEATS,
        goal=GOAL, baseline=f"median {wall:.1f} ms, {cpu:.1f} ms of CPU, {queries} queries, {few} with {FEW} offers"
        )  # fmt: skip
