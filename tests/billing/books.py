# SPDX-License-Identifier: Apache-2.0
"""What the tests of the money core ask of the books."""

from datetime import datetime, timedelta
from typing import Any

from aion.actor import Actor, Scope, Via
from billing.models import LedgerAccount, Transfer
from billing.reconcile import CHECKS, run_checks
from billing.services.corrections import approve_correction, request_correction
from billing.services.metering import BatchResult, Window, post_windows
from billing.states import AccountKind
from tests.worlds import NOW, Market, Tenant, make_meter, make_user

LATE = NOW + timedelta(days=40)


def drift() -> list[str]:
    """Return billing's rules that do not hold."""
    return [check.name for check in run_checks(names=CHECKS) if check.contradictions]


def staff() -> Actor:
    """Return a new member of staff."""
    user = make_user()
    return Actor(user.pk, None, "staff", frozenset(Scope), Via.ADMIN, user.email)


def post(*windows: Window, at: datetime = LATE) -> BatchResult:
    """Post windows as one batch."""
    return post_windows(windows=windows, source="test", at=at)


def correct(meter: Any, hour: datetime, seconds: int, *, start_second: int = 0, at: datetime = LATE) -> BatchResult:
    """Correct a window with four eyes."""
    request = request_correction(
        actor=staff(),
        reference=meter.reference,
        hour=hour,
        start_second=start_second,
        seconds=seconds,
        reason="r",
        at=at,
    )
    return approve_correction(actor=staff(), public_id=request.public_id, at=at)


def spent(account: LedgerAccount) -> int:
    """Return what usage took from an account, less what corrections gave back."""
    rows = Transfer.objects.filter(kind__in=["usage", "correction"])
    out = sum(rows.filter(debit_account=account).values_list("amount", flat=True))
    return out - sum(rows.filter(credit_account=account).values_list("amount", flat=True))


def charged(tenant: Tenant) -> int:
    """Return what usage cost a tenant, less what corrections gave back."""
    rows = Transfer.objects.filter(organisation=tenant.organisation)
    usage = sum(rows.filter(kind="usage").values_list("amount", flat=True))
    return usage - sum(rows.filter(kind="correction").values_list("amount", flat=True))


def on_platform(kind: AccountKind) -> int:
    """Return what came to one of the platform's accounts, less what left it."""
    rows = Transfer.objects.all()
    into = sum(rows.filter(credit_account__kind=kind).values_list("amount", flat=True))
    return into - sum(rows.filter(debit_account__kind=kind).values_list("amount", flat=True))


def use_hours(tenant: Tenant, market: Market, gpus: int, *, at: datetime) -> None:
    """Use ``gpus`` GPUs for the hour from ``at`` on."""
    meter = make_meter(tenant, market, milli_gpus=gpus * 1000)
    post_windows(windows=[Window(at, meter.pk, 3600)], source="test", at=at + timedelta(hours=1))
