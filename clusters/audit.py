# SPDX-License-Identifier: Apache-2.0
"""Names of clusters' acts in the audit log."""

from enum import StrEnum


class Action(StrEnum):
    """What can happen to workloads, reservations and pools."""

    WORKLOAD_STOP_REQUESTED = "workload.stop_requested"
    RESERVATION_CONFIRMED = "reservation.confirmed"
    RESERVATION_CANCELLED = "reservation.cancelled"
