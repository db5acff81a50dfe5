# SPDX-License-Identifier: Apache-2.0
"""A tenant with its books in the oracle, and the comparison of the two."""

from dataclasses import dataclass, field
from typing import Protocol

from billing.models import Transfer
from billing.states import AccountKind
from tests.billing.machine.oracle import Books, Hold, Lot, Meter
from tests.billing.machine.prepared import Prepared
from tests.worlds import Tenant


class Pick(Protocol):
    """Where chance comes from: a seeded generator, or Hypothesis."""

    def integer(self, low: int, high: int) -> int:
        """Return a number from ``low`` to ``high``."""


@dataclass
class Party:
    """A tenant and its books."""

    tenant: Tenant
    books: Books
    meters: list[Meter] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    grants: list[tuple[Transfer, Lot]] = field(default_factory=list)
    budgets: dict[str, str] = field(default_factory=dict)

    @property
    def pk(self) -> int:
        return int(self.tenant.organisation.pk)


def compare(party: Party, prepared: Prepared) -> None:
    """Compare a tenant's accounts and remainders with the oracle, lot by lot."""
    books, found, owed = party.books, {}, 0
    accounts = prepared.rows(
        f"SELECT id, kind, debits, credits, held FROM billing_ledgeraccount WHERE organisation_id = {party.pk}"
    )
    for pk, kind, debits, credits_, held in accounts:
        if kind == AccountKind.LOT:
            found[pk] = (credits_, debits, held)
        else:
            owed = debits - credits_
    assert found == {lot.id: (lot.credits, lot.debits, lot.held) for lot in books.lots.values()}
    assert owed == books.owed
    carries = prepared.rows(f"SELECT sku_id, carry FROM billing_ratingcarry WHERE organisation_id = {party.pk}")
    assert {sku: carry for sku, carry in carries if carry} == {
        sku: books.carry(sku) for sku in {sku for _, _, sku in books.exact} if books.carry(sku)
    }
    lots = sum(lot.credits - lot.debits for lot in books.lots.values())
    out = sum(sum(paid.values()) for paid in books.paid.values())
    assert out == books.charged()
    assert all(lot.free >= 0 <= lot.held for lot in books.lots.values())
    assert lots >= 0
