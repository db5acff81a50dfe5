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


MOVES = {
    DocumentState.DRAFT: frozenset({DocumentState.REFUSED, DocumentState.ISSUED}),
    DocumentState.REFUSED: frozenset({DocumentState.DRAFT}),
}


class VatCategory(StrEnum):
    """UNTDID 5305: at a rate, reverse charge, out of scope."""

    STANDARD = "S"
    REVERSE_CHARGE = "AE"
    OUT_OF_SCOPE = "O"


class Place(StrEnum):
    """Where a buyer is for VAT, seen from France. A territory that no row names is outside."""

    HOME = "home"
    EU = "eu"
    MONACO = "monaco"
    DOM = "dom"
    DOM_NONE = "dom_none"
    OUTSIDE = "outside"


class BuyerKind(StrEnum):
    """Whom a rule is for; a body that acts as a private buyer counts as a consumer."""

    ANY = "any"
    BUSINESS = "business"
    PUBLIC = "public"
    CONSUMER = "consumer"


class NumberState(StrEnum):
    """What is known of a buyer's VAT number: only a confirmed one carries a reverse charge."""

    NONE = "none"
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    UNAVAILABLE = "unavailable"
    INVALID = "invalid"
    VALID = "valid"


class FileKind(StrEnum):
    """The forms an issued document is kept in."""

    FACTURX = "facturx-pdf"
    UBL = "ubl-xml"
    CII = "cii-xml"


class Stage(StrEnum):
    """When a document was checked: before it got its number, and before it left the house."""

    DRAFT = "draft"
    FINAL = "final"


class DispatchState(StrEnum):
    """A document on its way to the platform. ``held`` did not pass its last check, ``failed`` was tried too often."""

    PENDING = "pending"
    SENT = "sent"
    HELD = "held"
    FAILED = "failed"


DISPATCH_MOVES = {
    DispatchState.PENDING: frozenset({DispatchState.SENT, DispatchState.HELD, DispatchState.FAILED}),
    DispatchState.HELD: frozenset({DispatchState.PENDING}),
    DispatchState.FAILED: frozenset({DispatchState.PENDING}),
}


class Lifecycle(StrEnum):
    """Status codes of XP Z12-012 that this product names; 200, 210, 212 and 213 are mandatory."""

    DEPOSITED = "200"
    EMITTED = "201"
    RECEIVED = "202"
    AVAILABLE = "203"
    TAKEN = "204"
    APPROVED = "205"
    PARTLY_APPROVED = "206"
    DISPUTED = "207"
    SUSPENDED = "208"
    COMPLETED = "209"
    REFUSED = "210"
    PAYMENT_SENT = "211"
    COLLECTED = "212"
    REJECTED = "213"


def is_lifecycle(code: str) -> bool:
    """Tell whether the reform's rules allow ``code``: 200 to 213, 220 to 228, and the 250 to 601 of platforms."""
    if not (code.isascii() and code.isdigit() and len(code) == 3):
        return False
    value = int(code)
    return 200 <= value <= 213 or 220 <= value <= 228 or 250 <= value <= 601
