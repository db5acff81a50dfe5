# SPDX-License-Identifier: Apache-2.0
"""Rows of reviews, awards, reports, promo codes."""

from typing import Any

from tests.isolation.rows import PAYERS, READERS, Row
from tests.worlds import Market, Tenant

PUBLIC: dict[str, int] = {}
SIGNED_IN: set[str] = set()
PORTAL: list[Row] = [Row("portal:redeem", PAYERS)]
API_KINDS: tuple[str, ...] = ()
API: list[tuple[str, str | None, Any, Any]] = [("promo_redemption", None, READERS, PAYERS)]
API_WRITES: list[tuple[str, str, str, str, Any, int]] = []
PATHS: dict[str, str] = {"promo_redemption": "promo-redemptions"}


def things(tenant: Tenant, market: Market) -> dict[str, str]:
    """Return the id of one thing of each kind."""
    return {}


def fresh_things(tenant: Tenant) -> dict[str, str]:
    """Return the ids of things that no act has changed yet."""
    return {}
