# SPDX-License-Identifier: Apache-2.0
"""Facts of billing that stop a request."""

from aion.errors import Conflict, PaymentRequired, Rejected


class InsufficientCredit(PaymentRequired):
    """No eligible lot can cover the worst case."""

    code, title = "insufficient_credit", "Not enough credits"


class NoPriceInForce(Conflict):
    """The SKU has no price at the instant asked for."""

    code, title = "no_price_in_force", "No price is in force"


class AlreadyReversed(Conflict):
    """A transfer is reversed at most once."""

    code, title = "already_reversed", "Already reversed"


class FourEyesNeeded(Conflict):
    """The same person cannot ask for and approve a grant."""

    code, title = "four_eyes", "A second person must decide"


class InvalidAmount(Rejected):
    """An amount must be above zero."""

    code, title = "invalid_amount", "The amount is not valid"
