# SPDX-License-Identifier: Apache-2.0
"""Publishing and withdrawing offers."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from aion.residency.policy import Level, Policy, decide
from billing import queries as billing
from billing.errors import NoPriceInForce
from marketplace.audit import Action
from marketplace.errors import OfferNotPublishable
from marketplace.models import Offer
from marketplace.states import OfferState


@transaction.atomic
def publish_offer(*, actor: Actor, offer: Offer, at: datetime) -> Offer:
    """Put an offer on sale. Raises OfferNotPublishable without a price or with residency facts missing or failing."""
    decision = decide(Policy(Level.EEA_RESIDENT), offer.pool.cluster.site.facts())
    if not decision.allowed:
        raise OfferNotPublishable(
            gettext("The site's facts do not reach the lowest level: %(decision_failing)s. Complete the site first.")
            % {"decision_failing": ", ".join(decision.failing)},
            reasons=list(decision.failing),
        )
    try:
        billing.price_in_force(sku_id=offer.sku_id, at=at)
    except NoPriceInForce as error:
        raise OfferNotPublishable(gettext("The SKU has no price in force: publish one first.")) from error
    if Offer.objects.filter(pk=offer.pk).move(OfferState.PUBLISHED):
        audit.record(actor=actor, action=Action.OFFER_PUBLISHED, subject=offer, at=at)
    offer.refresh_from_db()
    return offer


@transaction.atomic
def withdraw_offer(*, actor: Actor, offer: Offer, at: datetime) -> Offer:
    """Take an offer off sale; what runs on it goes on."""
    if Offer.objects.filter(pk=offer.pk).move(OfferState.WITHDRAWN):
        audit.record(actor=actor, action=Action.OFFER_WITHDRAWN, subject=offer, at=at)
    offer.refresh_from_db()
    return offer
