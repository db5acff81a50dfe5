# SPDX-License-Identifier: Apache-2.0
"""Names of procurement's acts in the audit log."""

from enum import StrEnum


class Action(StrEnum):
    """What can happen to quotes, agreements and orders."""

    QUOTE_REQUESTED = "quote.requested"
    QUOTE_OFFERED = "quote.offered"
    QUOTE_ACCEPTED = "quote.accepted"
    QUOTE_DECLINED = "quote.declined"
    QUOTE_EXPIRED = "quote.expired"
    QUOTE_WITHDRAWN = "quote.withdrawn"
    QUOTE_SETTLED = "quote.settled"
    TRANSFER_RECORDED = "bank_transfer.recorded"
    TRANSFER_BOOKED = "bank_transfer.booked"
    TRANSFER_REFUSED = "bank_transfer.refused"
    TRANSFER_REJECTED = "bank_transfer.rejected"
    AGREEMENT_DRAFTED = "agreement.drafted"
    AGREEMENT_ACTIVATED = "agreement.activated"
    AGREEMENT_ENDED = "agreement.ended"
    AGREEMENT_WITHDRAWN = "agreement.withdrawn"
    ORDER_PLACED = "purchase_order.placed"
    ORDER_APPROVED = "purchase_order.approved"
    ORDER_ACCEPTANCE_PROPOSED = "purchase_order.acceptance_proposed"
    ORDER_ACCEPTED = "purchase_order.accepted"
    ORDER_REFUSED = "purchase_order.refused"
    ORDER_CANCELLATION_PROPOSED = "purchase_order.cancellation_proposed"
    ORDER_CANCELLED = "purchase_order.cancelled"
    ORDER_COMPLETED = "purchase_order.references_completed"
    SERVICE_ATTESTED = "service.attested"
    CENTRE_CREATED = "cost_centre.created"
    CENTRE_CHANGED = "cost_centre.changed"
