# SPDX-License-Identifier: Apache-2.0
"""Issuing credit lots."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import NotFound, Rejected
from aion.events.services.emission import emit
from aion.figures import instant
from aion.horizon import require_near
from aion.money import decimal_string
from aion.periods import next_midnight
from aion.residency.policy import Level
from billing.audit import Action
from billing.errors import InvalidAmount, LotNotProlonged
from billing.models import CreditRequest, LedgerAccount
from billing.services.ledger import platform_account, post_transfer
from billing.services.requests import lock_pending, require_programmes, require_second, require_sites, require_skus
from billing.states import ORIGIN_RANK, AccountKind, Origin, RequestState, TransferKind

NO_LEVEL = 0


@dataclass(frozen=True, slots=True)
class Restriction:
    """What a lot may be spent on; empty is everything."""

    sku_codes: tuple[str, ...] = ()
    site_codes: tuple[str, ...] = ()
    programme_codes: tuple[str, ...] = ()
    min_level: int = NO_LEVEL


FREE = Restriction()


@transaction.atomic
def issue_lot(
    *,
    actor: Actor,
    organisation_id: int,
    amount: int,
    label: str,
    origin: Origin,
    key: str,
    at: datetime,
    reason: str = "",
    starts_at: datetime | None = None,
    expires_at: datetime | None = None,
    sku_codes: Sequence[str] = (),
    site_codes: Sequence[str] = (),
    programme_codes: Sequence[str] = (),
    min_level: int = NO_LEVEL,
) -> LedgerAccount:
    """Create a lot and fund it by one transfer; the same ``key`` issues once. A lot ends with a UTC day.

    Raises InvalidAmount for an amount of 0 or less, Rejected for an expiry before the start, a residency level that
    does not exist or a key that has issued another amount or to another organisation.
    """
    if amount <= 0:
        raise InvalidAmount(gettext("The amount of a lot must be above zero."), field="amount")
    start = starts_at or at
    if expires_at is not None and expires_at <= start:
        raise Rejected(gettext("A lot must expire after it starts."), field="expires_at")
    require_level(min_level)
    issued = _issued(key=key, organisation_id=organisation_id, amount=amount)
    if issued is not None:
        return issued
    lot = LedgerAccount.objects.create(
        kind=AccountKind.LOT,
        organisation_id=organisation_id,
        label=label,
        origin=origin,
        rank=ORIGIN_RANK[origin],
        sku_codes=list(sku_codes),
        site_codes=list(site_codes),
        programme_codes=list(programme_codes),
        min_level=min_level,
        starts_at=start,
        expires_at=next_midnight(expires_at) if expires_at else None,
        created_at=at,
    )
    post_transfer(
        debit=platform_account(AccountKind.FUNDING, at=at),
        credit=lot,
        amount=amount,
        kind=TransferKind.PURCHASE if origin is Origin.PURCHASE else TransferKind.GRANT,
        organisation_id=organisation_id,
        key=key,
        description=label,
        at=at,
    )
    audit.record(
        actor=actor,
        action=Action.LOT_ISSUED,
        subject=lot,
        at=at,
        reason=reason,
        changes={"amount": decimal_string(amount), "origin": origin},
    )
    lot.refresh_from_db()
    emit(
        organisation_id=organisation_id,
        type="credit.lot_issued",
        data={
            "lot": lot.public_id,
            "label": label,
            "origin": str(origin),
            "amount_microcredits": amount,
            "expires_at": lot.expires_at,
        },
        key=f"credit.lot_issued:{lot.public_id}",
        at=at,
    )
    return lot


def _issued(*, key: str, organisation_id: int, amount: int) -> LedgerAccount | None:
    """Return the lot that ``key`` has issued. Raises Rejected where that was of another amount or organisation."""
    with connection.cursor() as cursor:  # the same key at the same moment waits here and finds the lot
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"lot:{key}"])
    lot: LedgerAccount | None = LedgerAccount.objects.filter(credit_transfers__idempotency_key=key).first()
    if lot is None:
        return None
    posted = lot.credit_transfers.get(idempotency_key=key).amount
    if (lot.organisation_id, posted) != (organisation_id, amount):
        raise Rejected(gettext("This key has issued another lot already: use a new key for a new lot."), field="key")
    return lot


@transaction.atomic
def request_grant(
    *,
    actor: Actor,
    organisation_id: int,
    amount: int,
    label: str,
    reason: str,
    expires_at: datetime | None,
    at: datetime,
    starts_at: datetime | None = None,
    only: Restriction = FREE,
) -> CreditRequest:
    """Ask for a grant of credits; up to the four-eyes limit it is issued at once, above it waits for a second person.

    Raises InvalidAmount, and Rejected without a reason, for an expiry in the past or before the start, and for a SKU,
    site or level that does not exist.
    """
    if amount <= 0:
        raise InvalidAmount(gettext("The amount must be above zero."), field="amount")
    if not reason.strip():
        raise Rejected(gettext("Write why this organisation gets credits: it goes on the record."), field="reason")
    require_near(at=at, starts_at=starts_at, expires_at=expires_at)
    if expires_at is not None and expires_at <= at:
        raise Rejected(gettext("The expiry must lie in the future."), field="expires_at")
    if expires_at is not None and starts_at is not None and expires_at <= starts_at:
        raise Rejected(gettext("A lot must expire after it starts."), field="expires_at")
    require_skus(only.sku_codes)
    require_sites(only.site_codes)
    require_programmes(only.programme_codes)
    require_level(only.min_level)
    if actor.user_id is None:
        raise Rejected(gettext("Only a person can grant credits."))
    request = CreditRequest.objects.create(
        organisation_id=organisation_id,
        amount=amount,
        label=label,
        reason=reason,
        starts_at=starts_at,
        expires_at=expires_at,
        requested_by_id=actor.user_id,
        requested_by=actor.label,
        requested_at=at,
        **_columns(only),
    )
    audit.record(
        actor=actor,
        action=Action.GRANT_REQUESTED,
        subject=request,
        at=at,
        reason=reason,
        changes={"amount": decimal_string(amount)} | {name: value for name, value in asdict(only).items() if value},
    )
    if amount <= settings.FOUR_EYES_LIMIT_MICROCREDITS:
        _issue(actor=actor, request=request, at=at)
    return request


@transaction.atomic
def issue_decided(
    *,
    actor: Actor,
    asked_by_id: int,
    asked_by: str,
    asked_at: datetime,
    organisation_id: int,
    amount: int,
    label: str,
    reason: str,
    expires_at: datetime,
    only: Restriction,
    key: str,
    at: datetime,
) -> LedgerAccount:
    """Issue a grant that two people have decided elsewhere: who proposed it, and ``actor`` who approved it.

    The request is kept beside those of staff, so that every grant names its two people in one table. The same ``key``
    issues once. Raises FourEyesNeeded when the two are one, InvalidAmount, Rejected as ``request_grant`` does.
    """
    if amount <= 0:
        raise InvalidAmount(gettext("The amount must be above zero."), field="amount")
    require_second(actor, asked_by_id, gettext("You proposed this yourself: another member of staff must approve it."))
    if expires_at <= at:
        raise Rejected(gettext("The expiry must lie in the future."), field="expires_at")
    require_skus(only.sku_codes)
    require_sites(only.site_codes)
    require_programmes(only.programme_codes)
    require_level(only.min_level)
    issued = _issued(key=key, organisation_id=organisation_id, amount=amount)
    if issued is not None:
        return issued
    request = CreditRequest.objects.create(
        organisation_id=organisation_id,
        amount=amount,
        label=label,
        reason=reason,
        expires_at=expires_at,
        requested_by_id=asked_by_id,
        requested_by=asked_by,
        requested_at=asked_at,
        **_columns(only),
    )
    _issue(actor=actor, request=request, at=at, key=key)
    lot = request.lot
    assert lot is not None  # noqa: S101 - _issue has just set it
    return lot


@transaction.atomic
def prolong_lot(*, actor: Actor, lot_id: int, expires_at: datetime, reason: str, at: datetime) -> LedgerAccount:
    """Let a lot end later, at the end of that UTC day. Its amount stays, so it creates no credit.

    Raises NotFound, Rejected without a reason, LotNotProlonged for a lot that has expired, never expires or would not
    end later.
    """
    if not reason.strip():
        raise Rejected(gettext("Write why: it goes on the record."), field="reason")
    rows = LedgerAccount.objects.lots().select_for_update(no_key=True)
    lot: LedgerAccount | None = rows.filter(pk=lot_id).first()
    if lot is None:
        raise NotFound(gettext("There is no such credit lot."))
    before, until = lot.expires_at, next_midnight(expires_at)
    if before is None or before <= at:
        raise LotNotProlonged(
            gettext("This lot has expired or never expires: only a lot that is running can end later.")
        )
    if until <= before:
        raise LotNotProlonged(
            gettext("The lot is usable until %(before)s UTC already: choose a later day.")
            % {"before": instant(before)},
            field="until",
        )
    lot.expires_at = until
    lot.save(update_fields=["expires_at"])
    audit.record(
        actor=actor,
        action=Action.LOT_PROLONGED,
        subject=lot,
        at=at,
        reason=reason,
        changes={"expires_at": [str(before), str(until)]},
    )
    return lot


@transaction.atomic
def approve_grant(*, actor: Actor, public_id: str, at: datetime) -> CreditRequest:
    """Issue a waiting grant. Raises FourEyesNeeded for the person who asked, NotFound when nothing waits."""
    request = _pending(public_id)
    require_second(
        actor, request.requested_by_id, gettext("You asked for this grant: a second member of staff must approve it.")
    )
    _issue(actor=actor, request=request, at=at)
    return request


@transaction.atomic
def reject_grant(*, actor: Actor, public_id: str, reason: str, at: datetime) -> CreditRequest:
    """Refuse a waiting grant. Raises NotFound when nothing waits."""
    request = _pending(public_id)
    request.state, request.decided_by, request.decided_at = RequestState.REJECTED, actor.label, at
    request.save(update_fields=["state", "decided_by", "decided_at"])
    audit.record(actor=actor, action=Action.GRANT_REJECTED, subject=request, at=at, reason=reason)
    return request


def _pending(public_id: str) -> CreditRequest:
    rows = CreditRequest.objects.filter(public_id=public_id)
    request: CreditRequest = lock_pending(rows, missing=gettext("No such request waits for a decision."))
    return request


def _columns(only: Restriction) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(only).items()}


def require_level(min_level: int) -> None:
    """Refuse a residency level that work never reaches: the lot could not be spent. Raises Rejected."""
    if min_level not in {NO_LEVEL, *Level}:
        raise Rejected(gettext("There is no such residency level."), field="min_level")


def _issue(*, actor: Actor, request: CreditRequest, at: datetime, key: str = "") -> None:
    lot = issue_lot(
        actor=actor,
        organisation_id=request.organisation_id,
        amount=request.amount,
        label=request.label,
        origin=Origin.GRANT,
        key=key or f"request:{request.public_id}",
        at=at,
        reason=request.reason,
        starts_at=max(at, request.starts_at) if request.starts_at else None,
        expires_at=request.expires_at,
        sku_codes=request.sku_codes,
        site_codes=request.site_codes,
        programme_codes=request.programme_codes,
        min_level=request.min_level,
    )
    request.state, request.decided_by, request.decided_at, request.lot = (
        RequestState.APPROVED,
        actor.label,
        at,
        lot,
    )
    request.save(update_fields=["state", "decided_by", "decided_at", "lot"])
