# SPDX-License-Identifier: Apache-2.0
"""The organisation's settings: who it is before the law, and the documents it accepted."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from aion import clock
from aion.actor import Scope
from aion.errors import DomainError, Rejected
from aion.people.organisations import accept_terms, set_legal_identity
from aion.tenancy import queries
from aion.tenancy.models import TermsAcceptance
from aion.web.text import text_in
from aion.web.views import ActorView
from marketplace.portal.people.forms import IdentityForm, add_error, initial_identity
from marketplace.services.closing import close_organisation


class SettingsView(ActorView):
    """Legal identity with a form for who may change it, and the terms."""

    scope = Scope.ORGANISATION_READ
    write_scope = Scope.ORGANISATION_WRITE

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the settings."""
        initial = initial_identity(self.organisation, queries.legal_identity(self.actor))
        return self._page(request, IdentityForm(initial=initial))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Store the legal identity, or show what is wrong beside the field."""
        form = IdentityForm(request.POST)
        if form.is_valid():
            try:
                set_legal_identity(actor=self.actor, wish=form.wish(), at=clock.now())
            except DomainError as error:
                add_error(form, error)
            else:
                messages.success(request, _("The legal identity is stored."))
                return redirect("portal:settings", slug=self.organisation.slug)
        return self._page(request, form, status=422)

    def _page(self, request: HttpRequest, form: IdentityForm, *, status: int = 200) -> HttpResponse:
        context = {
            "form": form,
            "identity": queries.legal_identity(self.actor),
            "accepted": TermsAcceptance.objects.visible_to(self.actor).select_related("terms"),
            "to_accept": queries.terms_to_accept(self.organisation.pk, clock.now()),
        }
        return render(request, "people/settings.html", context, status=status)


class CloseView(ActorView):
    """Closes the organisation for good."""

    scope = Scope.ORGANISATION_OWN

    def get(self, request: HttpRequest) -> HttpResponse:
        """Say what ends and what stays."""
        return render(request, "people/close.html", {})

    def post(self, request: HttpRequest) -> HttpResponse:
        """Close once the name is typed, or say what stands in the way."""
        try:
            close_organisation(actor=self.actor, typed=text_in(request.POST, "typed", limit=120), at=clock.now())
        except DomainError as error:
            return render(request, "people/close.html", {"problem": error.detail}, status=422)
        messages.success(request, _("The organisation is closed. Its books stay readable here."))
        return redirect("portal:statements", slug=self.organisation.slug)


class AcceptTermsView(ActorView):
    """Accepts a version of a document for the organisation."""

    scope = Scope.ORGANISATION_OWN

    def post(self, request: HttpRequest) -> HttpResponse:
        """Accept and go back. Raises Rejected without a document."""
        kind, version = text_in(request.POST, "kind"), text_in(request.POST, "version")
        if not kind or not version:
            raise Rejected(_("Choose a document on the settings page."))
        accept_terms(actor=self.actor, kind=kind, version=version, at=clock.now())
        messages.success(request, _("Accepted for your organisation; it is kept with the day and your name."))
        return redirect("portal:settings", slug=self.organisation.slug)
