# SPDX-License-Identifier: Apache-2.0
"""The marketplace's tables."""

from marketplace.models.catalogue import Offer
from marketplace.models.changes import OfferChange
from marketplace.models.order import Order
from marketplace.models.replay import ReplayRun

__all__ = ["Offer", "OfferChange", "Order", "ReplayRun"]
