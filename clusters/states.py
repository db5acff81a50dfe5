# SPDX-License-Identifier: Apache-2.0
"""States of a workload as the customer sees them, and the moves between them. No Django."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum


class WorkloadState(StrEnum):
    """The one life of a workload."""

    QUEUED = "queued"
    ADMITTED = "admitted"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    BUDGET_EXHAUSTED = "budget_exhausted"
    PREEMPTED = "preempted"


class Reason(StrEnum):
    """Why a workload is in its state; part of the API."""

    NONE = ""
    NO_CAPACITY = "no_capacity"
    SITE_UNREACHABLE = "site_unreachable"
    REFUSED_BY_SITE = "refused_by_site"
    PULLING_IMAGE = "pulling_image"
    IMAGE_ERROR = "image_error"
    STOPPED_BY_USER = "stopped_by_user"
    ORGANISATION_FROZEN = "organisation_frozen"
    BUDGET_EXCEEDED = "budget_exceeded"
    MAX_DURATION_EXCEEDED = "max_duration_exceeded"
    NODE_FAILURE = "node_failure"
    EXITED_WITH_ERROR = "exited_with_error"
    LOST = "lost"
    PREEMPTED = "preempted"


class MeteredBy(StrEnum):
    """Who meters a pool: we, from its pods, or its operator, who sends usage records."""

    AION = "aion"
    OPERATOR = "operator"


class ReservationState(StrEnum):
    """A reservation is promised from its confirmation on until its window ends or it is cancelled before."""

    CONFIRMED = "confirmed"
    ACTIVE = "active"
    ENDED = "ended"
    CANCELLED = "cancelled"


class EndSource(StrEnum):
    """How the end of a billed interval is known."""

    OPEN = ""
    FINISHED = "finished"
    DELETED = "deleted"
    NODE_LOST = "node_lost"
    PREEMPTED = "preempted"


_S = WorkloadState
TERMINAL = frozenset({_S.SUCCEEDED, _S.FAILED, _S.CANCELLED, _S.TIMED_OUT, _S.BUDGET_EXHAUSTED})
ACTIVE = frozenset(_S) - TERMINAL
_ENDS = TERMINAL | {_S.STOPPING}
MOVES: Mapping[WorkloadState, frozenset[WorkloadState]] = {
    _S.QUEUED: frozenset({_S.ADMITTED, _S.STARTING, _S.RUNNING}) | _ENDS,
    _S.ADMITTED: frozenset({_S.QUEUED, _S.STARTING, _S.RUNNING}) | _ENDS,
    _S.STARTING: frozenset({_S.QUEUED, _S.RUNNING}) | _ENDS,
    _S.RUNNING: frozenset({_S.PREEMPTED}) | _ENDS,
    _S.PREEMPTED: frozenset({_S.QUEUED}) | _ENDS,
    _S.STOPPING: TERMINAL,
    **{state: frozenset() for state in TERMINAL},
}
_R = ReservationState
PROMISED = frozenset({_R.CONFIRMED, _R.ACTIVE})
RESERVATION_MOVES: Mapping[ReservationState, frozenset[ReservationState]] = {
    _R.CONFIRMED: frozenset({_R.ACTIVE, _R.CANCELLED}),
    _R.ACTIVE: frozenset({_R.ENDED}),
    _R.ENDED: frozenset(),
    _R.CANCELLED: frozenset(),
}
# What cancelling costs: (hours before the start, per cent of the window's hours), the earliest first. A reservation
# keeps the rule that was shown when it was confirmed.
CANCELLATION: tuple[tuple[int, int], ...] = ((72, 0), (24, 25), (0, 50))


def hours_charged(*, rule: Sequence[Sequence[int]], before: timedelta, hours: int) -> int:
    """Return how many of ``hours`` are charged when a reservation is cancelled ``before`` its start; parts round up."""
    percent = next((percent for at_least, percent in rule if before >= timedelta(hours=at_least)), 100)
    return -(-hours * percent // 100)
