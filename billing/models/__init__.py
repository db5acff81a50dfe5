# SPDX-License-Identifier: Apache-2.0
"""Billing's tables. Other packages use services, queries and string foreign keys."""

from billing.models.ledger import CreditRequest, Hold, HoldLeg, LedgerAccount, Transfer
from billing.models.pricing import Price, PriceBook, Sku
from billing.models.usage import Meter, QuarantinedUsage, RatingCarry, UsageBatch, UsageHour, UsageRecord

__all__ = [
    "CreditRequest",
    "Hold",
    "HoldLeg",
    "LedgerAccount",
    "Meter",
    "Price",
    "PriceBook",
    "QuarantinedUsage",
    "RatingCarry",
    "Sku",
    "Transfer",
    "UsageBatch",
    "UsageHour",
    "UsageRecord",
]
