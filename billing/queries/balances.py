# SPDX-License-Identifier: Apache-2.0
"""Balances, lots, statements and holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q, QuerySet, Sum

from aion.actor import Actor
from billing.models import Hold, LedgerAccount, MonthStatement, QuarantinedUsage, StatementLine, Transfer
from billing.querysets import AccountQuerySet
from billing.states import AccountKind


@dataclass(frozen=True, slots=True)
class Balance:
    """An organisation's credit in micro-credits. ``owed`` is what no lot could pay."""

    available: int
    held: int
    owed: int

    @property
    def total(self) -> int:
        """Return available and held credit."""
        return self.available + self.held


@dataclass(frozen=True, slots=True)
class PastBalance:
    """Lots and receivable of an organisation at a past instant, as it was known at another."""

    credit: int
    owed: int


def balance(organisation_id: int | None, at: datetime) -> Balance:
    """Return what an organisation can spend, holds and owes at ``at``; an expired lot counts nothing but its holds."""
    live = Q(kind=AccountKind.LOT, starts_at__lte=at) & (Q(expires_at=None) | Q(expires_at__gt=at))
    row = LedgerAccount.objects.filter(organisation_id=organisation_id or 0).aggregate(
        available=Sum(F("credits") - F("debits") - F("held"), filter=live, default=0),
        held=Sum("held", default=0),
        owed=Sum(F("debits") - F("credits"), filter=Q(kind=AccountKind.RECEIVABLE), default=0),
    )
    return Balance(row["available"], row["held"], row["owed"])


def balance_as_of(organisation_id: int | None, *, effective: datetime, known: datetime) -> PastBalance:
    """Return the balance at accounting time ``effective`` (excluded) from what had been posted until ``known``."""

    row = Transfer.objects.filter(
        organisation_id=organisation_id or 0, effective_at__lt=effective, created_at__lte=known
    ).aggregate(
        # Two sums for each kind: both sides of a move from lot to lot count.
        lots_in=Sum("amount", filter=Q(credit_account__kind=AccountKind.LOT), default=0),
        lots_out=Sum("amount", filter=Q(debit_account__kind=AccountKind.LOT), default=0),
        paid=Sum("amount", filter=Q(credit_account__kind=AccountKind.RECEIVABLE), default=0),
        lent=Sum("amount", filter=Q(debit_account__kind=AccountKind.RECEIVABLE), default=0),
    )
    return PastBalance(int(row["lots_in"] - row["lots_out"]), int(row["lent"] - row["paid"]))


def lots(actor: Actor) -> AccountQuerySet:
    """Return the actor's lots in spending order."""
    rows: AccountQuerySet = LedgerAccount.objects.visible_to(actor)
    return rows.lots().in_spending_order()


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which ledger entries: a kind, a half-open period of accounting time, a lot, a piece of text or an id."""

    kind: str = ""
    start: datetime | None = None
    end: datetime | None = None
    lot: str = ""
    text: str = ""


def statement(actor: Actor, wanted: EntryFilter | None = None) -> QuerySet[Transfer]:
    """Return the actor's ledger entries, newest first."""
    rows: QuerySet[Transfer] = Transfer.objects.visible_to(actor)
    if wanted is not None:
        if wanted.kind:
            rows = rows.filter(kind=wanted.kind)
        if wanted.start is not None:
            rows = rows.filter(effective_at__gte=wanted.start)
        if wanted.end is not None:
            rows = rows.filter(effective_at__lt=wanted.end)
        if wanted.lot:
            rows = touching(rows, wanted.lot)
        if wanted.text:
            rows = rows.filter(Q(description__icontains=wanted.text) | Q(public_id=wanted.text))
    return rows.select_related("debit_account", "credit_account", "sku").order_by("-pk")


def touching(rows: QuerySet[Transfer], lot: str) -> QuerySet[Transfer]:
    """Return the entries that debit or credit the lot with this public id."""
    return rows.filter(Q(debit_account__public_id=lot) | Q(credit_account__public_id=lot))


def month_statements(actor: Actor) -> QuerySet[MonthStatement]:
    """Return the actor's closed months, newest first."""
    return MonthStatement.objects.visible_to(actor).order_by("-month", "-pk")


def statement_lines(actor: Actor, closed: MonthStatement) -> QuerySet[StatementLine]:
    """Return the lines of a closed month: its own usage first, then corrections of earlier ones."""
    rows = StatementLine.objects.visible_to(actor).filter(statement=closed).select_related("project", "sku")
    return rows.order_by("-kind", "-usage_month", "project__name", "sku__code", "micro_per_gpu_hour", "pk")


def open_hold_count(organisations: Iterable[int]) -> int:
    """Return how many holds of ``organisations`` are open."""
    return Hold.objects.open().filter(organisation__in=list(organisations)).count()


def quarantined_count(organisations: Iterable[int]) -> int:
    """Return how many usage windows of ``organisations`` wait in quarantine for a review."""
    return QuarantinedUsage.objects.filter(organisation__in=list(organisations), review=None).count()
