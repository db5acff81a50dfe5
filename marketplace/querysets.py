# SPDX-License-Identifier: Apache-2.0
"""The vocabulary of the marketplace's reads."""

from typing import Any, Self

from django.db import models

from aion.actor import Actor
from aion.moves import sources_of
from marketplace.states import MOVES, ChangeState, OfferState


class OfferQuerySet(models.QuerySet[Any]):
    """Offers are public once published; before, they are their operator's."""

    def visible_to(self, actor: Actor) -> Self:
        """Return the offers that the actor's organisation made, in every state; none without one."""
        return self.filter(organisation_id=actor.organisation_id) if actor.organisation_id else self.none()

    def on_sale(self) -> Self:
        """Return published offers on connected clusters, with all that a price list shows."""
        return self.described().filter(state=OfferState.PUBLISHED).order_by("position", "sku__code", "pk")

    def listed(self) -> Self:
        """Return offers on sale with what a line of the list shows, and not with what only an offer's own page says."""
        narrow = self.on_sale().select_related(None)
        return narrow.select_related("sku", "organisation", "pool__flavour", "pool__cluster__site")

    def described(self) -> Self:
        """Return offers with what is said of them beside their own columns."""
        return self.select_related(
            "sku", "organisation", "pool__flavour", "pool__cluster__site__operator", "pool__cluster__site__country"
        )

    def move(self, to: OfferState, **fields: Any) -> int:
        """Move rows that may become ``to`` in one conditional UPDATE; return how many moved."""
        return self.filter(state__in=sources_of(to, MOVES)).update(state=to, **fields)


class OfferChangeQuerySet(models.QuerySet[Any]):
    """Changes of offers, seen by the operator who proposes them."""

    def visible_to(self, actor: Actor) -> Self:
        """Return the changes of the actor's organisation; none without one."""
        return self.filter(organisation_id=actor.organisation_id) if actor.organisation_id else self.none()

    def waiting(self) -> Self:
        """Return what nobody has decided."""
        return self.filter(state=ChangeState.PROPOSED)


class OrderQuerySet(models.QuerySet[Any]):
    """Orders of one organisation."""

    def visible_to(self, actor: Actor) -> Self:
        """Return the orders of the actor's organisation; none without one."""
        return self.filter(organisation_id=actor.organisation_id) if actor.organisation_id else self.none()
