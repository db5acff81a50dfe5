# SPDX-License-Identifier: Apache-2.0
"""Numbers without a gap, in the order of time: a counter row that is locked until the document's commit."""

from dataclasses import dataclass
from datetime import UTC, datetime

from billing.invoicing.models import NumberSeries

SERIES = "AION"
PLACES = 6


@dataclass(frozen=True, slots=True)
class Number:
    """A number and the instant that it is taken at: never before that of the number before."""

    series: str
    year: int
    sequence: int
    issued_at: datetime

    @property
    def text(self) -> str:
        """Return it as it stands on the document (BT-1)."""
        return f"{self.series}-{self.year}-{self.sequence:0{PLACES}}"


def take_number(*, at: datetime, series: str = SERIES) -> Number:
    """Take the next number of the year of ``at``. Call it inside the transaction that issues: a rollback gives it back.

    Whoever waited here may bring an ``at`` before the last one's; then the last one's counts.
    """
    year = at.astimezone(UTC).year
    NumberSeries.objects.bulk_create([NumberSeries(series=series, year=year)], ignore_conflicts=True)
    row = NumberSeries.objects.select_for_update().get(series=series, year=year)
    row.last, row.last_issued_at = row.last + 1, max(at, row.last_issued_at or at)
    row.save(update_fields=["last", "last_issued_at"])
    return Number(series, year, row.last, row.last_issued_at)


def placeholder(document_id: int) -> str:
    """Return a number that a draft is checked with: well-formed, and no document ever has it."""
    return f"DRAFT-{document_id}"
