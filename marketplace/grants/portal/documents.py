# SPDX-License-Identifier: Apache-2.0
"""The step of documents, and the files as downloads."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from aion import clock
from aion.actor import Scope
from aion.errors import Conflict, DomainError
from aion.web.downloads import kept_file
from aion.web.middleware import status_of
from aion.web.uploads import was_too_large
from aion.web.views import ActorView
from marketplace.grants.errors import FileTooLarge
from marketplace.grants.models import Application
from marketplace.grants.portal.forms import AttachmentForm
from marketplace.grants.portal.wizard import draft_for, step_context
from marketplace.grants.services.applications import find
from marketplace.grants.services.attachments import attach, find_attachment, remove
from marketplace.grants.states import ApplicationState

TOO_LARGE = 413


class DocumentsView(ActorView):
    """Files of a draft."""

    scope = Scope.GRANTS_READ
    write_scope = Scope.GRANTS_WRITE

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show them."""
        application = find(self.actor, public_id)
        if application.state != ApplicationState.DRAFT:
            return redirect("portal:application", slug=self.organisation.slug, public_id=public_id)
        return self._page(request, application, AttachmentForm())

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Attach a file, or say beside the field why not."""
        application = draft_for(self, public_id)
        form = AttachmentForm(request.POST, request.FILES)
        status = 422
        if was_too_large(request):
            form.errors.clear()
            form.add_error("file", _("A file has at most 20 MB: make it smaller, then attach it again."))
            status = TOO_LARGE
        elif form.is_valid():
            file = form.cleaned_data["file"]
            try:
                attach(
                    actor=self.actor,
                    public_id=public_id,
                    kind=form.cleaned_data["kind"],
                    name=file.name,
                    file=file,
                    at=clock.now(),
                )
            except DomainError as error:
                form.add_error(error.field if error.field in form.fields else None, error.detail)
                status = TOO_LARGE if isinstance(error, FileTooLarge) else status_of(error)
            else:
                messages.success(request, _("The file is attached."))
                return redirect(
                    "portal:application_documents", slug=self.organisation.slug, public_id=application.public_id
                )
        return self._page(request, application, form, status=status)

    def _page(
        self, request: HttpRequest, application: Application, form: AttachmentForm, *, status: int = 200
    ) -> HttpResponse:
        for name in form.errors if form.is_bound else ():
            if name in form.fields:
                form.fields[name].widget.attrs["aria-invalid"] = "true"
        context = step_context(self, application, "documents")
        context |= {"form": form, "attachments": application.attachments.all()}
        return render(request, "grants/step_documents.html", context, status=status)


class FileView(ActorView):
    """A file of the organisation's applications."""

    scope = Scope.GRANTS_READ

    def get(self, request: HttpRequest, public_id: str) -> HttpResponseBase:
        """Send it."""
        found = find_attachment(self.actor, public_id)
        return kept_file(found.file.open("rb"), name=found.name)


class RemoveFileView(ActorView):
    """Removing a file of a draft."""

    scope = Scope.GRANTS_WRITE
    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Remove it."""
        application = find_attachment(self.actor, public_id).application
        try:
            remove(actor=self.actor, public_id=public_id, at=clock.now())
        except Conflict as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, _("The file is removed."))
        return redirect("portal:application_documents", slug=self.organisation.slug, public_id=application.public_id)
