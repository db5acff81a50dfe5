# SPDX-License-Identifier: Apache-2.0
"""What the consortium owes and earns, over all organisations: for staff only."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, F, Q, Sum, When
from django.db.models.functions import TruncMonth

from aion.money import floor_charge
from billing.models import LedgerAccount, UsageHour
from billing.states import AccountKind


@dataclass(frozen=True, slots=True)
class Liability:
    """Credit of one origin that may still be used, and expires in one month; ``month`` None never expires."""

    origin: str
    month: datetime | None
    lots: int
    available: int
    held: int

    @property
    def total(self) -> int:
        """Return what work may still be asked for, in micro-credits."""
        return self.available + self.held


@dataclass(frozen=True, slots=True)
class SiteSales:
    """What one site sold in a period: time on GPUs, and its charge in micro-credits."""

    site_code: str
    milli_gpu_seconds: int
    revenue: int


def liability(at: datetime) -> list[Liability]:
    """Return unspent credit by origin and month of expiry, soonest first; of an expired lot only its holds count."""
    live = Q(expires_at=None) | Q(expires_at__gt=at)
    rows = (
        LedgerAccount.objects.filter(kind=AccountKind.LOT)
        .annotate(left=Case(When(live, then=F("credits") - F("debits") - F("held")), default=0))
        .filter(Q(left__gt=0) | Q(held__gt=0))
        .order_by()
        .values("origin", month=TruncMonth("expires_at"))
        .annotate(available=Sum("left"), of_holds=Sum("held"), lots=Sum(1))
        .order_by(F("month").asc(nulls_last=True), "origin")
    )
    return [
        Liability(row["origin"], row["month"], row["lots"], int(row["available"]), int(row["of_holds"])) for row in rows
    ]


def sales_by_site(start: datetime, end: datetime) -> list[SiteSales]:
    """Return what each site sold in [start, end), corrections included; a part of a micro-credit is dropped."""
    rows = (
        UsageHour.objects.all()
        .within(start, end)
        .order_by()
        .values("site_code")
        .annotate(seconds=Sum("milli_gpu_seconds"), charge=Sum("exact"))
        .order_by("site_code")
    )
    return [SiteSales(row["site_code"], int(row["seconds"]), floor_charge(int(row["charge"]))) for row in rows]
