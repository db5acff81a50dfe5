# SPDX-License-Identifier: Apache-2.0
"""Amounts of cents and rates as the pages of procurement write them."""

from decimal import Decimal

from django import template

from aion import figures
from billing.procurement.states import MICRO_PER_CENT

register = template.Library()
BASIS_POINTS = 100


@register.filter
def euros(cents: int | None) -> str:
    """Write cents as euros."""
    return figures.credits(None if cents is None else cents * MICRO_PER_CENT)


@register.filter
def rate(basis_points: int) -> str:
    """Write hundredths of a per cent as per cent."""
    return figures.percent((Decimal(basis_points) / BASIS_POINTS).normalize() + 0)
