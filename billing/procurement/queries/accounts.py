# SPDX-License-Identifier: Apache-2.0
"""Where a buyer's bank transfer goes."""

from dataclasses import dataclass
from datetime import datetime

from aion import figures
from billing.invoicing.queries.rules import seller_on


@dataclass(frozen=True, slots=True)
class BankAccount:
    """The seller's account."""

    holder: str
    iban: str
    bic: str

    @property
    def printed(self) -> str:
        """Return the IBAN as people read it."""
        return figures.iban(self.iban)


def bank_account(at: datetime) -> BankAccount | None:
    """Return the account that is the seller's at ``at``; None where no seller is written down for that day."""
    seller = seller_on(at.date())
    return BankAccount(seller.legal_name, seller.iban, seller.bic) if seller is not None else None
