# SPDX-License-Identifier: Apache-2.0
"""Requests for a higher quota, from the asking to the decision."""

from typing import Any

import pytest

from aion import clock
from aion.audit.models import AuditEvent
from aion.errors import Conflict, NotFound, Rejected
from aion.events.models import Event, Notification
from aion.events.services.emission import fan_out
from aion.people.quotas import decide_quota, request_quota, withdraw_quota
from aion.tenancy.models import QuotaRequest
from aion.tenancy.roles import Role
from tests.worlds import Tenant, browser


def _ask(tenant: Tenant, gpus: int = 128, project: str = "") -> QuotaRequest:
    return request_quota(
        actor=tenant.actor(), milli_gpus=gpus * 1000, reason="Training", project_id=project, at=clock.now()
    )


def _decide(tenant: Tenant, row: QuotaRequest, *, approve: bool = True, reason: str = "Fits") -> QuotaRequest:
    return decide_quota(actor=tenant.actor(), public_id=row.public_id, approve=approve, reason=reason, at=clock.now())


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
