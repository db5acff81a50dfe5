# SPDX-License-Identifier: Apache-2.0
"""Placing orders: everything is decided before anything starts."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import transaction
from django.utils.translation import gettext

from aion import figures, ids
from aion.actor import Actor, Scope
from aion.audit import services as audit
from aion.errors import NotFound, Rejected
from aion.money import decimal_string
from aion.residency.policy import Decision, Policy, decide
from aion.tenancy.models import Organisation, OrganisationState, Project
from aion.tenancy.queries import launch_quota
from aion.tenancy.services.projects import require_member, require_open
from billing import queries as billing
from billing.queries import PriceInForce
from billing.services import holds, metering
from clusters.errors import CapacityNotAvailable, QuotaExceeded
from clusters.queries.reservations import reserved_on
from clusters.services import reservations, workloads
from marketplace.audit import Action
from marketplace.errors import IdempotencyMismatch, OfferNotFound, OrganisationFrozen
from marketplace.models import Offer, Order
from marketplace.queries import quote_amounts
from marketplace.services.repeats import done_once
from marketplace.services.wording import check_text
from marketplace.states import CapacityClass

MIN_SECONDS = 600
MIN_EXTENSION = 600


@dataclass(frozen=True, slots=True)
class Request:
    """What a customer asks for, before any lookup."""

    project_id: str
    offer_id: str
    name: str
    image: str
    command: tuple[str, ...]
    milli_gpus: int
    max_seconds: int

    def fingerprint(self) -> str:
        """Return a digest of the content, kept with an idempotency key."""
        body = [getattr(self, name) for name in self.__slots__]
        return hashlib.sha256(json.dumps(body, default=list).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a launch would cost and whether it may start; the same code decides the launch itself."""

    offer: Offer
    project: Project
    price: PriceInForce
    milli_gpus: int
    max_seconds: int
    amount: int
    per_hour: int
    available: int
    decision: Decision
    watt_hours: int
    g_co2e: int
    # What pays for it; then it costs nothing of its own.
    reservation_id: int | None = None

    @property
    def balance_after(self) -> int:
        """Return what would be left to spend, in micro-credits."""
        return self.available - self.amount


def estimate(*, actor: Actor, request: Request, at: datetime) -> Estimate:
    """Return cost, energy and residency decision of a launch without reserving anything.

    Raises Rejected for sizes out of range, OfferNotFound and NotFound for what the actor cannot see, QuotaExceeded and
    CapacityNotAvailable for what could never run, and on a reserved offer what ``reservations.usable`` raises.
    """
    return _estimate(actor=actor, request=request, at=at, lock=False)


def _estimate(*, actor: Actor, request: Request, at: datetime, lock: bool) -> Estimate:
    actor.require(Scope.WORKLOADS_READ)
    project = project_of(actor, request.project_id)
    offer = _offer_of(actor, request.offer_id)
    organisation = Organisation.objects.visible_to(actor).get()
    quota = launch_quota(project=project, organisation=organisation, sku_code=offer.sku.code, at=at)
    _check_size(request, offer, quota)
    reservation_id = None
    if offer.capacity_class == CapacityClass.RESERVED:
        reservation = reservations.usable(
            actor=actor, project_id=project.pk, sold=(offer.pool_id, offer.public_id), milli_gpus=request.milli_gpus,
            max_seconds=request.max_seconds, at=at, lock=lock,
        )  # fmt: skip
        reservation_id = reservation.pk
        price = PriceInForce(
            reservation.price_id, reservation.sku_id, offer.sku.code, 0, book_code=reservation.price_book
        )
    else:
        buyer = billing.Buyer(organisation.pk, organisation.kind)
        price = billing.price_in_force(sku_id=offer.sku_id, at=at, buyer=buyer, book_id=offer.price_book_id)
    amounts = quote_amounts(offer=offer, price=price, milli_gpus=request.milli_gpus, seconds=request.max_seconds)
    return Estimate(
        offer=offer,
        project=project,
        price=price,
        milli_gpus=request.milli_gpus,
        max_seconds=request.max_seconds,
        amount=amounts.amount,
        per_hour=amounts.per_hour,
        available=billing.balance(actor.organisation_id, at).available,
        decision=decide(Policy.parse(project.residency_policy), offer.pool.cluster.site.facts()),
        watt_hours=amounts.watt_hours,
        g_co2e=amounts.g_co2e,
        reservation_id=reservation_id,
    )


def place_order(*, actor: Actor, request: Request, at: datetime, idempotency_key: str | None = None) -> Order:
    """Decide, hold the worst case and queue the workload: all of it or nothing.

    The same key with the same content returns the first order. Raises what ``estimate`` raises, ResidencyViolation,
    InsufficientCredit, OrganisationFrozen, Rejected for a bad name or image, IdempotencyMismatch, Conflict for an
    archived project, Forbidden for one that is for others only, CapacityNotAvailable where others have reserved.
    """
    actor.require(Scope.WORKLOADS_WRITE)
    return done_once(
        earlier=partial(_earlier, actor, request, idempotency_key),
        make=partial(_place, actor=actor, request=request, at=at, idempotency_key=idempotency_key),
    )


@transaction.atomic
def _place(*, actor: Actor, request: Request, at: datetime, idempotency_key: str | None) -> Order:
    check_text(name=request.name, image=request.image, command=request.command)
    quote = _estimate(actor=actor, request=request, at=at, lock=True)
    organisation = Organisation.objects.visible_to(actor).select_for_update(no_key=True, of=("self",)).get()
    require_active(organisation)
    require_open(quote.project)
    require_member(actor, quote.project)
    public_id = ids.order_id()
    decision = workloads.require_residency(
        pool=quote.offer.pool,
        policy=quote.project.residency_policy,
        organisation_id=organisation.pk,
        subject=request.name,
        gate="order",
        at=at,
    )
    workload_ref = ids.workload_id()
    paid = _own_payment(
        actor, quote, name=request.name, reference=public_id, workload_ref=workload_ref, decision_id=decision.pk, at=at
    )
    workload = workloads.create_workload(
        actor=actor,
        at=at,
        public_id=workload_ref,
        organisation_id=organisation.pk,
        run_id=paid[0],
        reservation_id=quote.reservation_id,
        project=quote.project,
        pool=quote.offer.pool,
        name=request.name,
        image=request.image,
        command=list(request.command),
        milli_gpus=request.milli_gpus,
        max_seconds=request.max_seconds,
        sku_id=quote.price.sku_id,
        price_id=quote.price.price_id,
        micro_per_gpu_hour=quote.price.micro_per_gpu_hour,
        hold_id=paid[1],
        decision_id=decision.pk,
        spot=quote.offer.capacity_class == CapacityClass.SPOT,
    )
    order = Order.objects.create(
        public_id=public_id,
        organisation_id=organisation.pk,
        project=quote.project,
        offer=quote.offer,
        workload=workload,
        hold_id=paid[1],
        milli_gpus=request.milli_gpus,
        max_seconds=request.max_seconds,
        amount=quote.amount,
        idempotency_key=idempotency_key,
        fingerprint=request.fingerprint(),
        placed_at=at,
    )
    audit.record(
        actor=actor,
        action=Action.ORDER_PLACED,
        subject=order,
        at=at,
        changes={"workload": workload.public_id},
    )
    return order


def _own_payment(
    actor: Actor, quote: Estimate, *, name: str, reference: str, workload_ref: str, decision_id: int, at: datetime
) -> tuple[int | None, int | None]:
    """Hold the worst case and write the run's terms; return both ids, or none where a reservation pays."""
    if quote.reservation_id is not None:
        return None, None
    hold = holds.place_hold(purpose=purpose_of(actor, quote), amount=quote.amount, reference=reference, at=at)
    run = metering.open_run(
        organisation_id=quote.project.organisation_id,
        project_id=quote.project.pk,
        member_id=actor.user_id,
        workload_ref=workload_ref,
        name=name,
        site_code=quote.offer.pool.cluster.site.code,
        sku_id=quote.price.sku_id,
        price_id=quote.price.price_id,
        micro_per_gpu_hour=quote.price.micro_per_gpu_hour,
        hold_id=hold.pk,
        decision_id=decision_id,
        at=at,
    )
    return run.pk, hold.pk


@transaction.atomic
def extend_order(*, actor: Actor, workload_id: str, extra_seconds: int, at: datetime) -> Order:
    """Give a workload more time at its frozen price: reserve the difference, then move its hard stop.

    Raises NotFound for a stranger's, WrongState for one that ends or has ended, Rejected for a time out of range,
    InsufficientCredit, BudgetExceeded, OrganisationFrozen, Conflict for an archived project, Forbidden for one that is
    for others only; then nothing changes.
    """
    actor.require(Scope.WORKLOADS_WRITE)
    order: Order | None = (
        Order.objects.visible_to(actor)
        .select_related("workload__reservation", "offer", "organisation", "project")
        .filter(workload__public_id=workload_id)
        .first()
    )
    if order is None:
        raise NotFound(gettext("There is no such workload."))
    require_active(order.organisation)
    require_open(order.project)
    require_member(actor, order.project)
    workload = order.workload
    total = workload.max_seconds + extra_seconds  # it changes below only if it is still this long
    if extra_seconds < MIN_EXTENSION or total > order.offer.max_seconds:
        most = order.offer.max_seconds // 3600
        raise Rejected(
            gettext("Extend by at least %(min_extension)s minutes, to at most %(most)s hours in all.")
            % {"min_extension": MIN_EXTENSION // 60, "most": most},
            field="extra_seconds",
        )
    amount = billing.worst_case(
        milli_gpus=workload.milli_gpus, seconds=total, micro_per_gpu_hour=workload.micro_per_gpu_hour
    )
    more = amount - workload.worst_case
    workloads.lengthen(workload=workload, max_seconds=total, at=at)
    if order.hold_id is not None:
        holds.extend_hold(hold_id=order.hold_id, amount=more, at=at)
    audit.record(
        actor=actor,
        action=Action.ORDER_EXTENDED,
        subject=order,
        at=at,
        changes={"workload": workload.public_id, "max_seconds": total, "amount": decimal_string(amount)},
    )
    workload.refresh_from_db()
    return order


def require_active(organisation: Organisation) -> None:
    """Raise OrganisationFrozen unless something new may start."""
    if organisation.state != OrganisationState.ACTIVE:
        raise OrganisationFrozen(
            gettext("Nothing new can start while %(organisation_name)s is frozen: %(frozen_reason)s.")
            % {"organisation_name": organisation.name, "frozen_reason": organisation.frozen_reason}
        )


def project_of(actor: Actor, public_id: str) -> Project:
    """Return the actor's project. Raises NotFound for a stranger's."""
    project: Project | None = Project.objects.visible_to(actor).filter(public_id=public_id).first()
    if project is None:
        raise NotFound(gettext("There is no such project."), field="project")
    return project


def _offer_of(actor: Actor, public_id: str) -> Offer:
    """Return what is on sale, or was when the actor reserved of it: a promise outlives its offer."""
    offer: Offer | None = Offer.objects.on_sale().filter(public_id=public_id).first()
    if offer is None and reserved_on(actor, public_id):
        offer = Offer.objects.described().filter(public_id=public_id, capacity_class=CapacityClass.RESERVED).first()
    if offer is None:
        raise OfferNotFound(gettext("No such offer is on sale: choose one from the price list."), field="offer")
    return offer


def purpose_of(actor: Actor, quote: Estimate) -> holds.Purpose:
    """Return what the hold of a launch is for."""
    return holds.Purpose(
        organisation_id=quote.project.organisation_id,
        project_id=quote.project.pk,
        sku_code=quote.price.sku_code,
        site_code=quote.offer.pool.cluster.site.code,
        programme_code=quote.project.programme_code,
        level=int(Policy.parse(quote.project.residency_policy).level),
        member_id=actor.user_id,
    )


def _earlier(actor: Actor, request: Request, key: str | None) -> Order | None:
    if key is None:
        return None
    order: Order | None = (
        Order.objects.visible_to(actor).filter(idempotency_key=key).select_related("workload", "project").first()
    )
    if order is not None and order.fingerprint != request.fingerprint():
        raise IdempotencyMismatch(gettext("Send the same body again, or a new key for a new order."))
    return order


def _check_size(request: Request, offer: Offer, quota: int) -> None:
    gpus = request.milli_gpus
    if gpus <= 0:
        raise Rejected(gettext("Ask for at least one GPU."), field="gpus")
    if gpus % 1000 and not offer.pool.fractions:
        raise Rejected(gettext("This pool sells whole GPUs only."), field="gpus")
    # What a reservation begins with is no limit of what runs on it.
    if gpus < offer.min_milli_gpus and offer.capacity_class != CapacityClass.RESERVED:
        raise Rejected(
            gettext("%(offer_title)s sells at least %(least)s GPUs at one time.")
            % {"offer_title": offer.title, "least": figures.gpus(offer.min_milli_gpus)},
            field="gpus",
        )
    if not MIN_SECONDS <= request.max_seconds <= offer.max_seconds:
        raise Rejected(
            gettext("Choose a maximum duration between %(min_seconds)s minutes and %(offer_seconds)s hours.")
            % {"min_seconds": MIN_SECONDS // 60, "offer_seconds": offer.max_seconds // 3600},
            field="max_duration_seconds",
        )
    require_quota(gpus, quota)
    if gpus > min(offer.pool.milli_gpus, offer.max_milli_gpus):
        top = min(offer.pool.milli_gpus, offer.max_milli_gpus)
        raise CapacityNotAvailable(
            gettext("%(offer_title)s takes at most %(top)s GPUs for one workload.")
            % {"offer_title": offer.title, "top": figures.gpus(top)},
            field="gpus",
            requested_gpus=gpus / 1000,
            maximum_gpus=top / 1000,
        )


def require_quota(gpus: int, quota: int) -> None:
    """Raise QuotaExceeded for more milli-GPUs than may ever be used at one time."""
    if gpus > quota:
        raise QuotaExceeded(
            gettext(
                "%(gpus)s GPUs are more than the quota of %(quota)s at one time: ask for fewer, or request a "
                "higher quota."
            )
            % {"gpus": figures.gpus(gpus), "quota": figures.gpus(quota)},
            field="gpus",
            requested_gpus=gpus / 1000,
            quota_gpus=quota / 1000,
            over_gpus=(gpus - quota) / 1000,
        )
