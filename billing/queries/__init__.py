# SPDX-License-Identifier: Apache-2.0
"""Reads of billing for every edge and for the packages above it."""

from billing.queries.balances import (
    EntryFilter,
    balance,
    balance_as_of,
    lots,
    month_statements,
    open_hold_count,
    quarantined_count,
    statement,
    statement_lines,
    touching,
)
from billing.queries.budgets import BudgetStanding, budget_standings, budgets, crossings, drained_hold_ids
from billing.queries.charges import charge_of, charged_records, prices_behind
from billing.queries.drawdowns import LotDrawdown, lot_drawdowns
from billing.queries.forecasts import forecasts
from billing.queries.liability import Liability, SiteSales, liability, sales_by_site
from billing.queries.prices import LIST_BOOK, Buyer, PriceInForce, price_in_force, prices_in_force, worst_case
from billing.queries.usage import (
    GROUPS,
    UsageFilter,
    burn_history,
    dearest_workloads,
    entries_beside,
    rated_totals,
    usage_by_day_and_project,
    usage_by_site,
    usage_dimensions,
    usage_records,
    usage_split,
)
from billing.queries.vouchers import redemptions

__all__ = [
    "GROUPS",
    "LIST_BOOK",
    "BudgetStanding",
    "Buyer",
    "EntryFilter",
    "Liability",
    "LotDrawdown",
    "PriceInForce",
    "SiteSales",
    "UsageFilter",
    "balance",
    "balance_as_of",
    "budget_standings",
    "budgets",
    "burn_history",
    "charge_of",
    "charged_records",
    "crossings",
    "dearest_workloads",
    "drained_hold_ids",
    "entries_beside",
    "forecasts",
    "liability",
    "lot_drawdowns",
    "lots",
    "month_statements",
    "open_hold_count",
    "price_in_force",
    "prices_behind",
    "prices_in_force",
    "quarantined_count",
    "rated_totals",
    "redemptions",
    "sales_by_site",
    "statement",
    "statement_lines",
    "touching",
    "usage_by_day_and_project",
    "usage_by_site",
    "usage_dimensions",
    "usage_records",
    "usage_split",
    "worst_case",
]
