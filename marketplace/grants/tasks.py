# SPDX-License-Identifier: Apache-2.0
"""Tasks of grants: each one call."""

from typing import Any

from celery import shared_task

from aion import clock
from marketplace.grants.services import awards, reminders, reports


@shared_task(name="grants.apply_unused_rule", acks_late=True)
def apply_unused_rule(**_: Any) -> int:
    """Warn of credits that are hardly used, and propose what goes back."""
    return awards.apply_unused_rule(at=clock.now())


@shared_task(name="grants.remind", acks_late=True)
def remind(**_: Any) -> int:
    """Tell of reviews and reports that are due, and of aid that waits for the register."""
    at = clock.now()
    return reminders.remind_reviewers(at=at) + reminders.remind_of_register(at=at) + reports.remind_of_reports(at=at)
