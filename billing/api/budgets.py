# SPDX-License-Identifier: Apache-2.0
"""Budgets and the steps they reached over the API."""

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from aion import clock
from aion.actor import Scope
from aion.api.filters import InstantFilter
from aion.api.idempotency import once
from aion.api.serializers import MoneyOut, StrictSerializer, Text
from aion.api.views import ActorListViewSet, ActorViewSet
from aion.errors import NotFound
from billing import queries
from billing.models import Budget, BudgetCrossing
from billing.services import budgets
from billing.states import BudgetAction, BudgetPeriod, BudgetScope

MAX_ID = 2**63 - 1
MAX_STEPS = 20
ACTIONS = [(action.value, action.name) for action in BudgetAction]
SCOPES = [(scope.value, scope.name) for scope in BudgetScope]
PERIODS = [(period.value, period.name) for period in BudgetPeriod]
TARGETS = {BudgetScope.PROJECT: "project", BudgetScope.MEMBER: "member", BudgetScope.GRANT: "lot"}


class StepIn(StrictSerializer):
    """What happens from a share of the cap on."""

    percent = serializers.IntegerField(min_value=1, max_value=100)
    action = serializers.ChoiceField(choices=ACTIONS)


class BudgetOut(MoneyOut):
    """A budget and how it stands in its present period. What is held counts as spent."""

    money: ClassVar = {"cap": "amount", "spent": "standing.spent", "held": "standing.held", "left": "standing.left"}
    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    scope = serializers.ChoiceField(choices=SCOPES)
    project = serializers.CharField(source="project.public_id", default=None, allow_null=True)
    member = serializers.IntegerField(source="member_id", allow_null=True)
    lot = serializers.CharField(source="lot.public_id", default=None, allow_null=True)
    period = serializers.ChoiceField(choices=PERIODS)
    period_started_at = serializers.DateTimeField(source="standing.period_start", allow_null=True)
    period_ends_at = serializers.DateTimeField(allow_null=True)
    steps = StepIn(many=True)
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()


class BudgetPatch(StrictSerializer):
    """What is to change; what is left out stays. For whom and over which period a budget counts cannot change."""

    name = Text(max_length=80, required=False)
    cap_microcredits = serializers.IntegerField(required=False)
    steps = serializers.ListField(child=StepIn(), required=False, min_length=1, max_length=MAX_STEPS)


class BudgetIn(BudgetPatch):
    """A new budget. Give the one target that its scope asks for."""

    name = Text(max_length=80)
    scope = serializers.ChoiceField(choices=SCOPES)
    period = serializers.ChoiceField(choices=PERIODS, help_text="A budget of the scope `workload` takes `lifetime`.")
    cap_microcredits = serializers.IntegerField()
    project = Text(max_length=40, required=False)
    member = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False)
    lot = Text(max_length=40, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a target that is missing or that the scope does not count."""
        wanted = TARGETS.get(BudgetScope(attrs["scope"]))
        if wanted and wanted not in attrs:
            raise serializers.ValidationError({wanted: [gettext("This scope needs it.")]})
        for name in TARGETS.values():
            if name != wanted and name in attrs:
                raise serializers.ValidationError({name: [gettext("This scope does not take it.")]})
        return attrs


class BudgetViewSet(ActorViewSet):
    """Budgets: caps that stop before they are passed, for the organisation, a project, a member, a lot or each run."""

    scopes: ClassVar = {
        "list": Scope.BUDGETS_READ,
        "retrieve": Scope.BUDGETS_READ,
        "create": Scope.BUDGETS_WRITE,
        "partial_update": Scope.BUDGETS_WRITE,
        "destroy": Scope.BUDGETS_WRITE,
    }
    out = BudgetOut
    queryset = Budget.objects.none()

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's budgets in force."""
        return queries.budgets(self.actor)

    def _shown(self, rows: list[Budget]) -> Any:
        shown: list[Any] = []
        for row, standing, ends_at in budgets.with_standing(self.actor, rows, at=clock.now()):
            given: Any = row
            given.standing, given.period_ends_at = standing, ends_at
            shown.append(given)
        return BudgetOut(shown, many=True).data

    def list(self, request: Request, **_: Any) -> Response:
        """List budgets in force, newest first, with what is spent and held."""
        return self.get_paginated_response(self._shown(self.paginate_queryset(self.rows()) or []))

    def retrieve(self, request: Request, **_: Any) -> Response:
        """Return one budget."""
        shown = self._shown([self.get_object()])
        if not shown:
            raise NotFound(gettext("There is no such budget."))
        return Response(shown[0])

    @extend_schema(request=BudgetIn, responses={201: BudgetOut})
    def create(self, request: Request) -> Response:
        """Set a budget. Steps are 50 and 80 % (alert) and 100 % (freeze) unless given."""
        data = self.parsed(BudgetIn)
        wish = budgets.BudgetWish(
            name=data["name"],
            scope=BudgetScope(data["scope"]),
            period=BudgetPeriod(data["period"]),
            amount=data["cap_microcredits"],
            project_id=data.get("project", ""),
            member_id=data.get("member"),
            lot_id=data.get("lot", ""),
            steps=_steps(data["steps"]) if "steps" in data else budgets.DEFAULT_STEPS,
        )

        def act() -> tuple[int, Any]:
            budget = budgets.create_budget(actor=self.actor, wish=wish, at=clock.now())
            return 201, self._shown([self.rows().get(pk=budget.pk)])[0]

        return once(request, self.actor, act)

    @extend_schema(request=BudgetPatch, responses={200: BudgetOut})
    def partial_update(self, request: Request, **_: Any) -> Response:
        """Change name, cap or steps in place: at no moment is there no cap."""
        data = self.parsed(BudgetPatch)

        def act() -> tuple[int, Any]:
            budget = budgets.change_budget(
                actor=self.actor,
                public_id=self.kwargs["id"],
                name=data.get("name"),
                amount=data.get("cap_microcredits"),
                steps=_steps(data["steps"]) if "steps" in data else None,
                at=clock.now(),
            )
            return 200, self._shown([self.rows().get(pk=budget.pk)])[0]

        return once(request, self.actor, act)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, **_: Any) -> Response:
        """End a budget: it caps nothing any more, its history stays."""

        def act() -> tuple[int, Any]:
            budgets.end_budget(actor=self.actor, public_id=self.kwargs["id"], at=clock.now())
            return 204, None

        return once(request, self.actor, act)


def _steps(rows: list[dict[str, Any]]) -> tuple[tuple[int, BudgetAction], ...]:
    return tuple((row["percent"], BudgetAction(row["action"])) for row in rows)


class CrossingOut(MoneyOut):
    """A step that a budget reached in one of its periods."""

    money: ClassVar = {"cap": "amount", "spent": "spent"}
    budget = serializers.CharField(source="budget.public_id")
    name = serializers.CharField(source="budget.name")
    percent = serializers.IntegerField()
    action = serializers.ChoiceField(choices=ACTIONS)
    period_started_at = serializers.DateTimeField(source="period_start")
    at = serializers.DateTimeField()


class CrossingFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """By budget, action and time."""

    budget = django_filters.CharFilter(field_name="budget__public_id", max_length=40)
    action = django_filters.ChoiceFilter(choices=[(action.value, action.value) for action in BudgetAction])
    since = InstantFilter(field_name="at", lookup_expr="gte")
    until = InstantFilter(field_name="at", lookup_expr="lt")


class CrossingViewSet(ActorListViewSet):
    """Steps that budgets reached, newest first; those of ended budgets too."""

    http_method_names = ["get", "head", "options"]
    scopes: ClassVar = {"list": Scope.BUDGETS_READ}
    out = CrossingOut
    filterset_class = CrossingFilter
    queryset = BudgetCrossing.objects.none()
    cursor_ordering = ("-at", "-pk")

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's crossings."""
        return queries.crossings(self.actor)
