# SPDX-License-Identifier: Apache-2.0
"""Holds: the worst case of a run, reserved before it starts, released when it is settled."""

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from aion.money import decimal_string
from billing.errors import InsufficientCredit, InvalidAmount
from billing.models import Hold
from billing.states import HoldState

# Locks come first and in id order (as everywhere), so that two holds and a posting never wait for each other in a ring.
# The amounts are read by the second statement, whose snapshot is taken after the locks are held.
LOCK_LOTS = """
SELECT id FROM billing_ledgeraccount
WHERE organisation_id = %(organisation_id)s AND kind = 'lot' AND credits > debits + held
ORDER BY id FOR NO KEY UPDATE
"""
TAKE_LEGS = """
WITH lots AS (
  SELECT id, credits - debits - held AS available,
         row_number() OVER spending AS position,
         sum(credits - debits - held) OVER spending - (credits - debits - held) AS before
  FROM billing_ledgeraccount
  WHERE organisation_id = %(organisation_id)s AND kind = 'lot' AND credits > debits + held
    AND starts_at <= %(at)s AND (expires_at IS NULL OR expires_at > %(at)s)
    AND (cardinality(sku_codes) = 0 OR %(sku_code)s = ANY (sku_codes))
    AND (cardinality(site_codes) = 0 OR %(site_code)s = ANY (site_codes))
  WINDOW spending AS (ORDER BY restricted DESC, expires_at ASC NULLS LAST, rank, id)
), taken AS (
  SELECT id, position, least(available, %(amount)s - before)::bigint AS amount FROM lots WHERE before < %(amount)s
), legs AS (
  INSERT INTO billing_holdleg (hold_id, lot_id, position, amount, captured, released)
  SELECT %(hold_id)s, id, position, amount, 0, 0 FROM taken RETURNING lot_id, amount
), reserved AS (
  UPDATE billing_ledgeraccount a SET held = a.held + l.amount FROM legs l WHERE a.id = l.lot_id RETURNING l.amount
)
SELECT coalesce(sum(amount), 0)::bigint FROM reserved
"""
RELEASE = """
WITH legs AS (
  UPDATE billing_holdleg SET released = amount - captured
  WHERE hold_id = %(hold_id)s AND amount > captured + released
  RETURNING lot_id, amount - captured AS freed
)
UPDATE billing_ledgeraccount a SET held = a.held - l.freed FROM legs l WHERE a.id = l.lot_id
"""


@transaction.atomic
def place_hold(
    *,
    organisation_id: int,
    project_id: int,
    amount: int,
    sku_code: str,
    site_code: str,
    reference: str,
    at: datetime,
) -> Hold:
    """Reserve ``amount`` micro-credits over the eligible lots in spending order, one leg a lot.

    Raises InvalidAmount for 0 or less; InsufficientCredit with what is needed and available, and then reserves
    nothing.
    """
    if amount <= 0:
        raise InvalidAmount("A hold must be above zero.")
    hold = Hold.objects.create(
        organisation_id=organisation_id,
        project_id=project_id,
        amount=amount,
        reference=reference,
        created_at=at,
    )
    parameters: dict[str, Any] = {
        "organisation_id": organisation_id,
        "amount": amount,
        "sku_code": sku_code,
        "site_code": site_code,
        "at": at,
        "hold_id": hold.pk,
    }
    with connection.cursor() as cursor:
        cursor.execute(LOCK_LOTS, parameters)
        cursor.execute(TAKE_LEGS, parameters)
        (reserved,) = cursor.fetchone()
    if reserved < amount:
        raise InsufficientCredit(
            f"The worst case costs {decimal_string(amount)} credits and {decimal_string(reserved)} are available "
            f"for it: add credits, or ask for fewer GPUs or less time.",
            needed_microcredits=amount,
            available_microcredits=reserved,
            missing_microcredits=amount - reserved,
        )
    return hold


@transaction.atomic
def release_hold(*, hold_id: int, at: datetime) -> bool:
    """Give back what a hold has not captured and close it; False when it was closed already."""
    if not Hold.objects.filter(pk=hold_id, state=HoldState.OPEN).update(state=HoldState.CLOSED, closed_at=at):
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM billing_ledgeraccount WHERE id IN (SELECT lot_id FROM billing_holdleg WHERE hold_id = %s) "
            "ORDER BY id FOR NO KEY UPDATE",
            [hold_id],
        )
        cursor.execute(RELEASE, {"hold_id": hold_id})
    return True
