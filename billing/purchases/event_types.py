# SPDX-License-Identifier: Apache-2.0
"""What happens to purchases, and who is told."""

from django.utils.translation import gettext_lazy as _

from aion.events.types import SPENDERS, EventType, Family, register, register_families

_PAYMENT = {
    "payment": "pay_5n8x2k4qw7m1v9ya",
    "amount_microcredits": 500_000_000,
    "gross_cents": 60_000,
    "method": "card",
    "problem": "",
}
_REFUND = {
    "refund": "rfd_8h2k4qw7m1v9ya5n",
    "payment": "pay_5n8x2k4qw7m1v9ya",
    "amount_microcredits": 100_000_000,
    "gross_cents": 12_000,
}
_DISPUTE = {**_REFUND, "dispute": "dsp_8h2k4qw7m1v9ya5n"}
_RECHARGE = {
    "amount_microcredits": 500_000_000,
    "cap_microcredits": 2_000_000_000,
    "method": "Visa •••• 4242",
    "reason": "",
}
_PAGE = "payments/%(payment)s/"

register_families(Family("payment", _("Payments")))
register(
    EventType(
        "payment.succeeded",
        "payment",
        _("A payment arrived"),
        _("%(amount_credits)s credits were paid for and can be spent."),
        SPENDERS,
        _PAYMENT,
        mail=True,
        link=_PAGE,
    ),
    EventType(
        "payment.processing",
        "payment",
        _("A direct debit is on its way"),
        _("The direct debit for %(amount_credits)s credits takes some days; a part can be spent already."),
        SPENDERS,
        _PAYMENT,
        link=_PAGE,
    ),
    EventType(
        "payment.failed",
        "payment",
        _("A payment failed"),
        _("The payment for %(amount_credits)s credits failed: pay another way."),
        SPENDERS,
        {**_PAYMENT, "problem": "card_declined"},
        mail=True,
        link=_PAGE,
    ),
    EventType(
        "refund.succeeded",
        "payment",
        _("A refund was paid"),
        _("%(amount_credits)s credits were paid back, on the way they were paid."),
        SPENDERS,
        _REFUND,
        mail=True,
        link=_PAGE,
    ),
    EventType(
        "refund.failed",
        "payment",
        _("A refund did not arrive"),
        _("The refund of %(amount_credits)s credits was refused by the bank; the credits are yours again."),
        SPENDERS,
        _REFUND,
        mail=True,
        link=_PAGE,
    ),
    EventType(
        "dispute.opened",
        "payment",
        _("A bank disputes a payment"),
        _("Your bank asks for a payment back: the %(amount_credits)s credits of it stand still until it is decided."),
        SPENDERS,
        _DISPUTE,
        mail=True,
        link=_PAGE,
        essential=True,
    ),
    EventType(
        "dispute.won",
        "payment",
        _("A dispute is over"),
        _("The payment stands: the credits that stood still can be spent again."),
        SPENDERS,
        _DISPUTE,
        mail=True,
        link=_PAGE,
    ),
    EventType(
        "dispute.lost",
        "payment",
        _("A payment was taken back"),
        _("The bank has taken the payment for %(amount_credits)s credits back. What was spent of them is owed."),
        SPENDERS,
        _DISPUTE,
        mail=True,
        link=_PAGE,
        essential=True,
    ),
    EventType(
        "recharge.capped",
        "payment",
        _("The automatic recharge reached its month's cap"),
        _("The balance is low, and another recharge would pass the cap of %(cap_credits)s credits a month."),
        SPENDERS,
        _RECHARGE,
        mail=True,
        link="payment-methods/",
    ),
    EventType(
        "recharge.stopped",
        "payment",
        _("The automatic recharge was switched off"),
        _("The automatic recharge was switched off: %(reason)s"),
        SPENDERS,
        {**_RECHARGE, "reason": "The saved method was declined three times."},
        mail=True,
        link="payment-methods/",
        essential=True,
    ),
)
