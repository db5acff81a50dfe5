# SPDX-License-Identifier: Apache-2.0
"""Deadlines, large numbers and rules as the pages of grants write them."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.utils import formats
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from aion import figures
from aion.tenancy.roles import Role
from marketplace.grants.eligibility import Rule
from marketplace.grants.estimator import normalised
from marketplace.grants.models import Programme, WorkItem
from marketplace.grants.words import SIZES, rule_text

register = template.Library()
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def _in_zone(at: datetime, zone: str) -> SafeString:
    local = at.astimezone(ZoneInfo(zone))
    words = formats.date_format(local, "DATETIME_FORMAT")
    return format_html('<time datetime="{}" class="tabular">{} {}</time>', local.isoformat(), words, local.tzname())


@register.filter
def opens(programme: Programme) -> SafeString:
    """Write when a call opens, in the call's own time zone."""
    return _in_zone(programme.opens_at, programme.zone)


@register.filter
def closes(programme: Programme) -> SafeString:
    """Write a call's deadline in its own time zone, with the zone's name: CET and CEST differ by an hour."""
    return _in_zone(programme.closes_at, programme.zone)


@register.filter
def whole(value: int | None) -> str:
    """Write a whole number with separators."""
    return "–" if value is None else figures.number(int(value))


@register.filter
def power(value: Any) -> str:
    """Write a large number with a power of ten."""
    if not value:
        return "–"
    digits = str(int(value))
    head = figures.number(Decimal(f"{digits[0]}.{digits[1:3].ljust(2, '0')}"), 2)
    return f"{head} × 10{str(len(digits) - 1).translate(SUPERSCRIPTS)}"


@register.filter
def normalised_hours(item: WorkItem) -> int:
    """Return hours of an A100 that do as much as the item."""
    return normalised(item.sku_code, item.gpu_hours)


@register.filter
def rule_words(rule: Rule) -> str:
    """Write a rule as applicants read it."""
    return rule_text(rule)


@register.filter
def size_word(size: str) -> str:
    """Write the size of an enterprise."""
    return str(SIZES.get(size, size))


@register.filter
def role_word(label: str) -> str:
    """Write who moved an application: a role, staff, or the check itself."""
    if label in Role.values:
        return str(Role(label).label)
    return {"staff": gettext("AION staff"), "eligibility check": gettext("Eligibility check")}.get(label, label)
