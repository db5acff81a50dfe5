# SPDX-License-Identifier: Apache-2.0
"""Awards and what became of them: figures always come from the ledger and the metered hours."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import QuerySet, Sum

from aion.actor import Actor
from billing import queries as billing
from clusters import queries as clusters
from marketplace.grants.models import Award, Commitment, Decision, Programme, ReviewAssignment
from marketplace.grants.states import AidRegime, MoneySource, Standing


@dataclass(slots=True)
class DrawDown:
    """How an award's lot was used: micro-credits, GPU time, energy and emissions, by week and by site."""

    spent: int = 0
    runs: int = 0
    milli_gpu_seconds: int = 0
    watt_hours: int = 0
    g_co2e: int = 0
    by_week: dict[date, int] = field(default_factory=dict)
    by_site: dict[str, int] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """Return what a report keeps."""
        return {
            "spent_microcredits": self.spent,
            "runs": self.runs,
            "milli_gpu_seconds": self.milli_gpu_seconds,
            "watt_hours": self.watt_hours,
            "g_co2e": self.g_co2e,
            "milli_gpu_seconds_by_site": self.by_site,
        }


def draw_downs(awards: Sequence[Award]) -> dict[int, DrawDown]:
    """Return the use of each award by its key, in a constant number of queries."""
    lots = billing.lot_drawdowns([award.lot_id for award in awards])
    watts, sites = clusters.watts_by_sku(), clusters.site_figures()
    return {award.pk: _summed(lots[award.lot_id], watts, sites) for award in awards}


def draw_down(award: Award) -> DrawDown:
    """Return the use of one award."""
    return draw_downs([award])[award.pk]


def _summed(lot: billing.LotDrawdown, watts: dict[str, int], sites: dict[str, Any]) -> DrawDown:
    found = DrawDown(spent=lot.spent, runs=lot.runs)
    for day, amount in sorted(lot.by_day.items()):
        week = day - timedelta(days=day.weekday())
        found.by_week[week] = found.by_week.get(week, 0) + amount
    groups: dict[tuple[str, str], int] = {}
    for one in lot.usage:
        groups[one.site_code, one.sku_code] = groups.get((one.site_code, one.sku_code), 0) + one.milli_gpu_seconds
    for (site, sku), seconds in sorted(groups.items()):
        found.milli_gpu_seconds += seconds
        found.by_site[site] = found.by_site.get(site, 0) + seconds
        if site in sites:
            pue, g_per_kwh = sites[site]
            watt_hours, grams = clusters.energy(
                milli_gpu_seconds=seconds, watts=watts.get(sku, 0), pue=pue, g_per_kwh=g_per_kwh
            )
            found.watt_hours += watt_hours
            found.g_co2e += grams
    return found


def awards(actor: Actor) -> QuerySet[Award]:
    """Return the awards of the actor's organisation, newest first."""
    rows: QuerySet[Award] = Award.objects.visible_to(actor)
    return rows.select_related("programme", "application", "lot", "project", "decision", "aid").order_by("-pk")


def own_reviews(actor: Actor) -> QuerySet[ReviewAssignment]:
    """Return the actor's own review assignments: what is open first, then by the day it is due."""
    rows = ReviewAssignment.objects.own(actor).exclude(state="cancelled")
    return rows.select_related("application__programme", "application__organisation").order_by(
        "submitted_at", "due_at", "pk"
    )


def run_programmes(actor: Actor) -> QuerySet[Programme]:
    """Return the programmes that the actor's organisation runs, newest first."""
    rows: QuerySet[Programme] = Programme.objects.visible_to(actor)
    return rows.order_by("-opens_at", "-pk")


def awards_of(programme: Programme) -> list[Award]:
    """Return a programme's awards in the order of their ranks."""
    rows = Award.objects.filter(programme=programme).select_related(
        "organisation", "application", "lot", "decision", "aid", "report"
    )
    return list(rows.order_by("decision__rank", "pk"))


def overdue_reports(organisation_id: int, at: datetime) -> int:
    """Return how many awards of an organisation have no final report although it was due before ``at``."""
    return Award.objects.filter(organisation_id=organisation_id, state="active", report_due_on__lt=at.date()).count()


def reclaimed(award: Award) -> int:
    """Return how much of an award went back to the pot: reclaimed, or expired unused."""
    return returned([award])[award.pk]


def returned(awards: Sequence[Award]) -> dict[int, int]:
    """Return how much of each award went back to the pot, by its key, in one query."""
    rows = Commitment.objects.filter(application__in=[one.application_id for one in awards], amount__lt=0)
    summed = dict(rows.values("application").annotate(total=Sum("amount")).values_list("application", "total"))
    return {one.pk: -summed.get(one.application_id, 0) for one in awards}


def decision_of(actor: Actor, application_id: int) -> Decision | None:
    """Return the decision on an application of the actor's organisation, once two persons made it."""
    return Decision.objects.visible_to(actor).filter(application=application_id, state=Standing.APPROVED).first()


def is_aid(programme: Programme) -> bool:
    """Tell whether an award of a programme is state aid; a private prize never is."""
    return programme.aid_regime != AidRegime.NONE and programme.money_source != MoneySource.PRIVATE_PRIZE
