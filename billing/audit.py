# SPDX-License-Identifier: Apache-2.0
"""Names of billing's acts in the audit log."""

from enum import StrEnum


class Action(StrEnum):
    """What can happen to money."""

    LOT_ISSUED = "lot.issued"
    GRANT_REQUESTED = "lot.requested"
    GRANT_REJECTED = "lot.rejected"
    LOT_REFUNDED = "lot.refunded"
    LOT_RECLAIMED = "lot.reclaimed"
    LOT_PROLONGED = "lot.prolonged"
    TRANSFER_REVERSED = "transfer.reversed"
    PRICE_PUBLISHED = "price.published"
    PRICE_ENDED = "price.ended"
    PRICES_PREPARED = "prices.prepared"
    PRICES_DISCARDED = "prices.discarded"
    PROMOTION_CREATED = "promotion.created"
    PROMOTION_ENDED = "promotion.ended"
    PROMOTION_WITHDRAWN = "promotion.withdrawn"
    PROMO_CODE_REQUESTED = "promo_code.requested"
    PROMO_CODE_ACTIVATED = "promo_code.activated"
    PROMO_CODE_REJECTED = "promo_code.rejected"
    PROMO_CODE_ENDED = "promo_code.ended"
    PROMO_CODE_REDEEMED = "promo_code.redeemed"
    BUDGET_SET = "budget.set"
    BUDGET_CHANGED = "budget.changed"
    BUDGET_ENDED = "budget.ended"
    CORRECTION_REQUESTED = "usage.correction_requested"
    CORRECTION_APPROVED = "usage.correction_approved"
    CORRECTION_REJECTED = "usage.correction_rejected"
    QUARANTINE_REVIEWED = "usage.quarantine_reviewed"
    MONTH_CLOSED = "month.closed"
