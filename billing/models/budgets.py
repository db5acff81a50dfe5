# SPDX-License-Identifier: Apache-2.0
"""Budgets: how much may be spent, by whom, in which period, and what happens on the way."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from billing.querysets import BudgetQuerySet, OwnedQuerySet
from billing.states import BudgetAction, BudgetPeriod, BudgetScope

PERIODS = [
    (BudgetPeriod.DAY, _("each day")),
    (BudgetPeriod.WEEK, _("each week")),
    (BudgetPeriod.MONTH, _("each month")),
    (BudgetPeriod.LIFETIME, _("in all")),
]
SCOPES = [
    (BudgetScope.ORGANISATION, _("the whole organisation")),
    (BudgetScope.PROJECT, _("one project")),
    (BudgetScope.MEMBER, _("one member")),
    (BudgetScope.GRANT, _("one credit lot")),
    (BudgetScope.WORKLOAD, _("each single workload")),
]
ACTIONS = [
    (BudgetAction.ALERT, _("tell us")),
    (BudgetAction.FREEZE, _("start nothing new")),
    (BudgetAction.DRAIN, _("stop what runs, with notice")),
]


class Budget(models.Model):
    """A cap for one scope and period. What is held counts as spent, so that the cap holds under concurrency."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.budget_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    name = models.CharField(_("name"), max_length=80)
    scope = models.CharField(_("for"), max_length=12, choices=SCOPES)
    project = models.ForeignKey(
        "tenancy.Project", null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("project")
    )
    member_id = models.BigIntegerField(_("member"), null=True, blank=True)
    lot = models.ForeignKey(
        "billing.LedgerAccount",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("credit lot"),
    )
    period = models.CharField(_("period"), max_length=8, choices=PERIODS)
    amount = models.BigIntegerField(_("cap (micro-credits)"))
    created_by = models.CharField(_("set by"), max_length=120)
    created_at = models.DateTimeField(_("set"))
    changed_at = models.DateTimeField(_("changed"))
    ended_at = models.DateTimeField(_("ended"), null=True)

    objects = BudgetQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        verbose_name = _("budget")
        verbose_name_plural = _("budgets")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="budget_positive"),
            models.CheckConstraint(
                condition=(
                    Q(scope__in=[BudgetScope.ORGANISATION, BudgetScope.WORKLOAD])
                    & Q(project=None, member_id=None, lot=None)
                )
                | Q(scope=BudgetScope.PROJECT, project__isnull=False, member_id=None, lot=None)
                | Q(scope=BudgetScope.MEMBER, project=None, member_id__isnull=False, lot=None)
                | Q(scope=BudgetScope.GRANT, project=None, member_id=None, lot__isnull=False),
                name="budget_target_fits_scope",
            ),
            models.UniqueConstraint(
                fields=["organisation", "scope", "project", "member_id", "lot", "period"],
                condition=Q(ended_at=None),
                name="one_budget_per_scope_and_period",
                nulls_distinct=False,
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["organisation"], condition=Q(ended_at=None), name="budgets_in_force")]

    def __str__(self) -> str:
        return self.name


class BudgetStep(models.Model):
    """What happens when a share of the cap is spent."""

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="steps")
    percent = models.PositiveSmallIntegerField(_("per cent"))
    action = models.CharField(_("then"), max_length=8, choices=ACTIONS)

    class Meta:
        ordering: ClassVar = ["percent"]
        verbose_name = _("budget step")
        verbose_name_plural = _("budget steps")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["budget", "percent"], name="one_step_per_share"),
            models.CheckConstraint(condition=Q(percent__gte=1, percent__lte=100), name="step_is_a_share"),
        ]

    def __str__(self) -> str:
        return f"{self.percent} % {self.action}"


class BudgetCrossing(models.Model):
    """A step that was reached in a period. Append-only; one is told once."""

    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="crossings")
    period_start = models.DateTimeField()
    percent = models.PositiveSmallIntegerField()
    action = models.CharField(max_length=8, choices=ACTIONS)
    amount = models.BigIntegerField()
    spent = models.BigIntegerField()
    at = models.DateTimeField()

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-at", "-pk"]
        verbose_name = _("budget crossing")
        verbose_name_plural = _("budget crossings")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["budget", "period_start", "percent", "amount"], name="a_step_is_crossed_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.budget_id} {self.percent} %"
