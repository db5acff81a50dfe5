# SPDX-License-Identifier: Apache-2.0
"""States and codes of invoices, without Django."""

from enum import StrEnum


class DocumentType(StrEnum):
    """UNTDID 1001 codes: invoice, credit note, corrected invoice, advance-payment invoice."""

    INVOICE = "380"
    CREDIT_NOTE = "381"
    CORRECTED = "384"
    ADVANCE = "386"


class Process(StrEnum):
    """BT-23 as the French reform defines it: services to be paid, paid already, final after an advance."""

    TO_PAY = "S1"
    PAID = "S2"
    AFTER_ADVANCE = "S4"


class DocumentState(StrEnum):
    """A draft has no number yet; a refused one broke a rule and waits for its facts; an issued one never changes."""

    DRAFT = "draft"
    REFUSED = "refused"
    ISSUED = "issued"


class VatCategory(StrEnum):
    """UNTDID 5305: at a rate, reverse charge, out of scope."""

    STANDARD = "S"
    REVERSE_CHARGE = "AE"
    OUT_OF_SCOPE = "O"
