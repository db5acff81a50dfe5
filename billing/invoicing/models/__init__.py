# SPDX-License-Identifier: Apache-2.0
"""What invoicing keeps."""

from billing.invoicing.models.credits import CreditNoteRequest
from billing.invoicing.models.documents import (
    Document,
    DocumentCheck,
    DocumentFile,
    DocumentLine,
    NumberSeries,
)
from billing.invoicing.models.evidence import VatEvidence, ViesAnswer
from billing.invoicing.models.platform import Dispatch, LifecycleStatus, LoopbackFlow, StatusReport
from billing.invoicing.models.rules import Mention, Seller, VatRate, VatRule

__all__ = [
    "CreditNoteRequest",
    "Dispatch",
    "Document",
    "DocumentCheck",
    "DocumentFile",
    "DocumentLine",
    "LifecycleStatus",
    "LoopbackFlow",
    "Mention",
    "NumberSeries",
    "Seller",
    "StatusReport",
    "VatEvidence",
    "VatRate",
    "VatRule",
    "ViesAnswer",
]
