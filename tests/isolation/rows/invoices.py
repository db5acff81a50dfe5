# SPDX-License-Identifier: Apache-2.0
"""Rows of invoices."""

from typing import Any

from aion.tenancy.roles import Role
from tests.invoicing.scenes import Buyer, Lenient, ask_for, identify, issue
from tests.isolation.rows import MANAGERS, Row
from tests.worlds import Market, Tenant

SEE_INVOICES = MANAGERS | {Role.BILLING, Role.VIEWER}
PUBLIC: dict[str, int] = {}
SIGNED_IN: set[str] = set()
PORTAL: list[Row] = [
    Row("portal:invoices", SEE_INVOICES),
    Row("portal:invoices_zip", SEE_INVOICES),
    Row("portal:invoice", SEE_INVOICES, "invoice"),
    Row("portal:invoice_pdf", SEE_INVOICES, "invoice"),
    Row("portal:invoice_ubl", SEE_INVOICES, "invoice"),
    Row("portal:invoice_cii", SEE_INVOICES, "invoice"),
]
API_KINDS: tuple[str, ...] = ("pdf", "ubl", "cii", "archive")
API: list[tuple[str, str | None, Any, Any]] = [("invoice", "invoice", SEE_INVOICES, None)]
API_WRITES: list[tuple[str, str, str, str, Any, int]] = []
PATHS: dict[str, str] = {"invoice": "invoices"}


def things(tenant: Tenant, market: Market) -> dict[str, str]:
    """Return the id of one issued invoice."""
    identify(tenant.organisation, Buyer("CH"))
    return {"invoice": issue(ask_for(tenant.organisation, key=f"matrix-{tenant.organisation.pk}"), Lenient()).public_id}
