# SPDX-License-Identifier: Apache-2.0
"""The paper of a quote as PDF."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from aion.figures import basis_points, credits_in_full, day, instant, number, plain_euros
from aion.web.pdf import Paper
from billing.procurement.models import Quote


def quote_pdf(quote: Quote) -> bytes:
    """Return a quote: the amount with its VAT, until when it holds, and the price list that it was made with."""
    paper = Paper(_("Quote %(number)s") % {"number": quote.number})
    paper.line(_("For %(organisation)s, %(id)s.") % {"organisation": quote.organisation.name, "id": quote.public_id})
    if quote.note:
        paper.line(quote.note)
    paper.table(
        [_("Term"), _("Value")],
        [
            [_("GPU credits"), number(quote.credits)],
            [_("Net (euros)"), plain_euros(quote.net_cents)],
            [_vat_words(quote), plain_euros(quote.vat_cents)],
            [_("Total (euros)"), plain_euros(quote.gross_cents)],
            [_("Offered"), day(quote.offered_at) if quote.offered_at else "–"],
            [_("Can be accepted before (UTC)"), instant(quote.valid_until) if quote.valid_until else "–"],
        ],
        widths=(80, 100),
    )
    paper.line(
        _("Prices without VAT on the day of the offer, version %(version)s of the price book. 1 credit is 1 euro.")
        % {"version": quote.price_version}
    )
    paper.table(
        [_("GPU"), _("Credits per GPU-hour"), _("Version")],
        [_price(row) for row in quote.price_list],
        widths=(80, 60, 40),
    )
    paper.line(
        _("Accept it in the portal, then pay exactly the total by bank transfer with %(number)s as its reference.")
        % {"number": quote.number}
    )
    return paper.content()


def _vat_words(quote: Quote) -> str:
    return _("VAT %(rate)s (euros)") % {"rate": basis_points(quote.vat_rate_basis_points)}


def _price(row: Mapping[str, Any]) -> list[str]:
    return [str(row["name"]), credits_in_full(int(row["micro_per_gpu_hour"])), str(row["price_id"])]
