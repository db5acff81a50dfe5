# SPDX-License-Identifier: Apache-2.0
"""Tasks of grants: each one call."""

from typing import Any

from celery import shared_task

from aion import clock
from marketplace.grants.services import awards, deadlines, reminders, reports, returns


@shared_task(name="grants.apply_unused_rule", acks_late=True)
def apply_unused_rule(**_: Any) -> int:
    """Warn of credits that are hardly used, and propose what goes back."""
    return awards.apply_unused_rule(at=clock.now())


@shared_task(name="grants.return_expired", acks_late=True)
def return_expired(**_: Any) -> int:
    """Give what expired of awards back to their pots."""
    return returns.return_expired(at=clock.now())


@shared_task(name="grants.tell_of_closing", acks_late=True)
def tell_of_closing(**_: Any) -> int:
    """Tell of calls whose deadline has passed."""
    return deadlines.tell_of_closing(at=clock.now())


@shared_task(name="grants.remind", acks_late=True)
def remind(**_: Any) -> int:
    """Tell of drafts, reviews and reports that are due, and of aid that waits for the register."""
    at = clock.now()
    return (
        deadlines.remind_of_drafts(at=at)
        + reminders.remind_reviewers(at=at)
        + reminders.remind_of_register(at=at)
        + reports.remind_of_reports(at=at)
    )
