# SPDX-License-Identifier: Apache-2.0
"""Where a buyer's bank transfer goes."""

from dataclasses import dataclass
from datetime import datetime

from billing.invoicing.queries.rules import seller_on

GROUP = 4


@dataclass(frozen=True, slots=True)
class BankAccount:
    """The seller's account."""

    holder: str
    iban: str
    bic: str

    @property
    def printed(self) -> str:
        """Return the IBAN in groups of four, as paper has it (ISO 13616-1)."""
        return " ".join(self.iban[start : start + GROUP] for start in range(0, len(self.iban), GROUP))


def bank_account(at: datetime) -> BankAccount | None:
    """Return the account that is the seller's at ``at``; None where no seller is written down for that day."""
    seller = seller_on(at.date())
    return BankAccount(seller.legal_name, seller.iban, seller.bic) if seller is not None else None
