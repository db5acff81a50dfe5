# SPDX-License-Identifier: Apache-2.0
"""What purchases keep."""

from billing.purchases.models.inbox import ProcessorEvent, RefusedDelivery
from billing.purchases.models.payments import Dispute, Payment, ProcessorCustomer, Refund
from billing.purchases.models.payouts import Payout
from billing.purchases.models.recharge import AutoRecharge

__all__ = [
    "AutoRecharge",
    "Dispute",
    "Payment",
    "Payout",
    "ProcessorCustomer",
    "ProcessorEvent",
    "Refund",
    "RefusedDelivery",
]
