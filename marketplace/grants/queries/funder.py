# SPDX-License-Identifier: Apache-2.0
"""The funder's report: one line an award, figures from the ledger and the metered hours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from aion.money import decimal_string
from marketplace.grants.models import Programme
from marketplace.grants.queries.awards import awards_of, draw_downs, is_aid, returned

HEADER = (
    "award", "organisation", "country", "title", "rank", "granted_on", "expires_on", "granted_eur", "spent_eur",
    "reclaimed_eur", "left_eur", "gpu_hours", "runs", "kwh", "kg_co2e", "state_aid", "state", "report_due_on", "report",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FunderLine:
    """One award as its funder sees it; amounts in micro-credits, time in milli-GPU-seconds."""

    award: str
    organisation: str
    country: str
    title: str
    rank: int | None
    granted_on: date
    expires_on: date
    granted: int
    spent: int
    reclaimed: int
    left: int
    milli_gpu_seconds: int
    runs: int
    watt_hours: int
    g_co2e: int
    aid: str
    state: str
    report_due_on: date
    report: str

    def cells(self) -> list[Any]:
        """Return the line as the cells under ``HEADER``."""
        return [
            self.award, self.organisation, self.country, self.title, self.rank, self.granted_on.isoformat(),
            self.expires_on.isoformat(), decimal_string(self.granted), decimal_string(self.spent),
            decimal_string(self.reclaimed), decimal_string(self.left), f"{self.milli_gpu_seconds / 3_600_000:.3f}",
            self.runs, f"{self.watt_hours / 1000:.3f}", f"{self.g_co2e / 1000:.3f}", self.aid, self.state,
            self.report_due_on.isoformat(), self.report,
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class FunderTotals:
    """All awards of a programme together."""

    awards: int
    granted: int
    spent: int
    reclaimed: int
    milli_gpu_seconds: int
    runs: int
    watt_hours: int
    g_co2e: int


def funder_lines(programme: Programme) -> list[FunderLine]:
    """Return a programme's awards by rank, in a constant number of queries."""
    found = awards_of(programme)
    used = draw_downs(found)
    back = returned(found)
    regime = programme.aid_regime if is_aid(programme) else "no aid"
    lines = []
    for one in found:
        drawn, report = used[one.pk], getattr(one, "report", None)
        lines.append(
            FunderLine(
                award=one.public_id,
                organisation=one.organisation.name,
                country=one.organisation.country_id,
                title=one.application.title,
                rank=one.decision.rank,
                granted_on=one.granted_at.date(),
                expires_on=one.expires_at.date(),
                granted=one.amount,
                spent=drawn.spent,
                reclaimed=back[one.pk],
                left=one.lot.available + one.lot.held,
                milli_gpu_seconds=drawn.milli_gpu_seconds,
                runs=drawn.runs,
                watt_hours=drawn.watt_hours,
                g_co2e=drawn.g_co2e,
                aid=regime,
                state=one.state,
                report_due_on=one.report_due_on,
                report=report.state if report else "",
            )
        )
    return lines


def totals_of(lines: Sequence[FunderLine]) -> FunderTotals:
    """Return the sums of all lines."""
    return FunderTotals(
        awards=len(lines),
        granted=sum(one.granted for one in lines),
        spent=sum(one.spent for one in lines),
        reclaimed=sum(one.reclaimed for one in lines),
        milli_gpu_seconds=sum(one.milli_gpu_seconds for one in lines),
        runs=sum(one.runs for one in lines),
        watt_hours=sum(one.watt_hours for one in lines),
        g_co2e=sum(one.g_co2e for one in lines),
    )
