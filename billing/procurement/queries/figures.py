# SPDX-License-Identifier: Apache-2.0
"""Committed, consumed, invoiced, paid: four net amounts in cents, for many rows in one query."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

ORDERS = "SELECT id AS group_id, id AS order_id FROM procurement_purchaseorder WHERE id = ANY(%(ids)s)"
AGREEMENTS = "SELECT agreement_id, id FROM procurement_purchaseorder WHERE agreement_id = ANY(%(ids)s)"
LOTS = "SELECT agreement_lot_id, id FROM procurement_purchaseorder WHERE agreement_lot_id = ANY(%(ids)s)"
# What is ordered on a centre below counts for the one above.
CENTRES = """
SELECT tree.root, o.id FROM (
  WITH RECURSIVE below AS (
    SELECT id AS root, id FROM procurement_costcentre WHERE id = ANY(%(ids)s)
    UNION ALL SELECT b.root, c.id FROM procurement_costcentre c JOIN below b ON c.parent_id = b.id)
  SELECT root, id FROM below) tree
JOIN procurement_purchaseorder o ON o.cost_centre_id = tree.id
"""
# A payment is gross; what it pays of an order is the same share of the attested net amount.
FIGURES = """
WITH members(group_id, order_id) AS ({members})
SELECT m.group_id,
       coalesce(sum(o.amount_cents) FILTER (WHERE o.state NOT IN ('refused', 'cancelled')), 0)::bigint,
       coalesce(sum(greatest(div(used.micro, 10000), 0)), 0)::bigint,
       coalesce(sum(o.attested_cents), 0)::bigint,
       coalesce(sum(settled.cents), 0)::bigint
FROM members m JOIN procurement_purchaseorder o ON o.id = m.order_id
CROSS JOIN LATERAL (
  SELECT coalesce((SELECT sum(t.amount) FROM billing_transfer t
                   WHERE t.debit_account_id = o.lot_id AND t.kind = 'usage'), 0)
       - coalesce((SELECT sum(t.amount) FROM billing_transfer t
                   WHERE t.credit_account_id = o.lot_id AND t.kind = 'correction'), 0) AS micro) used
CROSS JOIN LATERAL (
  SELECT sum(div(a.amount_cents * paid.cents, d.gross_cents)) AS cents
  FROM procurement_serviceattestation a JOIN invoicing_document d ON d.id = a.document_id
  CROSS JOIN LATERAL (SELECT sum(b.amount_cents) AS cents FROM procurement_banktransfer b
                      WHERE b.attestation_id = a.id AND b.state = 'approved') paid
  WHERE a.order_id = o.id) settled
GROUP BY m.group_id
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What was ordered, what of it work has used, what was attested and so invoiced, and what of that was paid."""

    committed: int = 0
    consumed: int = 0
    invoiced: int = 0
    paid: int = 0

    @property
    def attestable(self) -> int:
        """Return what was consumed and not attested yet; a correction may leave less than was attested."""
        return max(0, self.consumed - self.invoiced)


NONE = Figures()


def of_orders(ids: Iterable[int]) -> dict[int, Figures]:
    """Return the four numbers of each order."""
    return _figures(ORDERS, ids)


def of_agreements(ids: Iterable[int]) -> dict[int, Figures]:
    """Return the four numbers of each agreement, over its orders."""
    return _figures(AGREEMENTS, ids)


def of_agreement_lots(ids: Iterable[int]) -> dict[int, Figures]:
    """Return the four numbers of each lot of an agreement, over its orders."""
    return _figures(LOTS, ids)


def of_centres(ids: Iterable[int]) -> dict[int, Figures]:
    """Return the four numbers of each cost centre, over its orders and those of all centres below it."""
    return _figures(CENTRES, ids)


def _figures(members: str, ids: Iterable[int]) -> dict[int, Figures]:
    wanted = list(ids)
    found = dict.fromkeys(wanted, NONE)
    if not wanted:
        return found
    with connection.cursor() as cursor:
        cursor.execute(FIGURES.format(members=members), {"ids": wanted})
        found |= {group: Figures(*numbers) for group, *numbers in cursor.fetchall()}
    return found
