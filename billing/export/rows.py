# SPDX-License-Identifier: Apache-2.0
"""The rows of the usage export, read through a server-side cursor: one row a run and day, and what money did."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils.translation import gettext

from aion.actor import Actor, Scope
from aion.errors import Rejected
from aion.periods import floor_day, month_instant, month_start, next_month
from aion.tenancy.models import Organisation
from billing.export.columns import (
    BILLING_CURRENCY,
    CREDIT_PRICE,
    CREDIT_SKU,
    NAMES,
    POSITION,
    PRICING_CURRENCY,
    PROVIDER,
    RowKind,
)
from billing.export.sql import FIELDS, FOCUS
from billing.models import PriceBook
from billing.places import Place, places
from billing.queries import LIST_BOOK

MAX_DAYS = 400
FETCH = 1_000
Row = list[Any]
_ZERO = Decimal(0)
_METERED = {RowKind.USAGE, RowKind.CORRECTION, RowKind.RESTATEMENT}
_OF_USAGE = _METERED | {RowKind.ROUNDING, RowKind.CREDIT}
_CATEGORIES = {
    RowKind.USAGE: "Usage",
    RowKind.CORRECTION: "Usage",
    RowKind.RESTATEMENT: "Usage",
    RowKind.ROUNDING: "Adjustment",
    RowKind.CREDIT: "Credit",
    RowKind.PURCHASE: "Purchase",
    RowKind.REFUND: "Purchase",
    RowKind.GRANT: "Adjustment",
    RowKind.EXPIRY: "Adjustment",
    RowKind.REVERSAL: "Adjustment",
}


@dataclass(frozen=True, slots=True)
class Period:
    """Whole UTC days, the end excluded."""

    start: datetime
    end: datetime

    @property
    def words(self) -> str:
        """Return what a file of the period is named after."""
        return f"{self.start:%Y-%m-%d}_{self.end:%Y-%m-%d}"


def period_of(first: str, last: str, *, at: datetime) -> Period:
    """Read ``2026-05-01`` and ``2026-06-01``, the end excluded; empty means this month, up to today.

    Raises Rejected for what is no date, an end before the start, or more than MAX_DAYS days.
    """
    start = _day(first, "from") if first else month_start(_day(last, "to") - timedelta(days=1) if last else at)
    end = _day(last, "to") if last else floor_day(at) + timedelta(days=1)
    if start >= end:
        raise Rejected(gettext("The period ends before it begins: 'to' is the first day that is left out."), field="to")
    if end - start > timedelta(days=MAX_DAYS):
        raise Rejected(
            gettext("An export spans %(max_days)s days at the most: ask for several.") % {"max_days": MAX_DAYS},
            field="to",
            max_days=MAX_DAYS,
        )
    return Period(start, end)


def month_period(month: date) -> Period:
    """Return the period of the calendar month that ``month`` lies in."""
    start = month_instant(month)
    return Period(start, next_month(start))


def _day(text: str, field: str) -> datetime:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Rejected(gettext("Write a date as 2026-05-01."), field=field) from None
    if not 2000 <= day.year < 3000:
        raise Rejected(gettext("No usage is that far away."), field=field)
    return day


def focus_rows(actor: Actor, *, period: Period) -> Iterator[Row]:
    """Yield the export of the actor's organisation in the order of COLUMNS; nothing without an organisation.

    Purchases, grants, expiry, refunds and reversals are there only for who may read credits.
    """
    organisation = Organisation.objects.visible_to(actor).first()
    if organisation is None:
        return
    list_book = PriceBook.objects.filter(code=LIST_BOOK).values_list("pk", flat=True).first()
    scope = {
        "organisation_id": organisation.pk,
        "start": period.start,
        "end": period.end,
        "money": actor.has(Scope.CREDITS_READ),
        "list_book": list_book or 0,
    }
    build = _Builder(organisation)
    with connection.chunked_cursor() as cursor:
        cursor.execute(FOCUS, scope)
        while chunk := cursor.fetchmany(FETCH):
            for values in chunk:
                yield build(values)


class _Builder:
    """Makes a full row out of what the statement returned."""

    def __init__(self, organisation: Organisation) -> None:
        self.places: dict[str, Place] = places()
        self.bases = {kind: _base(kind, organisation) for kind in RowKind}
        self.targets = [POSITION[name] for name in FIELDS]
        self.ends: dict[datetime, datetime] = {}

    def __call__(self, values: tuple[Any, ...]) -> Row:
        row = self.bases[RowKind(values[0])].copy()
        for position, value in zip(self.targets, values, strict=True):
            if value is not None:
                row[position] = value
        start = row[POSITION["BillingPeriodStart"]]
        if start not in self.ends:
            self.ends[start] = next_month(start)
        row[POSITION["BillingPeriodEnd"]] = self.ends[start]
        row[POSITION["PricingCurrencyContractedUnitPrice"]] = row[POSITION["ContractedUnitPrice"]]
        row[POSITION["PricingCurrencyListUnitPrice"]] = row[POSITION["ListUnitPrice"]]
        row[POSITION["PricingCurrencyEffectiveCost"]] = row[POSITION["EffectiveCost"]]
        code = row[POSITION["RegionId"]]
        if code is not None:
            place = self.places.get(code)
            row[POSITION["RegionName"]] = place.name if place else code
            row[POSITION["HostProviderName"]] = place.operator if place else PROVIDER
        return row


def _base(kind: RowKind, organisation: Organisation) -> Row:
    """Return what is the same in every row of a kind."""
    known: dict[str, Any] = {
        "BilledCost": _ZERO,
        "BillingAccountId": organisation.public_id,
        "BillingAccountName": organisation.name,
        "BillingAccountType": "Organisation",
        "BillingCurrency": BILLING_CURRENCY,
        "ChargeCategory": _CATEGORIES[kind],
        "ChargeFrequency": "Usage-Based" if kind in _OF_USAGE else "One-Time",
        "ContractedCost": _ZERO,
        "EffectiveCost": _ZERO,
        "HostProviderName": PROVIDER,
        "InvoiceIssuerName": PROVIDER,
        "ListCost": _ZERO,
        "PricingCurrency": PRICING_CURRENCY,
        "ProviderName": PROVIDER,
        "PublisherName": PROVIDER,
        "ServiceCategory": "Compute" if kind in _OF_USAGE else "Other",
        "ServiceName": "AION GPU" if kind in _OF_USAGE else "AION credits",
        "ServiceProviderName": PROVIDER,
        "ServiceSubcategory": "Containers" if kind in _OF_USAGE else "Other (Other)",
    }
    if kind in _METERED:
        known |= {
            "ConsumedUnit": "GPU-Seconds",
            "PricingCategory": "Standard",
            "PricingUnit": "GPU-Hours",
            "ResourceType": "Workload" if kind is RowKind.USAGE else None,
            "SkuMeter": "GPU time",
            "SubAccountType": "Project",
        }
    elif kind is not RowKind.ROUNDING:
        known["ResourceType"] = "Credit lot"
    if kind in {RowKind.PURCHASE, RowKind.REFUND}:
        one = Decimal(1)
        known |= {"PricingCategory": "Standard", "PricingUnit": "Credits", "SkuId": CREDIT_SKU,
                  "SkuPriceId": CREDIT_PRICE, "ListUnitPrice": one, "ContractedUnitPrice": one}  # fmt: skip
    return [known.get(name) for name in NAMES]
