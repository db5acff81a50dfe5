# SPDX-License-Identifier: Apache-2.0
"""Rows of quotes, agreements, orders and cost centres."""

from typing import Any

from aion import clock
from aion.tenancy.roles import Role
from billing.procurement.services import centres
from tests.isolation.rows import MANAGERS, PAYERS, Row
from tests.procurement.scenes import accepted, agreed, attested, offered, placed, spend
from tests.worlds import Market, Tenant

SEERS = PAYERS | {Role.VIEWER}
PUBLIC: dict[str, int] = {}
SIGNED_IN: set[str] = set()
PORTAL: list[Row] = [
    Row("portal:quotes", SEERS),
    Row("portal:quote_new", PAYERS),
    Row("portal:quote", SEERS, "quote"),
    Row("portal:quote_pdf", SEERS, "quote"),
    Row("portal:quote_accept", PAYERS, "quote", "post", 302),
    Row("portal:quote_decline", PAYERS, "quote", "post", 302),
    Row("portal:agreements", SEERS),
    Row("portal:agreement", SEERS, "agreement"),
    Row("portal:purchase_orders", SEERS),
    Row("portal:purchase_order_new", PAYERS),
    Row("portal:purchase_order", SEERS, "purchase_order"),
    Row("portal:purchase_order_approve", PAYERS, "soft_order"),
    Row("portal:purchase_order_cancel", PAYERS, "purchase_order"),
    Row("portal:purchase_order_numbers", PAYERS, "purchase_order"),
    Row("portal:purchase_order_attest", PAYERS, "purchase_order"),
    Row("portal:cost_centres", SEERS),
    Row("portal:cost_centre", PAYERS, "cost_centre"),
]
API_KINDS: tuple[str, ...] = ("accept", "decline", "approve", "cancel", "references", "attest")
API: list[tuple[str, str | None, Any, Any]] = [
    ("quote", "quote", SEERS, PAYERS),
    ("framework_agreement", "agreement", SEERS, None),
    ("purchase_order", "purchase_order", SEERS, PAYERS),
    ("service_attestation", "attestation", SEERS, None),
    ("cost_centre", "cost_centre", SEERS, PAYERS),
]
# An empty body is refused after the lookup where an act needs one.
API_WRITES: list[tuple[str, str, str, str, Any, int]] = [
    ("quote", "quote", "/accept", "post", PAYERS, 200),
    ("quote", "quote", "/decline", "post", PAYERS, 200),
    ("purchase_order", "soft_order", "/approve", "post", MANAGERS, 200),
    ("purchase_order", "purchase_order", "/cancel", "post", PAYERS, 422),
    ("purchase_order", "purchase_order", "/references", "post", PAYERS, 422),
    ("purchase_order", "purchase_order", "/attest", "post", PAYERS, 422),
    ("cost_centre", "cost_centre", "", "put", PAYERS, 422),
]
PATHS: dict[str, str] = {
    "quote": "quotes",
    "framework_agreement": "framework-agreements",
    "purchase_order": "purchase-orders",
    "service_attestation": "service-attestations",
    "cost_centre": "cost-centres",
}


def things(tenant: Tenant, market: Market) -> dict[str, str]:
    """Return the id of one thing of each kind; the order above a soft cap was placed by billing."""
    at = clock.now()
    agreement = agreed(tenant, at=at)
    order = accepted(tenant, agreement=agreement.public_id, at=at)
    spend(order, 10_00, at)
    centre = centres.create_centre(actor=tenant.actor(), code="R", name="Research", soft_cap_cents=1, at=at)
    return {
        "quote": offered(tenant, at=at).public_id,
        "agreement": agreement.public_id,
        "purchase_order": order.public_id,
        "soft_order": placed(tenant, role=Role.BILLING, cost_centre=centre.public_id, at=at).public_id,
        "attestation": attested(tenant, order, 5_00, at).public_id,
        "cost_centre": centre.public_id,
    }
