# SPDX-License-Identifier: Apache-2.0
"""The ways into an organisation: founding one, and accepting an invitation."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View

from aion import clock
from aion.errors import DomainError, NotFound
from aion.people.invitations import accept_invitation, invitation_for
from aion.people.organisations import found_organisation
from aion.tenancy import queries
from aion.tenancy.models import TermsKind, TermsVersion
from marketplace.portal.people.forms import FoundForm, add_error


class FoundView(View):
    """Founds an organisation that the person owns."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the form."""
        terms = queries.terms_in_force(clock.now())
        return render(request, "people/found.html", {"form": FoundForm(terms=terms), "terms": terms})

    def post(self, request: HttpRequest) -> HttpResponse:
        """Found it, or show what is wrong beside the field."""
        now = clock.now()
        terms = queries.terms_in_force(now)
        form = FoundForm(request.POST, terms=terms)
        if form.is_valid():
            user: Any = request.user
            data = form.cleaned_data
            try:
                organisation = found_organisation(
                    user=user,
                    name=data["name"],
                    kind=data["kind"],
                    country=data["country"],
                    accepted=[int(one) for one in data.get("accepted", ())],
                    at=now,
                )
            except DomainError as error:
                add_error(form, error)
            else:
                messages.success(request, _("Your organisation is ready."))
                return redirect("portal:overview", slug=organisation.slug)
        return render(request, "people/found.html", {"form": form, "terms": terms}, status=422)


class InvitationView(View):
    """An invitation as its link opens it: looking changes nothing, a button accepts."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """Show who invites and as what. Raises what stands in the way."""
        user: Any = request.user
        invitation = invitation_for(user=user, token=token, at=clock.now())
        return render(request, "people/invitation.html", {"invitation": invitation})

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Accept and go to the organisation."""
        user: Any = request.user
        membership = accept_invitation(user=user, token=token, at=clock.now())
        messages.success(
            request, _("You are a member of %(organisation)s now.") % {"organisation": membership.organisation.name}
        )
        return redirect("portal:team", slug=membership.organisation.slug)


@method_decorator(login_not_required, name="dispatch")
class TermsView(View):
    """A version of a document, for everybody."""

    def get(self, request: HttpRequest, kind: str, version: str) -> HttpResponse:
        """Show it. Raises NotFound."""
        found = TermsVersion.objects.filter(kind=kind, version=version).first() if kind in TermsKind else None
        if found is None:
            raise NotFound(_("There is no such document."))
        return render(request, "people/terms.html", {"document": found})


@method_decorator(login_not_required, name="dispatch")
class SupportView(View):
    """How to reach us, and what to write so that the first answer helps."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the contact and the documents in force."""
        return render(request, "people/support.html", {"terms": queries.terms_in_force(clock.now())})
