# SPDX-License-Identifier: Apache-2.0
"""The vocabulary of billing's reads."""

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import F, Q

from aion.actor import Actor
from billing.states import AccountKind, HoldState, PromoState


class OwnedQuerySet(models.QuerySet[Any]):
    """Rows of one organisation; an actor without organisation matches nothing."""

    def visible_to(self, actor: Actor) -> Self:
        """Return the rows of the actor's organisation."""
        return self.filter(organisation_id=actor.organisation_id) if actor.organisation_id else self.none()


class AccountQuerySet(OwnedQuerySet):
    """Ledger accounts; a credit lot is one."""

    def lots(self) -> Self:
        """Return credit lots."""
        return self.filter(kind=AccountKind.LOT)

    def spendable_at(self, at: datetime) -> Self:
        """Return lots that have begun and not expired at ``at`` and have credit left."""
        return (
            self.lots()
            .filter(starts_at__lte=at)
            .filter(Q(expires_at=None) | Q(expires_at__gt=at))
            .filter(credits__gt=F("debits") + F("held"))
        )

    def in_spending_order(self) -> Self:
        """Order as credit is spent: restricted before free, soonest expiry, grant before purchase, lot id."""
        return self.order_by("-restricted", F("expires_at").asc(nulls_last=True), "rank", "pk")


class HoldQuerySet(OwnedQuerySet):
    """Holds."""

    def open(self) -> Self:
        """Return holds whose run is not settled."""
        return self.filter(state=HoldState.OPEN)


class PriceQuerySet(models.QuerySet[Any]):
    """Prices."""

    def in_force_at(self, at: datetime) -> Self:
        """Return prices whose half-open validity contains ``at``."""
        return self.filter(valid__contains=at)


class UsageHourQuerySet(OwnedQuerySet):
    """Hourly roll-up."""

    def within(self, start: datetime, end: datetime) -> Self:
        """Return the hours in [start, end)."""
        return self.filter(hour__gte=start, hour__lt=end)


class UsageDayQuerySet(OwnedQuerySet):
    """Daily roll-up by run."""

    def within(self, start: datetime, end: datetime) -> Self:
        """Return the days in [start, end)."""
        return self.filter(day__gte=start, day__lt=end)


class PromotionQuerySet(models.QuerySet[Any]):
    """Promotions."""

    def in_force_at(self, at: datetime) -> Self:
        """Return promotions whose half-open validity contains ``at``."""
        return self.filter(valid__contains=at)


class PromoCodeQuerySet(models.QuerySet[Any]):
    """Promo codes."""

    def redeemable_at(self, at: datetime) -> Self:
        """Return active codes whose half-open validity contains ``at`` and that are not used up."""
        return self.filter(state=PromoState.ACTIVE, valid__contains=at, redeemed__lt=F("max_redemptions"))


class BudgetQuerySet(OwnedQuerySet):
    """Budgets."""

    def in_force(self) -> Self:
        """Return budgets that have not been ended."""
        return self.filter(ended_at=None)
