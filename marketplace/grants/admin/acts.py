# SPDX-License-Identifier: Apache-2.0
"""What staff do with programmes and applications from the reviews to the decision."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
)

from aion.actor import Actor
from aion.errors import DomainError
from aion.money import from_decimal, to_decimal
from aion.staff import Act
from aion.tenancy.models import User
from aion.tenancy.roles import Role
from billing.admin.columns import credits_text
from marketplace.grants.models import Application, Programme
from marketplace.grants.queries.ranking import Ranked, ranking
from marketplace.grants.services import appointments, decisions, panel, reviews
from marketplace.grants.states import ApplicationState, DecisionKind


class DueForm(forms.Form):
    """Until when."""

    due_at = forms.SplitDateTimeField(label=_("Due (UTC)"), widget=UnfoldAdminSplitDateTimeWidget)


class AssignForm(DueForm):
    """Who, until when."""

    reviewer = forms.ModelChoiceField(
        label=_("Reviewer"),
        queryset=User.objects.filter(memberships__role=Role.REVIEWER, is_active=True).distinct().order_by("email"),
        widget=UnfoldAdminSelectWidget,
        help_text=_("Who is appointed to the programme."),
    )
    field_order = ["reviewer", "due_at"]


class AppointForm(forms.Form):
    """Who."""

    reviewer = forms.ModelChoiceField(
        label=_("Reviewer"),
        queryset=User.objects.filter(memberships__role=Role.REVIEWER, is_active=True).distinct().order_by("email"),
        widget=UnfoldAdminSelectWidget,
        help_text=_("A member of the organisation that runs the programme, in the role of reviewer."),
    )


class WordsForm(forms.Form):
    """The reason that applicants read."""

    reason = forms.CharField(
        label=_("Reason"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        max_length=2000,
        help_text=_("The applicant reads it."),
    )


class AwardForm(WordsForm):
    """How much, and why."""

    credits = forms.DecimalField(
        label=_("Credits"),
        min_value=Decimal("0.000001"),
        max_digits=15,
        decimal_places=6,
        widget=UnfoldAdminDecimalFieldWidget,
    )
    field_order = ["credits", "reason"]


def _appoint(*, actor: Actor, row: Programme, at: datetime, reviewer: User) -> None:
    appointments.appoint(actor=actor, programme=row, reviewer=reviewer, at=at)


def _assign(*, actor: Actor, row: Application, at: datetime, reviewer: User, due_at: datetime) -> None:
    reviews.assign(actor=actor, application=row, reviewer=reviewer, due_at=due_at, at=at)


def _assign_all(*, actor: Actor, row: Programme, at: datetime, due_at: datetime) -> None:
    open_ones = row.applications.filter(state__in=reviews.OPEN_TO_REVIEWERS).order_by("pk")
    reviews.assign_evenly(actor=actor, programme=row, applications=open_ones, due_at=due_at, at=at)


def _open_panel(*, actor: Actor, row: Programme, at: datetime, reason: str) -> None:
    panel.open_panel(actor=actor, programme=row, reason=reason, at=at)


def _fund(*, actor: Actor, row: Programme, at: datetime, reason: str) -> None:
    ranked = row.applications.filter(state=ApplicationState.RANKED)
    decisions.propose_down_to_the_pot(actor=actor, programme=row, applications=ranked, reason=reason, at=at)


def _refuse_rest(*, actor: Actor, row: Programme, at: datetime, reason: str) -> None:
    decisions.propose_refusals(actor=actor, programme=row, reason=reason, at=at)


def _award(*, actor: Actor, row: Application, at: datetime, credits: Decimal, reason: str) -> None:
    decisions.propose(
        actor=actor, application=row, kind=DecisionKind.AWARD, amount=from_decimal(credits), reason=reason, at=at
    )


def _refuse(*, actor: Actor, rows: Sequence[Application], at: datetime, reason: str) -> Mapping[int, DomainError]:
    return decisions.refuse_each(actor=actor, application_ids=[row.pk for row in rows], reason=reason, at=at)


def _before_the_panel(row: Application) -> list[tuple[Any, Any]]:
    # Without rank and points: scores are blind until the panel begins.
    return [
        (_("Organisation"), row.organisation),
        (_("Programme"), row.programme),
        (_("Asked for"), credits_text(row.requested_amount)),
        (_("Reviews"), row.reviews.live().count()),
    ]


def _of_applications(rows: Sequence[Application]) -> list[list[tuple[Any, Any]]]:
    programmes = {row.programme_id for row in rows}
    places = {one.application_id: one for programme_id in programmes for one in ranking(programme_id)}
    return [_of_application(row, places.get(row.pk)) for row in rows]


def _of_application(row: Application, place: Ranked | None) -> list[tuple[Any, Any]]:
    return [
        (_("Organisation"), row.organisation),
        (_("Programme"), row.programme),
        (_("Asked for"), credits_text(row.requested_amount)),
        (_("Rank"), place.rank if place and place.rank else "–"),
        (_("Points of 10,000"), place.points if place and place.points is not None else "–"),
        (_("Left in the pot"), credits_text(row.programme.left)),
    ]


def _of_programme(row: Programme) -> list[tuple[Any, Any]]:
    return [
        (_("Programme"), row),
        (_("Left in the pot"), credits_text(row.left)),
        (_("Applications to review"), row.applications.filter(state__in=reviews.OPEN_TO_REVIEWERS).count()),
        (_("Ranked applications"), row.applications.filter(state=ApplicationState.RANKED).count()),
    ]


APPOINT = Act(
    title=_("Appoint a reviewer"),
    done=_("reviewer appointed"),
    call=_appoint,
    warning=_("The person may be asked for reviews of this programme, and is told so."),
    form=AppointForm,
    facts=_of_programme,
)
ASSIGN = Act(title=_("Ask a reviewer"), done=_("asked for a review"), call=_assign, form=AssignForm,
             facts=_before_the_panel)  # fmt: skip
ASSIGN_ALL = Act(
    title=_("Assign reviewers evenly"),
    done=_("reviewers assigned"),
    call=_assign_all,
    warning=_("Each application gets as many reviewers as the programme asks for; known conflicts are left out."),
    form=DueForm,
    facts=_of_programme,
)
PANEL = Act(
    title=_("Open the panel"),
    done=_("before the panel"),
    call=_open_panel,
    warning=_("Reviews are closed and all applications are ranked. This cannot be undone."),
    facts=_of_programme,
)
FUND = Act(
    title=_("Propose awards down to the pot"),
    done=_("proposed"),
    call=_fund,
    warning=_("From the best on, each gets what it asked for while it fits. A second person approves each one."),
    form=WordsForm,
    facts=_of_programme,
)
REFUSE_REST = Act(
    title=_("Propose to refuse the rest"),
    done=_("proposed"),
    call=_refuse_rest,
    warning=_("For every ranked application without a proposal. A second person approves each one."),
    form=WordsForm,
    danger=True,
    facts=_of_programme,
)
AWARD = Act(
    title=_("Propose an award"),
    done=_("proposed"),
    call=_award,
    warning=_("A second person approves it; then the credits can be spent at once."),
    form=AwardForm,
    facts_of_all=_of_applications,
    initial=lambda row: {
        "credits": f"{to_decimal(min(row.requested_amount, row.programme.cap_per_award)).normalize():f}"
    },
)
REFUSE = Act(
    title=_("Propose a refusal"),
    done=_("proposed"),
    call=_refuse,
    warning=_("A second person approves it; then the applicant is told the reason."),
    form=WordsForm,
    danger=True,
    at_once=True,
    facts_of_all=_of_applications,
)
