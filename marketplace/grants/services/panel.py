# SPDX-License-Identifier: Apache-2.0
"""From reviews to the panel: every application has its reviews, then all are ranked at once."""

from datetime import datetime

from django.db import transaction
from django.db.models import Count, Q
from django.utils.translation import gettext

from aion.actor import Actor
from aion.figures import number
from marketplace.grants.errors import WrongState
from marketplace.grants.models import Application, ApplicationEvent, Programme, ReviewAssignment
from marketplace.grants.services.programmes import move_on
from marketplace.grants.services.wording import state_word
from marketplace.grants.states import ApplicationState, ProgrammeState, ReviewState

WAITING = (ApplicationState.SUBMITTED, ApplicationState.ELIGIBLE, ApplicationState.IN_REVIEW)


@transaction.atomic
def open_panel(*, actor: Actor, programme: Programme, reason: str, at: datetime) -> int:
    """Close the reviews and rank every application; return how many there are. Set-based.

    Raises WrongState unless the programme is in review, or while an application has fewer reviews than it needs.
    """
    found = Programme.objects.select_for_update(no_key=True).get(pk=programme.pk)
    if found.state != ProgrammeState.REVIEW:
        raise WrongState(
            gettext("A programme that is %(state)s does not become panel: the panel follows the reviews.")
            % {"state": state_word(found.state)},
            state=found.state,
        )
    waiting = Application.objects.filter(programme=found, state__in=WAITING)
    done = Count("reviews", filter=Q(reviews__state=ReviewState.SUBMITTED))
    short = waiting.annotate(done=done).filter(done__lt=found.min_reviews).count()
    if short:
        raise WrongState(
            gettext(
                "%(short)s applications have fewer than %(min_reviews)s reviews that were handed in: assign "
                "reviewers, or wait for them."
            )
            % {"short": number(short), "min_reviews": found.min_reviews},
            applications=short,
        )
    ApplicationEvent.objects.bulk_create(
        ApplicationEvent(
            application_id=pk,
            organisation_id=organisation_id,
            from_state=state,
            to_state=ApplicationState.RANKED,
            user_id=actor.user_id,
            actor_label=actor.role,
            reason=reason,
            at=at,
        )
        for pk, organisation_id, state in waiting.values_list("pk", "organisation_id", "state")
    )
    ranked: int = waiting.filter(state=ApplicationState.IN_REVIEW).move(ApplicationState.RANKED, updated_at=at)
    ReviewAssignment.objects.filter(application__programme=found).move(ReviewState.CANCELLED)
    move_on(actor=actor, programme=found, to=ProgrammeState.PANEL, reason=reason, at=at)
    return ranked
