# SPDX-License-Identifier: Apache-2.0
"""The vocabulary of the reads of procurement."""

from datetime import date
from typing import Any, Self

from django.db import models
from django.db.models import Q

from aion.moves import sources_of
from billing.procurement.states import (
    AGREEMENT_MOVES,
    ORDER_MOVES,
    QUOTE_MOVES,
    AgreementState,
    OrderState,
    QuoteState,
)
from billing.querysets import OwnedQuerySet


class QuoteQuerySet(OwnedQuerySet):
    """Quotes."""

    def move(self, to: QuoteState, **fields: Any) -> int:
        """Move rows that may become ``to`` in one conditional UPDATE."""
        return self.filter(state__in=sources_of(to, QUOTE_MOVES)).update(state=to, **fields)


class AgreementQuerySet(OwnedQuerySet):
    """Framework agreements."""

    def move(self, to: AgreementState, **fields: Any) -> int:
        """Move rows that may become ``to`` in one conditional UPDATE."""
        return self.filter(state__in=sources_of(to, AGREEMENT_MOVES)).update(state=to, **fields)

    def open_on(self, day: date) -> Self:
        """Return agreements under which can be ordered on ``day``."""
        return self.filter(state=AgreementState.ACTIVE, starts_on__lte=day, ends_on__gte=day)

    def shown_to_buyers(self) -> Self:
        """Return what has been agreed: a draft of staff is not the buyer's yet."""
        return self.exclude(state__in=(AgreementState.DRAFT, AgreementState.WITHDRAWN))


class OrderQuerySet(OwnedQuerySet):
    """Purchase orders."""

    def move(self, to: OrderState, **fields: Any) -> int:
        """Move rows that may become ``to`` in one conditional UPDATE."""
        return self.filter(state__in=sources_of(to, ORDER_MOVES)).update(state=to, **fields)


class RuleQuerySet(models.QuerySet[Any]):
    """Dated rules."""

    def in_force_on(self, day: date) -> Self:
        """Return the rules that hold on ``day``."""
        return self.filter(valid_from__lte=day).filter(Q(valid_until=None) | Q(valid_until__gt=day))
