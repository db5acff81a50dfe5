# SPDX-License-Identifier: Apache-2.0
"""Holds: the worst case of a run, reserved before it starts, extended on request, released when it is settled."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Max
from django.utils.translation import gettext as _

from aion.durability import wait_for_disk_after_commit
from aion.errors import NotFound
from aion.figures import credits_in_full
from billing.errors import InsufficientCredit, InvalidAmount
from billing.models import Hold, HoldLeg
from billing.services import budgets
from billing.states import HoldState

# The functions (migrations 0007, 0009, 0014, 0015) lock the lots in id order, as everywhere, so that two holds and a
# posting never wait for each other in a ring; read what they have once the locks are held; and write one leg a lot in
# spending order. A hold that one lot covers locks that one alone, last. Their transaction does not wait for the disk
# while it holds the locks: who calls them does, afterwards.
PLAN = """
SELECT lot, amount FROM billing_spending_plan(%(organisation_id)s, %(amount)s, %(sku_code)s, %(site_code)s,
                                              %(programme_code)s, %(level)s, %(at)s)
"""
RESERVE = """
SELECT billing_reserve(%(hold_id)s, %(organisation_id)s, %(amount)s, %(sku_code)s, %(site_code)s, %(programme_code)s,
                       %(level)s, %(at)s, %(after)s)
"""
PLACE = "SELECT hold, reserved FROM billing_place_hold(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
# The same as a transaction of its own that has also waited for the disk.
PLACE_ALONE = "CALL billing_place_hold_alone(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, NULL, NULL)"
PLACED = (
    "public_id", "organisation_id", "project_id", "member_id", "amount", "sku_code", "site_code", "programme_code",
    "level", "reference", "created_at",
)  # fmt: skip
# Both read the legs as they stood: what is freed is summed before it is marked as released.
RELEASE = """
WITH freed AS (
  SELECT lot_id, sum(amount - captured - released) AS amount FROM billing_holdleg WHERE hold_id = %(hold_id)s GROUP BY 1
), legs AS (
  UPDATE billing_holdleg SET released = amount - captured WHERE hold_id = %(hold_id)s AND amount > captured + released
)
UPDATE billing_ledgeraccount a SET held = a.held - f.amount FROM freed f WHERE a.id = f.lot_id AND f.amount > 0
"""
# The tail of the legs goes back, so that what is kept is paid in the order in which it was reserved.
REDUCE = """
WITH open AS (
  SELECT id, amount - captured - released AS part,
         sum(amount - captured - released) OVER (ORDER BY position) - %(keep)s AS over
  FROM billing_holdleg WHERE hold_id = %(hold_id)s
), freed AS (
  UPDATE billing_holdleg l SET released = l.released + least(o.part, o.over)
  FROM open o WHERE o.id = l.id AND o.part > 0 AND o.over > 0 RETURNING l.lot_id, least(o.part, o.over) AS amount
)
UPDATE billing_ledgeraccount a SET held = a.held - f.amount
FROM (SELECT lot_id, sum(amount) AS amount FROM freed GROUP BY 1) f WHERE a.id = f.lot_id
"""
LOCK_LOTS = """
SELECT id FROM billing_ledgeraccount WHERE id IN (SELECT lot_id FROM billing_holdleg WHERE hold_id = %s)
ORDER BY id FOR NO KEY UPDATE
"""


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a hold is for; lots are restricted by it, budgets count it."""

    organisation_id: int
    project_id: int
    sku_code: str
    site_code: str
    programme_code: str = ""
    level: int = 0
    member_id: int | None = None


def place_hold(*, purpose: Purpose, amount: int, reference: str, at: datetime) -> Hold:
    """Reserve ``amount`` micro-credits over the eligible lots in spending order, one leg a lot.

    Raises InvalidAmount for 0 or less; BudgetExceeded naming the widest budget it would pass; InsufficientCredit with
    what is needed and available. Either then reserves nothing. A caller that goes on in its own transaction after
    InsufficientCredit keeps the lots locked until it ends.
    """
    if amount <= 0:
        raise InvalidAmount(_("A hold must be above zero."))
    hold = Hold(
        organisation_id=purpose.organisation_id,
        project_id=purpose.project_id,
        member_id=purpose.member_id,
        sku_code=purpose.sku_code,
        site_code=purpose.site_code,
        programme_code=purpose.programme_code,
        level=purpose.level,
        amount=amount,
        reference=reference,
        created_at=at,
    )
    # Nothing around the one statement: alone it commits in the server, which then never keeps the lots locked while
    # this process waits for a processor. Where credit does not suffice it has written nothing to roll back.
    inside = connection.in_atomic_block
    with connection.cursor() as cursor:
        cursor.execute(PLACE if inside else PLACE_ALONE, [getattr(hold, name) for name in PLACED])
        pk, reserved = cursor.fetchone()
    if reserved is None:
        _place_under_budgets(hold=hold, purpose=purpose, at=at)
    else:
        if inside:
            wait_for_disk_after_commit()
        _refuse_without_credit(needed=amount, available=reserved)
        hold.pk, hold._state.adding = pk, False
    return hold


@transaction.atomic
def _place_under_budgets(*, hold: Hold, purpose: Purpose, at: datetime) -> None:
    budgets.require_room(purpose=purpose, amount=hold.amount, at=at)
    hold.save()
    _reserve(hold=hold, amount=hold.amount, after=0, at=at)
    budgets.require_room_on_lots(hold=hold, at=at)


def check_hold(*, purpose: Purpose, amount: int, at: datetime) -> None:
    """Raise what ``place_hold`` would raise at this moment. Reserves and locks nothing."""
    if amount <= 0:
        raise InvalidAmount(_("A hold must be above zero."))
    with connection.cursor() as cursor:
        cursor.execute(PLAN, {"amount": amount, "at": at, **_eligible(purpose)})
        lots: dict[int, int] = dict(cursor.fetchall())
    budgets.check_room(purpose=purpose, amount=amount, at=at, lots={})
    _refuse_without_credit(needed=amount, available=sum(lots.values()))
    budgets.check_room(purpose=purpose, amount=amount, at=at, lots=lots)


@transaction.atomic
def extend_hold(*, hold_id: int, amount: int, at: datetime) -> Hold:
    """Reserve ``amount`` micro-credits more for an open hold, over the lots that are eligible now.

    Raises InvalidAmount, NotFound for a hold that is closed, BudgetExceeded, InsufficientCredit; then nothing changes.
    """
    if amount <= 0:
        raise InvalidAmount(_("An extension must be above zero."))
    hold: Hold | None = Hold.objects.open().select_for_update(no_key=True).filter(pk=hold_id).first()
    if hold is None:
        raise NotFound(_("This hold is closed: its run has been settled."))
    capped = budgets.require_room(purpose=purpose_of(hold), amount=amount, at=at, reserved=hold.amount)
    last = HoldLeg.objects.filter(hold=hold).aggregate(position=Max("position", default=0))["position"]
    _reserve(hold=hold, amount=amount, after=last, at=at)
    Hold.objects.filter(pk=hold.pk).update(amount=F("amount") + amount)
    if capped:
        budgets.require_room_on_lots(hold=hold, at=at, after=last)
    hold.refresh_from_db()
    return hold


def purpose_of(hold: Hold) -> Purpose:
    """Return what ``hold`` is for."""
    return Purpose(
        organisation_id=hold.organisation_id,
        project_id=hold.project_id,
        sku_code=hold.sku_code,
        site_code=hold.site_code,
        programme_code=hold.programme_code,
        level=hold.level,
        member_id=hold.member_id,
    )


def _reserve(*, hold: Hold, amount: int, after: int, at: datetime) -> None:
    parameters: dict[str, Any] = {
        **_eligible(purpose_of(hold)),
        "amount": amount,
        "at": at,
        "hold_id": hold.pk,
        "after": after,
    }
    with connection.cursor() as cursor:
        cursor.execute(RESERVE, parameters)
        (reserved,) = cursor.fetchone()
    wait_for_disk_after_commit()
    _refuse_without_credit(needed=amount, available=reserved)


def _eligible(purpose: Purpose) -> dict[str, Any]:
    return {
        "organisation_id": purpose.organisation_id,
        "sku_code": purpose.sku_code,
        "site_code": purpose.site_code,
        "programme_code": purpose.programme_code,
        "level": purpose.level,
    }


def _refuse_without_credit(*, needed: int, available: int) -> None:
    if available < needed:
        raise InsufficientCredit(
            _(
                "The worst case costs %(needed)s credits and %(available)s are available for it: add credits, or ask "
                "for fewer GPUs or less time."
            )
            % {"needed": credits_in_full(needed), "available": credits_in_full(available)},
            needed_microcredits=needed,
            available_microcredits=available,
            missing_microcredits=needed - available,
        )


@transaction.atomic
def release_hold(*, hold_id: int, at: datetime) -> bool:
    """Give back what a hold has not captured and close it; False when it was closed already."""
    if not Hold.objects.filter(pk=hold_id, state=HoldState.OPEN).update(state=HoldState.CLOSED, closed_at=at):
        return False
    with connection.cursor() as cursor:
        cursor.execute(LOCK_LOTS, [hold_id])
        cursor.execute(RELEASE, {"hold_id": hold_id})
    return True


@transaction.atomic
def reduce_hold(*, hold_id: int, keep: int) -> None:
    """Give back what an open hold has beyond ``keep`` micro-credits that it has not captured.

    Raises NotFound for a hold that is closed.
    """
    hold = Hold.objects.open().select_for_update(no_key=True).filter(pk=hold_id).first()
    if hold is None:
        raise NotFound(_("This hold is closed: its run has been settled."))
    with connection.cursor() as cursor:
        cursor.execute(LOCK_LOTS, [hold_id])
        cursor.execute(REDUCE, {"hold_id": hold_id, "keep": keep})
