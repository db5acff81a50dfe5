# SPDX-License-Identifier: Apache-2.0
"""Facts of billing that stop a request."""

from django.utils.translation import gettext_lazy

from aion.errors import Conflict, PaymentRequired, Rejected


class InsufficientCredit(PaymentRequired):
    """No eligible lot can cover the worst case."""

    code, title = "insufficient_credit", gettext_lazy("Not enough credits")


class NoPriceInForce(Conflict):
    """The SKU has no price at the instant asked for."""

    code, title = "no_price_in_force", gettext_lazy("No price is in force")


class AlreadyReversed(Conflict):
    """A transfer is reversed at most once."""

    code, title = "already_reversed", gettext_lazy("Already reversed")


class FourEyesNeeded(Conflict):
    """The same person cannot ask for and approve a grant."""

    code, title = "four_eyes", gettext_lazy("A second person must decide")


class InvalidAmount(Rejected):
    """An amount must be above zero."""

    code, title = "invalid_amount", gettext_lazy("The amount is not valid")


class BudgetExceeded(Conflict):
    """A budget has no room for the worst case; the widest one is named."""

    code, title = "budget_exceeded", gettext_lazy("A budget does not allow this")


class BudgetNotPossible(Rejected):
    """The budget contradicts another one or names something that is not there."""

    code, title = "invalid_budget", gettext_lazy("The budget is not possible")


class MonthNotOver(Conflict):
    """A month closes after its end and the grace for late usage, and not before the month before it."""

    code, title = "month_not_over", gettext_lazy("This month cannot be closed")


class CorrectionNotPossible(Conflict):
    """There is no such window, or it already has the seconds asked for."""

    code, title = "correction_not_possible", gettext_lazy("This cannot be corrected")


class NotReversible(Conflict):
    """Part of the credit is spent or held, or one person alone may not take back so much."""

    code, title = "not_reversible", gettext_lazy("This cannot be reversed")


class RefundNotPossible(Conflict):
    """Only unspent credit of a purchase that has not expired goes back."""

    code, title = "refund_not_possible", gettext_lazy("This cannot be refunded")


class PromotionNotPossible(Conflict):
    """A promotion that has begun only ever ends earlier."""

    code, title = "promotion_not_possible", gettext_lazy("The promotion cannot be changed so")
