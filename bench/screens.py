# SPDX-License-Identifier: Apache-2.0
"""portal.pages and api.lists: p95 and query counts, small and with ten million records of one organisation."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import connection
from django.test import Client

from bench.measure import Series, note, say, timed
from bench.world import START, build, fill

REPEATS = 40


def pages(sizes: list[int]) -> None:
    """Say p95 of overview, estimate, workloads; and of overview, usage, statement with a large organisation."""
    from aion import clock
    from marketplace.services.orders import place_order
    from tests.worlds import launch, make_market, make_tenant

    tenant, market = make_tenant("bench-pages", credit=10**6), make_market(gpus=1000)
    for _ in range(60):
        place_order(actor=tenant.actor(), request=launch(tenant, market, gpus=1), at=clock.now())
    browser = Client()
    browser.force_login(tenant.people["owner"])
    query = f"offer={market.offer.public_id}&gpus=8&hours=2&name=a&image=b&project={tenant.project.public_id}"
    for name, path in {
        "overview": "/o/bench-pages/",
        "estimate": f"/o/bench-pages/launch/estimate/?{query}",
        "workloads": "/o/bench-pages/workloads/",
    }.items():
        _page(f"portal.pages.{name}", browser, path, size=60)
    size = min(max(sizes), 10_000_000) or 1_000_000
    _large(size)


def _large(size: int) -> None:
    from django.conf import settings

    from aion.tenancy.models import Membership, Organisation
    from tests.worlds import make_user

    world = build(organisations=1, runs=1250, slug="large", credit=10**9, hold=1)
    fill(world, records=size, before=START)
    organisation = Organisation.objects.get(pk=world.organisations[0])
    user = make_user("large@example.org")
    Membership.objects.create(user=user, organisation=organisation, role="owner")
    browser = Client()
    browser.force_login(user)
    from aion import clock

    settings.VIRTUAL_CLOCK = True  # the pages look at the days before now
    clock.set_virtual(START)
    note(f"pages of an organisation with {size:,} records")
    for name, path in {
        "overview_large": "",
        "usage_large": "usage/?days=30&group=project",
        "usage_by_workload_large": "usage/?days=30&group=workload",
        "statement_large": "credits/",
    }.items():
        _page(f"portal.pages.{name}", browser, f"/o/{organisation.slug}/{path}", size=size, goal=100)
    clock.release()
    settings.VIRTUAL_CLOCK = False


def _page(name: str, client: Any, path: str, *, size: int, goal: float | None = None) -> None:
    queries = count(lambda: fetch(client, path))
    series = Series([timed(partial(fetch, client, path)) for _ in range(REPEATS)])
    say(name, 1000 * series.percentile(0.95), "ms at p95", clock="wall", size=size, workers=1, median_of=REPEATS,
        goal=goal, baseline=f"median {1000 * series.median('wall'):.1f} ms, {queries} queries")  # fmt: skip


def fetch(client: Any, path: str) -> None:
    """Get a page that must be there."""
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)


def count(action: Callable[[], Any]) -> int:
    """Return how many queries an action takes."""
    seen: list[str] = []

    def note_query(execute: Any, sql: str, *rest: Any) -> Any:
        seen.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note_query):
        action()
    return len(seen)


def lists(sizes: list[int]) -> None:
    """Say how a list of 100 rows compares with a bare DRF view of the same rows in the same run."""
    from rest_framework.test import APIClient

    from aion import clock
    from billing.services.credits import issue_lot
    from billing.states import Origin
    from marketplace.services.orders import place_order
    from tests.worlds import MICRO, launch, make_market, make_tenant

    assert sizes is not None
    tenant, market = make_tenant("bench-lists", credit=10**6), make_market(gpus=1000)
    for number in range(100):
        place_order(actor=tenant.actor(), request=launch(tenant, market, gpus=1), at=clock.now())
        issue_lot(actor=tenant.actor(), organisation_id=tenant.organisation.pk, amount=MICRO, label="lot",
                  origin=Origin.GRANT, key=f"bench-lot-{number}", at=START - timedelta(days=1))  # fmt: skip
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {tenant.key()}")
    for name in ("workloads", "credit-lots", "ledger-entries"):
        path = f"/api/v1/{name}?limit=100"
        queries = count(partial(fetch, client, path))
        ours = Series([timed(partial(fetch, client, path)) for _ in range(REPEATS)])
        bare = Series([timed(partial(_bare, name, tenant)) for _ in range(REPEATS)])
        say(f"api.lists.{name}", 1000 * ours.percentile(0.95), "ms at p95",
            ratio=ours.median("wall") / bare.median("wall"), clock="wall", size=100, workers=1, median_of=REPEATS,
            goal=3, baseline=f"a bare DRF view of the same 100 rows; ours takes {queries} queries")  # fmt: skip


def _bare(name: str, tenant: Any) -> None:
    """Answer the same rows from a plain ModelSerializer view without rights, filters or money strings."""
    from rest_framework import serializers
    from rest_framework.generics import ListAPIView
    from rest_framework.test import APIRequestFactory

    from billing.models import LedgerAccount, Transfer
    from clusters.models import Workload

    table: Any = {"workloads": Workload, "credit-lots": LedgerAccount, "ledger-entries": Transfer}[name]

    class Plain(serializers.ModelSerializer[Any]):
        class Meta:
            model = table
            fields = "__all__"

    class View(ListAPIView[Any]):
        authentication_classes = ()
        permission_classes = ()
        throttle_classes = ()
        filter_backends = ()
        pagination_class = None
        serializer_class = Plain
        queryset = table.objects.filter(organisation=tenant.organisation)[:100]

    answer = View.as_view()(APIRequestFactory().get("/"))
    answer.render()
    assert answer.status_code == 200
