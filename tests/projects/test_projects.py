# SPDX-License-Identifier: Apache-2.0
"""Changing, archiving and restricting projects."""

from typing import Any

import pytest

from aion import clock
from aion.audit.models import AuditEvent
from aion.errors import Conflict, Forbidden, Rejected
from aion.tenancy.models import Membership, ProjectMember
from aion.tenancy.roles import Role
from aion.tenancy.services import projects
from billing.services.budgets import BudgetWish, create_budget
from billing.states import BudgetPeriod, BudgetScope
from clusters.queries import InUse, in_use_by_project
from clusters.services.workloads import request_stop
from clusters.states import WorkloadState
from marketplace.services.orders import estimate, extend_order, place_order
from marketplace.services.quotes import refusal_of
from tests.worlds import MICRO, Market, Tenant, browser, launch


def _restrict(tenant: Tenant, *roles: str) -> None:
    projects.set_members(
        actor=tenant.actor(),
        public_id=tenant.project.public_id,
        restricted=True,
        members=[tenant.people[role].pk for role in roles],
        at=clock.now(),
    )


def test_a_change_holds_from_now_on_and_is_on_the_record(mine: Tenant) -> None:
    found = projects.update_project(
        actor=mine.actor(), public_id=mine.project.public_id, name=" Speech ", milli_gpu_quota=4000, at=clock.now()
    )
    assert (found.name, found.slug, found.milli_gpu_quota) == ("Speech", "main", 4000)
    event = AuditEvent.objects.get(action="project.changed")
    assert event.changes == {"name": ["Main", "Speech"], "milli_gpu_quota": [64_000, 4000]}
    projects.update_project(actor=mine.actor(), public_id=mine.project.public_id, name="Speech", at=clock.now())
    assert AuditEvent.objects.filter(action="project.changed").count() == 1


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"name": "…"}, "name"),
        ({"residency_policy": "MOON"}, "residency_policy"),
        ({"milli_gpu_quota": 0}, "gpu_quota"),
        ({"milli_gpu_quota": 64_001}, "gpu_quota"),
    ],
)
def test_a_bad_change_names_its_field(mine: Tenant, wish: Any, field: str) -> None:
    with pytest.raises(Rejected) as refused:
        projects.update_project(actor=mine.actor(), public_id=mine.project.public_id, at=clock.now(), **wish)
    assert refused.value.field == field


def test_only_members_launch_stop_and_extend_in_a_restricted_project(mine: Tenant, market: Market) -> None:
    developer = mine.actor(Role.DEVELOPER)
    order = place_order(actor=developer, request=launch(mine, market, gpus=1), at=clock.now())
    _restrict(mine)
    wish = launch(mine, market, gpus=1)
    with pytest.raises(Forbidden):
        place_order(actor=developer, request=wish, at=clock.now())
    with pytest.raises(Forbidden):
        extend_order(actor=developer, workload_id=order.workload.public_id, extra_seconds=3600, at=clock.now())
    with pytest.raises(Forbidden):
        request_stop(actor=developer, public_id=order.workload.public_id, at=clock.now())
    quote = estimate(actor=developer, request=wish, at=clock.now())
    refusal = refusal_of(actor=developer, quote=quote, at=clock.now())
    assert refusal is not None
    assert refusal.code == "forbidden"
    # An administrator sets the list, so it does not bind them.
    assert refusal_of(actor=mine.actor(Role.ADMIN), quote=quote, at=clock.now()) is None
    _restrict(mine, Role.DEVELOPER)
    place_order(actor=developer, request=wish, at=clock.now())
    assert request_stop(actor=developer, public_id=order.workload.public_id, at=clock.now()).is_terminal


def test_who_leaves_the_organisation_leaves_its_projects(mine: Tenant) -> None:
    _restrict(mine, Role.DEVELOPER)
    Membership.objects.get(user=mine.people[Role.DEVELOPER]).delete()
    assert not ProjectMember.objects.exists()


def test_a_stranger_cannot_be_a_member(mine: Tenant, theirs: Tenant) -> None:
    with pytest.raises(Rejected) as refused:
        projects.set_members(
            actor=mine.actor(),
            public_id=mine.project.public_id,
            restricted=True,
            members=[theirs.people[Role.OWNER].pk],
            at=clock.now(),
        )
    assert refused.value.field == "members"
    assert not ProjectMember.objects.exists()


def test_nothing_new_starts_in_an_archived_project_until_it_is_reopened(mine: Tenant, market: Market) -> None:
    order = place_order(actor=mine.actor(), request=launch(mine, market, gpus=1), at=clock.now())
    projects.archive_project(actor=mine.actor(), public_id=mine.project.public_id, at=clock.now())
    with pytest.raises(Conflict):
        place_order(actor=mine.actor(), request=launch(mine, market, gpus=1), at=clock.now())
    with pytest.raises(Conflict):
        extend_order(actor=mine.actor(), workload_id=order.workload.public_id, extra_seconds=3600, at=clock.now())
    with pytest.raises(Conflict):
        projects.update_project(actor=mine.actor(), public_id=mine.project.public_id, name="X", at=clock.now())
    request_stop(actor=mine.actor(), public_id=order.workload.public_id, at=clock.now())
    projects.reopen_project(actor=mine.actor(), public_id=mine.project.public_id, at=clock.now())
    place_order(actor=mine.actor(), request=launch(mine, market, gpus=1), at=clock.now())


def test_the_page_shows_quota_and_budget_beside_each_other(mine: Tenant, market: Market) -> None:
    first = place_order(actor=mine.actor(), request=launch(mine, market, gpus=8), at=clock.now())
    place_order(actor=mine.actor(), request=launch(mine, market, gpus=3), at=clock.now())
    type(first.workload).objects.filter(pk=first.workload.pk).update(state=WorkloadState.RUNNING)
    assert in_use_by_project(mine.actor()) == {mine.project.pk: InUse(used=8000, waiting=3000)}
    wish = BudgetWish("March", BudgetScope.PROJECT, BudgetPeriod.MONTH, 500 * MICRO, project_id=mine.project.public_id)
    create_budget(actor=mine.actor(), wish=wish, at=clock.now())
    page = browser(mine).get(f"/o/{mine.organisation.slug}/projects/{mine.project.public_id}/").content.decode()
    for text in ("8 GPUs at work now", "of 64", "3 GPUs are asked for", "March", "of 500.00 cr", "it costs nothing"):
        assert text in page


def test_the_forms_save_and_show_what_is_wrong(mine: Tenant) -> None:
    client, path = browser(mine), f"/o/{mine.organisation.slug}/projects/{mine.project.public_id}/"
    wish = {"name": "Speech", "residency_policy": "EU_OWNED", "gpu_quota": "2.5"}
    assert client.post(path, {**wish, "gpu_quota": "65"}).status_code == 422
    assert client.post(path, wish).status_code == 302
    mine.project.refresh_from_db()
    assert (mine.project.residency_policy, mine.project.milli_gpu_quota) == ("EU_OWNED", 2500)
    assert 'value="2.5"' in client.get(path).content.decode()
    developer = mine.people[Role.DEVELOPER]
    assert client.post(f"{path}members/", {"restricted": "on", "members": [str(developer.pk)]}).status_code == 302
    assert client.post(f"{path}members/", {"members": ["0"]}).status_code == 422
    assert ProjectMember.objects.get().membership.user == developer
    assert client.get(f"{path}archive/").status_code == 200
    client.post(f"{path}archive/")
    assert "Reopen project" in client.get(path).content.decode()
    assert client.post(path, wish).status_code == 409


def test_the_api_changes_archives_and_sets_members(mine: Tenant, theirs: Tenant, api: Any) -> None:
    path = f"/api/v1/projects/{mine.project.public_id}"
    client = api(mine.key())
    answer = client.patch(path, {"name": "Speech", "gpu_quota": 4, "archived": True}, format="json").json()
    assert (answer["name"], answer["milli_gpu_quota"], answer["archived_at"] is None) == ("Speech", 4000, False)
    assert client.patch(path, {"name": "Other"}, format="json").status_code == 409
    assert client.patch(path, {"name": "Other", "archived": False}, format="json").json()["archived_at"] is None
    assert client.patch(path, {"slug": "x"}, format="json").status_code == 422
    developer = mine.people[Role.DEVELOPER].pk
    wish = {"restricted": True, "members": [developer]}
    members = f"/api/v1/project-members/{mine.project.public_id}"
    for role in Role:
        status = api(mine.key(role)).patch(members, wish, format="json").status_code
        assert status == (200 if role in {Role.OWNER, Role.ADMIN} else 403), role
    assert client.get(members).json() == {"id": mine.project.public_id, **wish}
    assert api(theirs.key()).patch(members, wish, format="json").status_code == 404
    assert client.patch(members, {"restricted": True}, format="json").status_code == 422
