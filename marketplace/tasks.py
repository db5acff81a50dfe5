# SPDX-License-Identifier: Apache-2.0
"""The marketplace's periodic work."""

from typing import Any

from celery import shared_task

from aion import clock
from marketplace.services import offers


@shared_task(name="marketplace.recheck_offers")
def recheck_offers(**_: Any) -> int:
    """Take off sale what no longer has its residency facts."""
    return offers.recheck_offers(at=clock.now())
