# SPDX-License-Identifier: Apache-2.0
"""The marketplace's periodic work."""

from typing import Any

from celery import shared_task

from aion import clock
from aion.people import quotas
from marketplace.services import offers


@shared_task(name="marketplace.recheck_offers")
def recheck_offers(**_: Any) -> int:
    """Take off sale what no longer has its residency facts."""
    return offers.recheck_offers(at=clock.now())


@shared_task(name="marketplace.end_quotas")
def end_quotas(**_: Any) -> int:
    """Tell of quotas that are over."""
    return quotas.end_quotas(at=clock.now())
