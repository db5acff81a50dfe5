# SPDX-License-Identifier: Apache-2.0
"""Reservations: booked with their hold, metered by the calendar, cancelled before their start, swept through life."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext

from aion import figures
from aion.actor import Actor, Scope
from aion.audit import services as audit
from aion.errors import NotFound, Rejected
from aion.events.services.emission import emit
from aion.money import decimal_string
from aion.residency import services as residency
from aion.tenancy.services.projects import require_member
from billing import queries as billing
from billing.services import holds, metering
from clusters.audit import Action
from clusters.errors import CapacityNotAvailable, ReservationNeeded, WrongState
from clusters.models import Pool, Reservation
from clusters.queries import reservations as reading
from clusters.services import capacity
from clusters.states import CANCELLATION, ReservationState, hours_charged

SOURCE = "reservations"
# So long before its end people are told; the rest of a workload's time is no longer than this then.
ENDS_SOON = timedelta(hours=2)
BATCH = 500
LOCK_DUE = """
CREATE TEMPORARY TABLE IF NOT EXISTS due_reservation (id bigint, upto timestamptz) ON COMMIT DELETE ROWS;
TRUNCATE due_reservation;
INSERT INTO due_reservation
SELECT id, least(billed_until, date_trunc('hour', %(at)s::timestamptz, 'UTC')) FROM clusters_reservation
WHERE settled_at IS NULL AND metered_until < least(billed_until, date_trunc('hour', %(at)s::timestamptz, 'UTC'))
ORDER BY id LIMIT %(batch)s FOR NO KEY UPDATE SKIP LOCKED
"""
STAGE = """
INSERT INTO usage_stage (hour, meter_id, start_second, seconds, revision)
SELECT hour, r.meter_id, 0, 3600, 0
FROM due_reservation d
JOIN clusters_reservation r ON r.id = d.id
CROSS JOIN LATERAL generate_series(r.metered_until, d.upto - interval '1 hour', interval '1 hour') AS hour
"""
ADVANCE = """
UPDATE clusters_reservation r SET metered_until = d.upto FROM due_reservation d WHERE d.id = r.id
"""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is promised to whom, as it was sold; the price is in micro-credits per GPU-hour."""

    public_id: str
    organisation_id: int
    project_id: int
    member_id: int | None
    pool: Pool
    offer_ref: str
    title: str
    milli_gpus: int
    starts_at: datetime
    ends_at: datetime
    sku_id: int
    price_id: int
    price_book: str
    micro_per_gpu_hour: int
    amount: int


def require_room(*, pool_id: int, milli_gpus: int, since: datetime, until: datetime, at: datetime) -> Pool:
    """Return the pool, locked, with room for the promise. Raises CapacityNotAvailable."""
    pool = capacity.lock_pool(pool_id)
    left = capacity.reservable(pool=pool, since=since, until=until, at=at)
    if left < milli_gpus:
        raise CapacityNotAvailable(
            gettext(
                "%(left)s GPUs of this pool can still be reserved for all of this window: ask for fewer, or choose "
                "other hours."
            )
            % {"left": figures.gpus(left)},
            field="gpus",
            requested_gpus=milli_gpus / 1000,
            maximum_gpus=left / 1000,
        )
    return pool


@transaction.atomic
def book(
    *, actor: Actor, terms: Terms, hold_id: int, decision_id: int, at: datetime, idempotency_key: str | None = None
) -> Reservation:
    """Write a reservation whose hold is placed, with the run and the meter that it is charged by.

    The database refuses what does not fit the pool (IntegrityError), whoever asks. Call it in the hold's transaction,
    after ``require_room``.
    """
    run = metering.open_run(
        organisation_id=terms.organisation_id,
        project_id=terms.project_id,
        member_id=terms.member_id,
        workload_ref=terms.public_id,
        name=f"{terms.milli_gpus // 1000} × {terms.title}"[:63],
        site_code=terms.pool.cluster.site.code,
        sku_id=terms.sku_id,
        price_id=terms.price_id,
        micro_per_gpu_hour=terms.micro_per_gpu_hour,
        hold_id=hold_id,
        decision_id=decision_id,
        at=at,
    )
    meter_id = metering.open_meter(
        reference=f"reservation/{terms.public_id}",
        run_id=run.pk,
        milli_gpus=terms.milli_gpus,
        allowed=residency.allows(decision_id),
        at=at,
    )
    row = Reservation.objects.create(
        **{name: getattr(terms, name) for name in Terms.__slots__},
        cancellation=[list(step) for step in CANCELLATION],
        run_id=run.pk,
        meter_id=meter_id,
        hold_id=hold_id,
        decision_id=decision_id,
        idempotency_key=idempotency_key,
        confirmed_at=at,
        billed_until=terms.ends_at,
        metered_until=terms.starts_at,
    )
    said = {"gpus": terms.milli_gpus / 1000, "window": [str(terms.starts_at), str(terms.ends_at)]}
    audit.record(
        actor=actor,
        action=Action.RESERVATION_CONFIRMED,
        subject=row,
        at=at,
        changes={**said, "amount": decimal_string(terms.amount)},
    )
    _tell(row, "confirmed", at)
    return row


@transaction.atomic
def cancel_reservation(*, actor: Actor, public_id: str, at: datetime) -> Reservation:
    """Give a reservation back before it starts; what the rule it was confirmed under charges stays held.

    Raises NotFound for a stranger's, WrongState for one that has started, ended or is cancelled, Forbidden for a
    project that is for others only.
    """
    actor.require(Scope.WORKLOADS_WRITE)
    row = Reservation.objects.visible_to(actor).select_for_update(no_key=True).filter(public_id=public_id).first()
    if row is None:
        raise NotFound(gettext("There is no such reservation."))
    require_member(actor, row.project)
    return _cancel(actor, row, hours=cancellation_hours(row, at), reason="", at=at)


@transaction.atomic
def cancel_for_operator(*, actor: Actor, row: Reservation, reason: str, at: datetime) -> Reservation:
    """Take a promise back as staff, before its start, at no cost; the customer reads why.

    Raises WrongState, Rejected without a reason.
    """
    if not reason.strip():
        raise Rejected(gettext("Write why: the customer reads it."), field="reason")
    locked = Reservation.objects.select_for_update(no_key=True).get(pk=row.pk)
    return _cancel(actor, locked, hours=0, reason=reason.strip(), at=at)


def cancellation_hours(row: Reservation, at: datetime) -> int:
    """Return how many hours of the window a customer pays who cancels at ``at``."""
    return hours_charged(rule=row.cancellation, before=row.starts_at - at, hours=row.hours)


def cost_of(row: Reservation, hours: int) -> int:
    """Return what ``hours`` of a reservation cost, in micro-credits."""
    return billing.worst_case(
        milli_gpus=row.milli_gpus, seconds=hours * 3600, micro_per_gpu_hour=row.micro_per_gpu_hour
    )


def _cancel(actor: Actor, row: Reservation, *, hours: int, reason: str, at: datetime) -> Reservation:
    moved = row.starts_at > at and Reservation.objects.filter(pk=row.pk).move(
        ReservationState.CANCELLED,
        cancelled_at=at,
        cancel_reason=reason[:200],
        billed_until=row.starts_at + timedelta(hours=hours),
        settled_at=None if hours else at,
    )
    if not moved:
        raise WrongState(
            gettext("A reservation can be cancelled before it starts, and once: this one is %(state)s.")
            % {"state": row.get_state_display()},
            state=row.state,
        )
    if hours:
        holds.reduce_hold(hold_id=row.hold_id, keep=cost_of(row, hours))
    else:
        holds.release_hold(hold_id=row.hold_id, at=at)
    charged = cost_of(row, hours)
    row.refresh_from_db()
    audit.record(
        actor=actor,
        action=Action.RESERVATION_CANCELLED,
        subject=row,
        at=at,
        reason=reason,
        changes={"hours_charged": hours, "charged": decimal_string(charged)},
    )
    _tell(row, "cancelled", at, charged_microcredits=charged, reason=reason)
    return row


def usable(
    *, actor: Actor, project_id: int, sold: tuple[int, str], milli_gpus: int, max_seconds: int, at: datetime, lock: bool
) -> Reservation:
    """Return the project's reservation that a launch fits on: of several the one that ends first.

    ``sold`` is the pool and the offer that it was made on. ``lock`` keeps it until the launch commits, so that two
    launches cannot take the same GPUs. Raises ReservationNeeded without one that is active, CapacityNotAvailable
    without enough free GPUs on any, Rejected for a time beyond the end of all that have them.
    """
    rows = Reservation.objects.visible_to(actor).promised().filter(project=project_id, pool=sold[0], offer_ref=sold[1])
    if lock:
        rows = rows.select_for_update(no_key=True)
    found: Sequence[Reservation] = list(rows.filter(ends_at__gt=at).order_by("ends_at", "pk"))
    active = [row for row in found if row.starts_at <= at]
    if not active:
        raise _none_active(found)
    in_use = reading.in_use(active)
    free = {row.pk: row.milli_gpus - in_use[row.pk] for row in active}
    roomy = [row for row in active if free[row.pk] >= milli_gpus]
    if not roomy:
        most = max(free.values())
        raise CapacityNotAvailable(
            gettext("%(free)s GPUs of your reservation are free: ask for fewer, or stop something that runs on it.")
            % {"free": figures.gpus(most)},
            field="gpus",
            requested_gpus=milli_gpus / 1000,
            maximum_gpus=most / 1000,
        )
    fitting = next((row for row in roomy if row.ends_at - at >= timedelta(seconds=max_seconds)), None)
    if fitting is None:
        last = roomy[-1]
        raise Rejected(
            gettext("Your reservation ends on %(end)s UTC: choose a maximum duration of at most %(minutes)s minutes.")
            % {"end": f"{last.ends_at:%Y-%m-%d %H:%M}", "minutes": (last.ends_at - at) // timedelta(minutes=1)},
            field="max_duration_seconds",
        )
    return fitting


def _none_active(found: Sequence[Reservation]) -> ReservationNeeded:
    if found:
        first = min(found, key=lambda row: row.starts_at)
        return ReservationNeeded(
            gettext("Your reservation starts on %(start)s UTC: launch on it from then on.")
            % {"start": f"{first.starts_at:%Y-%m-%d %H:%M}"},
            field="offer",
        )
    return ReservationNeeded(
        gettext(
            "This offer is sold by reservation, and this project has none that is active: reserve GPUs for it first, "
            "then launch while the reservation is active."
        ),
        field="offer",
    )


def sweep(*, at: datetime) -> dict[str, int]:
    """Start, announce the end of, end, meter and settle what is due; killed anywhere, the next sweep goes on there."""
    return {
        "started": _move_due(ReservationState.ACTIVE, "started", {"starts_at__lte": at}, at),
        "warned": _warn(at),
        "ended": _move_due(ReservationState.ENDED, "ended", {"ends_at__lte": at}, at),
        "hours": meter_hours(at=at),
        "settled": settle(at=at),
    }


def _move_due(to: ReservationState, word: str, due: dict[str, Any], at: datetime) -> int:
    source = ReservationState.CONFIRMED if to is ReservationState.ACTIVE else ReservationState.ACTIVE
    return _each({"state": source, **due}, lambda row: Reservation.objects.filter(pk=row.pk).move(to), word=word, at=at)


def _warn(at: datetime) -> int:
    due = {"state": ReservationState.ACTIVE, "warned_at": None, "ends_at__gt": at, "ends_at__lte": at + ENDS_SOON}
    return _each(due, lambda row: Reservation.objects.filter(pk=row.pk).update(warned_at=at), word="ending", at=at)


def _each(due: dict[str, Any], act: Callable[[Reservation], int], *, word: str, at: datetime) -> int:
    """Act on each row that is due and tell of it, in one transaction a row."""
    count = 0
    for pk in list(Reservation.objects.filter(**due).order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            row = Reservation.objects.filter(pk=pk, **due).select_for_update(no_key=True, skip_locked=True).first()
            if row is not None and act(row):
                _tell(row, word, at)
                count += 1
    return count


def meter_hours(*, at: datetime) -> int:
    """Post every finished hour of every reservation once, used or not; return how many were new.

    One transaction a batch: what is posted and how far that goes are written together, and an hour has one key.
    """

    def stage(cursor: Any) -> None:
        cursor.execute(STAGE)

    accepted = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(LOCK_DUE, {"batch": BATCH, "at": at})
            result = metering.post_staged(stage=stage, source=SOURCE, at=at)
            cursor.execute(ADVANCE)
            due = cursor.rowcount
        accepted += result.accepted
        if due < BATCH:
            return accepted


def settle(*, at: datetime) -> int:
    """Close the holds of reservations that are over and metered to the end of what is charged. Returns how many."""
    over = {"state__in": (ReservationState.ENDED, ReservationState.CANCELLED), "settled_at": None}
    count = 0
    for row in Reservation.objects.filter(**over).order_by("pk"):
        with transaction.atomic():
            rows = Reservation.objects.filter(pk=row.pk, metered_until=row.billed_until, **over)
            if rows.update(settled_at=at):
                holds.release_hold(hold_id=row.hold_id, at=at)
                count += 1
    return count


def _tell(row: Reservation, word: str, at: datetime, **more: Any) -> None:
    emit(
        organisation_id=row.organisation_id,
        type=f"reservation.{word}",
        data={
            "reservation": row.public_id,
            "title": row.title,
            "gpus": row.milli_gpus / 1000,
            "starts_at": row.starts_at,
            "ends_at": row.ends_at,
            "amount_microcredits": row.amount,
            **more,
        },
        key=f"reservation.{word}:{row.public_id}",
        at=at,
    )
