# SPDX-License-Identifier: Apache-2.0
"""Changes of offers on sale: proposed by their operator, decided by staff; prices from a date on, with notice."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import NotFound, Rejected
from aion.money import decimal_string
from billing import queries as billing
from billing.services.catalogue import announce_own_price
from marketplace.audit import Action
from marketplace.errors import ChangeWaits, OfferInWrongState, PriceAnnounced
from marketplace.models import Offer, OfferChange
from marketplace.services import offers
from marketplace.services.catalogue import why_unfit
from marketplace.states import ChangeKind, ChangeState, OfferState

# So long before it holds customers see a price that rises; a cut may hold as soon as it is approved.
NOTICE = timedelta(days=7)
# So long staff have to decide before the notice begins.
DECISION = timedelta(days=2)
FURTHEST = timedelta(days=366)
FACTS = ("title", "description", "min_milli_gpus", "max_milli_gpus", "max_seconds", "storage_class", "local_disk_gib")


def propose_price(
    *, actor: Actor, offer_id: str, micro_per_gpu_hour: int | None, valid_from: datetime, reason: str, at: datetime
) -> OfferChange:
    """Ask for another price from ``valid_from`` on, in micro-credits per GPU-hour; None is the list price.

    Raises Forbidden, NotFound, OfferInWrongState off sale, PriceAnnounced, ChangeWaits, Rejected for a price that is
    none or the present one, and for a date in the past or without the notice that a rise needs.
    """
    offers.require_operator(actor)
    with transaction.atomic():
        offer = _on_sale(actor, offer_id)
        _require_none_announced(offer, at)
        offers.checked(offer.pool, replace(offers.wish_of(offer, at), own_micro_per_gpu_hour=micro_per_gpu_hour))
        before = offer.own_at(at)
        if micro_per_gpu_hour == before:
            raise Rejected(gettext("That is its price already: give another one."), field="price")
        _require_date(offer, micro_per_gpu_hour, valid_from, at=at, spare=DECISION)
        return _propose(
            actor, offer, ChangeKind.PRICE, reason, at,
            micro_before=before, micro_per_gpu_hour=micro_per_gpu_hour, valid_from=valid_from,
        )  # fmt: skip


def propose_facts(*, actor: Actor, offer_id: str, facts: Mapping[str, Any], reason: str, at: datetime) -> OfferChange:
    """Ask to change what an offer on sale says of itself (``FACTS``); what is left out stays.

    Raises Forbidden, NotFound, OfferInWrongState off sale, ChangeWaits, Rejected with the field, or for no change.
    """
    offers.require_operator(actor)
    with transaction.atomic():
        offer = _on_sale(actor, offer_id)
        present = offers.wish_of(offer, at)
        wish = replace(present, **{name: value for name, value in facts.items() if name in FACTS})
        offers.checked(offer.pool, wish)
        before, after = asdict(present), asdict(wish)
        changed = {name: [before[name], after[name]] for name in FACTS if before[name] != after[name]}
        if not changed:
            raise Rejected(gettext("Nothing would change: change a field, or leave the offer as it is."))
        return _propose(actor, offer, ChangeKind.FACTS, reason, at, facts=changed)


@transaction.atomic
def withdraw_change(*, actor: Actor, public_id: str, at: datetime) -> OfferChange:
    """Take a proposal back. Raises Forbidden, NotFound for a stranger's, OfferInWrongState once it is decided."""
    offers.require_operator(actor)
    change = OfferChange.objects.visible_to(actor).filter(public_id=public_id).first()
    if change is None:
        raise NotFound(gettext("There is no such change."))
    change = _decide(change, actor, ChangeState.WITHDRAWN, "", at)
    audit.record(actor=actor, action=Action.CHANGE_WITHDRAWN, subject=change, at=at)
    return change


@transaction.atomic
def approve_change(*, actor: Actor, change: OfferChange, at: datetime, reason: str = "") -> OfferChange:
    """Announce the price, or put the facts in force at once, and tell the operator.

    Raises FourEyesNeeded for who proposed it, OfferInWrongState, PriceAnnounced, OfferNotPublishable while the site's
    facts are missing, Rejected where too little notice is left or the pool has become too small.
    """
    offers.require_another(actor, change.asked_by_id)
    offer = _locked_for_staff(change)
    change = _decide(change, actor, ChangeState.APPROVED, reason, at)
    unfit = why_unfit(offer.pool.cluster.site)
    if unfit is not None:
        raise unfit
    if change.kind == ChangeKind.PRICE:
        _announce(actor, offer, change, at)
    else:
        _apply(offer, change, at)
    _record(actor, change, Action.CHANGE_APPROVED, reason, at)
    offer.refresh_from_db()
    offers.tell(offer, "offer.change_approved", reason, at, change=change.public_id, kind=change.kind)
    return change


@transaction.atomic
def reject_change(*, actor: Actor, change: OfferChange, reason: str, at: datetime) -> OfferChange:
    """Leave the offer as it is, with the reason, which its operator reads. Raises Rejected, OfferInWrongState."""
    if not reason.strip():
        raise Rejected(gettext("Write why: the operator reads it."), field="reason")
    change = _decide(change, actor, ChangeState.REJECTED, reason.strip(), at)
    _record(actor, change, Action.CHANGE_REJECTED, reason.strip(), at)
    offers.tell(change.offer, "offer.change_rejected", reason.strip(), at, change=change.public_id, kind=change.kind)
    return change


def earliest(*, rises: bool, at: datetime) -> datetime:
    """Return the earliest date that may be proposed for a price that rises, or for one that does not."""
    return at + NOTICE + DECISION if rises else at


def _on_sale(actor: Actor, offer_id: str) -> Offer:
    offer = offers.locked(actor, offer_id)
    if offer.state != OfferState.PUBLISHED:
        raise OfferInWrongState(gettext("It is not on sale: change the offer itself."))
    return offer


def _require_none_announced(offer: Offer, at: datetime) -> None:
    if offer.is_announced(at):
        raise PriceAnnounced(
            gettext("A price is announced from %(date)s: propose the next one once it is in force.")
            % {"date": f"{offer.announced_from:%Y-%m-%d}"}
        )


def _require_date(offer: Offer, micro: int | None, valid_from: datetime, *, at: datetime, spare: timedelta) -> None:
    """Refuse a date in the past, too far ahead, or nearer than the notice and ``spare`` for a price that rises."""
    if not at < valid_from <= at + FURTHEST:
        raise Rejected(
            gettext("A price holds from a date in the future on, within a year: choose a later day."),
            field="valid_from",
        )
    if valid_from - at < NOTICE + spare and _rises(offer, micro, at):
        raise Rejected(
            gettext("A price that rises needs %(notice)s days of notice and %(decision)s days for AION to decide: "
                    "choose %(date)s or later.")
            % {"notice": NOTICE.days, "decision": DECISION.days,
               "date": f"{at + NOTICE + DECISION + timedelta(days=1):%Y-%m-%d}"},
            field="valid_from",
        )  # fmt: skip


def _rises(offer: Offer, micro: int | None, at: datetime) -> bool:
    """Tell whether everybody's price rises: an own price against what holds now, before promotions and tiers."""
    common = billing.prices_in_force(sku_ids=[offer.sku_id], at=at).get(offer.sku_id)
    listed = common.list_micro if common is not None else None
    new = listed if micro is None else micro
    own = offer.own_at(at)
    now = listed if own is None else own
    return new is None or now is None or new > now


def _propose(actor: Actor, offer: Offer, kind: ChangeKind, reason: str, at: datetime, **fields: Any) -> OfferChange:
    if not 1 <= len(reason.strip()) <= offers.REASON:
        raise Rejected(gettext("Write why, in up to 200 characters: AION decides with it."), field="reason")
    try:
        with transaction.atomic():
            change = OfferChange.objects.create(
                organisation_id=offer.organisation_id, offer=offer, kind=kind, reason=reason.strip(),
                asked_by_id=actor.user_id, asked_at=at, **fields,
            )  # fmt: skip
    except IntegrityError as error:
        raise ChangeWaits(
            gettext("A change waits for a decision already: withdraw it before you propose anew.")
        ) from error
    _record(actor, change, Action.CHANGE_PROPOSED, change.reason, at)
    return change


def _locked_for_staff(change: OfferChange) -> Offer:
    offer: Offer = Offer.objects.select_for_update(of=("self",)).select_related("pool__cluster__site").get(
        pk=change.offer_id
    )  # fmt: skip
    if offer.state != OfferState.PUBLISHED:
        raise OfferInWrongState(gettext("It is not on sale any more."))
    return offer


def _decide(change: OfferChange, actor: Actor, state: ChangeState, reason: str, at: datetime) -> OfferChange:
    """Move a change that waits; of two at the same moment the second is refused."""
    moved = OfferChange.objects.filter(pk=change.pk).waiting().update(
        state=state, decided_by_id=actor.user_id, decided_at=at, decision_reason=reason
    )  # fmt: skip
    change = OfferChange.objects.select_related("offer", "organisation").get(pk=change.pk)
    if not moved:
        raise OfferInWrongState(
            gettext("This change is decided or withdrawn already: %(state)s.") % {"state": change.get_state_display()}
        )
    return change


def _announce(actor: Actor, offer: Offer, change: OfferChange, at: datetime) -> None:
    _require_none_announced(offer, at)
    valid_from = change.valid_from
    assert valid_from is not None  # noqa: S101 - the database keeps a price without a date out
    _require_date(offer, change.micro_per_gpu_hour, valid_from, at=at, spare=timedelta(0))
    book_id = announce_own_price(
        actor=actor,
        code=offer.public_id,
        name=f"{offer.organisation.name}: {offer.title}",
        operator_id=offer.organisation_id,
        sku=offer.sku,
        micro_per_gpu_hour=change.micro_per_gpu_hour,
        valid_from=valid_from,
        at=at,
    )
    Offer.objects.filter(pk=offer.pk).update(
        price_book_id=book_id,
        own_micro_per_gpu_hour=offer.own_at(at),
        announced_micro_per_gpu_hour=change.micro_per_gpu_hour,
        announced_from=valid_from,
    )


def _apply(offer: Offer, change: OfferChange, at: datetime) -> None:
    wish = replace(offers.wish_of(offer, at), **{name: after for name, (_, after) in change.facts.items()})
    offers.checked(offer.pool, wish)
    Offer.objects.filter(pk=offer.pk).update(**{name: getattr(wish, name) for name in change.facts})


def _record(actor: Actor, change: OfferChange, action: Action, reason: str, at: datetime) -> None:
    said: dict[str, Any] = {"offer": change.offer.public_id, **change.facts}
    if change.kind == ChangeKind.PRICE:
        prices = (change.micro_before, change.micro_per_gpu_hour)
        said |= {
            "own_price": [None if one is None else decimal_string(one) for one in prices],
            "valid_from": str(change.valid_from),
        }
    audit.record(actor=actor, action=action, subject=change, at=at, reason=reason, changes=said)
