# SPDX-License-Identifier: Apache-2.0
"""Billing's tables. Other packages use services, queries and string foreign keys."""

from billing.models.budgets import Budget, BudgetCrossing, BudgetStep
from billing.models.corrections import CorrectionRequest
from billing.models.ledger import CreditRequest, Hold, HoldLeg, LedgerAccount, Transfer
from billing.models.pricing import Price, PriceBook, PriceDraft, PriceTier, Promotion, Sku
from billing.models.reconciliation import Reconciliation
from billing.models.statements import MonthStatement, StatementLine
from billing.models.usage import (
    Meter,
    QuarantinedUsage,
    QuarantineReview,
    RatingCarry,
    Run,
    UsageBatch,
    UsageDay,
    UsageHour,
    UsageRecord,
)
from billing.models.vouchers import PromoCode, PromoRedemption, PromoTry

__all__ = [
    "Budget",
    "BudgetCrossing",
    "BudgetStep",
    "CorrectionRequest",
    "CreditRequest",
    "Hold",
    "HoldLeg",
    "LedgerAccount",
    "Meter",
    "MonthStatement",
    "Price",
    "PriceBook",
    "PriceDraft",
    "PriceTier",
    "PromoCode",
    "PromoRedemption",
    "PromoTry",
    "Promotion",
    "QuarantineReview",
    "QuarantinedUsage",
    "RatingCarry",
    "Reconciliation",
    "Run",
    "Sku",
    "StatementLine",
    "Transfer",
    "UsageBatch",
    "UsageDay",
    "UsageHour",
    "UsageRecord",
]
