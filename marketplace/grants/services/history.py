# SPDX-License-Identifier: Apache-2.0
"""Moving an application: one conditional UPDATE and the row that says who, when and why."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext

from aion.actor import Actor
from marketplace.grants.errors import WrongState
from marketplace.grants.models import Application, ApplicationEvent
from marketplace.grants.services.wording import state_word
from marketplace.grants.states import ApplicationState


def note(*, actor: Actor, application: Application, came_from: str, to: str, reason: str, at: datetime) -> None:
    """Write a line of the application's history. The label is the actor's role: an address would outlive its person."""
    ApplicationEvent.objects.create(
        application=application,
        organisation_id=application.organisation_id,
        from_state=came_from,
        to_state=to,
        user_id=actor.user_id,
        actor_label=actor.label if actor.user_id is None else actor.role,
        reason=reason,
        at=at,
    )


def move(
    *, actor: Actor, application: Application, to: ApplicationState, at: datetime, reason: str = "", **fields: Any
) -> None:
    """Move a locked application and write it down. Raises WrongState when its state does not lead there."""
    came_from = application.state
    if not Application.objects.filter(pk=application.pk).move(to, **fields):
        raise WrongState(
            gettext("An application that is %(came_from)s does not become %(to)s.")
            % {"came_from": state_word(came_from), "to": state_word(to)},
            state=came_from,
        )
    application.refresh_from_db()
    note(actor=actor, application=application, came_from=came_from, to=to, reason=reason, at=at)
