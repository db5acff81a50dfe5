# SPDX-License-Identifier: Apache-2.0
"""The columns of the usage export: FOCUS 1.2 names, the two provider names of 1.3, and our own behind ``x_``.

Left out, because nothing here has them: AvailabilityZone, CapacityReservation*, CommitmentDiscount*, SkuPriceDetails
and Tags, which FOCUS asks for only where a provider supports them.
"""

from dataclasses import dataclass
from enum import StrEnum

PROVIDER = "AION Marketplace"
BILLING_CURRENCY = "EUR"
PRICING_CURRENCY = "AION Credit"  # virtual: one credit is one euro
CREDIT_SKU, CREDIT_PRICE = "aion-credit", "aion-credit-1"


class Kind(StrEnum):
    """What a column holds. Decimals are exact; instants are in UTC."""

    TEXT = "text"
    DECIMAL = "decimal"
    INTEGER = "integer"
    INSTANT = "instant"


class RowKind(StrEnum):
    """Why a row is there (x_RowKind)."""

    USAGE = "usage"
    ROUNDING = "rounding"
    CREDIT = "credit"
    CORRECTION = "correction"
    RESTATEMENT = "restatement"
    PURCHASE = "purchase"
    GRANT = "grant"
    EXPIRY = "expiry"
    REFUND = "refund"
    REVERSAL = "reversal"
    RECLAIM = "reclaim"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, what it holds, where that comes from, and which values it may have (empty: any)."""

    name: str
    kind: Kind
    source: str
    nullable: bool = False
    allowed: frozenset[str] = frozenset()


def _text(name: str, source: str, *allowed: str, null: bool = False) -> Column:
    return Column(name, Kind.TEXT, source, null, frozenset(allowed))


def _decimal(name: str, source: str, *, null: bool = False) -> Column:
    return Column(name, Kind.DECIMAL, source, null)


def _instant(name: str, source: str) -> Column:
    return Column(name, Kind.INSTANT, source)


COLUMNS: tuple[Column, ...] = (
    _decimal("BilledCost", "what is asked for in cash: the price of a purchase; usage that no credit paid"),
    _text("BillingAccountId", "organisation.public_id"),
    _text("BillingAccountName", "organisation.name"),
    _text("BillingAccountType", "constant", "Organisation"),
    _text("BillingCurrency", "constant", BILLING_CURRENCY),
    _instant("BillingPeriodEnd", "first instant after the month on whose statement the row stands"),
    _instant("BillingPeriodStart", "first instant of that month"),
    _text("ChargeCategory", "by x_RowKind", "Usage", "Purchase", "Credit", "Adjustment"),
    _text(
        "ChargeClass",
        "late change of a closed month, where it was and where it is billed; a reversal",
        "Correction",
        null=True,
    ),
    _text("ChargeDescription", "workload and SKU; or the ledger entry's text"),
    _text("ChargeFrequency", "by x_RowKind", "Usage-Based", "One-Time"),
    _instant("ChargePeriodEnd", "end of the UTC day (of the month for corrections), excluded"),
    _instant("ChargePeriodStart", "start of the UTC day (of the month for corrections)"),
    _decimal("ConsumedQuantity", "usage_day.milli_gpu_seconds / 1000, exactly", null=True),
    _text("ConsumedUnit", "constant of usage", "GPU-Seconds", null=True),
    _decimal("ContractedCost", "run.micro_per_gpu_hour x time, to 12 decimals; the amount of a purchase"),
    _decimal("ContractedUnitPrice", "run.micro_per_gpu_hour, frozen at launch", null=True),
    _decimal("EffectiveCost", "whole micro-credits charged; 0 for purchases, which usage amortises"),
    _text("HostProviderName", "the operator of the site (1.3); ours where no site is involved"),
    _text("InvoiceId", "none yet: statements are no invoices (x_StatementId)", null=True),
    _text("InvoiceIssuerName", "constant", PROVIDER),
    _decimal("ListCost", "list price x time, to 12 decimals; the amount of a purchase"),
    _decimal("ListUnitPrice", "price of the list at launch", null=True),
    _text("PricingCategory", "constant of usage and purchases", "Standard", null=True),
    _text("PricingCurrency", "constant", PRICING_CURRENCY),
    _decimal("PricingCurrencyContractedUnitPrice", "as ContractedUnitPrice, in credits", null=True),
    _decimal("PricingCurrencyEffectiveCost", "as EffectiveCost, in credits"),
    _decimal("PricingCurrencyListUnitPrice", "as ListUnitPrice, in credits", null=True),
    _decimal("PricingQuantity", "GPU-hours to 12 decimals; credits of a purchase", null=True),
    _text("PricingUnit", "by x_RowKind", "GPU-Hours", "Credits", null=True),
    _text("ProviderName", "constant", PROVIDER),
    _text("PublisherName", "constant", PROVIDER),
    _text("RegionId", "run.site_code", null=True),
    _text("RegionName", "the site's name", null=True),
    _text("ResourceId", "run.workload_ref; the lot's public_id", null=True),
    _text("ResourceName", "run.name; the lot's name", null=True),
    _text("ResourceType", "by x_RowKind", "Workload", "Credit lot", null=True),
    _text("ServiceCategory", "by x_RowKind", "Compute", "Other"),
    _text("ServiceName", "by x_RowKind", "AION GPU", "AION credits"),
    _text("ServiceProviderName", "constant (1.3)", PROVIDER),
    _text("ServiceSubcategory", "by x_RowKind", "Containers", "Other (Other)"),
    _text("SkuId", "sku.code", null=True),
    _text("SkuMeter", "constant of usage", "GPU time", null=True),
    _text("SkuPriceId", "the price version that the run froze: price.id", null=True),
    _text("SubAccountId", "project.public_id", null=True),
    _text("SubAccountName", "project.name", null=True),
    _text("SubAccountType", "constant where there is a project", "Project", null=True),
    _text("x_RowKind", "why the row is there", *RowKind),
    _decimal("x_CreditAmount", "credits that moved, whatever they cost", null=True),
    _text("x_CreditLotId", "the lot that paid, or that the entry is about", null=True),
    _decimal("x_ExactCharge", "usage_day.exact: 1/3,600,000 micro-credit, before rounding", null=True),
    Column("x_MilliGpuSeconds", Kind.INTEGER, "usage_day.milli_gpu_seconds", nullable=True),
    Column("x_PodCount", Kind.INTEGER, "meters of the run, over all its days", nullable=True),
    _text("x_ResidencyPolicy", "the policy of the residency decision at launch", null=True),
    _text("x_StatementId", "the closed month's statement, once there is one", null=True),
    _text("x_TransferId", "ledger entry", null=True),
)
NAMES = tuple(column.name for column in COLUMNS)
POSITION = {name: index for index, name in enumerate(NAMES)}
