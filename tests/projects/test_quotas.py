# SPDX-License-Identifier: Apache-2.0
"""Requests for a higher quota, from the asking to the decision."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aion import clock
from aion.audit.models import AuditEvent
from aion.errors import Conflict, NotFound, Rejected
from aion.events.models import Event, Notification
from aion.events.services.emission import fan_out
from aion.people.quotas import decide_quota, end_quota, end_quotas, request_quota, withdraw_quota
from aion.tenancy.models import Quota, QuotaRequest
from aion.tenancy.queries import launch_quota
from aion.tenancy.roles import Role
from billing.queries import Buyer
from clusters.errors import QuotaExceeded
from clusters.models import Pool
from marketplace.queries import Allowance, CatalogueWish, allowance_of, catalogue_page
from marketplace.services.orders import estimate, place_order
from marketplace.services.quota_requests import ask_quota
from tests.worlds import Market, Tenant, browser, launch, make_market


def _ask(tenant: Tenant, gpus: int = 128, project: str = "") -> QuotaRequest:
    return request_quota(
        actor=tenant.actor(), milli_gpus=gpus * 1000, reason="Training", project_id=project, at=clock.now()
    )


def _decide(
    tenant: Tenant, row: QuotaRequest, *, approve: bool = True, reason: str = "Fits", at: datetime | None = None
) -> QuotaRequest:
    return decide_quota(
        actor=tenant.actor(), public_id=row.public_id, approve=approve, reason=reason, at=at or clock.now()
    )


def test_an_approval_raises_the_quota_and_tells_who_launches(mine: Tenant) -> None:
    _decide(mine, _ask(mine))
    mine.organisation.refresh_from_db()
    mine.project.refresh_from_db()
    assert (mine.organisation.milli_gpu_quota, mine.project.milli_gpu_quota) == (128_000, 64_000)
    fan_out(at=clock.now())
    told = set(Notification.objects.filter(event__type="quota.decided").values_list("user_id", flat=True))
    assert told == {mine.people[role].pk for role in (Role.OWNER, Role.ADMIN, Role.DEVELOPER)}
    assert Event.objects.get(type="quota.decided").data["state"] == "approved"


def test_a_projects_approval_raises_its_organisation_only_as_far_as_needed(mine: Tenant) -> None:
    mine.organisation.milli_gpu_quota = 200_000
    mine.organisation.save()
    _decide(mine, _ask(mine, project=mine.project.public_id))
    mine.organisation.refresh_from_db()
    mine.project.refresh_from_db()
    assert (mine.organisation.milli_gpu_quota, mine.project.milli_gpu_quota) == (200_000, 128_000)


def test_a_refusal_changes_nothing_and_says_why(mine: Tenant) -> None:
    row = _decide(mine, _ask(mine), approve=False, reason="The site is full until May.")
    mine.organisation.refresh_from_db()
    assert (row.state, mine.organisation.milli_gpu_quota) == ("rejected", 64_000)
    assert Event.objects.get(type="quota.decided").data["reason"] == "The site is full until May."
    assert AuditEvent.objects.get(action="quota.rejected").reason == "The site is full until May."


def test_a_request_is_decided_once(mine: Tenant) -> None:
    row = _ask(mine)
    with pytest.raises(Rejected):
        _decide(mine, row, reason=" ")
    _decide(mine, row)
    for late in (lambda: _decide(mine, row), lambda: _decide(mine, row, approve=False)):
        with pytest.raises(Conflict):
            late()
    with pytest.raises(Conflict):
        withdraw_quota(actor=mine.actor(), public_id=row.public_id, at=clock.now())
    assert Event.objects.filter(type="quota.decided").count() == 1


def test_one_request_waits_for_each_quota(mine: Tenant, theirs: Tenant) -> None:
    row = _ask(mine)
    _ask(mine, project=mine.project.public_id)
    _ask(theirs)
    with pytest.raises(Conflict):
        _ask(mine)
    withdraw_quota(actor=mine.actor(), public_id=row.public_id, at=clock.now())
    _ask(mine)


@pytest.mark.parametrize(("gpus", "reason", "field"), [(64, "x", "gpus"), (10**7, "x", "gpus"), (65, " ", "reason")])
def test_what_cannot_be_asked_names_its_field(mine: Tenant, gpus: int, reason: str, field: str) -> None:
    with pytest.raises(Rejected) as refused:
        request_quota(actor=mine.actor(), milli_gpus=gpus * 1000, reason=reason, at=clock.now())
    assert refused.value.field == field


def test_a_strangers_project_is_not_there(mine: Tenant, theirs: Tenant) -> None:
    with pytest.raises(NotFound):
        _ask(mine, project=theirs.project.public_id)


def test_the_page_asks_and_shows_the_decision(mine: Tenant) -> None:
    client, path = browser(mine), f"/o/{mine.organisation.slug}/quotas/"
    assert "No requests yet" in client.get(path).content.decode()
    assert client.post(path, {"gpus": "64", "reason": "x"}).status_code == 422
    assert client.post(path, {"gpus": "128", "reason": "x", "project": mine.project.public_id}).status_code == 302
    row = QuotaRequest.objects.get()
    assert client.post(path, {"gpus": "128", "reason": "x", "project": mine.project.public_id}).status_code == 409
    assert client.get(f"{path}{row.public_id}/withdraw/").status_code == 200
    _decide(mine, row, reason="Welcome.")
    page = client.get(path).content.decode()
    assert "Approved" in page
    assert "Welcome." in page


def test_the_api_asks_and_withdraws(mine: Tenant, api: Any) -> None:
    client = api(mine.key())
    wish = {"milli_gpus": 128_000, "reason": "Training", "project": mine.project.public_id}
    row = client.post("/api/v1/quota-requests", wish, format="json").json()
    assert (row["project"], row["milli_gpus_before"], row["state"]) == (mine.project.public_id, 64_000, "pending")
    assert client.post("/api/v1/quota-requests", wish, format="json").status_code == 409
    assert client.post(f"/api/v1/quota-requests/{row['id']}/withdraw").json()["state"] == "withdrawn"
    assert client.get("/api/v1/quota-requests").json()["items"][0]["state"] == "withdrawn"


def _limits(tenant: Tenant, sku: str = "", at: Any = None) -> int:
    tenant.organisation.refresh_from_db()
    tenant.project.refresh_from_db()
    return launch_quota(project=tenant.project, organisation=tenant.organisation, sku_code=sku, at=at or clock.now())


def test_a_quota_of_one_accelerator_leaves_the_others_as_they_are_and_ends_by_its_date(
    mine: Tenant, market: Market
) -> None:
    now, other = clock.now(), make_market()
    until = now + timedelta(days=30)
    wish = {"milli_gpus": 128_000, "reason": "Training", "project_id": mine.project.public_id}
    row = ask_quota(actor=mine.actor(), sku_code=market.sku.code, until=until, at=now, **wish)
    assert _limits(mine, market.sku.code) == 64_000
    _decide(mine, row, at=now)
    assert (mine.organisation.milli_gpu_quota, mine.project.milli_gpu_quota) == (64_000, 64_000)
    found = [_limits(mine, sku) for sku in (market.sku.code, other.sku.code, "")]
    assert found == [128_000, 64_000, 64_000]
    assert [_limits(mine, market.sku.code, at) for at in (until - timedelta(seconds=1), until)] == [128_000, 64_000]
    assert Quota.objects.filter(request=row).count() == 2
    big = launch(mine, market, gpus=65)
    Pool.objects.filter(pk=market.pool.pk).update(milli_gpus=512_000)
    assert estimate(actor=mine.actor(), request=big, at=now).milli_gpus == 65_000
    for request, at in ((launch(mine, other, gpus=65), now), (big, until)):
        with pytest.raises(QuotaExceeded):
            estimate(actor=mine.actor(), request=request, at=at)


def test_a_quota_for_a_time_counts_for_all_and_its_end_is_told_once(mine: Tenant) -> None:
    now = clock.now()
    until = now + timedelta(days=5)
    _decide(mine, ask_quota(actor=mine.actor(), milli_gpus=128_000, reason="x", until=until, at=now), at=now)
    assert allowance_of(mine.actor(), now) == Allowance(64_000, {})
    project = ask_quota(actor=mine.actor(), milli_gpus=96_000, reason="x", until=until, at=now,
                        project_id=mine.project.public_id)  # fmt: skip
    _decide(mine, project, at=now)
    assert allowance_of(mine.actor(), now) == Allowance(96_000, {})
    assert (end_quotas(at=now), end_quotas(at=until), end_quotas(at=until)) == (0, 2, 0)
    assert Event.objects.filter(type="quota.ended").count() == 2
    assert allowance_of(mine.actor(), until) == Allowance(64_000, {})


def test_what_may_be_started_of_a_sku_is_clipped_by_its_own_quota(mine: Tenant, market: Market) -> None:
    now, other = clock.now(), make_market()
    code = market.sku.code
    _decide(mine, ask_quota(actor=mine.actor(), milli_gpus=128_000, reason="x", sku_code=code, at=now,
                            project_id=mine.project.public_id), at=now)  # fmt: skip
    place_order(actor=mine.actor(), request=launch(mine, market, gpus=40), at=now)
    place_order(actor=mine.actor(), request=launch(mine, other, gpus=20), at=now)
    assert allowance_of(mine.actor(), now) == Allowance(4000, {code: 88_000})
    wish = CatalogueWish(milli_gpus=8000, free_only=True)
    page = catalogue_page(wish=wish, at=now, buyer=Buyer(), allowance=allowance_of(mine.actor(), now), number=1, size=9)
    assert [line.offer.sku.code for line in page.lines] == [code]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"sku_code": "abacus"}, "sku"),
        ({"until": timedelta(0)}, "until"),
        ({"until": timedelta(days=-1)}, "until"),
        ({"until": timedelta(days=732)}, "until"),
    ],
)
def test_an_accelerator_or_day_that_makes_no_sense_is_refused(mine: Tenant, fields: Any, field: str) -> None:
    now = clock.now()
    if "until" in fields:
        fields = {"until": now + fields["until"]}
    with pytest.raises(Rejected) as refused:
        ask_quota(actor=mine.actor(), milli_gpus=128_000, reason="x", at=now, **fields)
    assert refused.value.field == field


def test_a_request_whose_day_has_passed_is_not_approved_and_an_end_needs_a_reason(mine: Tenant) -> None:
    now = clock.now()
    until = now + timedelta(days=1)
    row = ask_quota(actor=mine.actor(), milli_gpus=128_000, reason="x", until=until, at=now)
    with pytest.raises(Conflict, match="has passed"):
        decide_quota(actor=mine.actor(), public_id=row.public_id, approve=True, reason="x", at=until)
    _decide(mine, row, at=now)
    quota = Quota.objects.get()
    with pytest.raises(Rejected):
        end_quota(actor=mine.actor(), public_id=quota.public_id, reason=" ", at=now)
    end_quota(actor=mine.actor(), public_id=quota.public_id, reason="The site closes.", at=now)
    assert Event.objects.get(type="quota.ended").data["reason"] == "The site closes."
    with pytest.raises(Conflict):
        end_quota(actor=mine.actor(), public_id=quota.public_id, reason="x", at=now)
    assert _limits(mine) == 64_000


def test_page_and_api_ask_for_an_accelerator_until_a_day_and_show_it_beside_budgets(
    mine: Tenant, market: Market, api: Any
) -> None:
    client, path = browser(mine), f"/o/{mine.organisation.slug}/quotas/"
    wish = {"gpus": "128", "reason": "x", "sku": market.sku.code, "project": mine.project.public_id}
    for wrong in ({"sku": "abacus"}, {"until": "soon"}, {"until": "2020-01-01"}):
        assert client.post(path, {**wish, **wrong}).status_code == 422
    last = (clock.now() + timedelta(days=3)).date()
    assert client.post(path, {**wish, "until": last.isoformat()}).status_code == 302
    row = QuotaRequest.objects.get()
    assert row.until == datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
    _decide(mine, row)
    project = f"/o/{mine.organisation.slug}/projects/{mine.project.public_id}/"
    for page in (path, project):
        shown = client.get(page).content.decode()
        assert market.sku.code in shown
        assert "128" in shown
    key = api(mine.key())
    held = key.get("/api/v1/quotas").json()["items"]
    assert {(one["sku"], one["milli_gpus"], one["request"]) for one in held} == {
        (market.sku.code, 128_000, row.public_id)
    }
    body = {"milli_gpus": 256_000, "reason": "x", "sku": market.sku.code, "until": "2020-01-01T00:00:00Z"}
    assert key.post("/api/v1/quota-requests", body, format="json").json()["field"] == "until"
    assert key.post("/api/v1/quota-requests", {**body, "until": None}, format="json").json()["sku"] == market.sku.code


def test_the_last_day_there_is_is_refused_beside_its_field(mine: Tenant) -> None:
    wish = {"project": "", "gpus": "70", "sku": "", "until": "9999-12-31", "reason": "Need"}
    answer = browser(mine).post("/o/mine/quotas/", wish)
    assert answer.status_code == 422
    assert "Choose a day in the future, within two years." in answer.content.decode()
