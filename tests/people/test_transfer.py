# SPDX-License-Identifier: Apache-2.0
"""Roles, removal, leaving and handing over: there is always an owner, and nobody reaches above the own role."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from aion.errors import Forbidden, NotFound, Rejected
from aion.people import memberships
from aion.people.errors import RoleAboveOwn, SoleOwner, TransferOver
from aion.tenancy.models import ApiToken, Membership, OwnershipTransfer
from aion.tenancy.roles import Role
from tests.worlds import NOW, Tenant, browser, make_tenant, make_user


def member(tenant: Tenant, role: str) -> Membership:
    return Membership.objects.get(organisation=tenant.organisation, user=tenant.people[role])


def role_of(tenant: Tenant, role: str) -> str:
    return str(member(tenant, role).role)


def test_a_role_changes_and_the_key_loses_what_the_new_role_does_not_give(mine: Tenant) -> None:
    one = member(mine, Role.DEVELOPER)
    memberships.change_role(actor=mine.actor(Role.ADMIN), public_id=one.public_id, role=Role.VIEWER, at=NOW)
    assert role_of(mine, Role.DEVELOPER) == Role.VIEWER


@pytest.mark.parametrize(
    ("actor", "target", "role", "wrong"),
    [
        (Role.ADMIN, Role.OWNER, Role.VIEWER, RoleAboveOwn),
        (Role.ADMIN, Role.VIEWER, Role.OWNER, RoleAboveOwn),
        (Role.ADMIN, Role.ADMIN, Role.OWNER, RoleAboveOwn),
        (Role.OWNER, Role.VIEWER, Role.OPERATOR, Rejected),
        (Role.OWNER, Role.OWNER, Role.ADMIN, SoleOwner),
        (Role.DEVELOPER, Role.VIEWER, Role.VIEWER, Forbidden),
    ],
)
def test_a_change_above_ones_own_role_is_refused_and_changes_nothing(
    mine: Tenant, actor: str, target: str, role: str, wrong: type[Exception]
) -> None:
    one = member(mine, target)
    with pytest.raises(wrong):
        memberships.change_role(actor=mine.actor(actor), public_id=one.public_id, role=role, at=NOW)
    assert role_of(mine, target) == target


def test_a_strangers_member_cannot_be_told_from_none(mine: Tenant, theirs: Tenant) -> None:
    foreign = member(theirs, Role.VIEWER).public_id
    for public_id in (foreign, "mem_0000000000000000"):
        with pytest.raises(NotFound, match="There is no such member"):
            memberships.remove_member(actor=mine.actor(), public_id=public_id, at=NOW)


def test_who_is_removed_loses_access_and_keys(mine: Tenant) -> None:
    mine.key(Role.DEVELOPER)
    memberships.remove_member(actor=mine.actor(), public_id=member(mine, Role.DEVELOPER).public_id, at=NOW)
    assert browser(mine, Role.DEVELOPER).get("/o/mine/").status_code == 404
    assert set(ApiToken.objects.values_list("revoked_at", flat=True)) == {NOW}


def test_the_last_owner_can_neither_leave_nor_be_removed(mine: Tenant) -> None:
    with pytest.raises(SoleOwner):
        memberships.leave(actor=mine.actor(), at=NOW)
    with pytest.raises(SoleOwner):
        memberships.remove_member(actor=mine.actor(), public_id=member(mine, Role.OWNER).public_id, at=NOW)
    answer = browser(mine).post("/o/mine/team/leave/", {"typed": "Mine"})
    assert answer.status_code == 422
    assert "Hand the organisation over first" in answer.content.decode()


def test_leaving_asks_for_the_name(mine: Tenant) -> None:
    client = browser(mine, Role.VIEWER)
    assert client.post("/o/mine/team/leave/", {"typed": "mine"}).status_code == 422
    assert client.post("/o/mine/team/leave/", {"typed": "Mine"}).status_code == 302
    assert client.get("/o/mine/").status_code == 404


def test_the_database_keeps_an_owner_whatever_the_code_does(mine: Tenant) -> None:
    with pytest.raises(IntegrityError, match="no owner"), transaction.atomic():
        Membership.objects.filter(organisation=mine.organisation, role=Role.OWNER).update(role=Role.VIEWER)
        connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_ownership_is_handed_over_once_the_receiver_accepts(mine: Tenant) -> None:
    transfer = memberships.offer_ownership(actor=mine.actor(), public_id=member(mine, Role.DEVELOPER).public_id, at=NOW)
    assert role_of(mine, Role.DEVELOPER) == Role.DEVELOPER
    with pytest.raises(Forbidden):
        memberships.accept_ownership(actor=mine.actor(Role.ADMIN), public_id=transfer.public_id, at=NOW)
    memberships.accept_ownership(actor=mine.actor(Role.DEVELOPER), public_id=transfer.public_id, at=NOW)
    assert (role_of(mine, Role.OWNER), role_of(mine, Role.DEVELOPER)) == (Role.ADMIN, Role.OWNER)
    with pytest.raises(TransferOver):
        memberships.accept_ownership(actor=mine.actor(Role.DEVELOPER), public_id=transfer.public_id, at=NOW)


def test_an_offer_ends_by_time_by_either_side_and_by_a_second_offer(mine: Tenant) -> None:
    target = member(mine, Role.DEVELOPER).public_id

    def offer() -> OwnershipTransfer:
        return memberships.offer_ownership(actor=mine.actor(), public_id=target, at=NOW)

    late = offer()
    with pytest.raises(TransferOver):
        memberships.accept_ownership(
            actor=mine.actor(Role.DEVELOPER), public_id=late.public_id, at=NOW + timedelta(days=7)
        )
    second = offer()
    with pytest.raises(TransferOver):
        memberships.accept_ownership(actor=mine.actor(Role.DEVELOPER), public_id=late.public_id, at=NOW)
    memberships.withdraw_ownership(actor=mine.actor(Role.DEVELOPER), public_id=second.public_id, at=NOW)
    with pytest.raises(TransferOver):
        memberships.accept_ownership(actor=mine.actor(Role.DEVELOPER), public_id=second.public_id, at=NOW)
    assert role_of(mine, Role.OWNER) == Role.OWNER


def test_an_offer_to_somebody_who_left_is_over(mine: Tenant) -> None:
    target = member(mine, Role.DEVELOPER)
    transfer = memberships.offer_ownership(actor=mine.actor(), public_id=target.public_id, at=NOW)
    memberships.leave(actor=mine.actor(Role.DEVELOPER), at=NOW)
    assert OwnershipTransfer.objects.get(pk=transfer.pk).state == "withdrawn"


def test_two_owners_who_leave_at_once_leave_one_behind(committed: None) -> None:
    tenant = make_tenant("mine", roles=(Role.OWNER,))
    second = make_user()
    Membership.objects.create(user=second, organisation=tenant.organisation, role=Role.OWNER)
    actors = [tenant.actor(), tenant.__class__(tenant.organisation, tenant.project, {Role.OWNER: second}).actor()]
    start, outcomes = threading.Barrier(2), []

    def run(number: int) -> None:
        start.wait()
        try:
            memberships.leave(actor=actors[number], at=NOW)
            outcomes.append("left")
        except SoleOwner:
            outcomes.append("kept")
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(outcomes) == ["kept", "left"]
    assert Membership.objects.filter(organisation=tenant.organisation, role=Role.OWNER).count() == 1
