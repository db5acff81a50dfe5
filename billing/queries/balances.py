# SPDX-License-Identifier: Apache-2.0
"""Balances, lots, statements and holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import BigIntegerField, Case, F, Q, QuerySet, Sum, When

from aion.actor import Actor
from billing.models import Hold, LedgerAccount, QuarantinedUsage, Transfer
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

    def side(kind: AccountKind, sign: int) -> Case:
        return Case(
            When(debit_account__kind=kind, then=-sign * F("amount")),
            When(credit_account__kind=kind, then=sign * F("amount")),
            default=0,
            output_field=BigIntegerField(),
        )

    row = Transfer.objects.filter(
        organisation_id=organisation_id or 0, effective_at__lt=effective, created_at__lte=known
    ).aggregate(
        credit=Sum(side(AccountKind.LOT, 1), default=0),
        owed=Sum(side(AccountKind.RECEIVABLE, -1), default=0),
    )
    return PastBalance(int(row["credit"]), int(row["owed"]))


def lots(actor: Actor) -> AccountQuerySet:
    """Return the actor's lots in spending order."""
    rows: AccountQuerySet = LedgerAccount.objects.visible_to(actor)
    return rows.lots().in_spending_order()


def expiring_lots(actor: Actor, *, at: datetime, days: int) -> AccountQuerySet:
    """Return the actor's lots that expire within ``days`` with something left, soonest first."""
    return lots(actor).spendable_at(at).filter(expires_at__lt=at + timedelta(days=days)).order_by("expires_at", "pk")


def statement(actor: Actor) -> QuerySet[Transfer]:
    """Return the actor's ledger entries, newest first."""
    return Transfer.objects.visible_to(actor).select_related("debit_account", "credit_account", "sku").order_by("-pk")


def open_holds(actor: Actor) -> QuerySet[Hold]:
    """Return the actor's open holds."""
    return Hold.objects.visible_to(actor).open()


def open_hold_count(organisations: Iterable[int]) -> int:
    """Return how many holds of ``organisations`` are open."""
    return Hold.objects.open().filter(organisation__in=list(organisations)).count()


def quarantined_count(organisations: Iterable[int]) -> int:
    """Return how many usage windows of ``organisations`` wait in quarantine."""
    return QuarantinedUsage.objects.filter(organisation__in=list(organisations)).count()
