# SPDX-License-Identifier: Apache-2.0
"""The marketplace's tables."""

from marketplace.models.catalogue import Offer
from marketplace.models.order import Order
from marketplace.models.replay import ReplayRun

__all__ = ["Offer", "Order", "ReplayRun"]
