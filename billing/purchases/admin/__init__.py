# SPDX-License-Identifier: Apache-2.0
"""Staff pages of purchases."""

from billing.purchases.admin import events, payments, queues, refunds

__all__ = ["events", "payments", "queues", "refunds"]
