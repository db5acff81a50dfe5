# SPDX-License-Identifier: Apache-2.0
"""Publishing and withdrawing offers."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from aion.residency.policy import Level, Policy, decide
from billing import queries as billing
from billing.errors import NoPriceInForce
from billing.services.catalogue import put_own_price
from marketplace.audit import Action
from marketplace.errors import OfferNotPublishable
from marketplace.models import Offer, OfferChange
from marketplace.states import ChangeState, OfferState


@transaction.atomic
def publish_offer(*, actor: Actor, offer: Offer, at: datetime, reason: str = "") -> Offer:
    """Put an offer on sale, its own price in force from now on.

    Raises OfferNotPublishable without a price or with residency facts missing or failing; it names them.
    """
    unfit = why_unfit(offer.pool.cluster.site)
    if unfit is not None:
        raise unfit
    own = offer.own_at(at)
    # A price that is announced keeps its book even where the list price holds until then.
    book_id = offer.price_book_id if offer.is_announced(at) else None
    if own is not None:
        book_id = put_own_price(
            actor=actor,
            code=offer.public_id,
            name=f"{offer.organisation.name}: {offer.title}",
            operator_id=offer.organisation_id,
            sku=offer.sku,
            micro_per_gpu_hour=own,
            at=at,
        )
    try:
        billing.price_in_force(sku_id=offer.sku_id, at=at, book_id=book_id)
    except NoPriceInForce as error:
        raise OfferNotPublishable(
            gettext("The SKU has no price in force: publish one first, or let the operator ask its own.")
        ) from error
    moved = Offer.objects.filter(pk=offer.pk).move(
        OfferState.PUBLISHED, price_book_id=book_id, decided_at=at, decision_reason=reason
    )
    if moved:
        audit.record(actor=actor, action=Action.OFFER_PUBLISHED, subject=offer, reason=reason, at=at)
    offer.refresh_from_db()
    return offer


@transaction.atomic
def withdraw_offer(*, actor: Actor, offer: Offer, at: datetime, reason: str = "") -> Offer:
    """Take an offer off sale, and with it what is proposed to change of it; what runs on it goes on."""
    for change in OfferChange.objects.select_for_update().filter(offer=offer).waiting():
        OfferChange.objects.filter(pk=change.pk).update(state=ChangeState.WITHDRAWN, decided_at=at)
        audit.record(actor=actor, action=Action.CHANGE_WITHDRAWN, subject=change, reason=reason, at=at)
    if Offer.objects.filter(pk=offer.pk).move(OfferState.WITHDRAWN, decision_reason=reason):
        audit.record(actor=actor, action=Action.OFFER_WITHDRAWN, subject=offer, reason=reason, at=at)
    offer.refresh_from_db()
    return offer


def why_unfit(site: Any) -> OfferNotPublishable | None:
    """Return what keeps offers of ``site`` off sale: facts that are missing or fail, by name; None if nothing does."""
    missing = site.missing_facts()
    if missing:
        return OfferNotPublishable(
            gettext("Residency facts of %(site)s are missing: %(facts)s. Complete the site first.")
            % {"site": site.name, "facts": ", ".join(missing)},
            reasons=missing,
        )
    decision = decide(Policy(Level.EEA_RESIDENT), site.facts())
    if decision.allowed:
        return None
    return OfferNotPublishable(
        gettext("The site's facts do not reach the lowest level: %(decision_failing)s. Complete the site first.")
        % {"decision_failing": ", ".join(decision.failing)},
        reasons=list(decision.failing),
    )
