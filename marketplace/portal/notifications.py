# SPDX-License-Identifier: Apache-2.0
"""A person's notifications in one organisation, and what they want to hear of in all."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views import View

from aion import clock
from aion.actor import Scope
from aion.events import queries
from aion.events.services import notifications
from aion.tenancy.services import languages
from aion.web.views import ActorView
from marketplace.portal.forms import AccountForm
from marketplace.portal.forms_events import PreferencesForm

PAGE = 50


class NotificationsView(ActorView):
    """What happened that concerns the person, newest first."""

    personal = True
    scope = Scope.ORGANISATION_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page."""
        unread = request.GET.get("unread") == "yes"
        page = Paginator(queries.notifications(self.actor, unread=unread), PAGE).get_page(request.GET.get("page"))
        return render(request, "events/notifications.html", {"page": page, "only_unread": unread})


class ReadAllView(ActorView):
    """Marks everything read."""

    personal = True
    scope = Scope.ORGANISATION_READ

    def post(self, request: HttpRequest) -> HttpResponse:
        """Mark and go back."""
        notifications.mark_all_read(actor=self.actor, at=clock.now())
        return redirect("portal:notifications", slug=self.organisation.slug)


class ReadView(ActorView):
    """Marks one read."""

    personal = True
    scope = Scope.ORGANISATION_READ

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Mark and go back."""
        notifications.mark_read(actor=self.actor, event=public_id, at=clock.now())
        return redirect("portal:notifications", slug=self.organisation.slug)


def preferences_form(user: Any, data: Any = None) -> PreferencesForm:
    """Return the form with what ``user`` has chosen."""
    language = user.language if user.language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    return PreferencesForm(data, choices=queries.choices_of(user), initial={"language": language})


class PreferencesView(View):
    """Saves what a person wants to hear of."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """The form stands on the account page."""
        return redirect("portal:account")

    def post(self, request: HttpRequest) -> HttpResponse:
        """Save and go back."""
        user: Any = request.user
        form = preferences_form(user, request.POST)
        if not form.is_valid():
            context = {"form": AccountForm(initial={"name": user.name}), "preferences": form}
            return render(request, "marketplace/account.html", context, status=422)
        language = form.cleaned_data["language"]
        notifications.set_preferences(user=user, choices=form.chosen(), language=language)
        messages.success(request, _("Saved."))
        response = redirect("portal:account")
        languages.show_in(response, language)
        return response
