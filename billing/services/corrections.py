# SPDX-License-Identifier: Apache-2.0
"""Correcting metered usage: a second person approves, the difference is a new record, the money follows it."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max, Sum
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import NotFound, Rejected
from aion.periods import floor_hour
from billing.audit import Action
from billing.errors import CorrectionNotPossible
from billing.models import CorrectionRequest, Meter, QuarantinedUsage, QuarantineReview, Run, UsageRecord
from billing.services.metering import BatchResult, post_staged
from billing.services.requests import lock_pending, require_second
from billing.states import RequestState

SOURCE = "correction"


def metered(*, meter_id: int, hour: datetime, start_second: int) -> tuple[int, int]:
    """Return (seconds as corrected so far, last revision) of a window. Raises CorrectionNotPossible without one."""
    found = UsageRecord.objects.filter(meter_id=meter_id, hour=hour, start_second=start_second).aggregate(
        seconds=Sum("seconds"), revision=Max("revision")
    )
    if found["revision"] is None:
        raise CorrectionNotPossible(
            gettext("Nothing was metered there: correct a window that stands in the usage records.")
        )
    return int(found["seconds"]), int(found["revision"])


@transaction.atomic
def request_correction(
    *, actor: Actor, reference: str, hour: datetime, start_second: int, seconds: int, reason: str, at: datetime
) -> CorrectionRequest:
    """Ask for a window of the device ``reference`` to have ``seconds``; nothing changes until a second person agrees.

    Raises Rejected for a missing reason or impossible seconds, NotFound for an unknown device, CorrectionNotPossible
    for a window that is not there, is right already or waits for a decision.
    """
    if actor.user_id is None:
        raise Rejected(gettext("Only a person can ask for a correction."))
    if not reason.strip():
        raise Rejected(gettext("Write why the usage was wrong: it goes on the record."), field="reason")
    if not 0 <= seconds <= 3600 - start_second:
        raise Rejected(gettext("A window lies inside its hour."), field="seconds_after")
    meter = Meter.objects.filter(reference=reference).first()
    if meter is None:
        raise NotFound(gettext("There is no such device."), field="reference")
    before, _ = metered(meter_id=meter.pk, hour=floor_hour(hour), start_second=start_second)
    if before == seconds:
        raise CorrectionNotPossible(gettext("The window has these seconds already."), field="seconds_after")
    _require_free(meter_id=meter.pk, hour=floor_hour(hour), start_second=start_second, seconds=seconds)
    try:
        with transaction.atomic():
            request = CorrectionRequest.objects.create(
                organisation_id=meter.organisation_id,
                meter=meter,
                hour=floor_hour(hour),
                start_second=start_second,
                seconds_before=before,
                seconds_after=seconds,
                reason=reason,
                requested_by_id=actor.user_id,
                requested_by=actor.label,
                requested_at=at,
            )
    except IntegrityError as error:
        raise CorrectionNotPossible(gettext("A correction of this window waits for a decision already.")) from error
    audit.record(actor=actor, action=Action.CORRECTION_REQUESTED, subject=request, at=at, reason=reason,
                 changes={"seconds": [before, seconds]})  # fmt: skip
    return request


@transaction.atomic
def approve_correction(*, actor: Actor, public_id: str, at: datetime) -> BatchResult:
    """Write the difference as the window's next revision and post it.

    Raises FourEyesNeeded, NotFound, CorrectionNotPossible for a window that was changed since it was asked for. A
    refund goes back to the lots that paid for the day, last payer first; a further charge burns as usage does.
    """
    request = _pending(public_id)
    require_second(
        actor,
        request.requested_by_id,
        gettext("You asked for this correction: a second member of staff must approve it."),
    )
    # One correction of a run at a time, and none while a batch of its operator is judged.
    Run.objects.select_for_update(no_key=True).get(meters=request.meter_id)
    before, revision = metered(meter_id=request.meter_id, hour=request.hour, start_second=request.start_second)
    if before != request.seconds_before:
        raise CorrectionNotPossible(
            gettext("The window was changed since this was asked for: reject it and ask again.")
        )
    _require_free(
        meter_id=request.meter_id,
        hour=request.hour,
        start_second=request.start_second,
        seconds=request.seconds_after,
    )
    row = (request.hour, request.meter_id, request.start_second, request.seconds_after - before, revision + 1)

    def stage(cursor: Any) -> None:
        cursor.execute(
            "INSERT INTO usage_stage (hour, meter_id, start_second, seconds, revision) VALUES (%s, %s, %s, %s, %s)", row
        )

    result = post_staged(stage=stage, source=SOURCE, at=at)
    if not result.accepted:  # another correction took this revision between the two statements
        raise CorrectionNotPossible(gettext("The window was changed at this very moment: try again."))
    CorrectionRequest.objects.filter(pk=request.pk).update(
        state=RequestState.APPROVED, decided_by=actor.label, decided_at=at, batch_id=result.batch_id
    )
    audit.record(actor=actor, action=Action.CORRECTION_APPROVED, subject=request, at=at, reason=request.reason)
    return result


@transaction.atomic
def reject_correction(*, actor: Actor, public_id: str, reason: str, at: datetime) -> None:
    """Refuse a waiting correction. Raises NotFound when nothing waits."""
    request = _pending(public_id)
    CorrectionRequest.objects.filter(pk=request.pk).update(
        state=RequestState.REJECTED, decided_by=actor.label, decided_at=at
    )
    audit.record(actor=actor, action=Action.CORRECTION_REJECTED, subject=request, at=at, reason=reason)


@transaction.atomic
def review_quarantined(*, actor: Actor, usage_id: int, note: str, at: datetime) -> QuarantineReview:
    """Close a quarantined record with a finding; it stays as it is. Raises Rejected, NotFound."""
    if not note.strip():
        raise Rejected(gettext("Write what you found out: it goes on the record."), field="note")
    usage = QuarantinedUsage.objects.filter(pk=usage_id, review=None).first()
    if usage is None:
        raise NotFound(gettext("No such record waits for a review."))
    review = QuarantineReview.objects.create(usage=usage, note=note, reviewed_by=actor.label, reviewed_at=at)
    audit.record(actor=actor, action=Action.QUARANTINE_REVIEWED, subject=usage, at=at, reason=note)
    return review


def _require_free(*, meter_id: int, hour: datetime, start_second: int, seconds: int) -> None:
    """Refuse a window that would reach into another one of its device. Raises CorrectionNotPossible."""
    others = UsageRecord.objects.filter(meter_id=meter_id, hour=hour).exclude(start_second=start_second)
    for begin, length in others.values_list("start_second").annotate(length=Sum("seconds")):
        if length and begin < start_second + seconds and begin + length > start_second:
            raise CorrectionNotPossible(
                gettext("The window would reach into the one from second %(begin)s on: correct that one first.")
                % {"begin": begin},
                field="seconds_after",
            )


def _pending(public_id: str) -> CorrectionRequest:
    rows = CorrectionRequest.objects.filter(public_id=public_id)
    request: CorrectionRequest = lock_pending(rows, missing=gettext("No such correction waits for a decision."))
    return request
