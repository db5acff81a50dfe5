# SPDX-License-Identifier: Apache-2.0
"""The columns of the FOCUS 1.2 specification as data, and a checker of an export in CSV against them.

Facts from the specification's column pages and its conformance rules, 1.2: which columns a dataset must have, their
types, whether they may be null and what they may say. Rules that no reader of one file can decide (that a text is
readable, that an account exists) are not here.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum


class Type(StrEnum):
    """What a column of the specification holds."""

    STRING = "string"
    DECIMAL = "decimal"
    DATETIME = "datetime"


class Level(StrEnum):
    """Whether a dataset must have the column: always, where a condition holds, or as the provider likes."""

    MANDATORY = "mandatory"
    CONDITIONAL = "conditional"
    RECOMMENDED = "recommended"


@dataclass(frozen=True, slots=True)
class Spec:
    """One column of the specification."""

    level: Level
    type: Type
    nullable: bool
    allowed: frozenset[str] = frozenset()
    least: Decimal | None = None


def _string(level: Level, *allowed: str, null: bool) -> Spec:
    return Spec(level, Type.STRING, null, frozenset(allowed))


def _number(level: Level, *, null: bool, least: int | None = None) -> Spec:
    return Spec(level, Type.DECIMAL, null, frozenset(), None if least is None else Decimal(least))


def _instant(level: Level) -> Spec:
    return Spec(level, Type.DATETIME, nullable=False)


M, C, R = Level.MANDATORY, Level.CONDITIONAL, Level.RECOMMENDED
SERVICES: Mapping[str, tuple[str, ...]] = {
    "AI and Machine Learning": (
        "Bots", "Generative AI", "Machine Learning", "Natural Language Processing", "Other (AI and Machine Learning)",
    ),
    "Analytics": (
        "Analytics Platform", "Business Intelligence", "Data Processing", "Search", "Streaming Analytics",
        "Other (Analytics)",
    ),
    "Business Applications": ("Productivity and Collaboration", "Other (Business Applications)"),
    "Compute": (
        "Containers", "End User Computing", "Quantum Compute", "Serverless Compute", "Virtual Machines",
        "Other (Compute)",
    ),
    "Databases": (
        "Caching", "Data Warehouses", "Ledger Databases", "NoSQL Databases", "Relational Databases",
        "Time Series Databases", "Other (Databases)",
    ),
    "Developer Tools": (
        "Developer Platforms", "Continuous Integration and Deployment", "Development Environments",
        "Source Code Management", "Quality Assurance", "Other (Developer Tools)",
    ),
    "Identity": ("Identity and Access Management", "Other (Identity)"),
    "Integration": ("API Management", "Messaging", "Workflow Orchestration", "Other (Integration)"),
    "Internet of Things": ("IoT Analytics", "IoT Platforms", "Other (Internet of Things)"),
    "Management and Governance": (
        "Architecture", "Compliance", "Cost Management", "Data Governance", "Disaster Recovery",
        "Endpoint Management", "Observability", "Support", "Other (Management and Governance)",
    ),
    "Media": ("Content Creation", "Gaming", "Media Streaming", "Mixed Reality", "Other (Media)"),
    "Migration": ("Data Migration", "Resource Migration", "Other (Migration)"),
    "Mobile": ("Other (Mobile)",),
    "Multicloud": ("Multicloud Integration", "Other (Multicloud)"),
    "Networking": (
        "Application Networking", "Content Delivery", "Network Connectivity", "Network Infrastructure",
        "Network Routing", "Network Security", "Other (Networking)",
    ),
    "Security": (
        "Secret Management", "Security Posture Management", "Threat Detection and Response", "Other (Security)",
    ),
    "Storage": (
        "Backup Storage", "Block Storage", "File Storage", "Object Storage", "Storage Platforms", "Other (Storage)",
    ),
    "Web": ("Application Platforms", "Other (Web)"),
    "Other": ("Other (Other)",),
}  # fmt: skip
SPECIFICATION: Mapping[str, Spec] = {
    "BilledCost": _number(M, null=False),
    "BillingAccountId": _string(M, null=False),
    "BillingAccountName": _string(M, null=True),
    "BillingAccountType": _string(C, null=False),
    "BillingCurrency": _string(M, "EUR", null=False),  # any ISO 4217 code; ours is the euro
    "BillingPeriodEnd": _instant(M),
    "BillingPeriodStart": _instant(M),
    "ChargeCategory": _string(M, "Usage", "Purchase", "Tax", "Credit", "Adjustment", null=False),
    "ChargeClass": _string(M, "Correction", null=True),
    "ChargeDescription": _string(M, null=True),
    "ChargeFrequency": _string(R, "One-Time", "Recurring", "Usage-Based", null=False),
    "ChargePeriodEnd": _instant(M),
    "ChargePeriodStart": _instant(M),
    "ConsumedQuantity": _number(C, null=True),
    "ConsumedUnit": _string(C, null=True),
    "ContractedCost": _number(M, null=False),
    "ContractedUnitPrice": _number(C, null=True, least=0),
    "EffectiveCost": _number(M, null=False),
    "InvoiceId": _string(R, null=True),
    "InvoiceIssuerName": _string(M, null=False),
    "ListCost": _number(M, null=False),
    "ListUnitPrice": _number(C, null=True, least=0),
    "PricingCategory": _string(C, "Standard", "Dynamic", "Committed", "Other", null=True),
    "PricingCurrency": _string(C, null=False),
    "PricingCurrencyContractedUnitPrice": _number(C, null=True, least=0),
    "PricingCurrencyEffectiveCost": _number(C, null=False),
    "PricingCurrencyListUnitPrice": _number(C, null=True, least=0),
    "PricingQuantity": _number(M, null=True),
    "PricingUnit": _string(M, null=True),
    "ProviderName": _string(M, null=False),
    "PublisherName": _string(M, null=False),
    "RegionId": _string(C, null=True),
    "RegionName": _string(C, null=True),
    "ResourceId": _string(C, null=True),
    "ResourceName": _string(C, null=True),
    "ResourceType": _string(C, null=True),
    "ServiceCategory": _string(M, *SERVICES, null=False),
    "ServiceName": _string(M, null=False),
    "ServiceSubcategory": _string(R, *(name for names in SERVICES.values() for name in names), null=False),
    "SkuId": _string(C, null=True),
    "SkuMeter": _string(C, null=True),
    "SkuPriceId": _string(C, null=True),
    "SubAccountId": _string(C, null=True),
    "SubAccountName": _string(C, null=True),
    "SubAccountType": _string(C, null=True),
}
# The first is null where the second is, and where it must not be null while the second is there, the pair says so.
NULL_WITH: tuple[tuple[str, str, bool], ...] = (
    ("ConsumedUnit", "ConsumedQuantity", True),
    ("PricingUnit", "PricingQuantity", True),
    ("RegionName", "RegionId", True),
    ("ResourceName", "ResourceId", False),
    ("ResourceType", "ResourceId", True),
    ("SkuMeter", "SkuId", False),
    ("SkuPriceId", "SkuId", False),
    ("SubAccountName", "SubAccountId", False),
    ("SubAccountType", "SubAccountId", True),
)
# What usage and purchases must say unless they correct a closed period.
OF_CHARGES = ("ContractedUnitPrice", "ListUnitPrice", "PricingCategory", "PricingQuantity", "SkuId", "SkuPriceId")
PRODUCTS = (
    ("ListUnitPrice", "PricingQuantity", "ListCost"),
    ("ContractedUnitPrice", "PricingQuantity", "ContractedCost"),
)
PERIODS = (("BillingPeriodStart", "BillingPeriodEnd"), ("ChargePeriodStart", "ChargePeriodEnd"))
# Quantities are written to 12 decimals: their product with a price is right to nine.
CLOSE = Decimal("0.000000001")
MOST = 100
Row = Mapping[str, str]


def check_csv(lines: Iterable[str]) -> list[str]:
    """Return what an export in CSV breaks of the specification, each with its line; at most the first ``MOST``."""
    reader = csv.DictReader(lines)
    found = list(_columns(reader.fieldnames or ()))
    for row in reader:
        found += [f"line {reader.line_num}: {one}" for one in check_row(row)]
        if len(found) >= MOST:
            break
    return found[:MOST]


def _columns(names: Iterable[str]) -> Iterator[str]:
    given = list(names)
    own = [name for name in given if name not in SPECIFICATION]
    for name, spec in SPECIFICATION.items():
        if name not in given and spec.level == Level.MANDATORY:
            yield f"the mandatory column {name} is missing"
    for name in sorted({name for name in given if given.count(name) > 1}):
        yield f"the column {name} is there twice"
    for name in own:
        if not name.startswith("x_") and name not in LATER:
            yield f"the column {name} is none of FOCUS and has no x_ before it"


# Columns of FOCUS 1.3 that stand among ours already.
LATER = frozenset({"HostProviderName", "ServiceProviderName"})


def check_row(row: Row) -> Iterator[str]:
    """Yield what one row breaks."""
    for name, spec in SPECIFICATION.items():
        if name in row:
            yield from _value(name, spec, row[name])
    for name, with_it, both in NULL_WITH:
        if row.get(name) and not row.get(with_it):
            yield f"{name} must be null where {with_it} is"
        if both and row.get(with_it) and not row.get(name):
            yield f"{name} must not be null where {with_it} is not"
    for start, end in PERIODS:
        if row.get(start, "") >= row.get(end, ""):
            yield f"{end} must come after {start}"
    if row.get("ServiceSubcategory") not in SERVICES.get(row.get("ServiceCategory", ""), ()):
        yield "ServiceSubcategory does not belong to ServiceCategory"
    yield from _charges(row)


def _charges(row: Row) -> Iterator[str]:
    corrects = row.get("ChargeClass") == "Correction"
    if row.get("ChargeCategory") in {"Usage", "Purchase"} and not corrects:
        yield from (f"{name} must not be null for usage and purchases" for name in OF_CHARGES if not row.get(name))
    if row.get("ChargeCategory") == "Usage" and not corrects and not row.get("ConsumedQuantity"):
        yield "ConsumedQuantity must not be null for usage"
    if row.get("ChargeCategory") != "Usage" and row.get("ConsumedQuantity"):
        yield "ConsumedQuantity must be null for what is no usage"
    if row.get("ChargeCategory") == "Purchase" and row.get("ChargeFrequency") == "Usage-Based":
        yield "a purchase is never usage-based"
    if not corrects:
        yield from _products(row)


def _products(row: Row) -> Iterator[str]:
    for price, quantity, cost in PRODUCTS:
        try:
            parts = [Decimal(row[name]) for name in (price, quantity, cost) if row.get(name)]
        except InvalidOperation:
            continue  # said already of the value itself
        if len(parts) == 3 and abs(parts[0] * parts[1] - parts[2]) > CLOSE:
            yield f"{cost} must be {price} x {quantity}"


def _value(name: str, spec: Spec, value: str) -> Iterator[str]:
    if not value:
        if not spec.nullable:
            yield f"{name} must not be null"
        return
    if spec.allowed and value not in spec.allowed:
        yield f"{name} must not be {value!r}"
    if spec.type == Type.DATETIME:
        try:
            datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007 - the Z is asked for
        except ValueError:
            yield f"{name} must be an instant in UTC such as 2026-05-01T00:00:00Z"
    if spec.type == Type.DECIMAL:
        yield from _number_of(name, spec, value)


def _number_of(name: str, spec: Spec, value: str) -> Iterator[str]:
    try:
        number = Decimal(value)
    except InvalidOperation:
        yield f"{name} must be a number"
        return
    if not number.is_finite() or value.startswith("+") or "," in value:
        yield f"{name} must be a plain number"
    elif spec.least is not None and number < spec.least:
        yield f"{name} must not be below {spec.least}"
