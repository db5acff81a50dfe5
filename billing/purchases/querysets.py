# SPDX-License-Identifier: Apache-2.0
"""The vocabulary of the reads of purchases."""

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Q

from aion.moves import sources_of
from aion.tenancy.querysets import OwnedQuerySet
from billing.purchases.states import (
    PAYMENT_MOVES,
    REFUND_MOVES,
    REFUND_TAKES,
    UNSETTLED,
    DisputeState,
    EventState,
    PaymentState,
    RefundState,
)


class PaymentQuerySet(OwnedQuerySet):
    """Payments."""

    def unsettled(self) -> Self:
        """Return payments whose end is not known."""
        return self.filter(state__in=UNSETTLED)

    def move(self, to: PaymentState, **fields: Any) -> int:
        """Move rows that may become ``to`` in one conditional UPDATE."""
        return self.filter(state__in=sources_of(to, PAYMENT_MOVES)).update(state=to, **fields)


class RefundQuerySet(OwnedQuerySet):
    """Refunds."""

    def taking(self) -> Self:
        """Return refunds whose credit has left its lot."""
        return self.filter(state__in=REFUND_TAKES)

    def move(self, to: RefundState, **fields: Any) -> int:
        """Move rows that may become ``to`` in one conditional UPDATE."""
        return self.filter(state__in=sources_of(to, REFUND_MOVES)).update(state=to, **fields)


class DisputeQuerySet(OwnedQuerySet):
    """Disputes."""

    def open(self) -> Self:
        """Return disputes that no bank has decided."""
        return self.filter(state=DisputeState.OPEN)


class EventQuerySet(models.QuerySet[Any]):
    """The processor's events."""

    def due(self, at: datetime) -> Self:
        """Return events that wait to be looked at."""
        return self.filter(Q(next_attempt_at=None) | Q(next_attempt_at__lte=at), state=EventState.WAITING)
