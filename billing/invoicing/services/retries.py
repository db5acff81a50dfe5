# SPDX-License-Identifier: Apache-2.0
"""Trying again what a rule refused, once its facts are put right."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import NotFound
from aion.queue import nudge
from billing.invoicing.audit import Action
from billing.invoicing.errors import NotRetried
from billing.invoicing.models import Document
from billing.invoicing.states import DocumentState


@transaction.atomic
def retry_document(*, actor: Actor, document_id: int, at: datetime, reason: str) -> Document:
    """Let a refused document be issued again, or one that waits at once; its amounts stand.

    Raises NotFound, NotRetried.
    """
    row: Document | None = Document.objects.select_for_update(of=("self",)).filter(pk=document_id).first()
    if row is None:
        raise NotFound(gettext("There is no such invoice."))
    if row.state == DocumentState.ISSUED:
        raise NotRetried(gettext("This invoice is issued already."))
    before = row.state
    row.state, row.attempts, row.next_attempt_at = DocumentState.DRAFT, 0, None
    row.save(update_fields=["state", "attempts", "next_attempt_at"])
    audit.record(
        actor=actor,
        action=Action.DOCUMENT_RETRIED,
        subject=row,
        at=at,
        reason=reason,
        changes={"state": [before, row.state]},
    )
    nudge("invoicing.issue_documents")
    return row
