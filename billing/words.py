# SPDX-License-Identifier: Apache-2.0
"""What kinds, restrictions and forecasts are called, for both edges."""

from collections.abc import Iterable, Mapping

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from aion.residency.policy import Level
from aion.web.templatetags.aion import level_word
from billing.forecast import Method
from billing.models import LedgerAccount, Sku
from billing.states import TransferKind

KINDS = {
    TransferKind.GRANT: gettext_lazy("Grant"),
    TransferKind.PURCHASE: gettext_lazy("Purchase"),
    TransferKind.USAGE: gettext_lazy("Usage"),
    TransferKind.CORRECTION: gettext_lazy("Correction"),
    TransferKind.EXPIRY: gettext_lazy("Expiry"),
    TransferKind.REFUND: gettext_lazy("Refund"),
    TransferKind.SETTLEMENT: gettext_lazy("Settlement"),
    TransferKind.REVERSAL: gettext_lazy("Reversal"),
    TransferKind.RECLAIM: gettext_lazy("Reclaim"),
    TransferKind.DISPUTE: gettext_lazy("Payment taken back"),
    TransferKind.DEBT: gettext_lazy("Debt paid"),
    TransferKind.PAYOUT: gettext_lazy("Payout"),
}
WHY = {
    TransferKind.GRANT: gettext_lazy("Credit was granted: a new lot came into being with this amount."),
    TransferKind.PURCHASE: gettext_lazy("Credit was bought: a new lot came into being with this amount."),
    TransferKind.USAGE: gettext_lazy("Metered seconds of your workloads, at the price frozen at their launch."),
    TransferKind.CORRECTION: gettext_lazy(
        "Metered seconds were corrected: what was charged too much went back to the lots that had paid it."
    ),
    TransferKind.EXPIRY: gettext_lazy(
        "The lot expired: what was left in it when late usage could come no more is lost."
    ),
    TransferKind.REFUND: gettext_lazy("Bought credit was paid back."),
    TransferKind.SETTLEMENT: gettext_lazy(
        "A settled month: what usage on an operator's sites was charged, shared out."
    ),
    TransferKind.REVERSAL: gettext_lazy("An earlier entry was taken back: the same amount, the other way round."),
    TransferKind.PAYOUT: gettext_lazy("An operator was paid what it had earned."),
    TransferKind.RECLAIM: gettext_lazy("Granted credit that was not used went back to the programme that gave it."),
    TransferKind.DISPUTE: gettext_lazy(
        "A bank has taken a payment back, or asks for it: its credit goes, or stands still."
    ),
    TransferKind.DEBT: gettext_lazy("Credit paid for what no lot could pay before."),
}
METHODS = {
    Method.LINEAR: gettext_lazy("As since the month began"),
    Method.SEVEN_DAYS: gettext_lazy("As in the last seven days"),
    Method.RESERVED: gettext_lazy("With what is reserved"),
}
ASSUMPTIONS = {
    Method.LINEAR: gettext_lazy(
        "Spending goes on at the average since the first of this month; lots pay in spending order, and what expires "
        "before is lost."
    ),
    Method.SEVEN_DAYS: gettext_lazy(
        "Spending goes on at the average of the last seven days; lots pay in spending order, and what expires before "
        "is lost."
    ),
    Method.RESERVED: gettext_lazy(
        "Running work uses all that is held for it, and spending goes on beside it at the average of the last seven "
        "days; what expires before is lost."
    ),
}


def usable_for(lot: LedgerAccount, names: Mapping[str, str]) -> list[str]:
    """Return what a lot may be used for, one sentence part for each restriction."""
    parts = []
    if lot.sku_codes:
        parts.append(_("only for %(what)s") % {"what": ", ".join(names.get(code, code) for code in lot.sku_codes)})
    if lot.site_codes:
        parts.append(_("only at %(what)s") % {"what": ", ".join(lot.site_codes)})
    if lot.programme_codes:
        parts.append(_("only in the programme %(what)s") % {"what": ", ".join(lot.programme_codes)})
    if lot.min_level:
        parts.append(_("only from the residency level %(what)s on") % {"what": level_word(Level(lot.min_level).name)})
    return parts or [_("everything")]


def sku_names(lots: Iterable[LedgerAccount]) -> dict[str, str]:
    """Return the names of all SKUs that ``lots`` are restricted to, in one query."""
    codes = {code for lot in lots for code in lot.sku_codes}
    return dict(Sku.objects.filter(code__in=codes).values_list("code", "name"))
