# SPDX-License-Identifier: Apache-2.0
"""Rows of settlements."""

from datetime import date
from typing import Any

from aion import clock
from aion.actor import system
from aion.tenancy.models import Organisation, OrganisationKind
from aion.tenancy.roles import Role
from billing.settlement.services.settling import settle_for
from tests.isolation.rows import MANAGERS, Row
from tests.worlds import Market, Tenant

SEERS = MANAGERS | {Role.BILLING, Role.VIEWER}
PUBLIC: dict[str, int] = {}
SIGNED_IN: set[str] = set()
PORTAL: list[Row] = [
    Row("portal:settlements", SEERS),
    Row("portal:settlement", SEERS, "settlement"),
    Row("portal:settlement_csv", SEERS, "settlement"),
    Row("portal:settlement_pdf", SEERS, "settlement"),
]
API_KINDS: tuple[str, ...] = ("lines",)
API: list[tuple[str, str | None, Any, Any]] = [("settlement", "settlement", SEERS, None)]
API_WRITES: list[tuple[str, str, str, str, Any, int]] = []
PATHS: dict[str, str] = {"settlement": "settlements"}


def things(tenant: Tenant, market: Market) -> dict[str, str]:
    """Return the id of a settlement of nothing: only members have any."""
    Organisation.objects.filter(pk=tenant.organisation.pk).update(kind=OrganisationKind.MEMBER)
    made = settle_for(
        actor=system("test"), organisation_id=tenant.organisation.pk, month=date(2026, 1, 1), sites=(), revision=1,
        at=clock.now(),
    )  # fmt: skip
    assert made is not None
    return {"settlement": made.public_id}
