# SPDX-License-Identifier: Apache-2.0
"""The wizard: each step saves what it shows, complete or not. It works without a script and by keyboard alone."""

from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext as _

from aion import clock
from aion.actor import Scope
from aion.errors import DomainError
from aion.web.middleware import status_of
from aion.web.views import ActorView
from marketplace.grants.errors import WrongState
from marketplace.grants.estimator import accelerators, table_version
from marketplace.grants.models import Application
from marketplace.grants.portal.applications import summary_of
from marketplace.grants.portal.forms import EstimateStep, OrganisationStep, ProjectStep, StepForm, WorkloadStep
from marketplace.grants.queries import calls
from marketplace.grants.queries.applicants import eligibility_now, known_of
from marketplace.grants.queries.estimates import allowed_offers
from marketplace.grants.services.applications import find, save_step
from marketplace.grants.services.submission import missing
from marketplace.grants.states import ApplicationState
from marketplace.grants.words import STEP_WORDS, checked, needed
from marketplace.queries import buyer_of

ORDER = tuple(STEP_WORDS)


def following(step: str) -> str:
    """Return the step after ``step``."""
    return ORDER[ORDER.index(step) + 1]


def draft_for(view: ActorView, public_id: str) -> Application:
    """Return the application that a step is about. Raises WrongState once it was submitted."""
    application = find(view.actor, public_id)
    if application.state != ApplicationState.DRAFT:
        raise WrongState(gettext("It was submitted: its content does not change any more."), state=application.state)
    return application


def step_context(view: ActorView, application: Application, step: str) -> dict[str, Any]:
    """Return what every step shows around its form."""
    number = ORDER.index(step)
    return {
        "application": application,
        "programme": application.programme,
        "phase": calls.phase(application.programme, clock.now()),
        "step": step,
        "step_word": STEP_WORDS[step],
        "steps": [(name, f"portal:application_{name}", words) for name, words in STEP_WORDS.items()],
        "number": number + 1,
        "previous": f"portal:application_{ORDER[number - 1]}" if number else "",
        "may_write": view.actor.has(Scope.GRANTS_WRITE),
    }


class StepView(ActorView):
    """A step with a form."""

    scope = Scope.GRANTS_READ
    write_scope = Scope.GRANTS_WRITE
    step = ""
    forms: ClassVar[dict[str, type[StepForm]]] = {
        "organisation": OrganisationStep,
        "project": ProjectStep,
        "workload": WorkloadStep,
        "estimate": EstimateStep,
    }

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show the step; what was submitted is shown as a whole instead."""
        application = find(self.actor, public_id)
        if application.state != ApplicationState.DRAFT:
            return redirect("portal:application", slug=self.organisation.slug, public_id=public_id)
        return self._page(request, application, self._form(application), application.revision)

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Save the step and go on, or show what is wrong beside the field; a script's save only answers a line."""
        application = draft_for(self, public_id)
        form = self._form(application, request.POST)
        seen = request.POST.get("revision", "")
        revision = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else 0
        status = 422
        if form.is_valid():
            try:
                saved = save_step(
                    actor=self.actor,
                    public_id=public_id,
                    step=self.step,
                    data=form.data_of_step(),
                    revision=revision,
                    at=clock.now(),
                )
            except DomainError as error:
                form.refuse(error.field, error.detail, error.details)
                status = status_of(error)
            else:
                if getattr(request, "htmx", False):
                    return render(request, "grants/saved.html", {"revision": saved.revision, "saved": True})
                return self._onward(request, saved)
        if getattr(request, "htmx", False):
            return render(request, "grants/saved.html", {"revision": revision, "errors": form.errors})
        return self._page(request, application, form, revision, status=status)

    def _onward(self, request: HttpRequest, saved: Application) -> HttpResponse:
        # The estimate comes back to its own page: the figures are what it is for.
        stays = "stay" in request.POST
        messages.success(request, _("The draft is saved."))
        name = f"portal:application_{self.step if stays else following(self.step)}"
        return redirect(name, slug=self.organisation.slug, public_id=saved.public_id)

    def _form(self, application: Application, data: Any = None) -> StepForm:
        more: dict[str, Any] = {}
        if self.step == "estimate":
            more["choices"] = self._accelerators(application)
        return self.forms[self.step](data, application=application, actor=self.actor, **more)

    def _accelerators(self, application: Application) -> list[tuple[str, str]]:
        offers = allowed_offers(application.programme, clock.now(), buyer_of(self.actor))
        return [(code, line.offer.title) for code, line in sorted(offers.items())]

    def _page(
        self, request: HttpRequest, application: Application, form: StepForm, revision: int, *, status: int = 200
    ) -> HttpResponse:
        context = step_context(self, application, self.step) | {"form": form, "revision": revision}
        now = clock.now()
        if self.step == "organisation":
            context |= {
                "rules": checked(eligibility_now(application, now)),
                "known": known_of(self.organisation, now),
            }
        if self.step == "estimate":
            context |= {
                "items": application.items.all(),
                "totals": calls.totals(application),
                "table_version": table_version(),
                "accelerators": accelerators().values(),
            }
        return render(request, f"grants/step_{self.step}.html", context, status=status)


class ReviewView(ActorView):
    """The last step: all of it on one page, what is missing, and the button that submits."""

    scope = Scope.GRANTS_READ

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show it."""
        application = find(self.actor, public_id)
        if application.state != ApplicationState.DRAFT:
            return redirect("portal:application", slug=self.organisation.slug, public_id=public_id)
        context = summary_of(self.actor, application) | step_context(self, application, "review")
        context |= {
            "rules": checked(eligibility_now(application, clock.now())),
            "missing": [(words, f"portal:application_{step}") for words, step in needed(missing(application))],
            "above_cap": application.requested_amount > application.programme.cap_per_award,
        }
        return render(request, "grants/step_review.html", context)
