# SPDX-License-Identifier: Apache-2.0
"""Names of billing's acts in the audit log."""

from enum import StrEnum


class Action(StrEnum):
    """What can happen to money."""

    LOT_ISSUED = "lot.issued"
    GRANT_REQUESTED = "lot.requested"
    GRANT_REJECTED = "lot.rejected"
    TRANSFER_REVERSED = "transfer.reversed"
    PRICE_PUBLISHED = "price.published"
    USAGE_QUARANTINED = "usage.quarantined"
