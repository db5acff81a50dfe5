# SPDX-License-Identifier: Apache-2.0
"""Telling buyers that an order is used up, or nearly."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from aion.money import MICRO_PER_CENT
from billing.procurement.models import PurchaseOrder
from billing.procurement.queries.figures import of_orders
from billing.procurement.services.orders import tell
from billing.procurement.states import OrderState

STEPS = (100, 80)
BATCH = 500
# Late usage may still reach an order for some days after its last one.
LATE = timedelta(days=7)


def tell_exhausted(*, at: datetime) -> int:
    """Tell once of each accepted order that has passed a step; return how many were told. May run twice."""
    live = Q(expires_on=None) | Q(expires_on__gte=(at - LATE).date())
    rows = PurchaseOrder.objects.filter(live, state=OrderState.ACCEPTED, told_percent__lt=max(STEPS)).order_by("pk")
    told, last = 0, 0
    while page := list(rows.filter(pk__gt=last)[:BATCH]):
        last = page[-1].pk
        used = of_orders(row.pk for row in page)
        for row in page:
            consumed = used[row.pk].consumed
            step = next((one for one in STEPS if consumed * 100 >= row.amount_cents * one), 0)
            if step > row.told_percent:
                told += _tell(row, step, consumed, at)
    return told


@transaction.atomic
def _tell(row: PurchaseOrder, step: int, consumed: int, at: datetime) -> int:
    moved = PurchaseOrder.objects.filter(pk=row.pk, told_percent__lt=step).update(told_percent=step)
    if moved:
        used = consumed * MICRO_PER_CENT
        tell(row, "order.exhausted", at, key=f":{step}", threshold_percent=step, used_microcredits=used)
    return int(moved)
