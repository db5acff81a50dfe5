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
from billing.queries.forecasts import forecasts
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

__all__ = [
    "GROUPS",
    "LIST_BOOK",
    "BudgetStanding",
    "Buyer",
    "EntryFilter",
    "PriceInForce",
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
    "lots",
    "month_statements",
    "open_hold_count",
    "price_in_force",
    "prices_behind",
    "prices_in_force",
    "quarantined_count",
    "rated_totals",
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
