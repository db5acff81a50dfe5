# SPDX-License-Identifier: Apache-2.0
"""Usage of pools that their operator meters: from CloudEvents to readings that billing judges.

One unreadable event is one refused line; the others land. The body is decoded into typed structs, never into rows
of the ORM: 10,000 events cost what a page costs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from django.db import connection, transaction
from django.utils.translation import gettext, gettext_lazy

from aion.actor import Actor, Scope
from aion.errors import Rejected, TooMany
from aion.figures import number
from billing.services.ingest import IngestResult, Reading, Refusal, RunTerms, ingest_readings
from clusters.states import MeteredBy

MAX_EVENTS = 10_000
SLOTS = 4
TOO_DEEP = gettext_lazy("This nests too deeply to be a CloudEvent of usage.")
EVENT_TYPE: Literal["eu.aion.usage.v1"] = "eu.aion.usage.v1"
OURS = ("1.0", EVENT_TYPE)
# \Z and not $, which a line break may follow.
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=160, pattern=r"^[\x21-\x7e]+\Z")]
Length = Annotated[str, msgspec.Meta(min_length=1, max_length=160)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
# Instants go back to the database as they came: Python need not read them.
TERMS = """
SELECT w.public_id, w.run_id, c.code, w.milli_gpus, w.max_seconds, w.queued_at::text, w.ended_at::text,
       w.decision_id IS NOT NULL
FROM clusters_workload w JOIN clusters_pool p ON p.id = w.pool_id JOIN clusters_cluster c ON c.id = p.cluster_id
WHERE p.organisation_id = %s AND p.metered_by = %s AND w.public_id = ANY (%s)
  AND w.run_id IS NOT NULL
"""
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


class QuickData(UsageData, frozen=True, forbid_unknown_fields=True, gc=False):
    """The same, its text and instants unread: most lines of a batch have the same few windows."""

    device: Length
    window_start: str  # type: ignore[assignment]  # text, before it is read
    window_end: str  # type: ignore[assignment]  # text, before it is read


class QuickEvent(UsageEvent, frozen=True, gc=False):
    """The same, its texts unread: a pattern for each of 40,000 texts costs more than everything else."""

    specversion: Literal["1.0"]
    id: Length
    source: Length
    type: Literal["eu.aion.usage.v1"]
    subject: Length
    data: QuickData


_one = msgspec.json.Decoder(UsageEvent)
_quick = msgspec.json.Decoder(list[QuickEvent])
_raw = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An event that is not one of ours, with what the decoder says."""

    line: int
    detail: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """The lines of a body: what can be read, to be gone through once, with its workloads, and what cannot."""

    readings: Iterable[Reading]
    workloads: set[str]
    unreadable: list[Unreadable]
    received: int


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
    decoded = decode(body)
    with transaction.atomic():
        _take_slot()
        result = ingest_readings(
            organisation_id=actor.organisation_id or 0,
            readings=decoded.readings,
            terms=run_terms(actor, decoded.workloads),
            source=f"ingest:{actor.organisation_id}",
            at=at,
        )
    return Ingested(result, decoded.unreadable, decoded.received)


def decode(body: bytes) -> Decoded:
    """Return the readings with their index, and what is unreadable. Raises Rejected for a body that is no array."""
    return all_at_once(body) or one_by_one(body)  # the fault of some lines, unless the array itself cannot be read


def all_at_once(body: bytes) -> Decoded | None:
    """Return what ``one_by_one`` returns, in a quarter of the time, for a body whose lines can all be read, or None."""
    try:
        events = _quick.decode(body)
        windows = _windows({(event.data.window_start, event.data.window_end) for event in events})
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    _check_length(len(events))
    workloads = {event.subject for event in events}
    texts = [f"{event.id}{event.data.device}" for event in events]
    if windows is None or not _plain("".join([*texts, *workloads, *{one.source for one in events}])):
        return None
    readings = (
        (line, event.subject, data.device, *windows[data.window_start, data.window_end], data.milli_gpus, data.revision)
        for line, event in enumerate(events)
        for data in (event.data,)
    )
    return Decoded(readings, workloads, [], len(events))


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _windows(texts: set[tuple[str, str]]) -> dict[tuple[str, str], tuple[datetime, int]] | None:
    # Every pair of texts is read once. None when one of them is no window of ours.
    keys = list(texts)
    pairs = msgspec.convert(keys, list[tuple[Instant, Instant]])
    if not all(_sane(start) and _sane(end) for start, end in pairs):
        return None
    return {key: (start, whole_window(start, end)) for key, (start, end) in zip(keys, pairs, strict=True)}


def one_by_one(body: bytes) -> Decoded:
    """Return the readings and what is unreadable, each with its index. Raises Rejected for a body that is no array."""
    try:
        parts = _raw.decode(body)
    except msgspec.ValidationError as error:
        raise Rejected(gettext("Send a JSON array of CloudEvents.")) from error
    except RecursionError as error:
        raise Rejected(str(TOO_DEEP)) from error
    except msgspec.DecodeError as error:
        raise Rejected(gettext("The body is not JSON: %(error)s.") % {"error": error}) from error
    _check_length(len(parts))
    readings: list[Reading] = []
    unreadable: list[Unreadable] = []
    for line, part in enumerate(parts):
        try:
            event = _one.decode(part)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            unreadable.append(Unreadable(line, f"{error}."))
        except RecursionError:
            unreadable.append(Unreadable(line, str(TOO_DEEP)))
        else:
            fault = _fault(event)
            if fault:
                unreadable.append(Unreadable(line, fault))
            else:
                readings.append(_reading(line, event))
    return Decoded(readings, {workload for _, workload, *_ in readings}, unreadable, len(parts))


def _fault(event: UsageEvent) -> str:
    if (event.specversion, event.type) != OURS:
        return f"Send CloudEvents 1.0 of the type {EVENT_TYPE}."
    if not (_sane(event.data.window_start) and _sane(event.data.window_end)):
        return "A window lies between the years 2000 and 2999."
    return ""


def _reading(line: int, event: UsageEvent) -> Reading:
    data = event.data
    seconds = whole_window(data.window_start, data.window_end)
    return line, event.subject, data.device, data.window_start, seconds, data.milli_gpus, data.revision


def _sane(instant: datetime) -> bool:
    # The database takes years that Python cannot read back, and seconds of a thousand years overflow a sum.
    return 2000 <= instant.year < 3000


def _check_length(count: int) -> None:
    if not 1 <= count <= MAX_EVENTS:
        raise Rejected(
            gettext("A batch has between 1 and %(most)s events; this one has %(count)s.")
            % {"most": number(MAX_EVENTS), "count": number(count)}
        )


def _take_slot() -> None:
    with connection.cursor() as cursor:
        for slot in range(SLOTS):
            cursor.execute(SLOT, [slot])
            if cursor.fetchone()[0]:
                return
    raise TooMany(
        gettext("%(count)s batches are being posted: send this one again in a moment.") % {"count": SLOTS},
        retry_after=2,
    )


def run_terms(actor: Actor, subjects: set[str]) -> list[RunTerms]:
    """Return what bounds the workloads in ``subjects`` that run on pools the actor operates and meters itself."""
    with connection.cursor() as cursor:
        cursor.execute(TERMS, [actor.organisation_id or 0, MeteredBy.OPERATOR.value, list(subjects)])
        return [RunTerms(*row) for row in cursor.fetchall()]


def whole_window(start: datetime, end: datetime) -> int:
    """Return the seconds of a window; a part of a second is refused as reversed (-1), never rounded."""
    seconds = (end - start).total_seconds()
    return int(seconds) if seconds == int(seconds) and not start.microsecond else -1
