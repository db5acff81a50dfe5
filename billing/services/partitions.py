# SPDX-License-Identifier: Apache-2.0
"""Months of usage records: made ahead, dropped when their statements stand and their time is over."""

import re
from datetime import date, datetime

import structlog
from django.db import connection, transaction
from django.utils.translation import gettext, ngettext

from aion.periods import month_instant
from billing.errors import MonthNotOver
from billing.reconcile import run_checks

log = structlog.get_logger(__name__)
NAME = re.compile(r"^billing_usagerecord_y(\d{4})m(\d{2})$")
ATTACHED = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'billing_usagerecord'::regclass ORDER BY 1
"""
OPEN_ORGANISATIONS = """
SELECT count(*) FROM (
  SELECT DISTINCT organisation_id FROM billing_usageday WHERE day >= %(month)s AND day < %(month)s + interval '1 month'
  EXCEPT SELECT organisation_id FROM billing_monthstatement WHERE month = %(month)s::date) unclosed
"""
RECORD_RULES = ("roll-ups = records", "usage within its meter", "windows of a meter never overlap")


def ensure(*, first: datetime, last: datetime) -> None:
    """Make the partitions from the month of ``first`` to the month of ``last``; what is there stays."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT billing_ensure_usage_partitions(%s, %s)", [first, last])


def months() -> list[date]:
    """Return the months whose records are kept, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(ATTACHED)
        found = [NAME.match(row[0]) for row in cursor.fetchall()]
    return [date(int(one[1]), int(one[2]), 1) for one in found if one]


@transaction.atomic
def drop_month(*, month: date) -> None:
    """Drop the records of a month; intervals and roll-ups stay. The oldest month first, and only a closed one.

    Raises MonthNotOver while an organisation's statement of the month is missing or the records contradict their
    roll-ups: what is dropped can no longer be compared.
    """
    kept = months()
    if month not in kept:
        raise MonthNotOver(gettext("No records of %(month)s are kept.") % {"month": f"{month:%Y-%m}"})
    if month != kept[0]:
        raise MonthNotOver(gettext("Drop the oldest month first: %(month)s.") % {"month": f"{kept[0]:%Y-%m}"})
    with connection.cursor() as cursor:
        cursor.execute(OPEN_ORGANISATIONS, {"month": month_instant(month)})
        (unclosed,) = cursor.fetchone()
        if unclosed:
            raise MonthNotOver(
                ngettext(
                    "%(count)s organisation has no statement of %(month)s yet: close it first.",
                    "%(count)s organisations have no statement of %(month)s yet: close it first.",
                    unclosed,
                )
                % {"count": unclosed, "month": f"{month:%Y-%m}"}
            )
        wrong = [check.name for check in run_checks(names=RECORD_RULES) if check.contradictions]
        if wrong:
            raise MonthNotOver(
                gettext("The records contradict what was made of them (%(checks)s): find out why first.")
                % {"checks": ", ".join(wrong)}
            )
        cursor.execute(f"DROP TABLE billing_usagerecord_y{month:%Y}m{month:%m}")
    log.info("usage records dropped", month=f"{month:%Y-%m}")
