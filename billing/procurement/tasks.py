# SPDX-License-Identifier: Apache-2.0
"""Tasks of procurement: each one call."""

from typing import Any

from celery import shared_task

from aion import clock
from billing.procurement.services import quotes, warnings


@shared_task(name="procurement.expire_quotes", acks_late=True)
def expire_quotes(**_: Any) -> int:
    """Expire quotes whose last day has passed, and warn of those that end soon."""
    return quotes.expire_quotes(at=clock.now())


@shared_task(name="procurement.tell_exhausted", acks_late=True)
def tell_exhausted(**_: Any) -> int:
    """Tell of orders that are used up, or nearly."""
    return warnings.tell_exhausted(at=clock.now())
