# SPDX-License-Identifier: Apache-2.0
"""Workloads, one workload, stopping it, and an operator's pools."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext as _

from aion import clock
from aion.actor import Scope
from aion.errors import DomainError, NotFound
from aion.web.text import text_in
from aion.web.views import ActorView
from clusters import queries
from clusters.models import Workload
from clusters.services.workloads import request_stop
from clusters.states import ACTIVE, WorkloadState

PAGE = 25


class WorkloadListView(ActorView):
    """All workloads, filtered by state and text; the query is the API's."""

    scope = Scope.WORKLOADS_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page."""
        rows = queries.workloads(self.actor)
        state, text = request.GET.get("state", ""), text_in(request.GET, "q")
        if state == "active":
            rows = rows.filter(state__in=ACTIVE)
        elif state in WorkloadState._value2member_map_:
            rows = rows.filter(state=state)
        if text:
            rows = rows.filter(name__icontains=text)
        page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
        costs = queries.costs_of(page.object_list, clock.now())
        context = {
            "page": page,
            "rows": [(row, costs[row.pk]) for row in page.object_list],
            "states": [s.value for s in WorkloadState],
            "state": state,
            "q": text,
        }
        return render(request, "clusters/workloads.html", context)


class OneWorkloadView(ActorView):
    """A view of one workload."""

    scope = Scope.WORKLOADS_READ

    def find(self, public_id: str) -> Workload:
        """Return a visible workload. Raises NotFound, alike for a stranger's and a missing one."""
        workload: Workload | None = queries.workloads(self.actor).filter(public_id=public_id).first()
        if workload is None:
            raise NotFound(gettext("There is no such workload."))
        return workload

    def context(self, workload: Workload) -> dict[str, Any]:
        """Return what the live part of the page shows."""
        now = clock.now()
        return {
            "workload": workload,
            "cost": queries.costs_of([workload], now)[workload.pk],
            "events": queries.workload_events(self.actor, workload),
            "now": now,
        }


class WorkloadView(OneWorkloadView):
    """State, cost so far, timeline, decision and billed intervals."""

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show the page."""
        workload = self.find(public_id)
        context = self.context(workload) | {
            "decision": queries.decision_of(self.actor, workload),
            "intervals": queries.intervals_of(self.actor, workload)[:100],
        }
        return render(request, "clusters/workload.html", context)


class WorkloadLiveView(OneWorkloadView):
    """The part of the page that changes while it runs."""

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Return the fragment."""
        return render(request, "clusters/workload_live.html", self.context(self.find(public_id)))


class StopView(ActorView):
    """Stops a workload."""

    scope = Scope.WORKLOADS_WRITE

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Stop, and go back to the workload."""
        try:
            request_stop(actor=self.actor, public_id=public_id, at=clock.now())
        except NotFound:
            raise
        except DomainError as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, _("Stopping. The process gets SIGTERM and two minutes to save its work."))
        return redirect("portal:workload", slug=self.organisation.slug, public_id=public_id)


class PoolListView(ActorView):
    """The pools that the organisation operates."""

    scope = Scope.POOLS_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show pools with what is in use."""
        pools = list(queries.pools_operated_by(self.actor))
        free = queries.free_milli_gpus([pool.pk for pool in pools])
        rows = [(pool, free[pool.pk], pool.milli_gpus - free[pool.pk]) for pool in pools]
        return render(request, "clusters/pools.html", {"rows": rows})
