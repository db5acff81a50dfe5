# SPDX-License-Identifier: Apache-2.0
"""Offers as their operators make them: written, proposed and taken back by a member, decided by staff."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from aion import figures
from aion.actor import Actor, Scope, system
from aion.audit import services as audit
from aion.errors import Forbidden, NotFound, Rejected
from aion.events.services.emission import emit
from aion.money import decimal_string
from aion.tenancy.models import Organisation, OrganisationKind
from billing.errors import FourEyesNeeded
from billing.services.catalogue import sku_of
from clusters import queries as clusters
from clusters.queries.reservations import sold_on
from marketplace.audit import Action
from marketplace.errors import OfferExists, OfferInWrongState, PriceAnnounced
from marketplace.models import Offer
from marketplace.services.catalogue import publish_offer, why_unfit, withdraw_offer
from marketplace.services.orders import MIN_SECONDS
from marketplace.states import EDITABLE, CapacityClass, OfferState

MAX_MICRO = 10**12
MAX_SECONDS = 366 * 86_400
REASON = 200
STORAGE = 60
MAX_DISK = 1_000_000


@dataclass(frozen=True, slots=True)
class OfferWish:
    """What an operator offers. ``pool`` is a public id; without an own price the list price holds."""

    pool: str
    title: str
    description: str = ""
    capacity_class: str = CapacityClass.ON_DEMAND
    own_micro_per_gpu_hour: int | None = None
    min_milli_gpus: int = 1000
    max_milli_gpus: int = 64_000
    max_seconds: int = 30 * 86_400
    storage_class: str = ""
    local_disk_gib: int | None = None


def wish_of(offer: Offer, at: datetime) -> OfferWish:
    """Return what ``offer`` says of itself at ``at``."""
    now = {name: getattr(offer, name) for name in OfferWish.__slots__ if name not in {"pool", "own_micro_per_gpu_hour"}}
    return OfferWish(pool=offer.pool.public_id, own_micro_per_gpu_hour=offer.own_at(at), **now)


def create_offer(*, actor: Actor, wish: OfferWish, at: datetime) -> Offer:
    """Write a draft on one of the operator's pools. Raises Forbidden for non-members, Rejected, OfferExists."""
    organisation_id = require_operator(actor)
    values = _checked(actor, wish)
    try:
        with transaction.atomic():
            offer = Offer.objects.create(organisation_id=organisation_id, **values)
            audit.record(actor=actor, action=Action.OFFER_CREATED, subject=offer, at=at, changes=_said(wish))
    except IntegrityError as error:
        raise _taken() from error
    return offer


def change_offer(*, actor: Actor, public_id: str, wish: OfferWish, at: datetime) -> Offer:
    """Change what is not on sale and not before staff.

    Raises what ``create_offer`` does, OfferInWrongState, PriceAnnounced for another price while one is announced.
    """
    require_operator(actor)
    try:
        with transaction.atomic():
            offer = locked(actor, public_id)
            values = _checked(actor, wish)
            if offer.state not in EDITABLE:
                raise OfferInWrongState(
                    gettext("It is on sale or proposed: propose a change of it, or withdraw the offer first.")
                )
            if (offer.pool_id, offer.capacity_class) != (values["pool_id"], wish.capacity_class) and sold_on(public_id):
                raise OfferInWrongState(gettext("Reservations of it are not over: keep its pool and class until then."))
            values |= _price_after(offer, wish, at)
            Offer.objects.filter(pk=offer.pk).update(**values)
            offer.refresh_from_db()
            audit.record(actor=actor, action=Action.OFFER_CHANGED, subject=offer, at=at, changes=_said(wish))
    except IntegrityError as error:
        raise _taken() from error
    return offer


@transaction.atomic
def propose_offer(*, actor: Actor, public_id: str, at: datetime) -> Offer:
    """Put an offer before staff. Raises Forbidden, NotFound, OfferInWrongState."""
    require_operator(actor)
    offer = locked(actor, public_id)
    fields = {"proposed_at": at, "proposed_by_id": actor.user_id, "decision_reason": ""}
    if not Offer.objects.filter(pk=offer.pk).move(OfferState.PROPOSED, **fields):
        raise OfferInWrongState(gettext("It is proposed or on sale already."))
    offer.refresh_from_db()
    audit.record(actor=actor, action=Action.OFFER_PROPOSED, subject=offer, at=at)
    return offer


@transaction.atomic
def withdraw_own_offer(*, actor: Actor, public_id: str, at: datetime) -> Offer:
    """Take an offer off sale or a proposal back; what runs on it goes on. Raises NotFound, OfferInWrongState."""
    require_operator(actor)
    offer = locked(actor, public_id)
    if offer.state not in {OfferState.PUBLISHED, OfferState.PROPOSED}:
        raise OfferInWrongState(gettext("It is neither on sale nor proposed."))
    return withdraw_offer(actor=actor, offer=offer, at=at)


@transaction.atomic
def approve_offer(*, actor: Actor, offer: Offer, at: datetime, reason: str = "") -> Offer:
    """Put a proposed offer on sale at its own price, and tell its operator.

    Raises what ``publish_offer`` raises, FourEyesNeeded for who proposed it.
    """
    offer = _proposed(offer)
    require_another(actor, offer.proposed_by_id)
    publish_offer(actor=actor, offer=offer, at=at, reason=reason)
    tell(offer, "offer.approved", reason, at)
    return offer


@transaction.atomic
def reject_offer(*, actor: Actor, offer: Offer, reason: str, at: datetime) -> Offer:
    """Give a proposed offer back with the reason, which its operator reads. Raises OfferInWrongState, Rejected."""
    if not reason.strip():
        raise Rejected(gettext("Write why: the operator reads it."), field="reason")
    offer = _proposed(offer)
    Offer.objects.filter(pk=offer.pk).move(OfferState.REJECTED, decided_at=at, decision_reason=reason)
    offer.refresh_from_db()
    audit.record(actor=actor, action=Action.OFFER_REJECTED, subject=offer, reason=reason, at=at)
    tell(offer, "offer.rejected", reason, at)
    return offer


@transaction.atomic
def take_off_sale(*, actor: Actor, offer: Offer, reason: str, at: datetime) -> Offer:
    """Withdraw an operator's offer as staff, and tell the operator why. Raises OfferInWrongState."""
    offer = Offer.objects.select_for_update().get(pk=offer.pk)
    if offer.state != OfferState.PUBLISHED:
        raise OfferInWrongState(gettext("It is not on sale."))
    withdraw_offer(actor=actor, offer=offer, at=at, reason=reason)
    tell(offer, "offer.withdrawn", reason, at)
    return offer


def recheck_offers(*, at: datetime) -> int:
    """Take off sale what stands on a site whose facts no longer reach the lowest level; return how many."""
    rows = Offer.objects.on_sale().order_by("pk")
    failing = [(offer, why) for offer in rows if (why := why_unfit(offer.pool.cluster.site)) is not None]
    for offer, why in failing:
        take_off_sale(actor=system("recheck"), offer=offer, reason=why.detail[:REASON], at=at)
    return len(failing)


def require_another(actor: Actor, proposed_by_id: int | None) -> None:
    """Raise FourEyesNeeded if ``actor`` is who proposed: staff may belong to a member of the consortium as well."""
    if actor.user_id is not None and actor.user_id == proposed_by_id:
        raise FourEyesNeeded(gettext("You proposed it: another member of staff must approve it."))


def require_operator(actor: Actor) -> int:
    """Return the key of the actor's organisation. Raises Forbidden unless it is a member of the consortium."""
    actor.require(Scope.OFFERS_WRITE)
    organisation = Organisation.objects.visible_to(actor).filter(kind=OrganisationKind.MEMBER).first()
    if organisation is None:
        raise Forbidden(gettext("Only members of the consortium offer capacity: ask AION to become one."))
    return int(organisation.pk)


def locked(actor: Actor, public_id: str) -> Offer:
    """Return the actor's offer, locked. Raises NotFound for a stranger's."""
    offer: Offer | None = Offer.objects.visible_to(actor).select_for_update().filter(public_id=public_id).first()
    if offer is None:
        raise NotFound(gettext("There is no such offer."))
    return offer


def _proposed(offer: Offer) -> Offer:
    locked: Offer = Offer.objects.select_for_update().get(pk=offer.pk)
    if locked.state != OfferState.PROPOSED:
        raise OfferInWrongState(gettext("It is not proposed: its operator proposes it first."))
    return locked


def _price_after(offer: Offer, wish: OfferWish, at: datetime) -> dict[str, Any]:
    """Return the columns of the price: an announced one that is in force by now is the present one."""
    if not offer.is_announced(at):
        return {"announced_micro_per_gpu_hour": None, "announced_from": None}
    if wish.own_micro_per_gpu_hour != offer.own_at(at) or wish.pool != offer.pool.public_id:
        raise PriceAnnounced(
            gettext("A price is announced from %(date)s: until then keep pool and price as they are.")
            % {"date": f"{offer.announced_from:%Y-%m-%d}"},
            field="price",
        )
    return {}


def _taken() -> OfferExists:
    return OfferExists(
        gettext("This pool has an offer of this capacity class: change that one."), field="capacity_class"
    )


def _checked(actor: Actor, wish: OfferWish) -> dict[str, Any]:
    pool = clusters.pools_operated_by(actor).filter(public_id=wish.pool).first()
    if pool is None:
        raise Rejected(gettext("Choose one of your pools."), field="pool")
    return checked(clusters.PoolFacts.of(pool), wish)


def checked(pool: clusters.PoolFacts, wish: OfferWish) -> dict[str, Any]:
    """Return the columns of what is offered on ``pool``. Raises Rejected with the field of what makes no sense."""
    sku = sku_of(pool.flavour_code)
    if sku is None:
        raise Rejected(
            gettext("%(flavour)s cannot be priced yet: ask AION to add its SKU.") % {"flavour": pool.flavour_name},
            field="pool",
        )
    if not wish.title.strip():
        raise Rejected(gettext("Give the offer a title."), field="title")
    if wish.capacity_class not in set(CapacityClass):
        raise Rejected(gettext("Choose on demand, spot or reserved."), field="capacity_class")
    if wish.own_micro_per_gpu_hour is not None and not 0 < wish.own_micro_per_gpu_hour <= MAX_MICRO:
        raise Rejected(gettext("A price is above zero and at most 1,000,000 credits."), field="price")
    if not 0 < wish.min_milli_gpus <= wish.max_milli_gpus:
        raise Rejected(gettext("The largest order is at least the smallest, and that is above zero."), field="max_gpus")
    if wish.max_milli_gpus > pool.milli_gpus:
        raise Rejected(
            gettext("The pool has %(gpus)s in all: offer no more.") % {"gpus": figures.gpus(pool.milli_gpus)},
            field="max_gpus",
        )
    if len(wish.storage_class) > STORAGE:
        raise Rejected(gettext("Name the storage class in up to 60 characters."), field="storage_class")
    if wish.local_disk_gib is not None and not 0 <= wish.local_disk_gib <= MAX_DISK:
        raise Rejected(gettext("A node's local disk has between 0 and 1,000,000 GiB."), field="local_disk_gib")
    if not MIN_SECONDS <= wish.max_seconds <= MAX_SECONDS:
        raise Rejected(gettext("A run lasts at least 10 minutes and at most 366 days."), field="max_hours")
    return {
        "pool_id": pool.pk,
        "sku_id": sku.pk,
        **{name: value for name, value in asdict(wish).items() if name != "pool"},
    }


def _said(wish: OfferWish) -> dict[str, Any]:
    price = wish.own_micro_per_gpu_hour
    own = None if price is None else decimal_string(price)
    return {"pool": wish.pool, "capacity_class": str(wish.capacity_class), "own_price": own}


def tell(offer: Offer, type: str, reason: str, at: datetime, **more: str) -> None:
    """Tell the operator of ``offer`` what was decided."""
    emit(
        organisation_id=offer.organisation_id,
        type=type,
        data={"offer": offer.public_id, "title": offer.title, "reason": reason, **more},
        key=f"{type}:{offer.public_id}:{at.isoformat()}",
        at=at,
    )
