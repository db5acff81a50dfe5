# SPDX-License-Identifier: Apache-2.0
"""Organisations, projects, estimates and workloads over the API."""

from typing import Any, ClassVar

import django_filters
from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from aion import clock
from aion.actor import Scope
from aion.api.idempotency import once
from aion.api.views import ActorViewSet, ReadOnlyActorViewSet, without_body
from aion.tenancy.models import Organisation, Project
from aion.tenancy.services import projects
from aion.tenancy.services.projects import create_project
from clusters import queries as clusters
from clusters.api.serializers import WorkloadOut
from clusters.services.workloads import request_stop
from clusters.states import WorkloadState
from marketplace.api.serializers import (
    EstimateIn,
    EstimateOut,
    ExtendIn,
    LaunchIn,
    OrganisationOut,
    ProjectIn,
    ProjectOut,
    ProjectPatch,
    request_of,
)
from marketplace.models import Offer
from marketplace.services.orders import estimate, extend_order, place_order
from marketplace.services.quotes import refusal_of


class OrganisationViewSet(ReadOnlyActorViewSet):
    """The organisation the key belongs to."""

    scopes: ClassVar = {"list": Scope.ORGANISATION_READ, "retrieve": Scope.ORGANISATION_READ}
    out = OrganisationOut
    queryset = Organisation.objects.none()

    def rows(self) -> QuerySet[Any]:
        """Return the own organisation."""
        return Organisation.objects.visible_to(self.actor)


class ProjectViewSet(ActorViewSet):
    """Projects."""

    scopes: ClassVar = {
        "list": Scope.PROJECTS_READ,
        "retrieve": Scope.PROJECTS_READ,
        "create": Scope.PROJECTS_WRITE,
        "partial_update": Scope.PROJECTS_WRITE,
    }
    out = ProjectOut
    queryset = Project.objects.none()

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's projects."""
        return Project.objects.visible_to(self.actor)

    @extend_schema(request=ProjectIn, responses={201: ProjectOut})
    def create(self, request: Request) -> Response:
        """Create a project."""
        data = self.parsed(ProjectIn)

        def act() -> tuple[int, Any]:
            project = create_project(
                actor=self.actor,
                name=data["name"],
                residency_policy=data["residency_policy"],
                milli_gpu_quota=data["gpu_quota"] * 1000,
                at=clock.now(),
            )
            return 201, ProjectOut(project).data

        return once(request, self.actor, act)

    @extend_schema(request=ProjectPatch, responses={200: ProjectOut})
    def partial_update(self, request: Request, **_: Any) -> Response:
        """Change name, policy or quota, or archive and reopen: all of it or nothing."""
        data, public_id, now = self.parsed(ProjectPatch), self.kwargs["id"], clock.now()
        archived = data.pop("archived", None)
        if "gpu_quota" in data:
            data["milli_gpu_quota"] = data.pop("gpu_quota") * 1000

        @transaction.atomic
        def act() -> tuple[int, Any]:
            # In this order an archived project may be reopened and changed in one call.
            if archived is False:
                projects.reopen_project(actor=self.actor, public_id=public_id, at=now)
            project = projects.update_project(actor=self.actor, public_id=public_id, at=now, **data)
            if archived:
                project = projects.archive_project(actor=self.actor, public_id=public_id, at=now)
            return 200, ProjectOut(project).data

        return once(request, self.actor, act)


class EstimateViewSet(ActorViewSet):
    """What a launch would cost and whether residency allows it. Reserves nothing."""

    scopes: ClassVar = {"create": Scope.WORKLOADS_READ}
    takes_key = False  # it changes nothing: a repeat is a new estimate
    out = EstimateOut
    queryset = Offer.objects.none()

    def rows(self) -> QuerySet[Any]:
        """There is nothing to list."""
        return Offer.objects.none()

    @extend_schema(request=EstimateIn, responses={200: EstimateOut})
    def create(self, request: Request) -> Response:
        """Return worst case, price version, decision and what would refuse the launch; its own code decides."""
        data, now = self.parsed(EstimateIn), clock.now()
        quote = estimate(actor=self.actor, request=request_of(data), at=now)
        refusal = refusal_of(actor=self.actor, quote=quote, at=now)
        return Response(EstimateOut(quote, context={"refusal": refusal}).data)


class WorkloadFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """By state, project and name."""

    state = django_filters.ChoiceFilter(choices=[(state.value, state.value) for state in WorkloadState])
    project = django_filters.CharFilter(field_name="project__public_id", max_length=40)
    name = django_filters.CharFilter(lookup_expr="icontains", max_length=63)


class WorkloadViewSet(ActorViewSet):
    """Workloads: launch, follow, stop."""

    scopes: ClassVar = {
        "list": Scope.WORKLOADS_READ,
        "retrieve": Scope.WORKLOADS_READ,
        "create": Scope.WORKLOADS_WRITE,
        "stop": Scope.WORKLOADS_WRITE,
        "extend": Scope.WORKLOADS_WRITE,
    }
    out = WorkloadOut
    filterset_class = WorkloadFilter
    queryset = Offer.objects.none()
    cursor_ordering = ("-queued_at", "-pk")

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's workloads."""
        return clusters.workloads(self.actor)

    def _shown(self, workload: Any) -> Any:
        costs = clusters.costs_of([workload], clock.now())
        return WorkloadOut(workload, context={"costs": costs}).data

    def list(self, request: Request, **_: Any) -> Response:
        """List workloads, newest first, with their cost until now."""
        page = self.paginate_queryset(self.filter_queryset(self.rows()))
        costs = clusters.costs_of(page or [], clock.now())
        return self.get_paginated_response(WorkloadOut(page, many=True, context={"costs": costs}).data)

    def retrieve(self, request: Request, **_: Any) -> Response:
        """Return one workload."""
        return Response(self._shown(self.get_object()))

    @extend_schema(request=LaunchIn, responses={201: WorkloadOut})
    def create(self, request: Request) -> Response:
        """Decide, hold the worst case and queue a workload: all of it or nothing."""
        data = self.parsed(LaunchIn)

        def act() -> tuple[int, Any]:
            order = place_order(actor=self.actor, request=request_of(data), at=clock.now())
            return 201, self._shown(self.rows().get(pk=order.workload_id))

        return once(request, self.actor, act)

    @extend_schema(request=None, responses={200: WorkloadOut})
    @action(detail=True, methods=["post"])
    @without_body
    def stop(self, request: Request, **_: Any) -> Response:
        """Stop a workload; stopping twice changes nothing."""

        def act() -> tuple[int, Any]:
            workload = request_stop(actor=self.actor, public_id=self.kwargs["id"], at=clock.now())
            return 200, self._shown(self.rows().get(pk=workload.pk))

        return once(request, self.actor, act)

    @extend_schema(request=ExtendIn, responses={200: WorkloadOut})
    @action(detail=True, methods=["post"])
    def extend(self, request: Request, **_: Any) -> Response:
        """Give a workload more time at its frozen price: the difference is held before its stop moves."""
        data = self.parsed(ExtendIn)

        def act() -> tuple[int, Any]:
            order = extend_order(
                actor=self.actor, workload_id=self.kwargs["id"], extra_seconds=data["extra_seconds"], at=clock.now()
            )
            return 200, self._shown(self.rows().get(pk=order.workload_id))

        return once(request, self.actor, act)
