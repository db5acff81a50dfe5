# SPDX-License-Identifier: Apache-2.0
"""Facts of procurement that stop a request."""

from django.utils.translation import gettext_lazy

from aion.errors import Conflict, Rejected


class WrongState(Conflict):
    """The row is past the state in which this can be done."""

    code, title = "wrong_state", gettext_lazy("This cannot be done any more")


class QuoteExpired(Conflict):
    """The day until which a quote was valid has passed."""

    code, title = "quote_expired", gettext_lazy("The quote has expired")


class MaximumExceeded(Conflict):
    """The order would pass the maximum of its agreement or of a lot of it."""

    code, title = "maximum_exceeded", gettext_lazy("The maximum of the agreement is reached")


class AgreementOver(Conflict):
    """The agreement is not in force on the day of the order."""

    code, title = "agreement_not_in_force", gettext_lazy("The agreement is not in force")


class AgreementNotPossible(Rejected):
    """The agreement contradicts itself or the law."""

    code, title = "agreement_not_possible", gettext_lazy("The agreement is not possible")


class HardCapExceeded(Conflict):
    """A cost centre, or one above it, has no room for the order."""

    code, title = "hard_cap_exceeded", gettext_lazy("A cost centre does not allow this")


class ReferenceMissing(Conflict):
    """The buyer's organisation wants a reference on its invoices that the order does not have; the field is named."""

    code, title = "reference_missing", gettext_lazy("A reference is missing")


class NotConsumed(Conflict):
    """Only what was consumed and not attested before can be attested."""

    code, title = "not_consumed", gettext_lazy("So much was not consumed")


class BankReferenceUsed(Conflict):
    """One line of a bank statement is recorded once."""

    code, title = "bank_reference_used", gettext_lazy("This transfer is recorded already")


class KeyUsed(Rejected):
    """The same key came with another content."""

    code, title = "key_used", gettext_lazy("This key was used for something else")
