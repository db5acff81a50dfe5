# SPDX-License-Identifier: Apache-2.0
"""Procurement on the staff site."""

from billing.procurement.admin import agreements, orders, queues, quotes

__all__ = ["agreements", "orders", "queues", "quotes"]
