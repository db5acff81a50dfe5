# SPDX-License-Identifier: Apache-2.0
"""Budgets: refusing what has no room, telling what was reached, and setting them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum
from django.utils.translation import gettext

from aion.actor import Actor, Scope
from aion.audit import services as audit
from aion.errors import NotFound
from aion.events.services.emission import emit
from aion.figures import credits_in_full
from aion.money import decimal_string
from aion.periods import floor_day, next_month, week_start
from aion.tenancy.models import Membership, Project
from billing import queries
from billing.audit import Action
from billing.budget_sql import CROSS, LOCK
from billing.errors import BudgetExceeded, BudgetNotPossible
from billing.models import Budget, BudgetCrossing, BudgetStep, Hold, HoldLeg, LedgerAccount
from billing.queries import BudgetStanding
from billing.states import BudgetAction, BudgetPeriod, BudgetScope

if TYPE_CHECKING:
    from billing.services.holds import Purpose

DEFAULT_STEPS = ((50, BudgetAction.ALERT), (80, BudgetAction.ALERT), (100, BudgetAction.FREEZE))
MAX_AMOUNT = 10**15
SCOPE_WIDTH = {scope: width for width, scope in enumerate(BudgetScope)}
PERIOD_WIDTH = {period: width for width, period in enumerate(BudgetPeriod)}


def _width(standing: BudgetStanding) -> tuple[int, int, int]:
    return SCOPE_WIDTH[BudgetScope(standing.scope)], PERIOD_WIDTH[BudgetPeriod(standing.period)], standing.budget_id


def require_room(*, purpose: "Purpose", amount: int, at: datetime, reserved: int = 0) -> bool:
    """Lock the budgets that cover ``purpose`` and check each for room for ``amount`` more; tell if there are any.

    What is held counts as spent, so two requests at the same moment cannot both take the last room. ``reserved`` is
    what the same run holds already: it counts in the budget of each single workload. Raises BudgetExceeded for the
    widest budget without room, or whose step says that nothing new starts.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [purpose.organisation_id])
        if not cursor.rowcount:
            return False
    check_room(purpose=purpose, amount=amount, at=at, lots={}, reserved=reserved)
    return True


def check_room(*, purpose: "Purpose", amount: int, at: datetime, lots: Mapping[int, int], reserved: int = 0) -> None:
    """Check the budgets that cover ``purpose``, and those of ``lots`` that would bear so much each. Locks nothing.

    Raises BudgetExceeded for the widest budget without room.
    """
    found = queries.budget_standings(
        organisation_id=purpose.organisation_id,
        at=at,
        project_id=purpose.project_id,
        member_id=purpose.member_id or 0,
    )
    asked = {one.budget_id: lots.get(one.lot_id or 0, amount) for one in found}
    asked |= {one.budget_id: amount + reserved for one in found if one.scope == BudgetScope.WORKLOAD}
    _refuse_without_room([one for one in found if one.scope != BudgetScope.GRANT or one.lot_id in lots], asked=asked)


def require_room_on_lots(*, hold: Hold, at: datetime, after: int = 0) -> None:
    """Check budgets of single lots once their legs behind ``after`` are known. Raises BudgetExceeded."""
    capped = [
        one
        for one in queries.budget_standings(organisation_id=hold.organisation_id, at=at)
        if one.scope == BudgetScope.GRANT
    ]
    if not capped:
        return
    legs = HoldLeg.objects.filter(hold=hold, position__gt=after)
    asked: dict[int | None, int] = dict(legs.values_list("lot_id").annotate(Sum("amount")))
    # The legs are written already: what they ask of a lot is in the standing, and is no hold that was there before.
    before = [replace(one, held=one.held - asked[one.lot_id]) for one in capped if one.lot_id in asked]
    _refuse_without_room(before, asked={one.budget_id: asked[one.lot_id] for one in before})


def _refuse_without_room(standings: Sequence[BudgetStanding], *, asked: dict[int, int]) -> None:
    for one in sorted(standings, key=_width):
        more = asked[one.budget_id]
        committed = 0 if one.scope == BudgetScope.WORKLOAD else one.spent + one.held
        over = committed + more - one.amount
        frozen = one.frozen_percent if one.scope != BudgetScope.WORKLOAD else None
        if over <= 0 and frozen is None:
            continue
        if over > 0:
            detail = gettext(
                "The budget “%(name)s” (%(scope)s, %(period)s) has %(cap)s credits; %(spent)s are spent and %(held)s "
                "held, which leaves %(over)s too few. Raise it, or ask for fewer GPUs or less time."
            )
        else:
            detail = gettext(
                "The budget “%(name)s” (%(scope)s, %(period)s) starts nothing new from %(percent)s %% on, and "
                "%(spent)s of %(cap)s credits are spent. Raise it, or wait."
            )
        shown = Budget(scope=one.scope, period=one.period)
        words = {
            "name": one.name,
            "scope": shown.get_scope_display(),
            "period": shown.get_period_display(),
            "cap": credits_in_full(one.amount),
            "spent": credits_in_full(one.spent),
            "held": credits_in_full(one.held),
            "over": credits_in_full(over),
            "percent": frozen,
        }
        raise BudgetExceeded(
            detail % words,
            budget=one.public_id,
            scope=one.scope,
            period=one.period,
            cap_microcredits=one.amount,
            spent_microcredits=one.spent,
            held_microcredits=one.held,
            over_microcredits=max(0, over),
        )


@transaction.atomic
def evaluate(*, at: datetime) -> list[int]:
    """Write every step that was reached in its period, once; return the ids of the new crossings."""
    with connection.cursor() as cursor:
        cursor.execute(CROSS, {"at": at})
        found = [row[0] for row in cursor.fetchall()]
    for crossing in BudgetCrossing.objects.filter(pk__in=found).select_related("budget").order_by("pk"):
        _tell(crossing, at=at)
    return found


def _tell(crossing: BudgetCrossing, *, at: datetime) -> None:
    stops = crossing.action == BudgetAction.DRAIN
    emit(
        organisation_id=crossing.organisation_id,
        type="budget.threshold_reached" if crossing.action == BudgetAction.ALERT else "budget.exceeded",
        data={
            "budget": crossing.budget.public_id,
            "name": crossing.budget.name,
            "threshold_percent": crossing.percent,
            "action": crossing.action,
            "spent_microcredits": crossing.spent,
            "limit_microcredits": crossing.amount,
            "period_ends_at": period_end(BudgetPeriod(crossing.budget.period), at),
            "stops_at": crossing.at + settings.BUDGET_DRAIN_NOTICE if stops else None,
        },
        key=f"budget:{crossing.pk}",
        at=at,
    )


def period_end(period: BudgetPeriod, at: datetime) -> datetime | None:
    """Return when the period that ``at`` lies in ends; None for a budget that counts in all."""
    ends = {
        BudgetPeriod.DAY: floor_day(at) + timedelta(days=1),
        BudgetPeriod.WEEK: week_start(at) + timedelta(days=7),
        BudgetPeriod.MONTH: next_month(at),
    }
    return ends.get(period)


def with_standing(
    actor: Actor, found: Iterable[Budget], *, at: datetime
) -> list[tuple[Budget, BudgetStanding, datetime | None]]:
    """Return budgets with how they stand and when their period ends; one that ended meanwhile is left out."""
    standings = {one.budget_id: one for one in queries.budget_standings(organisation_id=actor.organisation_id, at=at)}
    return [(one, standings[one.pk], period_end(BudgetPeriod(one.period), at)) for one in found if one.pk in standings]


@dataclass(frozen=True, slots=True)
class BudgetWish:
    """What a person wants a budget to be."""

    name: str
    scope: BudgetScope
    period: BudgetPeriod
    amount: int
    project_id: str = ""
    member_id: int | None = None
    lot_id: str = ""
    steps: tuple[tuple[int, BudgetAction], ...] = DEFAULT_STEPS


@transaction.atomic
def create_budget(*, actor: Actor, wish: BudgetWish, at: datetime) -> Budget:
    """Set a new budget. Raises BudgetNotPossible with the field, NotFound for a target the actor cannot see."""
    actor.require(Scope.BUDGETS_WRITE)
    _lock(actor)
    _check(wish)
    if wish.scope is BudgetScope.WORKLOAD and wish.period is not BudgetPeriod.LIFETIME:
        # A run is checked as a whole when it starts and is extended: no day of it has a cap of its own.
        raise BudgetNotPossible(
            gettext("A budget of each single workload counts in all: choose that period."), field="period"
        )
    target = _target(actor, wish)
    _check_shares(actor, wish, other_than=None)
    try:
        with transaction.atomic():
            budget = Budget.objects.create(
                organisation_id=actor.organisation_id or 0,
                name=wish.name.strip(),
                scope=wish.scope,
                period=wish.period,
                amount=wish.amount,
                created_by=actor.label,
                created_at=at,
                changed_at=at,
                **target,
            )
    except IntegrityError as error:
        raise BudgetNotPossible(gettext("There is such a budget already: change that one."), field="scope") from error
    _write_steps(budget, wish)
    audit.record(actor=actor, action=Action.BUDGET_SET, subject=budget, at=at, changes=_shown(wish))
    return budget


@transaction.atomic
def change_budget(
    *,
    actor: Actor,
    public_id: str,
    at: datetime,
    name: str | None = None,
    amount: int | None = None,
    steps: tuple[tuple[int, BudgetAction], ...] | None = None,
) -> Budget:
    """Change a budget in place: at no moment is there none, and what is left out stays as it is.

    Raises NotFound, BudgetNotPossible.
    """
    actor.require(Scope.BUDGETS_WRITE)
    _lock(actor)
    budget = _find(actor, public_id)
    wish = BudgetWish(
        budget.name if name is None else name,
        BudgetScope(budget.scope),
        BudgetPeriod(budget.period),
        budget.amount if amount is None else amount,
        steps=_steps_of(budget) if steps is None else steps,
    )
    _check(wish)
    _check_shares(actor, wish, other_than=budget.pk)
    Budget.objects.filter(pk=budget.pk).update(name=wish.name.strip(), amount=wish.amount, changed_at=at)
    if steps is not None:
        BudgetStep.objects.filter(budget=budget).delete()
        _write_steps(budget, wish)
    audit.record(actor=actor, action=Action.BUDGET_CHANGED, subject=budget, at=at, changes=_shown(wish))
    budget.refresh_from_db()
    return budget


@transaction.atomic
def end_budget(*, actor: Actor, public_id: str, at: datetime) -> Budget:
    """End a budget; its history stays. Raises NotFound."""
    actor.require(Scope.BUDGETS_WRITE)
    _lock(actor)
    budget = _find(actor, public_id)
    Budget.objects.filter(pk=budget.pk).update(ended_at=at)
    audit.record(actor=actor, action=Action.BUDGET_ENDED, subject=budget, at=at)
    budget.refresh_from_db()
    return budget


def _lock(actor: Actor) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('billing.budgets'), %s)", [actor.organisation_id])


def _find(actor: Actor, public_id: str) -> Budget:
    budget: Budget | None = Budget.objects.visible_to(actor).in_force().filter(public_id=public_id).first()
    if budget is None:
        raise NotFound(gettext("There is no such budget."))
    return budget


def _check(wish: BudgetWish) -> None:
    if not wish.name.strip():
        raise BudgetNotPossible(gettext("Give the budget a name."), field="name")
    if not 0 < wish.amount <= MAX_AMOUNT:
        raise BudgetNotPossible(
            gettext("The cap must be above zero and at most 1,000,000,000 credits."), field="amount"
        )
    if not wish.steps or len({percent for percent, _ in wish.steps}) < len(wish.steps):
        raise BudgetNotPossible(gettext("Each step needs a share of its own, and there must be one."), field="steps")
    if any(not 1 <= percent <= 100 for percent, _ in wish.steps):
        raise BudgetNotPossible(gettext("A step lies between 1 and 100 per cent."), field="steps")


def _target(actor: Actor, wish: BudgetWish) -> dict[str, Any]:
    if wish.scope is BudgetScope.PROJECT:
        project = Project.objects.visible_to(actor).filter(public_id=wish.project_id).first()
        if project is None:
            raise NotFound(gettext("There is no such project."), field="project")
        return {"project": project}
    if wish.scope is BudgetScope.MEMBER:
        if not Membership.objects.visible_to(actor).filter(user_id=wish.member_id).exists():
            raise NotFound(gettext("There is no such member."), field="member")
        return {"member_id": wish.member_id}
    if wish.scope is BudgetScope.GRANT:
        lot = LedgerAccount.objects.visible_to(actor).lots().filter(public_id=wish.lot_id).first()
        if lot is None:
            raise NotFound(gettext("There is no such credit lot."), field="lot")
        return {"lot": lot}
    return {}


def _check_shares(actor: Actor, wish: BudgetWish, *, other_than: int | None) -> None:
    """Refuse shares of projects that together exceed the organisation's cap of the same period."""
    same: Any = Budget.objects.visible_to(actor).in_force().filter(period=wish.period).exclude(pk=other_than)
    shares = same.filter(scope=BudgetScope.PROJECT).aggregate(total=Sum("amount", default=0))["total"]
    if wish.scope is BudgetScope.ORGANISATION and shares > wish.amount:
        raise BudgetNotPossible(
            gettext("Budgets of projects add up to %(shares)s credits in this period: lower them first.")
            % {"shares": credits_in_full(shares)},
            field="amount",
        )
    whole = same.filter(scope=BudgetScope.ORGANISATION).first()
    if wish.scope is BudgetScope.PROJECT and whole is not None and shares + wish.amount > whole.amount:
        raise BudgetNotPossible(
            gettext(
                "The organisation has %(whole_amount)s credits in this period, of which other projects have "
                "%(shares)s: at most %(amount_shares)s are left."
            )
            % {
                "whole_amount": credits_in_full(whole.amount),
                "shares": credits_in_full(shares),
                "amount_shares": credits_in_full(max(0, whole.amount - shares)),
            },
            field="amount",
        )


def _steps_of(budget: Budget) -> tuple[tuple[int, BudgetAction], ...]:
    return tuple((step.percent, BudgetAction(step.action)) for step in budget.steps.all())


def _write_steps(budget: Budget, wish: BudgetWish) -> None:
    BudgetStep.objects.bulk_create(
        BudgetStep(budget=budget, percent=percent, action=action) for percent, action in wish.steps
    )


def _shown(wish: BudgetWish) -> dict[str, Any]:
    return {"amount": decimal_string(wish.amount), "steps": [f"{percent} {action}" for percent, action in wish.steps]}
