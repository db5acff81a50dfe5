# SPDX-License-Identifier: Apache-2.0
"""Selling reserved capacity: a quote promises nothing, the confirmation decides all of it again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext

from aion import figures, ids
from aion.actor import Actor, Scope
from aion.errors import Rejected
from aion.periods import floor_hour, whole_seconds
from aion.residency.policy import Policy, decide
from aion.tenancy.models import Organisation
from aion.tenancy.queries import launch_quota
from aion.tenancy.services.projects import require_member, require_open
from billing import queries as billing
from billing.services import holds
from clusters.errors import CapacityNotAvailable
from clusters.queries.reservations import reservations as own
from clusters.services import capacity, workloads
from clusters.services import reservations as calendar
from marketplace.errors import IdempotencyMismatch, OfferNotFound, PriceChanged
from marketplace.models import Offer
from marketplace.queries import quote_amounts
from marketplace.services.orders import Estimate, project_of, purpose_of, require_active, require_quota
from marketplace.services.repeats import done_once
from marketplace.states import CapacityClass

if TYPE_CHECKING:
    from clusters.models import Reservation

FURTHEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a customer wants to reserve, before any lookup. ``agreed`` is the price of the window that they saw."""

    project_id: str
    offer_id: str
    milli_gpus: int
    starts_at: datetime
    ends_at: datetime
    agreed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationQuote(Estimate):
    """What a window costs and whether it could be had at this moment; ``free`` is how many milli-GPUs could."""

    starts_at: datetime
    ends_at: datetime
    free: int

    @property
    def hours(self) -> int:
        """Return how many hours the window has."""
        return self.max_seconds // 3600


def quote_reservation(*, actor: Actor, wish: Wish, at: datetime) -> ReservationQuote:
    """Return count, window, total and price version of a reservation without promising anything.

    Raises NotFound and OfferNotFound for what the actor cannot see, Rejected with the field for sizes and windows that
    make no sense, QuotaExceeded, CapacityNotAvailable for more than could ever be reserved.
    """
    actor.require(Scope.WORKLOADS_READ)
    project = project_of(actor, wish.project_id)
    offer: Offer | None = Offer.objects.on_sale().filter(public_id=wish.offer_id).first()
    if offer is None:
        raise OfferNotFound(gettext("No such offer is on sale: choose one from the price list."), field="offer")
    if offer.capacity_class != CapacityClass.RESERVED:
        raise Rejected(gettext("This offer is not sold by reservation: launch on it at once."), field="offer")
    organisation = Organisation.objects.visible_to(actor).get()
    quota = launch_quota(project=project, organisation=organisation, sku_code=offer.sku.code, at=at)
    _check_window(wish, offer, at)
    _check_size(wish, offer, quota)
    buyer = billing.Buyer(organisation.pk, organisation.kind)
    price = billing.price_in_force(sku_id=offer.sku_id, at=at, buyer=buyer, book_id=offer.price_book_id)
    seconds = whole_seconds(wish.starts_at, wish.ends_at)
    amounts = quote_amounts(offer=offer, price=price, milli_gpus=wish.milli_gpus, seconds=seconds)
    return ReservationQuote(
        offer=offer,
        project=project,
        price=price,
        milli_gpus=wish.milli_gpus,
        max_seconds=seconds,
        amount=amounts.amount,
        per_hour=amounts.per_hour,
        available=billing.balance(actor.organisation_id, at).available,
        decision=decide(Policy.parse(project.residency_policy), offer.pool.cluster.site.facts()),
        watt_hours=amounts.watt_hours,
        g_co2e=amounts.g_co2e,
        starts_at=wish.starts_at,
        ends_at=wish.ends_at,
        free=capacity.reservable(pool=offer.pool, since=wish.starts_at, until=wish.ends_at, at=at),
    )


def confirm_reservation(*, actor: Actor, wish: Wish, at: datetime, idempotency_key: str | None = None) -> "Reservation":
    """Hold the price of the whole window and promise it: all of it or nothing.

    The same key with the same content returns the first reservation. Raises what ``quote_reservation`` raises,
    PriceChanged where it costs more than what was agreed, CapacityNotAvailable, and what a launch raises:
    ResidencyViolation, InsufficientCredit, BudgetExceeded, OrganisationFrozen, Conflict for an archived project,
    Forbidden for one that is for others only, IdempotencyMismatch.
    """
    actor.require(Scope.WORKLOADS_WRITE)
    return done_once(
        earlier=partial(_earlier, actor, wish, idempotency_key),
        make=partial(_confirm, actor=actor, wish=wish, at=at, idempotency_key=idempotency_key),
    )


@transaction.atomic
def _confirm(*, actor: Actor, wish: Wish, at: datetime, idempotency_key: str | None) -> "Reservation":
    quote = quote_reservation(actor=actor, wish=wish, at=at)
    if wish.agreed is not None and quote.amount > wish.agreed:
        raise PriceChanged(
            gettext("The window costs %(now)s credits now, and you agreed to %(agreed)s: look at the quote again.")
            % {"now": figures.credits_in_full(quote.amount), "agreed": figures.credits_in_full(wish.agreed)},
            amount_microcredits=quote.amount,
        )
    organisation = Organisation.objects.visible_to(actor).select_for_update(no_key=True, of=("self",)).get()
    require_active(organisation)
    require_open(quote.project)
    require_member(actor, quote.project)
    public_id = ids.reservation_id()
    decision = workloads.require_residency(
        pool=quote.offer.pool,
        policy=quote.project.residency_policy,
        organisation_id=organisation.pk,
        subject=public_id,
        gate="reservation",
        at=at,
    )
    pool = calendar.require_room(
        pool_id=quote.offer.pool_id, milli_gpus=quote.milli_gpus, since=quote.starts_at, until=quote.ends_at, at=at
    )
    hold = holds.place_hold(purpose=purpose_of(actor, quote), amount=quote.amount, reference=public_id, at=at)
    return calendar.book(
        actor=actor,
        terms=calendar.Terms(
            public_id=public_id,
            organisation_id=organisation.pk,
            project_id=quote.project.pk,
            member_id=actor.user_id,
            pool=pool,
            offer_ref=quote.offer.public_id,
            title=quote.offer.title,
            milli_gpus=quote.milli_gpus,
            starts_at=quote.starts_at,
            ends_at=quote.ends_at,
            sku_id=quote.price.sku_id,
            price_id=quote.price.price_id,
            price_book=quote.price.book_code,
            micro_per_gpu_hour=quote.price.micro_per_gpu_hour,
            amount=quote.amount,
        ),
        hold_id=hold.pk,
        decision_id=decision.pk,
        at=at,
        idempotency_key=idempotency_key,
    )


def _earlier(actor: Actor, wish: Wish, key: str | None) -> "Reservation | None":
    if key is None:
        return None
    found: Reservation | None = own(actor).filter(idempotency_key=key).first()
    if found is not None and (
        (found.project.public_id, found.offer_ref, found.milli_gpus, found.starts_at, found.ends_at)
        != (wish.project_id, wish.offer_id, wish.milli_gpus, wish.starts_at, wish.ends_at)
    ):
        raise IdempotencyMismatch(gettext("Send the same body again, or a new key for a new reservation."))
    return found


def _check_window(wish: Wish, offer: Offer, at: datetime) -> None:
    for field, moment in (("starts_at", wish.starts_at), ("ends_at", wish.ends_at)):
        if moment != floor_hour(moment):
            raise Rejected(gettext("A window begins and ends on the full hour, in UTC."), field=field)
    if not at <= wish.starts_at <= at + FURTHEST:
        raise Rejected(
            gettext("A reservation starts with an hour that has not begun, within a year."), field="starts_at"
        )
    if not timedelta(0) < wish.ends_at - wish.starts_at <= timedelta(seconds=offer.max_seconds):
        raise Rejected(
            gettext("A window has at least one hour and at most %(most)s.") % {"most": offer.max_seconds // 3600},
            field="ends_at",
        )


def _check_size(wish: Wish, offer: Offer, quota: int) -> None:
    gpus, least = wish.milli_gpus, offer.min_milli_gpus
    if gpus <= 0 or gpus % 1000:
        raise Rejected(gettext("Reserve whole GPUs, at least one."), field="gpus")
    if gpus < least:
        raise Rejected(
            gettext("%(offer_title)s sells at least %(least)s GPUs at one time.")
            % {"offer_title": offer.title, "least": figures.gpus(least)},
            field="gpus",
        )
    require_quota(gpus, quota)
    top = min(offer.pool.reservable, offer.max_milli_gpus)
    if gpus > top:
        raise CapacityNotAvailable(
            gettext("%(offer_title)s reserves at most %(top)s GPUs at one time.")
            % {"offer_title": offer.title, "top": figures.gpus(top)},
            field="gpus",
            requested_gpus=gpus / 1000,
            maximum_gpus=top / 1000,
        )
