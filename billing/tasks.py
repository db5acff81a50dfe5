# SPDX-License-Identifier: Apache-2.0
"""Doorbells of billing: one call each, extra arguments tolerated; every one may run twice."""

from datetime import timedelta
from typing import Any

import structlog
from celery import shared_task

from aion import clock
from aion.actor import system
from billing.reconcile import run_checks
from billing.services import budgets, expiry, partitions, statements
from billing.services.reconciliation import keep_result

log = structlog.get_logger(__name__)
AHEAD = timedelta(days=62)


@shared_task(name="billing.evaluate_budgets")
def evaluate_budgets(**_: Any) -> int:
    """Tell which budgets reached a step."""
    return len(budgets.evaluate(at=clock.now()))


@shared_task(name="billing.expire_lots")
def expire_lots(**_: Any) -> int:
    """Post what expired."""
    return expiry.expire_lots(at=clock.now())


@shared_task(name="billing.warn_of_expiry")
def warn_of_expiry(**_: Any) -> int:
    """Tell of lots that end soon."""
    return expiry.warn_of_expiry(at=clock.now())


@shared_task(name="billing.prepare_partitions")
def prepare_partitions(**_: Any) -> None:
    """Make the partitions of the months ahead, so that no batch has to."""
    now = clock.now()
    partitions.ensure(first=now, last=now + AHEAD)


@shared_task(name="billing.reconcile")
def reconcile(**_: Any) -> int:
    """Prove the books and keep the result; drift is an error in the log, and is never repaired here."""
    results = run_checks()
    keep_result(results=results, at=clock.now())
    wrong = {result.name: result.contradictions for result in results if result.contradictions}
    if wrong:
        log.error("ledger drift", rules=wrong)
    return sum(wrong.values())


@shared_task(name="billing.close_months")
def close_months(**_: Any) -> int:
    """Close the latest month that may be closed; again, it changes nothing."""
    now = clock.now()
    return statements.close_month(actor=system("billing"), month=statements.last_closable(now), at=now).closed
