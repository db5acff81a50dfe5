# SPDX-License-Identifier: Apache-2.0
"""What tests of settlement have in common: operators with a share, months that are over, and two members of staff."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from aion.actor import Actor, system
from aion.tenancy.models import Organisation, OrganisationKind
from billing.reconcile import CheckResult, run_checks
from billing.services.expiry import GRACE
from billing.services.metering import Window, post_windows
from billing.services.statements import close_month
from billing.settlement.models import SettlementStatement, ShareAgreement
from billing.settlement.services.agreements import agree_share, propose_share
from billing.settlement.services.approvals import approve_settlement
from billing.settlement.services.settling import Settling, settle_month
from tests.billing.books import staff
from tests.worlds import NOW, Market

FEBRUARY, MARCH, APRIL, MAY = (date(2026, number, 1) for number in (2, 3, 4, 5))
HOUR = timedelta(hours=1)
SHARE = 8_500


def over(month: date) -> datetime:
    """Return the first instant at which ``month`` may be closed."""
    start = datetime(month.year, month.month, 1, tzinfo=UTC)
    return (start + timedelta(days=32)).replace(day=1) + GRACE


def member(market: Market) -> Organisation:
    """Return the operator of a market's site, as a member of the consortium."""
    operator: Organisation = market.site.operator
    operator.kind = OrganisationKind.MEMBER
    operator.save(update_fields=["kind"])
    return operator


def share(
    market: Market, basis_points: int = SHARE, *, first: date = FEBRUARY, end: date | None = None, at: datetime = NOW
) -> ShareAgreement:
    """Agree with a market's operator on a share, as two people do."""
    asked = propose_share(
        actor=staff(), organisation=member(market), share_basis_points=basis_points, first_month=first, end_month=end,
        reason="agreed", at=at,
    )  # fmt: skip
    return agree_share(actor=staff(), public_id=asked.public_id, at=at)


def use(*windows: Window, at: datetime = NOW + timedelta(hours=12)) -> None:
    """Post usage."""
    post_windows(windows=windows, source="test", at=at)


def settle(month: date, *, actor: Actor | None = None, at: datetime | None = None) -> Settling:
    """Close a month for the tenants and settle it."""
    close_month(actor=system("test"), month=month, at=at or over(month))
    return settle_month(actor=actor or system("test"), month=month, at=at or over(month))


def statement(market: Market, month: date = MARCH) -> SettlementStatement:
    """Return the settlement of a market's operator that counts."""
    rows: Any = SettlementStatement.objects.live()
    found: SettlementStatement = rows.get(organisation=market.site.operator, month=month)
    return found


def approve(row: SettlementStatement, *, at: datetime | None = None) -> SettlementStatement:
    """Approve a settlement as two people do."""
    when = at or over(row.month)
    approve_settlement(actor=staff(), public_id=row.public_id, at=when)
    return approve_settlement(actor=staff(), public_id=row.public_id, at=when)


def contradictions() -> list[str]:
    """Return all rules that do not hold, those of every package."""
    results: list[CheckResult] = run_checks()
    return [one.name for one in results if one.contradictions]
