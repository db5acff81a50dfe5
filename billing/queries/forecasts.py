# SPDX-License-Identifier: Apache-2.0
"""The facts of a forecast, read from lots and roll-ups."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import Q, Sum

from aion.money import floor_charge
from aion.periods import floor_hour, month_start, whole_seconds
from billing.forecast import Facts, Forecast, LotLeft, forecast
from billing.models import LedgerAccount, UsageHour

WEEK = timedelta(days=7)


def forecasts(organisation_id: int | None, *, at: datetime, unposted: int = 0) -> tuple[Forecast, ...]:
    """Return when an organisation's credit runs out; ``unposted`` is what runs now and no lot has paid yet."""
    rows = LedgerAccount.objects.filter(organisation_id=organisation_id or 0).lots()
    live = rows.filter(Q(expires_at=None) | Q(expires_at__gt=at), starts_at__lte=at).in_spending_order()
    lots = [LotLeft(lot.available, lot.held, lot.expires_at) for lot in live]
    until = floor_hour(at)
    rolled = UsageHour.objects.filter(organisation_id=organisation_id or 0)
    spent = rolled.within(min(month_start(at), until - WEEK), at).aggregate(
        month=Sum("exact", filter=Q(hour__gte=month_start(at)), default=0),
        week=Sum("exact", filter=Q(hour__gte=until - WEEK, hour__lt=until), default=0),
    )
    return forecast(
        Facts(
            at=at,
            lots=_less(lots, unposted),
            month_spent=floor_charge(int(spent["month"])),
            month_seconds=whole_seconds(month_start(at), at),
            week_spent=floor_charge(int(spent["week"])),
            week_seconds=int(WEEK.total_seconds()),
        )
    )


def _less(lots: Sequence[LotLeft], amount: int) -> list[LotLeft]:
    """Return lots without ``amount``: what is held pays first, as it will when it is posted."""
    result = []
    for lot in lots:
        held = min(lot.held, amount)
        result.append(replace(lot, held=lot.held - held))
        amount -= held
    return result
