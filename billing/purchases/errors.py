# SPDX-License-Identifier: Apache-2.0
"""Facts of purchases that stop a request."""

from django.utils.translation import gettext_lazy

from aion.errors import Conflict, Rejected, Unavailable


class AmountNotPossible(Rejected):
    """Credit is bought in whole credits between the two limits."""

    code, title = "amount_not_possible", gettext_lazy("This amount cannot be bought")


class ProcessorUnavailable(Unavailable):
    """The payment processor does not answer; nothing was charged that we do not find again."""

    code, title = "payment_processor_unavailable", gettext_lazy("The payment processor does not answer")


class PaymentRefused(Conflict):
    """The processor refused."""

    code, title = "payment_refused", gettext_lazy("The payment was refused")


class PurchaseNotPossible(Conflict):
    """An organisation that is closed, or has no second step to pay, buys nothing."""

    code, title = "purchase_not_possible", gettext_lazy("This organisation cannot buy now")


class RefundRefused(Conflict):
    """More than is left of the payment or of its credit."""

    code, title = "refund_refused", gettext_lazy("This cannot be refunded")


class RechargeNotPossible(Rejected):
    """The figures of an automatic recharge contradict each other, or no method is saved."""

    code, title = "recharge_not_possible", gettext_lazy("The automatic recharge is not possible")
