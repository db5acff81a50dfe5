# SPDX-License-Identifier: Apache-2.0
"""How budgets stand, and whose runs a budget stops."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from aion.actor import Actor
from billing.budget_sql import DRAINED_HOLDS, STANDINGS
from billing.models import Budget, BudgetCrossing, BudgetStep
from billing.states import BudgetAction


@dataclass(frozen=True, slots=True)
class BudgetStanding:
    """A budget with what is spent and held in its present period, in micro-credits."""

    budget_id: int
    public_id: str
    name: str
    scope: str
    period: str
    amount: int
    project_id: int | None
    member_id: int | None
    lot_id: int | None
    period_start: datetime | None
    spent: int
    held: int
    steps: tuple[tuple[int, str], ...] = ()

    @property
    def left(self) -> int:
        """Return what may still be held; below zero after the cap was lowered."""
        return self.amount - self.spent - self.held

    @property
    def percent(self) -> int:
        """Return the share spent, in whole per cent, rounded down."""
        return self.spent * 100 // self.amount

    @property
    def frozen_percent(self) -> int | None:
        """Return the share from which nothing new starts, where it is reached."""
        reached = [
            percent
            for percent, action in self.steps
            if action != BudgetAction.ALERT and self.spent > 0 and self.spent * 100 >= self.amount * percent
        ]
        return min(reached, default=None)


def budgets(actor: Actor) -> QuerySet[Budget]:
    """Return the actor's budgets in force."""
    return (
        Budget.objects.visible_to(actor)
        .in_force()
        .select_related("project", "lot")
        .prefetch_related("steps")
        .order_by("pk")
    )


def budget_standings(
    *, organisation_id: int | None, at: datetime, project_id: int | None = None, member_id: int | None = None
) -> list[BudgetStanding]:
    """Return how each budget of an organisation stands; given a project and member, only those that cover them."""
    scope: dict[str, Any] = {
        "organisation_id": organisation_id or 0,
        "at": at,
        "project_id": project_id,
        "member_id": member_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(STANDINGS, scope)
        rows = cursor.fetchall()
    steps: dict[int, list[tuple[int, str]]] = defaultdict(list)
    if rows:
        taken = BudgetStep.objects.filter(budget__in=[row[0] for row in rows]).order_by("percent")
        for budget_id, percent, action in taken.values_list("budget_id", "percent", "action"):
            steps[budget_id].append((percent, action))
    return [replace(BudgetStanding(*row), steps=tuple(steps[row[0]])) for row in rows]


def crossings(actor: Actor) -> QuerySet[BudgetCrossing]:
    """Return the steps that the actor's budgets reached, newest first."""
    return BudgetCrossing.objects.visible_to(actor).select_related("budget").order_by("-at", "-pk")


def drained_hold_ids(*, at: datetime, noticed_before: datetime) -> list[int]:
    """Return the open holds of runs that a budget stops, its notice being over."""
    with connection.cursor() as cursor:
        cursor.execute(DRAINED_HOLDS, {"at": at, "noticed_before": noticed_before})
        return [row[0] for row in cursor.fetchall()]
