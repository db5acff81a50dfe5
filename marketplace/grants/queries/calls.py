# SPDX-License-Identifier: Apache-2.0
"""Reads of calls and applications."""

from datetime import datetime

from django.db.models import QuerySet, Sum
from django.utils.translation import gettext

from aion.actor import Actor
from marketplace.grants.errors import ProgrammeNotFound
from marketplace.grants.models import Application, Programme
from marketplace.grants.states import ProgrammeState

UPCOMING, OPEN, CLOSED = "upcoming", "open", "closed"


def published() -> QuerySet[Programme]:
    """Return the programmes with a public page, the latest first."""
    return Programme.objects.published().select_related("organisation")


def not_closed(at: datetime) -> QuerySet[Programme]:
    """Return the published calls that are open at ``at`` or open later."""
    return published().filter(state=ProgrammeState.OPEN, closes_at__gt=at)


def published_by_code(code: str) -> Programme:
    """Return a published programme. Raises ProgrammeNotFound, alike for a draft and for what does not exist."""
    found = published().filter(code=code).first()
    if found is None:
        raise ProgrammeNotFound(gettext("There is no such call."))
    return found


def published_by_id(public_id: str) -> Programme:
    """Return a published programme by its id. Raises ProgrammeNotFound."""
    found = published().filter(public_id=public_id).first()
    if found is None:
        raise ProgrammeNotFound(gettext("There is no such call: choose one from the list of calls."))
    return found


def names() -> dict[str, str]:
    """Return the name of every programme that has not been called off by its code, for what credit may be tied to."""
    rows = Programme.objects.exclude(state=ProgrammeState.CANCELLED).values_list("code", "name_en")
    return dict(rows)


def phase(programme: Programme, at: datetime) -> str:
    """Return whether applicants may apply at ``at``: a matter of time, and of a call that staff have not ended."""
    if programme.state != ProgrammeState.OPEN or at >= programme.closes_at:
        return CLOSED
    return OPEN if at >= programme.opens_at else UPCOMING


def applications(actor: Actor) -> QuerySet[Application]:
    """Return the applications of the actor's organisation, the last changed first."""
    return Application.objects.visible_to(actor).select_related("programme", "project", "organisation")


def totals(application: Application) -> dict[str, int]:
    """Return hours, cost, energy and emissions of all items together."""
    summed = application.items.aggregate(
        gpu_hours=Sum("gpu_hours"), micro=Sum("micro"), watt_hours=Sum("watt_hours"), g_co2e=Sum("g_co2e")
    )
    return {name: int(value or 0) for name, value in summed.items()}
