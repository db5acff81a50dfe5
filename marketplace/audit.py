# SPDX-License-Identifier: Apache-2.0
"""Names of the marketplace's acts in the audit log."""

from enum import StrEnum


class Action(StrEnum):
    """What can happen to offers and orders."""

    ORDER_PLACED = "order.placed"
    ORDER_EXTENDED = "order.extended"
    OFFER_CREATED = "offer.created"
    OFFER_CHANGED = "offer.changed"
    OFFER_PROPOSED = "offer.proposed"
    OFFER_REJECTED = "offer.rejected"
    OFFER_PUBLISHED = "offer.published"
    OFFER_WITHDRAWN = "offer.withdrawn"
    CHANGE_PROPOSED = "offer_change.proposed"
    CHANGE_APPROVED = "offer_change.approved"
    CHANGE_REJECTED = "offer_change.rejected"
    CHANGE_WITHDRAWN = "offer_change.withdrawn"
