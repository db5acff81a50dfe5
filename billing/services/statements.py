# SPDX-License-Identifier: Apache-2.0
"""Closing months: charges to statements, one organisation a transaction, in set-based statements."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import structlog
from django.db import connection, transaction
from django.utils.translation import gettext

from aion import ids
from aion.actor import Actor
from aion.audit import services as audit
from aion.periods import month_instant, next_month
from billing.audit import Action
from billing.errors import MonthNotOver
from billing.models import MonthStatement
from billing.services.closing_sql import differences
from billing.services.expiry import GRACE

log = structlog.get_logger(__name__)
CHUNK = 500
OWN_USAGE = """
    FROM billing_usageday d JOIN billing_run r ON r.id = d.run_id
    WHERE d.organisation_id = %(organisation_id)s AND d.day < %(end)s"""
STATED = "FROM billing_statementline l WHERE l.organisation_id = %(organisation_id)s"
CLOSE = f"""
WITH lines AS ({differences(keys=("project_id", "sku_id", "micro_per_gpu_hour"), used=OWN_USAGE, stated=STATED)}
), closed AS (
  INSERT INTO billing_monthstatement (public_id, organisation_id, month, exact, milli_gpu_seconds, closed_at)
  SELECT %(public_id)s, %(organisation_id)s, %(month)s, coalesce(sum(exact), 0), coalesce(sum(seconds), 0), %(at)s
  FROM lines
  ON CONFLICT DO NOTHING RETURNING id
), written AS (
  INSERT INTO billing_statementline (statement_id, organisation_id, kind, usage_month, project_id, sku_id,
      micro_per_gpu_hour, milli_gpu_seconds, exact)
  SELECT closed.id, %(organisation_id)s, CASE WHEN usage_month = %(month)s THEN 'usage' ELSE 'correction' END,
         usage_month, project_id, sku_id, micro_per_gpu_hour, seconds, exact
  FROM lines CROSS JOIN closed
)
SELECT id FROM closed
"""
USED = """
SELECT DISTINCT organisation_id FROM billing_usageday
WHERE day < %(end)s AND organisation_id > %(after)s
  AND NOT EXISTS (SELECT 1 FROM billing_monthstatement s
                  WHERE s.organisation_id = billing_usageday.organisation_id AND s.month = %(month)s)
ORDER BY organisation_id LIMIT %(chunk)s
"""


@dataclass(frozen=True, slots=True)
class Closing:
    """What became of closing a month."""

    month: date
    closed: int
    already: int


def month_of(text: str) -> date:
    """Read ``2026-05``. Raises ValueError for anything else."""
    return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()


def close_month(*, actor: Actor, month: date, at: datetime) -> Closing:
    """Write the statement of every organisation that used something until the end of ``month``.

    One organisation a transaction: killed anywhere, the next start goes on; run again, nothing changes. Raises
    MonthNotOver before the month's end and its grace, or when a later month is closed already.
    """
    start = month_instant(month)
    end = next_month(start)
    if at < end + GRACE:
        raise MonthNotOver(
            gettext("%(month)s closes from %(start)s UTC on: late usage may still come.")
            % {"month": f"{month:%Y-%m}", "start": f"{end + GRACE:%Y-%m-%d %H:%M}"}
        )
    later = MonthStatement.objects.filter(month__gt=start.date()).order_by("month").first()
    if later is not None:
        raise MonthNotOver(
            gettext("%(month)s is closed already: late usage stands on the next statement.")
            % {"month": f"{later.month:%Y-%m}"}
        )
    already = MonthStatement.objects.filter(month=start.date()).count()
    closed = sum(close_for(organisation_id=pk, month=start.date(), at=at) for pk in _organisations(start.date(), end))
    first = MonthStatement.objects.filter(month=start.date()).order_by("pk").first() if closed else None
    if first is not None:
        changes = {"month": f"{month:%Y-%m}", "statements": closed}
        audit.record(actor=actor, action=Action.MONTH_CLOSED, subject=first, at=at, changes=changes)
    log.info("month closed", month=f"{month:%Y-%m}", closed=closed, already=already)
    return Closing(start.date(), closed, already)


def _organisations(month: date, end: datetime) -> Iterator[int]:
    after = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(USED, {"end": end, "month": month, "after": after, "chunk": CHUNK})
            found = [row[0] for row in cursor.fetchall()]
        yield from found
        if len(found) < CHUNK:
            return
        after = found[-1]


@transaction.atomic
def close_for(*, organisation_id: int, month: date, at: datetime) -> bool:
    """Write one organisation's statement of ``month``; False when it stands already."""
    scope: dict[str, Any] = {
        "public_id": ids.statement_id(),
        "organisation_id": organisation_id,
        "month": month,
        "end": next_month(month_instant(month)),
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(CLOSE, scope)
        return cursor.fetchone() is not None


def last_closable(at: datetime) -> date:
    """Return the first day of the latest month that may be closed at ``at``."""
    return ((at - GRACE).replace(day=1) - timedelta(days=1)).replace(day=1).date()
