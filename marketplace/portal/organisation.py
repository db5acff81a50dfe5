# SPDX-License-Identifier: Apache-2.0
"""Keys, projects and the audit log."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from aion import clock
from aion.actor import Scope
from aion.audit.models import AuditEvent
from aion.errors import DomainError
from aion.tenancy.models import ApiToken
from aion.tenancy.queries import projects
from aion.tenancy.services.projects import create_project
from aion.tenancy.services.tokens import create_token, revoke_token
from aion.web.listing import page_of, wanted
from aion.web.text import text_in
from aion.web.views import ActorView
from marketplace.portal.forms import ProjectForm, TokenForm

PAGE = 50
SHOWN = {"open": True, "archived": False}


class KeysView(ActorView):
    """API keys; a new one is shown once."""

    personal = True
    scope = Scope.TOKENS_READ
    write_scope = Scope.TOKENS_WRITE

    def get(self, request: HttpRequest) -> HttpResponse:
        """List keys and offer a form."""
        return self._page(request, TokenForm(actor=self.actor))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Create a key and show it, once."""
        form = TokenForm(request.POST, actor=self.actor)
        if form.is_valid():
            try:
                token, key = create_token(actor=self.actor, at=clock.now(), **form.cleaned_data)
            except DomainError as error:
                form.add_error(error.field if error.field in form.fields else None, error.detail)
            else:
                return self._page(request, TokenForm(actor=self.actor), token=token, key=key)
        return self._page(request, form, status=422)

    def _page(
        self,
        request: HttpRequest,
        form: TokenForm,
        *,
        token: ApiToken | None = None,
        key: str = "",
        status: int = 200,
    ) -> HttpResponse:
        tokens = ApiToken.objects.visible_to(self.actor).select_related("user")
        context = {"form": form, "tokens": tokens, "new_token": token, "new_key": key, "now": clock.now()}
        return render(request, "marketplace/keys.html", context, status=status)


class RevokeKeyView(ActorView):
    """Revokes a key."""

    scope = Scope.TOKENS_WRITE

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Revoke and go back."""
        revoke_token(actor=self.actor, public_id=public_id, at=clock.now())
        messages.success(request, _("The key is revoked: calls with it are refused from now on."))
        return redirect("portal:keys", slug=self.organisation.slug)


class ProjectsView(ActorView):
    """Projects with their policy and quota."""

    scope = Scope.PROJECTS_READ
    write_scope = Scope.PROJECTS_WRITE

    def get(self, request: HttpRequest) -> HttpResponse:
        """List projects and offer a form."""
        return self._page(request, ProjectForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Create a project."""
        form = ProjectForm(request.POST)
        if form.is_valid():
            try:
                data = form.cleaned_data
                create_project(
                    actor=self.actor,
                    name=data["name"],
                    residency_policy=data["residency_policy"],
                    milli_gpu_quota=data["gpu_quota"] * 1000,
                    at=clock.now(),
                )
            except DomainError as error:
                form.add_error(error.field if error.field in form.fields else None, error.detail)
            else:
                messages.success(request, _("The project is ready."))
                return redirect("portal:projects", slug=self.organisation.slug)
        return self._page(request, form, status=422)

    def _page(self, request: HttpRequest, form: ProjectForm, *, status: int = 200) -> HttpResponse:
        asked, shown = wanted(request), request.GET.get("shown", "")
        rows = asked.rows(projects(self.actor), texts=("name", "public_id"))
        if shown in SHOWN:
            rows = rows.filter(archived_at__isnull=SHOWN[shown])
        context = {
            "form": form,
            "page": page_of(request, rows),
            "wanted": asked,
            "shown": shown if shown in SHOWN else "",
        }
        return render(request, "marketplace/projects.html", context, status=status)


class AuditView(ActorView):
    """The audit log, newest first, by act and text."""

    scope = Scope.AUDIT_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page."""
        rows = AuditEvent.objects.visible_to(self.actor)
        text = text_in(request.GET, "q")
        if text:
            rows = rows.filter(action__icontains=text) | rows.filter(subject_label__icontains=text)
        page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
        return render(request, "marketplace/audit.html", {"page": page, "q": text})
