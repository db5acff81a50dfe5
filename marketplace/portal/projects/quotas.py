# SPDX-License-Identifier: Apache-2.0
"""Quotas: how much is used, and asking for more."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from aion import clock
from aion.actor import Scope
from aion.errors import DomainError, NotFound
from aion.people.quotas import withdraw_quota
from aion.tenancy import queries
from aion.tenancy.models import QuotaRequest
from aion.web.listing import page_of
from aion.web.middleware import status_of
from aion.web.views import ActorView
from clusters.queries import InUse, in_use_by_project
from marketplace.portal.projects.forms import QuotaForm
from marketplace.portal.projects.views import refuse, standings
from marketplace.services.quota_requests import ask_quota


class QuotasView(ActorView):
    """The organisation's quota and its projects', the requests, and a form for a new one."""

    scope = Scope.PROJECTS_READ
    write_scope = Scope.QUOTAS_WRITE

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show quotas and offer a form."""
        wanted = {"project": request.GET.get("project", "")[:40]}
        return self._page(request, QuotaForm(actor=self.actor, initial=wanted))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Ask, or show what is wrong beside the field."""
        form, status = QuotaForm(request.POST, actor=self.actor), 422
        if form.is_valid():
            data = form.cleaned_data
            try:
                ask_quota(
                    actor=self.actor,
                    milli_gpus=int(data["gpus"] * 1000),
                    reason=data["reason"],
                    project_id=data["project"].public_id if data["project"] else "",
                    sku_code=data["sku"],
                    until=form.ends(),
                    at=clock.now(),
                )
            except DomainError as error:
                refuse(form, error)
                status = status_of(error)
            else:
                messages.success(request, _("Asked. You are told once staff have decided."))
                return redirect("portal:quotas", slug=self.organisation.slug)
        return self._page(request, form, status=status)

    def _page(self, request: HttpRequest, form: QuotaForm, *, status: int = 200) -> HttpResponse:
        in_use = in_use_by_project(self.actor)
        rows = [(one, in_use.get(one.pk, InUse())) for one in queries.projects(self.actor)]
        context = {
            "form": form,
            "rows": page_of(
                request,
                [(one, now) for one, now in rows if one.archived_at is None or now.used or now.waiting],
                name="projects",
            ),
            "used": sum(now.used for _one, now in rows),
            "quotas": standings(self.actor, clock.now()),
            "now": clock.now(),
            "waiting": sum(now.waiting for _one, now in rows),
            "page": page_of(request, queries.quota_requests(self.actor)),
        }
        return render(request, "projects/quotas.html", context, status=status)


class WithdrawQuotaView(ActorView):
    """Takes a request back after a confirmation."""

    scope = Scope.QUOTAS_WRITE

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Ask, for those without JavaScript."""
        row = QuotaRequest.objects.visible_to(self.actor).filter(public_id=public_id).first()
        if row is None:
            raise NotFound(_("There is no such request."))
        return render(request, "projects/quota_withdraw.html", {"row": row})

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Take it back."""
        withdraw_quota(actor=self.actor, public_id=public_id, at=clock.now())
        messages.success(request, _("The request is withdrawn."))
        return redirect("portal:quotas", slug=self.organisation.slug)
