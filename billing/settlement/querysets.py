# SPDX-License-Identifier: Apache-2.0
"""The vocabulary of settlement's reads."""

from datetime import date
from typing import Any, Self

from django.db import models

from billing.querysets import OwnedQuerySet
from billing.settlement.states import WAITING, SettlementState
from billing.states import RequestState


class ShareQuerySet(OwnedQuerySet):
    """Share agreements."""

    def agreed(self) -> Self:
        """Return those that two people agreed to."""
        return self.filter(state=RequestState.APPROVED)


class SettlementQuerySet(OwnedQuerySet):
    """Settlement statements."""

    def live(self) -> Self:
        """Return all but the rejected: they count for nothing."""
        return self.exclude(state=SettlementState.REJECTED)

    def waiting(self) -> Self:
        """Return those that nobody has approved yet."""
        return self.filter(state__in=sorted(WAITING))

    def payable(self) -> Self:
        """Return what is owed and in no payout."""
        return self.filter(state=SettlementState.APPROVED, payout=None)


class DatedQuerySet(models.QuerySet[Any]):
    """Rows that hold for a half-open time of whole days."""

    def in_force_on(self, day: date) -> Self:
        """Return what holds on ``day``."""
        return self.filter(valid__contains=day)
