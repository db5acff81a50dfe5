# SPDX-License-Identifier: Apache-2.0
"""Writing the audit log, in the transaction of the act itself."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import structlog
from django.db import connection, models

from aion.actor import Actor
from aion.audit.models import AuditEvent

BATCH = 1000


def record(
    *,
    actor: Actor,
    action: str,
    subject: models.Model,
    at: datetime,
    organisation_id: int | None = None,
    reason: str = "",
    changes: dict[str, Any] | None = None,
) -> AuditEvent:
    """Write that ``actor`` did ``action`` to ``subject``. Call it inside the service's transaction."""
    event = _event(actor, action, subject, at, organisation_id, reason, changes or {})
    event.save(force_insert=True)
    return event


def record_each(
    *, actor: Actor, action: str, subjects: Iterable[tuple[models.Model, dict[str, Any]]], at: datetime, reason: str
) -> None:
    """Write that ``actor`` did ``action`` to each subject, with its changes, in one statement a thousand."""
    events = [_event(actor, action, subject, at, None, reason, changes) for subject, changes in subjects]
    AuditEvent.objects.bulk_create(events, batch_size=BATCH)


def _event(
    actor: Actor,
    action: str,
    subject: models.Model,
    at: datetime,
    organisation_id: int | None,
    reason: str,
    changes: dict[str, Any],
) -> AuditEvent:
    context = structlog.contextvars.get_contextvars()
    return AuditEvent(
        organisation_id=organisation_id or getattr(subject, "organisation_id", None) or actor.organisation_id,
        user_id=actor.user_id,
        actor_label=actor.label or actor.role,
        via=actor.via,
        action=action,
        subject_type=subject._meta.label_lower,
        subject_id=str(getattr(subject, "public_id", subject.pk)),
        subject_label=str(subject)[:200],
        reason=reason,
        changes=changes,
        request_id=str(context.get("request_id", "")),
        at=at,
    )


def forget_person(*, user_id: int, address: str, memberships: list[str]) -> None:
    """Take a person's name out of the log: the labels become ``erased-<id>``, all else stays as it was written.

    ``memberships`` are the public ids of what the person was a member by; their events are labelled by name.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT aion_forget_person(%s, %s, %s)", [user_id, address, memberships])
