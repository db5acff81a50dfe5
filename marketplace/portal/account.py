# SPDX-License-Identifier: Apache-2.0
"""A person's own page: name, security, language."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views import View

from marketplace.portal.forms import AccountForm
from marketplace.portal.notifications import preferences_form


class AccountView(View):
    """Profile with the way to passkeys, TOTP and recovery codes."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the profile."""
        user: Any = request.user
        context = {"form": AccountForm(initial={"name": user.name}), "preferences": preferences_form(user)}
        return render(request, "marketplace/account.html", context)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Save the name."""
        user: Any = request.user
        form = AccountForm(request.POST)
        if not form.is_valid():
            context = {"form": form, "preferences": preferences_form(user)}
            return render(request, "marketplace/account.html", context, status=422)
        user.name = form.cleaned_data["name"]
        user.save(update_fields=["name"])
        messages.success(request, _("Saved."))
        return redirect("portal:account")
