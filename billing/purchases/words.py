# SPDX-License-Identifier: Apache-2.0
"""What methods and problems of payments are called."""

from django.utils.translation import gettext_lazy as _

from billing.purchases.states import Method

METHODS = {
    Method.CARD: _("Card"),
    Method.SEPA_DEBIT: _("SEPA direct debit"),
}
PROBLEMS = {
    "card_declined": _("The card was declined: try another one, or ask your bank."),
    "insufficient_funds": _("There is not enough money on the account."),
    "authentication_required": _("The bank wants to see you confirm it: pay once on the payment page."),
    "expired_card": _("The card has expired."),
    "incorrect_cvc": _("The card's security code was wrong."),
    "never_opened": _("The payment page was never opened: the payment processor did not answer."),
}


def problem_of(code: str) -> str:
    """Return why a payment failed, in the present language; the processor's own word where we know no better."""
    return str(PROBLEMS.get(code, code))
