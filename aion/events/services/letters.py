# SPDX-License-Identifier: Apache-2.0
"""Mails to people who have no account yet: they go through the same outbox."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from aion.events.models import Event, Mail
from aion.events.services.emission import emit
from aion.queue import nudge


@transaction.atomic
def emit_to_address(
    *,
    organisation_id: int,
    type: str,
    data: Mapping[str, Any],
    address: str,
    language: str,
    path: str,
    key: str,
    at: datetime,
) -> Event | None:
    """Write that something happened and a mail about it to ``address``; None when ``key`` was emitted before.

    ``path`` is the page that the mail opens, with a token in it perhaps: it is in no event and no log, and the outbox
    forgets it once the mail has left. The type's audience is told as by ``emit``.
    """
    event = emit(organisation_id=organisation_id, type=type, data=data, key=key, at=at)
    if event is None:
        return None
    Mail.objects.create(
        address=address,
        private={"path": path},
        organisation_id=organisation_id,
        event=event,
        language=language,
        next_attempt_at=at,
        created_at=at,
    )
    nudge("events.send_due_mails")
    return event
