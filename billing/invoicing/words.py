# SPDX-License-Identifier: Apache-2.0
"""What people read of invoices: names of files, states as a customer sees them, statuses of the platform."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from billing.invoicing.models import Document
from billing.invoicing.states import DocumentState, FileKind, Lifecycle, NumberState

# A customer sees that a draft waits, not which rule it broke: staff put that right.
STATES: dict[str, tuple[str, Any]] = {
    DocumentState.DRAFT: ("info", _("In preparation")),
    DocumentState.REFUSED: ("warning", _("With our accounting")),
    DocumentState.ISSUED: ("success", _("Issued")),
}
SUFFIXES = {FileKind.FACTURX: "pdf", FileKind.UBL: "ubl.xml", FileKind.CII: "cii.xml"}
CONTENT_TYPES = {
    FileKind.FACTURX: "application/pdf", FileKind.UBL: "application/xml", FileKind.CII: "application/xml",
}  # fmt: skip
LABELS = {FileKind.FACTURX: "PDF (Factur-X)", FileKind.UBL: "UBL", FileKind.CII: "CII"}
LIFECYCLE: dict[str, Any] = {
    Lifecycle.DEPOSITED: _("Deposited with the platform"),
    Lifecycle.EMITTED: _("Sent by the platform"),
    Lifecycle.RECEIVED: _("Received by the buyer’s platform"),
    Lifecycle.AVAILABLE: _("Made available"),
    Lifecycle.TAKEN: _("Taken in hand"),
    Lifecycle.APPROVED: _("Approved"),
    Lifecycle.PARTLY_APPROVED: _("Approved in part"),
    Lifecycle.DISPUTED: _("Disputed"),
    Lifecycle.SUSPENDED: _("Suspended"),
    Lifecycle.COMPLETED: _("Completed"),
    Lifecycle.REFUSED: _("Refused by the buyer"),
    Lifecycle.PAYMENT_SENT: _("Payment sent"),
    Lifecycle.COLLECTED: _("Payment collected"),
    Lifecycle.REJECTED: _("Rejected by the platform"),
}
NUMBERS: dict[str, Any] = {
    NumberState.NONE: _("no VAT number"),
    NumberState.MALFORMED: _("the VAT number’s check digits are wrong"),
    NumberState.UNKNOWN: _("the VAT number is not confirmed by VIES yet"),
    NumberState.UNAVAILABLE: _("VIES could not be reached: the VAT number is not confirmed yet"),
    NumberState.INVALID: _("VIES says that the VAT number is not valid"),
    NumberState.VALID: _("the VAT number was confirmed by VIES"),
}
REFERENCES: dict[str, Any] = {
    "buyer_reference": _("Service code"),
    "purchase_order": _("Engagement number"),
    "contract": _("Contract"),
    "lot": _("Lot"),
    "sales_order": _("Our order"),
    "cost_centre": _("Cost centre"),
    "buyer_siret": _("SIRET"),
}


def lifecycle_word(code: str) -> str:
    """Write a status of the platform, by its code where the reform gives no name that we know."""
    return str(LIFECYCLE.get(code, code))


def file_name(document: Document, kind: str) -> str:
    """Return what a download is called."""
    return f"{document.number}.{SUFFIXES[FileKind(kind)]}"
