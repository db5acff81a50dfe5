# SPDX-License-Identifier: Apache-2.0
"""What is handed to invoicing and back. Amounts are integer cents of a euro; rates are hundredths of a per cent."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Line:
    """One position: ``quantity_milli`` thousandths of ``unit`` (UN/ECE Recommendation 20), and what it costs net.

    ``unit_price_micro`` is millionths of a euro for one unit; ``net_cents`` stands, the price explains it.
    """

    name: str
    net_cents: int
    quantity_milli: int = 1_000
    unit: str = "C62"
    unit_price_micro: int = 0
    description: str = ""


@dataclass(frozen=True, slots=True)
class References:
    """What a buyer wants to read on it, by business term: BT-10, BT-13, BT-12, BT-14, BT-19, BT-17."""

    buyer_reference: str = ""  # service code of a public body
    purchase_order: str = ""  # engagement number of a public body
    contract: str = ""
    sales_order: str = ""
    cost_centre: str = ""
    lot: str = ""
    buyer_siret: str = ""


@dataclass(frozen=True, slots=True)
class VatQuote:
    """How a sale is taxed and why. ``mentions`` are codes of dated texts that must stand on the document.

    Hand it to ``request_document`` where somebody has paid by it: then it stands, whatever is known by then.
    """

    net_cents: int
    vat_cents: int
    category: str
    rate_basis_points: int
    rule: str
    exemption_code: str = ""
    mentions: tuple[str, ...] = ()
    number_state: str = ""  # what is known of the buyer's VAT number (states.NumberState)

    @property
    def gross_cents(self) -> int:
        """Return what the buyer pays."""
        return self.net_cents + self.vat_cents


@dataclass(frozen=True, slots=True)
class Period:
    """When it was delivered, both days included (BT-73, BT-74)."""

    first: date
    last: date
