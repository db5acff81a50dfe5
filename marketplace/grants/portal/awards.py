# SPDX-License-Identifier: Apache-2.0
"""Awards: how the credits are used, more time, and the final report."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from aion import clock
from aion.actor import Scope
from aion.errors import DomainError
from aion.web.listing import page_of, wanted
from aion.web.middleware import status_of
from aion.web.views import ActorView
from marketplace.grants.letters import award_pdf
from marketplace.grants.models import Award, FinalReport
from marketplace.grants.portal.reviews import CONTROL, MarkedForm
from marketplace.grants.queries import awards as queries
from marketplace.grants.services import awards, reports
from marketplace.grants.states import AwardState, ReportState, Standing

TITLE_OR_CALL = ("application__title", "programme__name_en", "programme__name_fr", "public_id")


class ExtensionForm(MarkedForm):
    """Until when, and why."""

    until = forms.DateField(
        label=gettext_lazy("Until"),
        widget=forms.DateInput(attrs={**CONTROL, "type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("The credits could be spent to the end of this day (UTC)."),
    )
    reason = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=awards.REASON_LIMIT,
        widget=forms.Textarea(attrs={**CONTROL, "rows": 4}),
        help_text=gettext_lazy("Say what was late and what the time is for."),
    )


class ReportForm(MarkedForm):
    """What came of it. A draft may have gaps; results are needed to hand in."""

    results = forms.CharField(
        label=gettext_lazy("Results"),
        required=False,
        max_length=reports.LIMITS["results"],
        widget=forms.Textarea(attrs={**CONTROL, "rows": 8}),
        help_text=gettext_lazy("What came of the work, for people of another field: the funder reads it."),
    )
    publications = forms.CharField(
        label=gettext_lazy("Publications, code and models"),
        required=False,
        max_length=reports.LIMITS["publications"],
        widget=forms.Textarea(attrs={**CONTROL, "rows": 4}),
        help_text=gettext_lazy("One a line, with its address."),
    )
    difficulties = forms.CharField(
        label=gettext_lazy("What did not work"),
        required=False,
        max_length=reports.LIMITS["difficulties"],
        widget=forms.Textarea(attrs={**CONTROL, "rows": 4}),
        help_text=gettext_lazy("What failed or took longer: the next call learns from it."),
    )


class AwardsView(ActorView):
    """The organisation's awards."""

    scope = Scope.GRANTS_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """List them."""
        states = [one.value for one in AwardState]
        asked = wanted(request, states=states)
        rows = asked.rows(queries.awards(self.actor), texts=TITLE_OR_CALL)
        context = {"page": page_of(request, rows), "wanted": asked, "states": states}
        return render(request, "grants/awards.html", context)


class AwardView(ActorView):
    """One award: what is used, by week and site, and what can still be done."""

    scope = Scope.GRANTS_READ

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show it."""
        award = awards.find(self.actor, public_id)
        return render(request, "grants/award.html", _context(award))


class LetterView(ActorView):
    """The letter of an award as PDF."""

    scope = Scope.GRANTS_READ

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Send it."""
        award = awards.find(self.actor, public_id)
        response = HttpResponse(award_pdf(award), content_type="application/pdf")
        response["Content-Disposition"] = f'attachment; filename="{award.public_id}.pdf"'
        return response


class ExtendView(ActorView):
    """Asking for more time."""

    scope = Scope.GRANTS_WRITE

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show the form."""
        return self._page(request, awards.find(self.actor, public_id), ExtensionForm())

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Ask, or say beside the field why not."""
        award = awards.find(self.actor, public_id)
        form, status = ExtensionForm(request.POST), 422
        if form.is_valid():
            try:
                awards.request_extension(actor=self.actor, public_id=public_id, at=clock.now(), **form.cleaned_data)
            except DomainError as error:
                form.add_error(error.field if error.field in form.fields else None, error.detail)
                status = status_of(error)
            else:
                messages.success(request, _("Your request waits for a decision; you are told of it."))
                return redirect("portal:award", slug=self.organisation.slug, public_id=public_id)
        return self._page(request, award, form, status=status)

    def _page(self, request: HttpRequest, award: Award, form: ExtensionForm, *, status: int = 200) -> HttpResponse:
        return render(request, "grants/award_extend.html", {"award": award, "form": form}, status=status)


class ReportView(ActorView):
    """The final report: figures from the ledger, words from the applicant."""

    scope = Scope.GRANTS_READ
    write_scope = Scope.GRANTS_WRITE

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show the report, as a form while it can be changed."""
        return self.page(request, awards.find(self.actor, public_id))

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Keep a draft."""
        award = awards.find(self.actor, public_id)
        answer = self.saved(request, award)
        if answer is not None:
            return answer
        messages.success(request, _("Saved."))
        return redirect("portal:award_report", slug=self.organisation.slug, public_id=public_id)

    def saved(self, request: HttpRequest, award: Award) -> HttpResponse | None:
        """Save what was sent and return None, or the page with what is wrong."""
        form, status = ReportForm(request.POST), 422
        if form.is_valid():
            try:
                reports.save_report(actor=self.actor, public_id=award.public_id, **form.cleaned_data)
            except DomainError as error:
                form.add_error(error.field if error.field in form.fields else None, error.detail)
                status = status_of(error)
            else:
                return None
        return self.page(request, award, form=form, status=status)

    def page(self, request: HttpRequest, award: Award, *, form: Any = None, status: int = 200) -> HttpResponse:
        """Return the page."""
        report = FinalReport.objects.visible_to(self.actor).filter(award=award).first()
        is_open = report is None or report.state in reports.OPEN
        frozen = report.figures if report is not None and not is_open else None
        context = {
            "award": award,
            "report": report,
            "returned": report is not None and report.state == ReportState.RETURNED,
            "figures": frozen or {"granted_microcredits": award.amount, **queries.draw_down(award).figures()},
            "may_write": is_open and self.actor.has(Scope.GRANTS_WRITE),
            "form": form or ReportForm(initial=_words(report)),
        }
        return render(request, "grants/award_report.html", context, status=status)


class HandInReportView(ReportView):
    """Handing the final report in."""

    http_method_names = ["post", "options"]
    scope = Scope.GRANTS_WRITE

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Save what was sent, then hand in."""
        award = awards.find(self.actor, public_id)
        answer = self.saved(request, award)
        if answer is not None:
            return answer
        try:
            reports.submit_report(actor=self.actor, public_id=public_id, at=clock.now())
        except DomainError as error:
            form = ReportForm(request.POST)
            form.is_valid()
            form.add_error(error.field if error.field in form.fields else None, error.detail)
            return self.page(request, award, form=form, status=status_of(error))
        messages.success(request, _("Handed in: the figures of this moment stay with it."))
        return redirect("portal:award_report", slug=self.organisation.slug, public_id=public_id)


def _words(report: FinalReport | None) -> dict[str, str]:
    return {} if report is None else {name: getattr(report, name) for name in reports.LIMITS}


def _context(award: Award) -> dict[str, Any]:
    used = queries.draw_down(award)
    weeks = sorted(used.by_week.items())
    reclaimed = queries.reclaimed(award)
    return {
        "award": award,
        "lot": award.lot,
        "used": used,
        "used_percent": min(100, used.spent * 100 // award.amount),
        "weeks": weeks,
        "sites": sorted(used.by_site.items()),
        "reclaimed": reclaimed,
        "extensions": award.extensions.all(),
        "waits": any(one.state == Standing.PENDING for one in award.extensions.all()),
        "ended": award.expires_at <= clock.now(),
        "is_aid": queries.is_aid(award.programme),
        "most": max(used.by_week.values(), default=1) or 1,
    }
