# SPDX-License-Identifier: Apache-2.0
"""Money for staff: facts are read-only; every act goes through a service, is confirmed and stands in the audit log."""

from billing.admin import (
    budgets,
    corrections,
    dashboard,
    grants,
    ledger,
    price_drafts,
    pricing,
    promotions,
    quarantine,
    statements,
    usage,
    vouchers,
)

__all__ = [
    "budgets",
    "corrections",
    "dashboard",
    "grants",
    "ledger",
    "price_drafts",
    "pricing",
    "promotions",
    "quarantine",
    "statements",
    "usage",
    "vouchers",
]
