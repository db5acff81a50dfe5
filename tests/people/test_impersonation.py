# SPDX-License-Identifier: Apache-2.0
"""Staff who look as a member read, and nothing else; each page is on the organisation's log."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from aion import clock
from aion.audit.models import AuditEvent
from aion.tenancy.models import Impersonation, Membership, User
from aion.tenancy.roles import Role
from tests.isolation import test_matrix as matrix
from tests.worlds import Market, Tenant, browser, make_user


@pytest.fixture
def staff(db: None) -> tuple[Client, User]:
    user = make_user("support@aion.example", is_staff=True)
    client = Client()
    client.force_login(user)
    return client, user


def look(client: Client, tenant: Tenant, role: str = Role.OWNER, reason: str = "ticket 12") -> Any:
    member = Membership.objects.get(organisation=tenant.organisation, user=tenant.people[role])
    return client.post(f"/look/{member.public_id}/", {"reason": reason})


def test_staff_see_the_pages_with_a_banner_and_each_is_on_the_log(mine: Tenant, staff: tuple[Client, User]) -> None:
    client, user = staff
    assert client.get("/o/mine/").status_code == 404
    assert look(client, mine, reason=" ").status_code == 422
    assert look(client, mine).url == "/o/mine/team/"
    page = client.get("/o/mine/credits/")
    assert page.status_code == 200
    assert "You are looking as a member" in page.content.decode()
    client.post("/look/stop/")
    assert client.get("/o/mine/credits/").status_code == 404
    events = AuditEvent.objects.visible_to(mine.actor()).filter(action__startswith="impersonation.").order_by("pk")
    assert [(one.action, one.changes.get("page"), one.user_id, one.via) for one in events] == [
        ("impersonation.begun", None, user.pk, "admin"),
        ("impersonation.viewed", "/o/mine/credits/", user.pk, "admin"),
        ("impersonation.ended", None, user.pk, "admin"),
    ]
    assert events[0].reason == "ticket 12"


def test_it_ends_by_itself_and_holds_for_one_organisation(
    mine: Tenant, theirs: Tenant, staff: tuple[Client, User]
) -> None:
    client, _ = staff
    look(client, mine)
    assert client.get("/o/theirs/").status_code == 404
    Impersonation.objects.update(ends_at=clock.now() - timedelta(seconds=1))
    assert client.get("/o/mine/").status_code == 404


@pytest.mark.parametrize("path", ["keys/", "notifications/", "team/leave/"])
def test_what_is_the_members_alone_stays_closed(mine: Tenant, staff: tuple[Client, User], path: str) -> None:
    client, _ = staff
    look(client, mine)
    assert client.get(f"/o/mine/{path}").status_code == 403


def test_nothing_can_be_posted_on_any_route(mine: Tenant, market: Market, staff: tuple[Client, User]) -> None:
    client, _ = staff
    look(client, mine)
    things = matrix.things_of(mine, market)
    wrong = {}
    for row in matrix.PORTAL:
        arguments = {"slug": "mine"} | ({"public_id": things[row.thing]} if row.thing else {})
        path = reverse(row.name, kwargs=arguments)
        for method in ("post", "put", "patch", "delete"):
            status = getattr(client, method)(path).status_code
            if status != 403:
                wrong[row.name, method] = status
    assert wrong == {}


def test_nobody_but_staff_with_a_factor_may_look_and_staff_are_not_looked_at(
    mine: Tenant, theirs: Tenant, staff: tuple[Client, User]
) -> None:
    client, _ = staff
    assert look(browser(theirs), mine).status_code == 404
    bare = Client()
    bare.force_login(make_user(is_staff=True, second_factor=False))
    assert look(bare, mine).status_code == 403
    User.objects.filter(pk=mine.people[Role.VIEWER].pk).update(is_staff=True)
    assert look(client, mine, Role.VIEWER).status_code == 422
    assert Impersonation.objects.count() == 0


def test_who_stops_being_staff_stops_looking(mine: Tenant, staff: tuple[Client, User]) -> None:
    client, user = staff
    look(client, mine)
    User.objects.filter(pk=user.pk).update(is_staff=False)
    assert client.get("/o/mine/").status_code == 404
