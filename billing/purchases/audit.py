# SPDX-License-Identifier: Apache-2.0
"""Names of the acts of purchases in the audit log."""

from enum import StrEnum


class Action(StrEnum):
    """What can happen to a purchase."""

    PAYMENT_STARTED = "payment.started"
    PAYMENT_PAID = "payment.paid"
    PAYMENT_FAILED = "payment.failed"
    PAYMENT_MISMATCH = "payment.mismatch"
    REFUND_REQUESTED = "refund.requested"
    REFUND_APPROVED = "refund.approved"
    REFUND_REJECTED = "refund.rejected"
    REFUND_FAILED = "refund.failed"
    REFUND_FOUND = "refund.found"
    DISPUTE_OPENED = "dispute.opened"
    DISPUTE_CLOSED = "dispute.closed"
    RECHARGE_SET = "recharge.set"
    RECHARGE_STOPPED = "recharge.stopped"
