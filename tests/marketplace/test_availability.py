# SPDX-License-Identifier: Apache-2.0
"""Availability for who asks: what is free, clipped by quota, with the age of that knowledge."""

from datetime import timedelta
from typing import Any

import pytest

from aion import clock
from aion.tenancy.models import Organisation, Project
from clusters.models import Cluster, Workload
from clusters.states import WorkloadState
from marketplace.models import Offer
from marketplace.queries import Allowance, PricedOffer, allowance_of, priced
from marketplace.services.orders import place_order
from tests.worlds import NOW, Market, Tenant, browser, launch

pytestmark = pytest.mark.django_db


def line_of(market: Market, allowance: Allowance, *, wanted: int = 1000) -> PricedOffer:
    (line,) = priced(list(Offer.objects.on_sale()), at=NOW, allowance=allowance, wanted=wanted)
    return line


def seen(market: Market, *, ago: int) -> None:
    Cluster.objects.filter(pk=market.cluster.pk).update(last_seen_at=NOW - timedelta(seconds=ago))


def runs(tenant: Tenant, market: Market, *, gpus: int) -> None:
    order = place_order(actor=tenant.actor(), request=launch(tenant, market, gpus=gpus), at=NOW)
    Workload.objects.filter(pk=order.workload_id).update(state=WorkloadState.RUNNING)


@pytest.mark.parametrize(
    ("quota", "project", "expected", "by_quota"),
    [(64, 64, 48, False), (40, 64, 24, True), (64, 20, 4, True), (16, 64, 0, True)],
)
def test_what_is_available_is_clipped_by_the_quotas_less_what_runs(
    mine: Tenant, market: Market, quota: int, project: int, expected: int, by_quota: bool
) -> None:
    seen(market, ago=5)
    runs(mine, market, gpus=16)
    Organisation.objects.filter(pk=mine.organisation.pk).update(milli_gpu_quota=quota * 1000)
    Project.objects.filter(organisation=mine.organisation).update(milli_gpu_quota=project * 1000)
    it = line_of(market, allowance_of(mine.actor())).availability
    assert (it.free, it.mine, it.by_quota) == (48_000, expected * 1000, by_quota)
    assert it.level == ("now" if expected else "none")


def test_another_tenants_runs_take_capacity_and_no_quota_of_mine(mine: Tenant, theirs: Tenant, market: Market) -> None:
    seen(market, ago=5)
    runs(theirs, market, gpus=60)
    it = line_of(market, allowance_of(mine.actor()), wanted=8000).availability
    assert (it.free, it.mine, it.by_quota, it.level) == (4000, 4000, False, "partly")


@pytest.mark.parametrize(("ago", "stale"), [(60, False), (61, True)])
def test_a_site_that_has_not_answered_for_a_minute_is_stale(market: Market, ago: int, stale: bool) -> None:
    seen(market, ago=ago)
    assert line_of(market, Allowance()).availability.stale is stale


def test_a_site_that_never_answered_is_unknown(market: Market) -> None:
    it = line_of(market, Allowance()).availability
    assert (it.level, it.stale, it.as_of) == ("unknown", True, None)


def test_the_page_and_the_api_say_it(mine: Tenant, market: Market, api: Any) -> None:
    Cluster.objects.filter(pk=market.cluster.pk).update(last_seen_at=clock.now() - timedelta(hours=1))
    Organisation.objects.filter(pk=mine.organisation.pk).update(milli_gpu_quota=8000)
    page = browser(mine).get("/prices/").content.decode()
    assert "8 within your quota" in page
    assert "last answer" in page
    said = api(mine.key()).get(f"/api/v1/offers/{market.offer.public_id}").json()["availability"]
    assert (said["available_milli_gpus"], said["limit_milli_gpus"], said["by_quota"]) == (8000, 8000, True)
    assert (said["stale"], said["level"]) == (True, "now")


def test_only_what_could_start_now_is_left_when_asked_for(mine: Tenant, market: Market) -> None:
    runs(mine, market, gpus=60)
    client = browser(mine)
    counts = [client.get(f"/prices/?free=on&gpus={gpus}").context["found"].count for gpus in (4, 5)]
    assert counts == [1, 0]
