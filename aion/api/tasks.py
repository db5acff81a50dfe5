# SPDX-License-Identifier: Apache-2.0
"""Doorbells of the edges; extra arguments are tolerated."""

from typing import Any

import structlog
from celery import shared_task

from aion import clock, retention
from aion.queue import nudge

log = structlog.get_logger(__name__)


@shared_task(name="api.forget_old")
def forget_old(**_: Any) -> int:
    """Delete what is over; ring again while a rule has more than one run may take."""
    gone = retention.forget_old(at=clock.now())
    total = sum(gone.values())
    if total:
        log.info("forgotten", **{name.replace(" ", "_"): count for name, count in gone.items()})
    if max(gone.values()) >= retention.BATCH * retention.BATCHES:
        nudge("api.forget_old")
    return total
