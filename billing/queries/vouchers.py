# SPDX-License-Identifier: Apache-2.0
"""Promo codes that an organisation has redeemed."""

from django.db.models import QuerySet

from aion.actor import Actor
from billing.models import PromoRedemption


def redemptions(actor: Actor) -> QuerySet[PromoRedemption]:
    """Return what the actor's organisation has redeemed, newest first."""
    rows: QuerySet[PromoRedemption] = PromoRedemption.objects.visible_to(actor)
    return rows.select_related("promo", "lot").order_by("-pk")
