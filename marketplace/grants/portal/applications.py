# SPDX-License-Identifier: Apache-2.0
"""Applications of an organisation: the list, one of them, and the acts that are more than a step."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from aion import clock
from aion.actor import Actor, Scope
from aion.errors import Conflict, DomainError
from aion.web.listing import page_of, wanted
from aion.web.text import text_in
from aion.web.views import ActorView
from marketplace.grants.models import Application
from marketplace.grants.portal.calls import with_phases
from marketplace.grants.queries import calls
from marketplace.grants.services.applications import find, start_application, withdraw
from marketplace.grants.services.submission import submit
from marketplace.grants.states import ApplicationState
from marketplace.grants.words import STEP_WORDS, kept

TITLE_OR_CALL = ("title", "programme__name_en", "programme__name_fr", "public_id")
WITHDRAWABLE = frozenset({ApplicationState.DRAFT, ApplicationState.ELIGIBLE, ApplicationState.INELIGIBLE})


class GrantsView(ActorView):
    """Calls that are open and the organisation's applications."""

    scope = Scope.GRANTS_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """List both."""
        now = clock.now()
        states = [one.value for one in ApplicationState]
        asked = wanted(request, states=states)
        mine = calls.applications(self.actor)
        running = set(mine.exclude(state=ApplicationState.WITHDRAWN).values_list("programme_id", flat=True))
        open_page = page_of(request, calls.not_closed(now), name="calls")
        context = {
            "calls": [
                (programme, phase, programme.pk in running)
                for programme, phase in with_phases(open_page.object_list, now)
            ],
            "open_page": open_page,
            "page": page_of(request, asked.rows(mine, texts=TITLE_OR_CALL)),
            "wanted": asked,
            "states": states,
        }
        return render(request, "grants/applications.html", context)


class ApplyView(ActorView):
    """Starting an application to the call that the form names."""

    scope = Scope.GRANTS_WRITE
    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Start a draft, or go on with the one there is."""
        try:
            programme = calls.published_by_id(text_in(request.POST, "programme", limit=40))
            application = start_application(actor=self.actor, programme=programme, at=clock.now())
        except DomainError as error:
            messages.error(request, error.detail)
            return redirect("portal:grants", slug=self.organisation.slug)
        return redirect("portal:application_organisation", slug=self.organisation.slug, public_id=application.public_id)


class ApplicationView(ActorView):
    """One application: where it stands, why, and what was asked for."""

    scope = Scope.GRANTS_READ

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show it."""
        application = find(self.actor, public_id)
        return render(request, "grants/application.html", summary_of(self.actor, application))


def summary_of(actor: Actor, application: Application) -> dict[str, Any]:
    """Return what the pages of an application show of it."""
    return {
        "application": application,
        "programme": application.programme,
        "items": application.items.all(),
        "totals": calls.totals(application),
        "attachments": application.attachments.all(),
        "history": application.history.all(),
        "rules": kept(application.eligibility.all()),
        "steps": STEP_WORDS.items(),
        "is_draft": application.state == ApplicationState.DRAFT,
        "may_withdraw": actor.has(Scope.GRANTS_WRITE) and application.state in WITHDRAWABLE,
    }


class SubmitView(ActorView):
    """Submitting a draft."""

    scope = Scope.GRANTS_WRITE
    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Submit, and show what came of it; a refusal leaves the draft and says what to do."""
        slug = self.organisation.slug
        try:
            application = submit(actor=self.actor, public_id=public_id, at=clock.now())
        except DomainError as error:
            if find(self.actor, public_id).state != ApplicationState.DRAFT:
                messages.info(request, error.detail)
                return redirect("portal:application", slug=slug, public_id=public_id)
            messages.error(request, error.detail)
            return redirect("portal:application_review", slug=slug, public_id=public_id)
        if application.state == ApplicationState.INELIGIBLE:
            messages.warning(request, _("Submitted, but not eligible: the reasons are below."))
        else:
            messages.success(request, _("Submitted. It is eligible and goes to the reviewers after the deadline."))
        return redirect("portal:application", slug=slug, public_id=public_id)


class WithdrawView(ActorView):
    """Taking an application back."""

    scope = Scope.GRANTS_WRITE
    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Withdraw it."""
        try:
            withdraw(actor=self.actor, public_id=public_id, at=clock.now())
        except Conflict as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, _("Withdrawn. While the call is open you can start again."))
        return redirect("portal:application", slug=self.organisation.slug, public_id=public_id)
