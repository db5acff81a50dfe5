# SPDX-License-Identifier: Apache-2.0
"""Names of the acts of invoicing in the audit log."""

from enum import StrEnum


class Action(StrEnum):
    """What can happen to documents and to the rows of law."""

    DOCUMENT_REQUESTED = "invoice.requested"
    DOCUMENT_ISSUED = "invoice.issued"
    DOCUMENT_REFUSED = "invoice.refused"
    DOCUMENT_RETRIED = "invoice.retried"
    DISPATCH_RETRIED = "invoice.dispatch_retried"
    CREDIT_REQUESTED = "credit_note.requested"
    CREDIT_APPROVED = "credit_note.approved"
    CREDIT_REJECTED = "credit_note.rejected"
    LAW_ADDED = "law.added"
