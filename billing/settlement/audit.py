# SPDX-License-Identifier: Apache-2.0
"""Names of the acts of settlement in the audit log."""

from enum import StrEnum


class Action(StrEnum):
    """What can happen between the consortium and its operators."""

    SHARE_PROPOSED = "share.proposed"
    SHARE_AGREED = "share.agreed"
    SHARE_REJECTED = "share.rejected"
    SHARE_ENDED = "share.ended"
    SETTLEMENT_PREPARED = "settlement.prepared"
    SETTLEMENT_CHECKED = "settlement.checked"
    SETTLEMENT_APPROVED = "settlement.approved"
    SETTLEMENT_REJECTED = "settlement.rejected"
    PAYOUT_RECORDED = "payout.recorded"
    PAYOUT_CONFIRMED = "payout.confirmed"
    PAYOUT_REJECTED = "payout.rejected"
    ACCOUNTS_EXPORTED = "accounts.exported"
    GAUGE_ACKNOWLEDGED = "gauge.acknowledged"
