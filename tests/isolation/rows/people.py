# SPDX-License-Identifier: Apache-2.0
"""Rows of people and organisations."""

import itertools
from datetime import timedelta
from typing import Any

from aion import clock
from aion.people.invitations import invite
from aion.tenancy.models import Membership, OwnershipTransfer, TransferState
from aion.tenancy.roles import Role
from tests.isolation.rows import EVERYONE, MANAGERS, Row
from tests.worlds import Market, Tenant, make_user

OWNERS = {Role.OWNER}
PUBLIC: dict[str, int] = {"portal:support": 200, "portal:terms": 200}
SIGNED_IN: set[str] = {
    "portal:found",
    "portal:invitation",
    "portal:account_export",
    "portal:account_delete",
    "portal:look",
    "portal:stop_looking",
}
PORTAL: list[Row] = [
    Row("portal:member", MANAGERS, "member"),
    Row("portal:member_remove", MANAGERS, "member", "post", 302),
    Row("portal:ownership_offer", OWNERS, "member", "post", 302),
    Row("portal:ownership_accept", OWNERS, "transfer", "post", 302),
    Row("portal:ownership_end", OWNERS, "transfer", "post", 302),
    Row("portal:invitation_resend", MANAGERS, "invitation", "post", 302),
    Row("portal:invitation_revoke", MANAGERS, "invitation", "post", 302),
    Row("portal:leave", EVERYONE),
    Row("portal:settings", EVERYONE),
    Row("portal:close", OWNERS),
    Row("portal:terms_accept", OWNERS, "", "post", 422),
]
API_KINDS: tuple[str, ...] = ("resend",)
API: list[tuple[str, str | None, Any, Any]] = [
    ("member", "member", EVERYONE, None),
    ("invitation", "invitation", MANAGERS, MANAGERS),
    ("legal_identity", None, EVERYONE, MANAGERS),
]
API_WRITES: list[tuple[str, str, str, str, Any, int]] = [
    ("member", "member", "", "patch", MANAGERS, 200),
    ("member", "member", "", "delete", MANAGERS, 204),
    ("invitation", "invitation", "/resend", "post", MANAGERS, 200),
    ("invitation", "invitation", "", "delete", MANAGERS, 204),
]
PATHS: dict[str, str] = {"member": "members", "invitation": "invitations", "legal_identity": "legal-identity"}
_numbers = itertools.count(1)


def things(tenant: Tenant, market: Market) -> dict[str, str]:
    """Return the id of one thing of each kind."""
    number = next(_numbers)
    member = Membership.objects.create(user=make_user(), organisation=tenant.organisation, role=Role.VIEWER)
    invitation = invite(
        actor=tenant.actor(), email=f"guest{number}@{tenant.organisation.slug}.example", role="viewer", at=clock.now()
    )
    return {"member": member.public_id, "invitation": invitation.public_id, "transfer": _transfer(tenant)}


def _transfer(tenant: Tenant) -> str:
    """Return an offer by a second owner to the owner of the rows."""
    now = clock.now()
    OwnershipTransfer.objects.filter(organisation=tenant.organisation).update(state=TransferState.WITHDRAWN)
    giver = make_user()
    Membership.objects.create(user=giver, organisation=tenant.organisation, role=Role.OWNER)
    transfer = OwnershipTransfer.objects.create(
        organisation=tenant.organisation,
        from_user=giver,
        to_user=tenant.people[Role.OWNER],
        created_at=now,
        expires_at=now + timedelta(days=1),
    )
    return str(transfer.public_id)
