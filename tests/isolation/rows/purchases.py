# SPDX-License-Identifier: Apache-2.0
"""Rows of buying. No processor stands behind the world of the matrix."""

from typing import Any

from billing.purchases.models import AutoRecharge, Payment
from tests.isolation.rows import PAYERS, READERS, Row
from tests.worlds import NOW, Market, Tenant

LOOKERS = READERS - {"developer"}
PUBLIC: dict[str, int] = {"stripe_webhook": 405}
SIGNED_IN: set[str] = set()
PORTAL: list[Row] = [
    Row("portal:add_credits", PAYERS),
    Row("portal:add_credits_price", LOOKERS),
    Row("portal:payments", LOOKERS),
    Row("portal:payment", LOOKERS, "payment"),
    Row("portal:payment_methods", LOOKERS),
    Row("portal:payment_methods_manage", PAYERS, method="post", status=404),
    Row("portal:recharge_stop", PAYERS, method="post", status=302),
]
API_KINDS: tuple[str, ...] = ("stop", "methods")
API: list[tuple[str, str | None, Any, Any]] = [
    ("payment", "payment", LOOKERS, PAYERS),
    ("auto_recharge", None, LOOKERS, PAYERS),
]
API_WRITES: list[tuple[str, str, str, str, Any, int]] = []
PATHS: dict[str, str] = {"payment": "payments", "auto_recharge": "auto-recharge"}


def things(tenant: Tenant, market: Market) -> dict[str, str]:
    """Return the id of one payment; a recharge that is off stands beside it."""
    del market
    row = Payment.objects.create(
        organisation=tenant.organisation,
        kind="checkout",
        method="card",
        net_cents=10_000,
        vat_cents=2_000,
        gross_cents=12_000,
        requested_by="test",
        created_at=NOW,
    )
    AutoRecharge.objects.create(
        organisation=tenant.organisation,
        below_microcredits=0,
        net_cents=10_000,
        monthly_cap_cents=10_000,
        set_by="test",
        set_at=NOW,
    )
    return {"payment": row.public_id}
