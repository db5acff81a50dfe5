# SPDX-License-Identifier: Apache-2.0
"""Doorbells of settlement: one call each, extra arguments tolerated; every one may run twice."""

from typing import Any

import structlog
from celery import shared_task

from aion import clock
from aion.actor import system
from billing.errors import MonthNotOver
from billing.services.statements import last_closable
from billing.settlement.services.gauge import raise_alerts
from billing.settlement.services.settling import settle_month

log = structlog.get_logger(__name__)


@shared_task(name="settlement.settle_months")
def settle_months(**_: Any) -> int:
    """Settle the latest month that may be settled; again, it changes nothing. An open month is tried again later."""
    now = clock.now()
    try:
        return settle_month(actor=system("settlement"), month=last_closable(now), at=now).settled
    except MonthNotOver as error:
        log.info("month not settled yet", reason=error.detail)
        return 0


@shared_task(name="settlement.read_gauge")
def read_gauge(**_: Any) -> int:
    """Raise the alerts of the limited network that are due."""
    return len(raise_alerts(at=clock.now()))
