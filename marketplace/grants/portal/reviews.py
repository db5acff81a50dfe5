# SPDX-License-Identifier: Apache-2.0
"""Reviews: a reviewer's own list, the declaration of independence, scores, and files of what may be read."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from aion import clock
from aion.actor import Scope
from aion.errors import DomainError
from aion.web.downloads import kept_file
from aion.web.listing import page_of, wanted
from aion.web.middleware import status_of
from aion.web.views import ActorView
from marketplace.grants.models import Criterion, ReviewAssignment, Score
from marketplace.grants.models.review import CONFLICTS
from marketplace.grants.queries import awards as queries
from marketplace.grants.services import reviews
from marketplace.grants.services.reviews import COMMENT_LIMIT, READABLE, TEXT_LIMIT, ScoreWish
from marketplace.grants.states import ReviewState

CONTROL = {"class": "control"}
INDEPENDENT = "none"


class MarkedForm(forms.Form):
    """A form whose wrong fields are marked for everybody, not by colour alone."""

    def add_error(self, field: str | None, error: Any) -> None:
        """Mark the control as well."""
        super().add_error(field, error)
        if field in self.fields:
            self.fields[field].widget.attrs["aria-invalid"] = "true"


class DeclarationForm(MarkedForm):
    """Whether the reviewer is independent."""

    conflict = forms.ChoiceField(
        label=gettext_lazy("Conflict of interest"),
        choices=[("", "–"), (INDEPENDENT, gettext_lazy("None: I am independent")), *CONFLICTS],
        widget=forms.Select(attrs=CONTROL),
    )
    text = forms.CharField(
        label=gettext_lazy("In a few words, if there is one"),
        required=False,
        max_length=400,
        widget=forms.Textarea(attrs={**CONTROL, "rows": 2}),
    )


class ScoreForm(MarkedForm):
    """A score and a comment for each criterion, and one comment on all of it. A draft may have gaps."""

    overall = forms.CharField(
        label=gettext_lazy("Overall comment for the panel"),
        required=False,
        max_length=TEXT_LIMIT,
        widget=forms.Textarea(attrs={**CONTROL, "rows": 4}),
    )

    def __init__(self, *args: Any, criteria: list[Criterion], **kwargs: Any) -> None:
        """Add the fields of each criterion."""
        super().__init__(*args, **kwargs)
        self.criteria = criteria
        for one in criteria:
            self.fields[one.code] = forms.IntegerField(
                label=_("%(name)s: 0 to %(most)s") % {"name": one.name, "most": one.max_score},
                required=False,
                min_value=0,
                max_value=one.max_score,
                help_text=_("Counts %(weight)s %%.") % {"weight": one.weight},
                widget=forms.NumberInput(attrs=CONTROL),
            )
            self.fields[f"{one.code}_comment"] = forms.CharField(
                label=_("Why"),
                required=False,
                max_length=COMMENT_LIMIT,
                widget=forms.Textarea(attrs={**CONTROL, "rows": 3}),
            )

    def pairs(self) -> list[tuple[Any, Any]]:
        """Return score and comment of each criterion, as bound fields."""
        return [(self[one.code], self[f"{one.code}_comment"]) for one in self.criteria]

    def wishes(self) -> dict[str, ScoreWish]:
        """Return what is scored so far."""
        data = self.cleaned_data
        return {
            one.code: ScoreWish(data[one.code], data[f"{one.code}_comment"])
            for one in self.criteria
            if data[one.code] is not None
        }


class ReviewsView(ActorView):
    """The reviewer's own assignments."""

    scope = Scope.REVIEWS_WRITE

    def get(self, request: HttpRequest) -> HttpResponse:
        """List them."""
        states = [one.value for one in ReviewState if one != ReviewState.CANCELLED]
        asked = wanted(request, states=states)
        rows = asked.rows(
            queries.own_reviews(self.actor), texts=("application__title", "application__organisation__name")
        )
        return render(
            request, "grants/reviews.html", {"page": page_of(request, rows), "wanted": asked, "states": states}
        )


class ReviewView(ActorView):
    """One review: first the declaration, then content and scores, at the end what the others gave."""

    scope = Scope.REVIEWS_WRITE

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show what may be seen at this point."""
        assignment = reviews.find(self.actor, public_id)
        return self.page(request, assignment)

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Keep the scores so far."""
        assignment = reviews.find(self.actor, public_id)
        answer = self.saved(request, assignment)
        if answer is not None:
            return answer
        messages.success(request, _("Saved. Nobody sees it before you hand it in."))
        return redirect("portal:review", slug=self.organisation.slug, public_id=public_id)

    def saved(self, request: HttpRequest, assignment: ReviewAssignment) -> HttpResponse | None:
        """Save what was sent and return None, or the page with what is wrong."""
        form = ScoreForm(request.POST, criteria=_criteria(assignment))
        status = 422
        if form.is_valid():
            try:
                reviews.save_scores(
                    actor=self.actor,
                    public_id=assignment.public_id,
                    scores=form.wishes(),
                    overall=form.cleaned_data["overall"],
                )
            except DomainError as error:
                form.add_error(error.field if error.field in form.fields else None, error.detail)
                status = status_of(error)
            else:
                return None
        return self.page(request, assignment, form=form, status=status)

    def page(
        self, request: HttpRequest, assignment: ReviewAssignment, *, form: Any = None, status: int = 200
    ) -> HttpResponse:
        """Return the page; the content only to who has declared independence."""
        application = assignment.application
        context: dict[str, Any] = {"review": assignment, "application": application, "form": form}
        if assignment.state in READABLE:
            context |= {"items": application.items.all(), "attachments": application.attachments.all()}
        if assignment.state == ReviewState.ASSIGNED:
            context["form"] = form or DeclarationForm()
        elif assignment.state == ReviewState.ACCEPTED and not isinstance(form, ScoreForm):
            context["form"] = ScoreForm(criteria=_criteria(assignment), initial=_initial(assignment))
        elif assignment.state == ReviewState.SUBMITTED:
            context["scores"] = assignment.scores.select_related("criterion")
            others = Score.objects.readable_by(self.actor).filter(assignment__application=application)
            context["others"] = (
                others.exclude(assignment=assignment)
                .select_related("criterion")
                .order_by("assignment_id", "criterion__position")
            )
        return render(request, "grants/review.html", context, status=status)


class DeclareView(ReviewView):
    """Declaring independence, or a conflict."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Declare; a conflict ends the assignment, so that the page says so before."""
        assignment = reviews.find(self.actor, public_id)
        form = DeclarationForm(request.POST)
        status = 422
        if form.is_valid():
            conflict = form.cleaned_data["conflict"]
            try:
                reviews.declare(
                    actor=self.actor,
                    public_id=public_id,
                    conflict="" if conflict == INDEPENDENT else conflict,
                    text=form.cleaned_data["text"],
                    at=clock.now(),
                )
            except DomainError as error:
                form.add_error(error.field if error.field in form.fields else None, error.detail)
                status = status_of(error)
            else:
                independent = conflict == INDEPENDENT
                messages.success(
                    request,
                    _("Thank you: you can read the application now.")
                    if independent
                    else _("Thank you for saying so: somebody else will review it."),
                )
                return redirect("portal:review", slug=self.organisation.slug, public_id=public_id)
        return self.page(request, assignment, form=form, status=status)


class HandInView(ReviewView):
    """Handing a review in."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Save what was sent, then hand in; what is missing is named beside its field."""
        assignment = reviews.find(self.actor, public_id)
        answer = self.saved(request, assignment)
        if answer is not None:
            return answer
        try:
            reviews.submit_review(actor=self.actor, public_id=public_id, at=clock.now())
        except DomainError as error:
            form = ScoreForm(request.POST, criteria=_criteria(assignment))
            form.is_valid()
            for name in error.details.get("missing", [error.field]):
                form.add_error(name if name in form.fields else None, error.detail)
            return self.page(request, assignment, form=form, status=status_of(error))
        messages.success(request, _("Handed in. You see now what the others gave."))
        return redirect("portal:review", slug=self.organisation.slug, public_id=public_id)


class ReviewFileView(ActorView):
    """A file of an application that the reviewer may read."""

    scope = Scope.REVIEWS_WRITE

    def get(self, request: HttpRequest, public_id: str) -> HttpResponseBase:
        """Send it."""
        found = reviews.find_file(self.actor, public_id)
        return kept_file(found.file.open("rb"), name=found.name)


def _criteria(assignment: ReviewAssignment) -> list[Criterion]:
    return list(Criterion.objects.filter(programme=assignment.application.programme_id))


def _initial(assignment: ReviewAssignment) -> dict[str, Any]:
    values: dict[str, Any] = {"overall": assignment.overall_comment}
    for one in assignment.scores.select_related("criterion"):
        values |= {one.criterion.code: one.value, f"{one.criterion.code}_comment": one.comment}
    return values
