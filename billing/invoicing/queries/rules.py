# SPDX-License-Identifier: Apache-2.0
"""What the law says on a day."""

from datetime import date

from billing.invoicing.models import Mention, Seller, VatRate, VatRule
from billing.invoicing.states import BuyerKind, Place
from billing.invoicing.vat import Rule, Territory


def rules_on(day: date) -> list[Rule]:
    """Return the VAT rules in force."""
    return [
        Rule(
            code=row.code,
            place=Place(row.place),
            buyer=BuyerKind(row.buyer),
            needs_number=row.needs_number,
            category=row.category,
            rate_basis_points=row.rate_basis_points,
            exemption_code=row.exemption_code,
            mentions=tuple(row.mentions),
        )
        for row in VatRule.objects.on(day)
    ]


def territory_on(code: str, day: date) -> Territory:
    """Return where ``code`` is for VAT; what no row names is outside the Union's VAT area."""
    row = VatRate.objects.on(day).filter(territory=code).first()
    return Territory(code, Place(row.place), row.rate_basis_points) if row else Territory(code, Place.OUTSIDE)


def waived_by(rule: str, day: date) -> tuple[str, ...]:
    """Return the rules of the French set that cannot hold for a document under ``rule``."""
    row = VatRule.objects.on(day).filter(code=rule).first()
    return tuple(row.waived) if row else ()


def place_of(rule: str, day: date) -> str:
    """Return the place that ``rule`` is for."""
    row = VatRule.objects.on(day).filter(code=rule).first()
    return str(row.place) if row else Place.OUTSIDE


def mentions_on(codes: list[str], day: date) -> list[Mention]:
    """Return the texts that must stand on a document of ``day``: those of every document, and those of ``codes``."""
    found = Mention.objects.on(day)
    rows = list(found.filter(always=True).order_by("pk"))
    named = {row.code: row for row in found.filter(code__in=codes)}
    return rows + [named[code] for code in codes if code in named and not named[code].always]


def seller_on(day: date) -> Seller | None:
    """Return who sells."""
    row: Seller | None = Seller.objects.on(day).first()
    return row
