# SPDX-License-Identifier: Apache-2.0
"""The way out: what passed its last check is sent once, statuses come back, and what was collected is told."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import NotFound
from aion.queue import nudge
from billing.invoicing.audit import Action
from billing.invoicing.errors import DocumentNotPossible, NotRetried
from billing.invoicing.models import Dispatch, Document, DocumentFile, LifecycleStatus, StatusReport
from billing.invoicing.platform import Collected, Flow, Platform, PlatformRefused, PlatformUnavailable
from billing.invoicing.platform.loopback import LoopbackPlatform
from billing.invoicing.states import DispatchState, FileKind, Lifecycle, Process, Stage, is_lifecycle

log = structlog.get_logger(__name__)
TRIES = 12
FIRST_MINUTES, MOST_MINUTES = 1, 360
BATCH = 100
# A dispute or a refusal may come for months; after that a status is looked up by hand.
WATCHED = timedelta(days=400)
CLOSED = frozenset({Lifecycle.REFUSED, Lifecycle.REJECTED})


def adapter() -> Platform:
    """Return the platform. There is one: the loopback in the place of an approved platform."""
    return LoopbackPlatform()


def send_due(*, at: datetime, platform: Platform, limit: int = BATCH) -> int:
    """Send what passed its last check and is due; return how many were. A refusal ends the tries, silence does not."""
    ready = Dispatch.objects.due(at).filter(document__checks__stage=Stage.FINAL, document__checks__passed=True)
    sent = 0
    for pk in list(ready.values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            row = Dispatch.objects.due(at).select_for_update(skip_locked=True, of=("self",)).filter(pk=pk).first()
            if row is not None:
                sent += _send(row, at, platform)
    return sent


def _send(row: Dispatch, at: datetime, platform: Platform) -> bool:
    document = row.document
    siren = str(document.buyer.get("siren", ""))
    try:
        address = platform.look_up(siren)
        if address is None:
            raise PlatformRefused("The central directory does not know the buyer's SIREN.")
        kept = DocumentFile.objects.get(document=document, kind=FileKind.UBL)
        flow_id = platform.send(
            Flow(row.key, str(document.number), "UBL", bytes(kept.content), kept.sha256, address), at=at
        )
    except PlatformUnavailable as error:
        _later(row, at, str(error))
        return False
    except PlatformRefused as error:
        Dispatch.objects.filter(pk=row.pk).move(
            DispatchState.FAILED, attempts=row.attempts + 1, last_error=str(error)[:300]
        )
        log.error("platform refuses a document", document=document.number, error=str(error))
        return False
    Dispatch.objects.filter(pk=row.pk).move(
        DispatchState.SENT, attempts=row.attempts + 1, last_error="", address=address, flow_id=flow_id, sent_at=at
    )
    if document.process == Process.PAID:
        report_collected(document=document, gross_cents=document.gross_cents, key="paid", at=at)
    nudge("invoicing.read_statuses")
    return True


def _later(row: Dispatch, at: datetime, error: str) -> None:
    attempts = row.attempts + 1
    minutes = min(MOST_MINUTES, FIRST_MINUTES * 2 ** (attempts - 1))
    due = at + timedelta(minutes=minutes)
    Dispatch.objects.filter(pk=row.pk).update(attempts=attempts, last_error=error[:300], next_attempt_at=due)
    if attempts >= TRIES:
        Dispatch.objects.filter(pk=row.pk).move(DispatchState.FAILED)


def read_statuses(*, at: datetime, platform: Platform, limit: int = 1_000) -> int:
    """Keep every status that the platform has and we do not; return how many were new."""
    rows = (
        Dispatch.objects.filter(state=DispatchState.SENT, sent_at__gt=at - WATCHED)
        .exclude(document__statuses__code__in=CLOSED)
        .select_related("document")
        .order_by("-sent_at")[:limit]
    )
    new = 0
    for row in rows:
        try:
            found = platform.statuses(row.flow_id)
        except PlatformUnavailable as error:
            log.warning("statuses cannot be read", error=str(error))
            return new
        for status in found:
            if not is_lifecycle(status.code):
                log.error("a status that the reform does not know", code=status.code, document=row.document.number)
                continue
            _row, created = LifecycleStatus.objects.get_or_create(
                ref=f"platform:{status.ref}"[:80],
                defaults={
                    "organisation_id": row.organisation_id,
                    "document": row.document,
                    "code": status.code,
                    "reason": status.reason[:300],
                    "at": status.at,
                },
            )
            new += created
    return new


@transaction.atomic
def report_collected(*, document: Document, gross_cents: int, key: str, at: datetime) -> LifecycleStatus | None:
    """Write that so much was collected of a document, per rate of VAT, and let the platform know (status 212).

    The same ``key`` is told once. None for a document that the platform never gets. Raises DocumentNotPossible for more
    than its total.
    """
    if not Dispatch.objects.filter(document=document).exists():
        return None
    ref = f"ours:{document.public_id}:{key}"[:80]
    found: LifecycleStatus | None = LifecycleStatus.objects.filter(ref=ref).first()
    if found is not None:
        return found
    # One at a time: two payments must not both fit under the total.
    Document.objects.select_for_update(of=("self",)).get(pk=document.pk)
    told = document.statuses.filter(code=Lifecycle.COLLECTED, ours=True).values_list("amounts", flat=True)
    before = sum(part["gross_cents"] for amounts in told for part in amounts)
    if not 0 < gross_cents <= document.gross_cents - before:
        raise DocumentNotPossible(gettext("More was collected than the document says."), field="gross_cents")
    collected = Collected(document.vat_rate_basis_points, gross_cents)
    row = LifecycleStatus.objects.create(
        organisation_id=document.organisation_id,
        document=document,
        ref=ref,
        code=Lifecycle.COLLECTED,
        ours=True,
        amounts=[asdict(collected)],
        at=at,
    )
    StatusReport.objects.create(status=row, next_attempt_at=at)
    nudge("invoicing.report_statuses")
    return row


def report_due(*, at: datetime, platform: Platform, limit: int = BATCH) -> int:
    """Tell the platform statuses of ours whose document it has; return how many were told."""
    due = StatusReport.objects.filter(
        told_at=None, attempts__lt=TRIES, next_attempt_at__lte=at, status__document__dispatch__state=DispatchState.SENT
    )
    told = 0
    for pk in list(due.order_by("pk").values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            rows = StatusReport.objects.select_for_update(skip_locked=True, of=("self",)).select_related(
                "status__document__dispatch"
            )
            row = rows.filter(pk=pk, told_at=None).first()
            if row is not None:
                told += _report(row, at, platform)
    return told


def _report(row: StatusReport, at: datetime, platform: Platform) -> bool:
    status = row.status
    amounts: Sequence[Collected] = [Collected(**part) for part in status.amounts]
    flow_id = status.document.dispatch.flow_id
    row.attempts += 1
    try:
        platform.report(flow_id, code=status.code, ref=status.ref, amounts=amounts, at=status.at)
    except (PlatformUnavailable, PlatformRefused) as error:
        row.last_error = str(error)[:300]
        row.next_attempt_at = at + timedelta(minutes=min(MOST_MINUTES, FIRST_MINUTES * 2 ** (row.attempts - 1)))
    else:
        row.told_at, row.last_error = at, ""
    row.save()
    return row.told_at is not None


@transaction.atomic
def retry_dispatch(*, actor: Actor, document_id: int, at: datetime, reason: str) -> Dispatch:
    """Send a document again that was held or given up. Raises NotFound, NotRetried."""
    row: Dispatch | None = Dispatch.objects.select_for_update().filter(document_id=document_id).first()
    if row is None:
        raise NotFound(gettext("There is no such dispatch."))
    if not Dispatch.objects.filter(pk=row.pk).move(
        DispatchState.PENDING, attempts=0, next_attempt_at=at, last_error=""
    ):
        raise NotRetried(gettext("Only what was held or given up is sent again."))
    audit.record(actor=actor, action=Action.DISPATCH_RETRIED, subject=row, at=at, reason=reason)
    nudge("invoicing.send_documents")
    row.refresh_from_db()
    return row
