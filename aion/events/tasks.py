# SPDX-License-Identifier: Apache-2.0
"""Doorbells of events: what is to be done stands in the rows; extra arguments are tolerated."""

from typing import Any

from celery import shared_task

from aion import clock
from aion.events.services import deliveries, emission, mails

ROUNDS = 20


@shared_task(name="events.fan_out")
def fan_out(**_: Any) -> int:
    """Tell those whom new events concern."""
    done = 0
    for _round in range(ROUNDS):
        count = emission.fan_out(at=clock.now())
        done += count
        if count < emission.BATCH:
            break
    return done


@shared_task(name="events.deliver_due")
def deliver_due(**_: Any) -> int:
    """Call the endpoints that are due."""
    done = 0
    for _round in range(ROUNDS):
        count = deliveries.deliver_due(at=clock.now())
        done += count
        if not count:
            break
    return done


@shared_task(name="events.send_due_mails")
def send_due_mails(**_: Any) -> int:
    """Send the mails that are due."""
    return mails.send_due_mails(at=clock.now())
