# SPDX-License-Identifier: Apache-2.0
"""What is known of state aid: linked organisations, the rule in force, and what an undertaking has left."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db.models import Sum

from marketplace.grants.aid import window_start
from marketplace.grants.models import (
    AidEntry,
    AidRecord,
    AidRule,
    ExcludedSector,
    PublicHoliday,
    Undertaking,
    UndertakingLink,
)


@dataclass(frozen=True, slots=True)
class Headroom:
    """The cap of a rule, what counts against it and what is left, in micro-credits."""

    cap: int
    used: int

    @property
    def left(self) -> int:
        """Return what may still be granted; never below zero."""
        return max(0, self.cap - self.used)


def rule_in_force(code: str, on: date) -> AidRule | None:
    """Return the rule on a day, None where there is none."""
    return AidRule.objects.filter(code=code, valid__contains=on).first()


def link_of(organisation_id: int, on: date) -> UndertakingLink | None:
    """Return the link of an organisation to its undertaking on a day."""
    return (
        UndertakingLink.objects.filter(organisation_id=organisation_id, valid__contains=on)
        .select_related("undertaking")
        .first()
    )


def linked_organisations(organisation_id: int, on: date) -> frozenset[int]:
    """Return the organisation and all that are one undertaking with it on a day."""
    link = link_of(organisation_id, on)
    if link is None:
        return frozenset({organisation_id})
    rows = UndertakingLink.objects.filter(undertaking=link.undertaking_id, valid__contains=on)
    return frozenset(rows.values_list("organisation_id", flat=True)) | {organisation_id}


def used_by(undertaking_id: int, rule: AidRule, on: date) -> int:
    """Return the aid of an undertaking that counts on a day, in micro-credits."""
    rows = AidEntry.objects.filter(
        undertaking=undertaking_id, granted_on__gt=window_start(on, rule.window_years), granted_on__lte=on
    )
    return int(rows.aggregate(total=Sum("amount", default=0))["total"])


def borne_by(undertaking: Undertaking) -> list[tuple[AidRecord, int]]:
    """Return the aid that an undertaking bears, each with its micro-credits: what it got, less what it handed on."""
    rows = AidRecord.objects.filter(entries__undertaking=undertaking).annotate(borne=Sum("entries__amount"))
    return [(one, one.borne) for one in rows.order_by("pk") if one.borne]


def headroom(organisation_id: int, rule: AidRule, on: date) -> Headroom:
    """Return what the undertaking of an organisation may still get under a rule."""
    link = link_of(organisation_id, on)
    return Headroom(rule.cap, used_by(link.undertaking_id, rule, on) if link else 0)


def excluded_by(code: str, nace: str) -> ExcludedSector | None:
    """Return the sector that a rule leaves out and a NACE code belongs to; dots do not matter."""
    plain = nace.replace(".", "")
    rows = ExcludedSector.objects.filter(code=code)
    return next((one for one in rows if plain and plain.startswith(one.nace_prefix.replace(".", ""))), None)


def holidays_from(day: date) -> Collection[date]:
    """Return the holidays after a day."""
    return frozenset(PublicHoliday.objects.filter(day__gte=day).values_list("day", flat=True))
