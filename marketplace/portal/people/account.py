# SPDX-License-Identifier: Apache-2.0
"""A person's rights: a copy of what we know, and being forgotten."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View

from aion import clock
from aion.actor import Actor, Via
from aion.audit import services as audit
from aion.errors import DomainError
from aion.people.export import personal_data
from aion.tenancy.audit import Action
from aion.tenancy.models import User
from aion.web.downloads import download
from aion.web.text import text_in
from marketplace.services.erasure import erase_person


def self_of(user: User) -> Actor:
    """Return a person as the actor of acts on the own account."""
    return Actor(user.pk, None, "self", frozenset(), Via.PORTAL, user.email)


@method_decorator(reauthentication_required, name="dispatch")
class ExportView(View):
    """What we know of the person, as one file."""

    def get(self, request: HttpRequest) -> StreamingHttpResponse:
        """Stream the file; that it was asked for is on the record."""
        user: Any = request.user
        now = clock.now()
        audit.record(actor=self_of(user), action=Action.PERSON_EXPORTED, subject=user, at=now)
        pieces = personal_data(user)
        return download(request, pieces, name=f"aion-account-{now:%Y-%m-%d}.json", content_type="application/json")


@method_decorator(reauthentication_required, name="dispatch")
class DeleteAccountView(View):
    """Erases the person, once they typed their address."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Say what goes and what stays."""
        return render(request, "people/delete_account.html", {})

    def post(self, request: HttpRequest) -> HttpResponse:
        """Erase and sign out, or say what stands in the way."""
        user: Any = request.user
        problem = ""
        if text_in(request.POST, "typed", limit=254).lower() != user.email:
            problem = _("Type your e-mail address as it is written above.")
        else:
            try:
                erase_person(actor=self_of(user), user=user, at=clock.now())
            except DomainError as error:
                problem = error.detail
        if problem:
            return render(request, "people/delete_account.html", {"problem": problem}, status=422)
        logout(request)
        messages.success(request, _("Your account is deleted. Thank you for having been here."))
        return redirect("portal:prices")
