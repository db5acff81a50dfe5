# SPDX-License-Identifier: Apache-2.0
"""What purchases read."""

from django.db.models import QuerySet

from aion.actor import Actor
from billing.purchases.models import AutoRecharge, Payment


def payments(actor: Actor) -> QuerySet[Payment]:
    """Return the actor's payments, newest first."""
    rows: QuerySet[Payment] = Payment.objects.visible_to(actor)
    return rows.select_related("lot", "document").order_by("-pk")


def recharge(actor: Actor) -> AutoRecharge | None:
    """Return the actor's automatic recharge, on or off; None where there never was one."""
    found: AutoRecharge | None = AutoRecharge.objects.visible_to(actor).first()
    return found
