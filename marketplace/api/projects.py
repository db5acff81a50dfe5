# SPDX-License-Identifier: Apache-2.0
"""Members of projects, and quotas, over the API."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from aion import clock
from aion.actor import Scope
from aion.api.idempotency import once
from aion.api.serializers import StrictSerializer, Text
from aion.api.views import ActorViewSet, without_body
from aion.people import quotas
from aion.tenancy import queries
from aion.tenancy.models import Project, Quota, QuotaRequest, QuotaState
from aion.tenancy.models.quotas import MAX_MILLI_GPUS
from aion.tenancy.services import projects
from marketplace.services.quota_requests import ask_quota


class ProjectMembersOut(serializers.Serializer[Any]):
    """Who launches and stops work of a project."""

    id = serializers.CharField(source="public_id")
    restricted = serializers.BooleanField()
    members = serializers.SerializerMethodField()

    def get_members(self, row: Project) -> list[int]:
        """Return the people by the numbers that budgets and usage name them with."""
        return sorted(one.membership.user_id for one in row.members.all())


class ProjectMembersIn(StrictSerializer):
    """The whole new list."""

    restricted = serializers.BooleanField()
    members = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), max_length=1000)


class ProjectMembersViewSet(ActorViewSet):
    """Who launches and stops work of each project; owners and administrators always may."""

    scopes: ClassVar = {
        "list": Scope.PROJECTS_READ,
        "retrieve": Scope.PROJECTS_READ,
        "partial_update": Scope.PROJECTS_WRITE,
    }
    out = ProjectMembersOut
    queryset = Project.objects.none()

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's projects."""
        return Project.objects.visible_to(self.actor).prefetch_related("members__membership")

    @extend_schema(request=ProjectMembersIn, responses={200: ProjectMembersOut})
    def partial_update(self, request: Request, **_: Any) -> Response:
        """Replace the list."""
        data = self.parsed(ProjectMembersIn)

        def act() -> tuple[int, Any]:
            project = projects.set_members(actor=self.actor, public_id=self.kwargs["id"], at=clock.now(), **data)
            return 200, ProjectMembersOut(project).data

        return once(request, self.actor, act)


class QuotaRequestOut(serializers.Serializer[Any]):
    """A request for more GPUs at one time."""

    id = serializers.CharField(source="public_id")
    project = serializers.CharField(source="project.public_id", default=None, allow_null=True)
    milli_gpus_before = serializers.IntegerField()
    milli_gpus = serializers.IntegerField()
    sku = serializers.CharField(source="sku_code", help_text="Empty: of any accelerator.")
    until = serializers.DateTimeField(allow_null=True, help_text="Null: it stays.")
    reason = serializers.CharField()
    state = serializers.ChoiceField(choices=QuotaState.choices)
    asked_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    decision_reason = serializers.CharField()


class QuotaRequestIn(StrictSerializer):
    """What is asked for; without a project it is the whole organisation's quota."""

    project = Text(max_length=40, required=False)
    milli_gpus = serializers.IntegerField(min_value=1, max_value=MAX_MILLI_GPUS)
    sku = Text(max_length=40, required=False, allow_blank=True, help_text="Only for this SKU.")
    until = serializers.DateTimeField(required=False, allow_null=True, help_text="It ends then.")
    reason = Text(max_length=quotas.MAX_REASON)


class QuotaRequestViewSet(ActorViewSet):
    """Requests for a higher quota; staff decide on them."""

    scopes: ClassVar = {
        "list": Scope.PROJECTS_READ,
        "retrieve": Scope.PROJECTS_READ,
        "create": Scope.QUOTAS_WRITE,
        "withdraw": Scope.QUOTAS_WRITE,
    }
    out = QuotaRequestOut
    queryset = QuotaRequest.objects.none()

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's requests."""
        return queries.quota_requests(self.actor)

    @extend_schema(request=QuotaRequestIn, responses={201: QuotaRequestOut})
    def create(self, request: Request) -> Response:
        """Ask for more."""
        data = self.parsed(QuotaRequestIn)

        def act() -> tuple[int, Any]:
            row = ask_quota(
                actor=self.actor,
                milli_gpus=data["milli_gpus"],
                reason=data["reason"],
                project_id=data.get("project", ""),
                sku_code=data.get("sku", ""),
                until=data.get("until"),
                at=clock.now(),
            )
            return 201, QuotaRequestOut(row).data

        return once(request, self.actor, act)

    @extend_schema(request=None, responses={200: QuotaRequestOut})
    @action(detail=True, methods=["post"])
    @without_body
    def withdraw(self, request: Request, **_: Any) -> Response:
        """Take a request back while it waits."""

        def act() -> tuple[int, Any]:
            row = quotas.withdraw_quota(actor=self.actor, public_id=self.kwargs["id"], at=clock.now())
            return 200, QuotaRequestOut(row).data

        return once(request, self.actor, act)


class QuotaOut(serializers.Serializer[Any]):
    """A quota beyond the standing ones."""

    id = serializers.CharField(source="public_id")
    project = serializers.CharField(source="project.public_id", default=None, allow_null=True)
    sku = serializers.CharField(source="sku_code", help_text="Empty: of any accelerator.")
    milli_gpus = serializers.IntegerField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True)
    request = serializers.CharField(source="request.public_id")


class QuotaViewSet(ActorViewSet):
    """Quotas in force beyond the standing ones of the organisation and its projects: of one SKU, or until a date."""

    http_method_names = ["get", "head", "options"]
    scopes: ClassVar = {"list": Scope.PROJECTS_READ, "retrieve": Scope.PROJECTS_READ}
    out = QuotaOut
    queryset = Quota.objects.none()

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's."""
        rows = Quota.objects.visible_to(self.actor).in_force_at(clock.now())
        return rows.select_related("project", "request").order_by("-since", "-pk")


def register(router: SimpleRouter) -> None:
    """Add this part's resources."""
    router.register("project-members", ProjectMembersViewSet, basename="project_member")
    router.register("quota-requests", QuotaRequestViewSet, basename="quota_request")
    router.register("quotas", QuotaViewSet, basename="quota")
