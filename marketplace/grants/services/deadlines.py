# SPDX-License-Identifier: Apache-2.0
"""The deadline of a call: who has a draft is reminded, and everybody is told once it has passed. Each once."""

from datetime import datetime, timedelta

from django.db import transaction

from aion.events.services.emission import emit
from marketplace.grants.models import Application, Programme
from marketplace.grants.services.programmes import programme_told
from marketplace.grants.services.submission import told
from marketplace.grants.states import ApplicationState, ProgrammeState

REMINDED_DAYS = (7, 1)


def remind_of_drafts(*, at: datetime) -> int:
    """Tell organisations of drafts a week and a day before the call closes; each once. Returns how many."""
    last = at + timedelta(days=max(REMINDED_DAYS))
    drafts = Application.objects.filter(
        state=ApplicationState.DRAFT,
        programme__state=ProgrammeState.OPEN,
        programme__opens_at__lte=at,
        programme__closes_at__gt=at,
        programme__closes_at__lte=last,
    )
    return sum(_remind(one, at) for one in drafts.select_related("programme").order_by("pk"))


@transaction.atomic
def _remind(draft: Application, at: datetime) -> bool:
    closes_at = draft.programme.closes_at
    step = min(days for days in REMINDED_DAYS if closes_at - at <= timedelta(days=days))
    # The deadline is part of the key: a later one is reminded of anew.
    event = emit(
        organisation_id=draft.organisation_id,
        type="grant.deadline_near",
        data={**told(draft), "title": str(draft), "closes_at": closes_at},
        key=f"application:{draft.pk}:near:{step}:{closes_at.isoformat()}",
        at=at,
    )
    return event is not None


def tell_of_closing(*, at: datetime) -> int:
    """Tell applicants and who runs a call that its deadline has passed; each once. Returns how many calls."""
    closed = Programme.objects.filter(state=ProgrammeState.OPEN, closes_at__lte=at)
    return sum(_tell(pk, at) for pk in closed.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def _tell(pk: int, at: datetime) -> bool:
    programme = (
        Programme.objects.select_for_update(no_key=True).filter(pk=pk, closes_at__lte=at, state=ProgrammeState.OPEN)
    ).first()
    if programme is None:  # the deadline was moved meanwhile
        return False
    begun = Application.objects.filter(programme=programme).exclude(state=ApplicationState.WITHDRAWN)
    key = f"closed:{programme.closes_at.isoformat()}"
    event = emit(
        organisation_id=programme.organisation_id,
        type="grant.programme_closed",
        data={**programme_told(programme), "submitted": begun.exclude(state=ApplicationState.DRAFT).count()},
        key=f"programme:{programme.pk}:run:{key}",
        at=at,
    )
    if event is None:  # everybody was told in the same transaction
        return False
    for one in begun.order_by("pk"):
        one.programme = programme
        draft = one.state == ApplicationState.DRAFT
        emit(
            organisation_id=one.organisation_id,
            type="grant.call_closed_on_draft" if draft else "grant.call_closed",
            data={**told(one), "title": str(one), "decision_on": str(programme.decision_on)},
            key=f"application:{one.pk}:{key}",
            at=at,
        )
    return True
