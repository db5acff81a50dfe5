# SPDX-License-Identifier: Apache-2.0
"""Usage of pools that their operator meters: from CloudEvents to readings that billing judges.

One unreadable event is one refused line; the others land. The body is decoded into typed structs, never into rows
of the ORM: 10,000 events cost what a page costs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import msgspec
from django.db import connection, transaction

from aion.actor import Actor, Scope
from aion.errors import Rejected, TooMany
from billing.services.ingest import IngestResult, Reading, Refusal, RunTerms, ingest_readings
from clusters.models import Workload
from clusters.states import MeteredBy

MAX_EVENTS = 10_000
SLOTS = 4
TOO_DEEP = "This nests too deeply to be a CloudEvent of usage."
EVENT_TYPE = "eu.aion.usage.v1"
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=160, pattern=r"^[\x21-\x7e]+$")]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
SLOT = "SELECT pg_try_advisory_xact_lock(hashtext('clusters.ingest'), %s)"


class UsageData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one device of a workload used in one window."""

    device: Text
    window_start: Instant
    window_end: Instant
    milli_gpus: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    revision: Annotated[int, msgspec.Meta(ge=0, le=30)] = 0


class UsageEvent(msgspec.Struct, frozen=True):
    """A CloudEvent (1.0, JSON format); attributes that we do not use are accepted and ignored."""

    specversion: str
    id: Text
    source: Text
    type: str
    subject: Text
    data: UsageData


_one = msgspec.json.Decoder(UsageEvent)
_all = msgspec.json.Decoder(list[UsageEvent])
_raw = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An event that is not one of ours, with what the decoder says."""

    line: int
    detail: str


@dataclass(frozen=True, slots=True)
class Ingested:
    """The answer to a batch, line by line."""

    result: IngestResult
    unreadable: list[Unreadable]
    received: int

    @property
    def refusals(self) -> list[Refusal]:
        """Return the lines that billing refused."""
        return self.result.refusals


def ingest_events(*, actor: Actor, body: bytes, at: datetime) -> Ingested:
    """Post a batch of CloudEvents from the operator that acts; the same batch again changes nothing.

    Raises Rejected for a body that is no JSON array or too long, TooMany when all ingest slots are busy.
    """
    actor.require(Scope.USAGE_INGEST)
    events, unreadable = decode(body)
    with transaction.atomic():
        _take_slot()
        terms = run_terms(actor, {event.subject for _, event in events})
        result = ingest_readings(
            organisation_id=actor.organisation_id or 0,
            readings=readings(events),
            terms=terms,
            source=f"ingest:{actor.organisation_id}",
            at=at,
        )
    return Ingested(result, unreadable, len(events) + len(unreadable))


def decode(body: bytes) -> tuple[list[tuple[int, UsageEvent]], list[Unreadable]]:
    """Return the events with their index, and what is unreadable. Raises Rejected for a body that is no array."""
    try:
        events = list(enumerate(_all.decode(body)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _one_by_one(body)  # the fault of some lines, unless the array itself cannot be read
    _check_length(len(events))
    return _ours(events, [])


def _one_by_one(body: bytes) -> tuple[list[tuple[int, UsageEvent]], list[Unreadable]]:
    try:
        parts = _raw.decode(body)
    except msgspec.ValidationError as error:
        raise Rejected("Send a JSON array of CloudEvents.") from error
    except RecursionError as error:
        raise Rejected(TOO_DEEP) from error
    except msgspec.DecodeError as error:
        raise Rejected(f"The body is not JSON: {error}.") from error
    _check_length(len(parts))
    events, unreadable = [], []
    for line, part in enumerate(parts):
        try:
            events.append((line, _one.decode(part)))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            unreadable.append(Unreadable(line, f"{error}."))
        except RecursionError:
            unreadable.append(Unreadable(line, TOO_DEEP))
    return _ours(events, unreadable)


def _ours(
    events: list[tuple[int, UsageEvent]], unreadable: list[Unreadable]
) -> tuple[list[tuple[int, UsageEvent]], list[Unreadable]]:
    kept = []
    for line, event in events:
        if event.specversion != "1.0" or event.type != EVENT_TYPE:
            unreadable.append(Unreadable(line, f"Send CloudEvents 1.0 of the type {EVENT_TYPE}."))
        elif not (_sane(event.data.window_start) and _sane(event.data.window_end)):
            unreadable.append(Unreadable(line, "A window lies between the years 2000 and 2999."))
        else:
            kept.append((line, event))
    return kept, sorted(unreadable, key=lambda one: one.line)


def _sane(instant: datetime) -> bool:
    # The database takes years that Python cannot read back, and seconds of a thousand years overflow a sum.
    return 2000 <= instant.year < 3000


def _check_length(count: int) -> None:
    if not 1 <= count <= MAX_EVENTS:
        raise Rejected(f"A batch has between 1 and {MAX_EVENTS:,} events; this one has {count:,}.")


def _take_slot() -> None:
    with connection.cursor() as cursor:
        for slot in range(SLOTS):
            cursor.execute(SLOT, [slot])
            if cursor.fetchone()[0]:
                return
    raise TooMany(f"{SLOTS} batches are being posted: send this one again in a moment.", retry_after=2)


def run_terms(actor: Actor, subjects: set[str]) -> list[RunTerms]:
    """Return what bounds the workloads in ``subjects`` that run on pools the actor operates and meters itself."""
    rows = Workload.objects.filter(
        public_id__in=subjects, pool__organisation_id=actor.organisation_id or 0, pool__metered_by=MeteredBy.OPERATOR
    ).values_list(
        "public_id",
        "run_id",
        "pool__cluster__code",
        "milli_gpus",
        "max_seconds",
        "queued_at",
        "ended_at",
        "decision_id",
    )
    return [
        RunTerms(ref, run_id, prefix, milli, most, since, until, decision is not None)
        for ref, run_id, prefix, milli, most, since, until, decision in rows
    ]


def readings(events: list[tuple[int, UsageEvent]]) -> Iterator[Reading]:
    """Yield the rows that billing stages."""
    for line, event in events:
        data = event.data
        seconds = (data.window_end - data.window_start).total_seconds()
        # A window of a part of a second is no window of ours: it is refused as reversed, never rounded.
        whole = int(seconds) if seconds == int(seconds) and not data.window_start.microsecond else -1
        yield line, event.subject, data.device, data.window_start, whole, data.milli_gpus, data.revision
