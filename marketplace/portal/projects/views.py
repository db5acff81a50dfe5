# SPDX-License-Identifier: Apache-2.0
"""One project: its quota beside its budgets, who launches in it, its archive."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from aion import clock
from aion.actor import Actor, Scope
from aion.errors import DomainError, NotFound
from aion.tenancy.models import Project, Quota
from aion.tenancy.queries import project_members, quotas_in_force
from aion.tenancy.services import projects
from aion.web.middleware import status_of
from aion.web.views import ActorView
from billing.queries import BudgetStanding, budget_standings
from billing.states import BudgetScope
from clusters.queries import InUse, in_use, in_use_by_project
from marketplace.portal.projects.forms import EditProjectForm, MembersForm


@dataclass(frozen=True, slots=True)
class Cap:
    """A budget that a project's work counts against, as the page shows it."""

    standing: BudgetStanding
    scope: str

    @property
    def committed(self) -> int:
        """Return what is spent and held."""
        return self.standing.spent + self.standing.held


@dataclass(frozen=True, slots=True)
class QuotaStanding:
    """A quota beyond the standing ones, and what is used of it."""

    quota: Quota
    used: int


def standings(actor: Actor, at: datetime, project: Project | None = None) -> list[QuotaStanding]:
    """Return the quotas in force beyond the standing ones: all of the organisation, or what counts for a project."""
    use = in_use(actor)
    quotas = quotas_in_force(actor.organisation_id, at)
    prefetch_related_objects(quotas, "project")
    return [
        QuotaStanding(
            one,
            sum(
                now.used
                for (project_id, code), now in use.items()
                if one.project_id in {None, project_id} and one.sku_code in {"", code}
            ),
        )
        for one in quotas
        if project is None or one.project_id in {None, project.pk}
    ]


def refuse(form: forms.Form, error: DomainError) -> None:
    """Put a refusal beside the field it is about, or on top of the form."""
    form.add_error(error.field if error.field in form.fields else None, error.detail)


class ProjectBase(ActorView):
    """The base of everything about one project."""

    scope = Scope.PROJECTS_WRITE

    def project(self, public_id: str) -> Project:
        """Return the project. Raises NotFound for a stranger's."""
        project: Project | None = Project.objects.visible_to(self.actor).filter(public_id=public_id).first()
        if project is None:
            raise NotFound(_("There is no such project."))
        return project

    def page(
        self,
        request: HttpRequest,
        project: Project,
        *,
        form: EditProjectForm | None = None,
        members_form: MembersForm | None = None,
        status: int = 200,
    ) -> HttpResponse:
        """Show a project with both its limits."""
        members = list(project_members(self.actor, project))
        chosen = [str(one.membership.user_id) for one in members]
        busy = in_use_by_project(self.actor)
        mine = busy.get(project.pk, InUse())
        context = {
            "project": project,
            "members": members,
            "mine": mine,
            "quota": min(project.milli_gpu_quota, self.organisation.milli_gpu_quota),
            "organisation_used": sum(one.used for one in busy.values()),
            "quotas": standings(self.actor, clock.now(), project),
            "caps": self._caps(project),
            "form": form or EditProjectForm(project=project),
            "members_form": members_form
            or MembersForm(actor=self.actor, initial={"restricted": project.restricted, "members": chosen}),
        }
        return render(request, "projects/project.html", context, status=status)

    def _caps(self, project: Project) -> list[Cap]:
        standings = budget_standings(organisation_id=self.actor.organisation_id, at=clock.now(), project_id=project.pk)
        words: Any = {
            BudgetScope.ORGANISATION: _("the whole organisation"),
            BudgetScope.PROJECT: _("this project"),
            BudgetScope.MEMBER: _("one member's work"),
            BudgetScope.GRANT: _("one lot of credits"),
            BudgetScope.WORKLOAD: _("each single workload"),
        }
        return [Cap(one, words[BudgetScope(one.scope)]) for one in standings]


class ProjectView(ProjectBase):
    """A project's page; its managers change it there."""

    scope = Scope.PROJECTS_READ
    write_scope = Scope.PROJECTS_WRITE

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show it."""
        return self.page(request, self.project(public_id))

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Save, or show what is wrong beside the field."""
        project = self.project(public_id)
        form, status = EditProjectForm(request.POST, project=project), 422
        if form.is_valid():
            data = form.cleaned_data
            try:
                projects.update_project(
                    actor=self.actor,
                    public_id=public_id,
                    name=data["name"],
                    residency_policy=data["residency_policy"],
                    milli_gpu_quota=int(data["gpu_quota"] * 1000),
                    at=clock.now(),
                )
            except DomainError as error:
                refuse(form, error)
                status = status_of(error)
            else:
                messages.success(request, _("Saved. It decides what is launched from now on."))
                return redirect("portal:project", slug=self.organisation.slug, public_id=public_id)
        return self.page(request, project, form=form, status=status)


class MembersView(ProjectBase):
    """Sets who launches and stops work."""

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Save, or show what is wrong."""
        project = self.project(public_id)
        form = MembersForm(request.POST, actor=self.actor)
        if not form.is_valid():
            return self.page(request, project, members_form=form, status=422)
        try:
            projects.set_members(
                actor=self.actor,
                public_id=public_id,
                restricted=form.cleaned_data["restricted"],
                members=[int(one) for one in form.cleaned_data["members"]],
                at=clock.now(),
            )
        except DomainError as error:
            refuse(form, error)
            return self.page(request, project, members_form=form, status=status_of(error))
        messages.success(request, _("Saved: the new list holds from now on."))
        return redirect("portal:project", slug=self.organisation.slug, public_id=public_id)


class ArchiveView(ProjectBase):
    """Archives a project after a confirmation."""

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Ask, for those without JavaScript."""
        return render(request, "projects/archive.html", {"project": self.project(public_id)})

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Archive it."""
        projects.archive_project(actor=self.actor, public_id=public_id, at=clock.now())
        messages.success(request, _("The project is archived: nothing new starts in it."))
        return redirect("portal:project", slug=self.organisation.slug, public_id=public_id)


class ReopenView(ProjectBase):
    """Reopens an archived project."""

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Reopen it."""
        projects.reopen_project(actor=self.actor, public_id=public_id, at=clock.now())
        messages.success(request, _("The project is open again."))
        return redirect("portal:project", slug=self.organisation.slug, public_id=public_id)
