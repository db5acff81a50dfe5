# SPDX-License-Identifier: Apache-2.0
"""The paper of a quote as PDF."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from aion.figures import basis_points, credits_in_full, day, instant, number, plain_euros
from aion.tenancy.models import LegalIdentity
from aion.web.pdf import Paper
from billing.invoicing.queries.rules import seller_on
from billing.procurement.models import Quote
from billing.procurement.queries.accounts import bank_account


def quote_pdf(quote: Quote, *, at: datetime) -> bytes:
    """Return a quote: the amount with its VAT, until when it holds, and the price list that it was made with.

    The account is the seller's at ``at``, the same that the page names: money must not go to one that was given up.
    """
    paper = Paper(_("Quote %(number)s") % {"number": quote.number})
    paper.table([_("Seller"), _("Buyer")], [[_seller(quote), _buyer(quote)]], widths=(90, 90))
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
            [_("Reference"), quote.public_id],
        ],
        widths=(90, 90),
        numbers={1},
    )
    paper.line(
        _("Prices without VAT on the day of the offer, version %(version)s of the price book. 1 credit is 1 euro.")
        % {"version": quote.price_version}
    )
    paper.table(
        [_("GPU"), _("Credits per GPU-hour"), _("Version")],
        [_price(row) for row in quote.price_list],
        widths=(90, 50, 40),
        numbers={1, 2},
    )
    paper.line(
        _("Accept it in the portal, then pay exactly the total by bank transfer with %(number)s as its reference.")
        % {"number": quote.number}
    )
    account = bank_account(at)
    if account is not None:
        paper.line(
            _("Account of %(holder)s: IBAN %(iban)s, BIC %(bic)s.")
            % {"holder": account.holder, "iban": account.printed, "bic": account.bic}
        )
    return paper.content()


def _seller(quote: Quote) -> str:
    row = seller_on((quote.offered_at or quote.requested_at).date())
    if row is None:
        return "–"
    numbers = [f"SIRET {row.siret}", f"{_('VAT number')} {row.vat_number}"]
    return "\n".join([row.legal_name, row.legal_form, row.address, f"{row.postcode} {row.city}", *numbers, row.email])


def _buyer(quote: Quote) -> str:
    row = LegalIdentity.objects.filter(organisation=quote.organisation_id).first()
    if row is None:
        return quote.organisation.name
    registered = f"{row.get_registration_scheme_display()} {row.registration_number}" if row.registration_number else ""
    numbers = [registered, f"{_('VAT number')} {row.vat_number}" if row.vat_number else ""]
    return "\n".join(one for one in [row.legal_name, row.address, *numbers] if one)


def _vat_words(quote: Quote) -> str:
    return _("VAT %(rate)s (euros)") % {"rate": basis_points(quote.vat_rate_basis_points)}


def _price(row: Mapping[str, Any]) -> list[str]:
    return [str(row["name"]), credits_in_full(int(row["micro_per_gpu_hour"])), str(row["price_id"])]
