# SPDX-License-Identifier: Apache-2.0
"""Reserved capacity as it is sold: a quote promises nothing, a confirmation is kept, and no pool is sold twice."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from aion.actor import Actor, system
from aion.errors import Conflict, DomainError, Forbidden, NotFound, Rejected
from aion.events.models import Event
from aion.residency.models import ResidencyDecision
from aion.tenancy.models import Organisation, OrganisationKind, Project
from aion.tenancy.roles import Role
from billing.errors import BudgetExceeded, InsufficientCredit
from billing.models import Hold, Price, Run
from billing.queries import balance
from billing.states import BudgetScope, Origin
from clusters.errors import CapacityNotAvailable, QuotaExceeded, ResidencyViolation, WrongState
from clusters.models import Pool, Reservation
from clusters.services.reservations import cancel_for_operator, cancel_reservation
from clusters.states import CANCELLATION, hours_charged
from marketplace.errors import IdempotencyMismatch, OfferInWrongState, OfferNotFound, OrganisationFrozen, PriceChanged
from marketplace.models import Offer
from marketplace.services.offers import change_offer, wish_of
from marketplace.services.orders import extend_order, place_order
from marketplace.services.reservations import confirm_reservation, quote_reservation
from marketplace.states import CapacityClass, OfferState
from tests.billing.books import drift, staff
from tests.billing.hands import at_once, names, share
from tests.marketplace.reserving import HOUR, offer_on, reserve, wish_for
from tests.worlds import LONG_AGO, MICRO, NOW, PRICE, Market, Tenant, launch, make_lot, make_market, make_tenant

DAY = timedelta(days=1)


def operator_of(market: Market) -> Actor:
    Organisation.objects.filter(pk=market.offer.organisation_id).update(kind=OrganisationKind.MEMBER)
    return system("operator", organisation_id=market.offer.organisation_id)


def nothing_happened(tenant: Tenant) -> bool:
    untouched = balance(tenant.organisation.pk, NOW).available == 1_000 * MICRO
    return untouched and not any(model.objects.exists() for model in (Hold, Reservation, Run))


def test_a_quote_says_total_and_price_version_and_promises_nothing(mine: Tenant, market: Market) -> None:
    wish = wish_for(mine, offer_on(market), gpus=8, hours=5)
    quote = quote_reservation(actor=mine.actor(), wish=wish, at=NOW)
    assert (quote.amount, quote.hours, quote.price.price_id) == (8 * 5 * PRICE, 5, market.price.pk)
    assert (quote.free, quote.balance_after) == (64_000, 1_000 * MICRO - quote.amount)
    assert nothing_happened(mine)


def test_a_confirmation_holds_the_price_of_the_whole_window_at_the_frozen_price(mine: Tenant, market: Market) -> None:
    row = reserve(mine, market, gpus=8, hours=5)
    assert (row.amount, row.micro_per_gpu_hour, row.price_id) == (8 * 5 * PRICE, PRICE, market.price.pk)
    assert (row.price_book, row.state) == ("list", "confirmed")
    assert balance(mine.organisation.pk, NOW).held == row.amount
    decision = ResidencyDecision.objects.get(pk=row.decision_id)
    assert (decision.allowed, decision.gate, decision.subject) == (True, "reservation", row.public_id)
    assert Event.objects.get(type="reservation.confirmed").data["reservation"] == row.public_id
    with pytest.raises(IntegrityError), transaction.atomic():
        Reservation.objects.filter(pk=row.pk).update(micro_per_gpu_hour=1)


REFUSALS: list[tuple[dict[str, Any], type[DomainError], str | None]] = [
    ({"gpus": 8, "hours": 100}, InsufficientCredit, None),
    ({"gpus": 65}, QuotaExceeded, "gpus"),
    ({"gpus": 0}, Rejected, "gpus"),
    ({"gpus": -1}, Rejected, "gpus"),
    ({"gpus": 1.5}, Rejected, "gpus"),
    ({"start": -1}, Rejected, "starts_at"),
    ({"start": 0.5}, Rejected, "starts_at"),
    ({"start": 24 * 367}, Rejected, "starts_at"),
    ({"hours": 0}, Rejected, "ends_at"),
    ({"hours": -1}, Rejected, "ends_at"),
    ({"hours": 1.5}, Rejected, "ends_at"),
    ({"hours": 24 * 31}, Rejected, "ends_at"),
    ({"offer_id": "off_unknown"}, OfferNotFound, "offer"),
    ({"project_id": "prj_unknown"}, NotFound, "project"),
    ({"agreed": 1}, PriceChanged, None),
]


@pytest.mark.parametrize(("fields", "error", "field"), REFUSALS)
def test_what_makes_no_sense_is_refused_beside_its_field_and_nothing_happens(
    mine: Tenant, market: Market, fields: dict[str, Any], error: type[DomainError], field: str | None
) -> None:
    with pytest.raises(error) as refused:
        reserve(mine, market, **fields)
    assert refused.value.field == field
    assert nothing_happened(mine)


def test_a_reservation_is_refused_as_a_launch_is_by_budget_policy_freeze_and_right(
    mine: Tenant, market: Market
) -> None:
    norway = make_market(country_id="NO")
    with pytest.raises(ResidencyViolation):
        reserve(mine, norway)
    with pytest.raises(Forbidden):
        confirm_reservation(actor=mine.actor(Role.VIEWER), wish=wish_for(mine, offer_on(market)), at=NOW)
    share(mine, "", 10, BudgetScope.ORGANISATION)
    with pytest.raises(BudgetExceeded):
        reserve(mine, market)
    Project.objects.filter(pk=mine.project.pk).update(archived_at=NOW)
    with pytest.raises(Conflict):
        reserve(mine, market, gpus=1, hours=1)
    Organisation.objects.filter(pk=mine.organisation.pk).update(state="frozen", frozen_reason="unpaid")
    with pytest.raises(OrganisationFrozen):
        reserve(mine, market, gpus=1, hours=1)
    assert nothing_happened(mine)


def test_an_offer_of_another_class_is_not_reserved(mine: Tenant, market: Market) -> None:
    with pytest.raises(Rejected, match="launch on it"):
        quote_reservation(actor=mine.actor(), wish=wish_for(mine, market.offer), at=NOW)


def test_a_price_that_rose_since_the_quote_is_not_agreed_to(mine: Tenant, market: Market) -> None:
    wish = wish_for(mine, offer_on(market), agreed=8 * 4 * PRICE)
    first = confirm_reservation(actor=mine.actor(), wish=wish, at=NOW)
    Price.objects.filter(pk=market.price.pk).update(valid=(LONG_AGO, NOW + DAY))
    Price.objects.create(book=market.price.book, sku=market.sku, micro_per_gpu_hour=2 * PRICE, valid=(NOW + DAY, None))
    later = wish_for(mine, offer_on(market), start=24, agreed=8 * 4 * PRICE)
    with pytest.raises(PriceChanged):
        confirm_reservation(actor=mine.actor(), wish=later, at=NOW + DAY)
    first.refresh_from_db()
    assert first.micro_per_gpu_hour == PRICE


def test_a_pool_is_promised_to_the_last_gpu_at_each_instant_and_windows_may_touch(mine: Tenant) -> None:
    make_lot(mine.organisation, 100_000)
    market = make_market(gpus=64)
    reserve(mine, market, gpus=32, start=0, hours=4)
    reserve(mine, market, gpus=32, start=2, hours=4)
    reserve(mine, market, gpus=32, start=6, hours=4)
    for start, hours, left in ((3, 1, 0), (0, 2, 32), (5, 2, 32), (10, 1, 64)):
        quote = quote_reservation(
            actor=mine.actor(), wish=wish_for(mine, offer_on(market), gpus=1, start=start, hours=hours), at=NOW
        )
        assert quote.free == left * 1000, (start, hours)
    with pytest.raises(CapacityNotAvailable) as refused:
        reserve(mine, market, gpus=33, start=0, hours=2)
    assert refused.value.details["maximum_gpus"] == 32


def test_a_pool_sells_no_more_as_reserved_than_it_says(mine: Tenant, market: Market) -> None:
    Pool.objects.filter(pk=market.pool.pk).update(reservable_milli_gpus=16_000)
    reserve(mine, market, gpus=8)
    reserve(mine, market, gpus=8)
    with pytest.raises(CapacityNotAvailable):
        reserve(mine, market, gpus=1)
    for fields in ({"reservable_milli_gpus": 8_000}, {"reservable_milli_gpus": None, "milli_gpus": 8_000}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Pool.objects.filter(pk=market.pool.pk).update(**fields)


def test_many_who_reserve_at_once_are_promised_no_more_than_the_pool_has(committed: None) -> None:
    market, tenants = make_market(gpus=64), [make_tenant(credit=10_000) for _ in range(3)]
    offer_on(market)
    answers = at_once(
        *[lambda number=number: reserve(tenants[number % 3], market, gpus=16, start=number % 2) for number in range(9)]
    )
    assert names(answers) == ["CapacityNotAvailable"] * 5 + ["Reservation"] * 4
    assert drift() == []


def test_the_database_itself_refuses_an_overbooking_whoever_writes_it_at_whatever_moment(committed: None) -> None:
    tenant, market = make_tenant(), make_market(gpus=16)
    row = reserve(tenant, market, gpus=8, start=1, hours=1)
    columns = {field.attname: getattr(row, field.attname) for field in Reservation._meta.concrete_fields}

    def write(number: int) -> Reservation:
        own = dict.fromkeys(("id", "run_id", "meter_id", "hold_id"), number + 1000)
        return Reservation.objects.create(**{**columns, **own, "public_id": f"rsv_{number}"})

    answers = at_once(*[lambda number=number: write(number) for number in range(6)])
    assert names(answers) == ["IntegrityError"] * 5 + ["Reservation"]


def test_a_launch_and_a_reservation_at_once_never_take_the_same_gpus(committed: None) -> None:
    for _ in range(4):
        tenant, market = make_tenant(credit=10_000), make_market(gpus=16)
        offer_on(market)
        answers = at_once(
            lambda tenant=tenant, market=market: reserve(tenant, market, gpus=16, hours=4),
            lambda tenant=tenant, market=market: place_order(
                actor=tenant.actor(), request=launch(tenant, market, gpus=8), at=NOW
            ),
        )
        assert names(answers) in (["CapacityNotAvailable", "Order"], ["CapacityNotAvailable", "Reservation"])


def test_work_on_demand_is_refused_where_others_have_reserved_and_spot_work_is_not(
    mine: Tenant, theirs: Tenant, market: Market
) -> None:
    make_lot(mine.organisation, 100_000)
    reserve(mine, market, gpus=48, start=6, hours=6)

    def start(gpus: int, hours: float, **fields: Any) -> Any:
        return place_order(
            actor=theirs.actor(), request=launch(theirs, market, gpus=gpus, hours=hours, **fields), at=NOW
        )

    before = start(24, 6)
    assert start(16, 1).workload.state == "queued"
    with pytest.raises(CapacityNotAvailable, match="2026-03-02 16:00 UTC on 48 of the pool's 64 GPUs") as refused:
        start(17, 7)
    assert refused.value.details["maximum_gpus"] == 16
    inside = start(16, 7)
    with pytest.raises(CapacityNotAvailable):
        start(1, 7)
    with pytest.raises(CapacityNotAvailable):
        extend_order(actor=theirs.actor(), workload_id=before.workload.public_id, extra_seconds=600, at=NOW)
    spot = offer_on(market, CapacityClass.SPOT, title="Spot")
    assert start(16, 7, offer_id=spot.public_id).workload.spot
    assert inside.workload.max_seconds == 7 * 3600


def test_what_runs_on_demand_keeps_its_place_against_a_reservation(
    mine: Tenant, theirs: Tenant, market: Market
) -> None:
    place_order(actor=theirs.actor(), request=launch(theirs, market, gpus=40, hours=5), at=NOW)
    with pytest.raises(CapacityNotAvailable) as refused:
        reserve(mine, market, gpus=25, start=4, hours=1)
    assert refused.value.details["maximum_gpus"] == 24
    assert reserve(mine, market, gpus=25, start=5, hours=1).state == "confirmed"


@pytest.mark.parametrize(
    ("before", "hours"), [(500, 0), (72, 0), (71.99, 3), (24, 3), (23.99, 5), (0, 5)]
)  # 25 % of ten hours is two and a half: parts round up
def test_the_rule_of_cancellation_charges_by_the_time_before_the_start(before: float, hours: int) -> None:
    assert hours_charged(rule=CANCELLATION, before=before * HOUR, hours=10) == hours


def test_cancelling_in_time_gives_everything_back_and_the_gpus_too(mine: Tenant, market: Market) -> None:
    row = reserve(mine, market, gpus=40, start=100, hours=4)
    cancelled = cancel_reservation(actor=mine.actor(), public_id=row.public_id, at=NOW + 28 * HOUR)
    assert (cancelled.state, cancelled.settled_at) == ("cancelled", NOW + 28 * HOUR)
    assert balance(mine.organisation.pk, NOW).held == 0
    assert reserve(mine, market, gpus=40, start=100, hours=4).state == "confirmed"
    with pytest.raises(WrongState):
        cancel_reservation(actor=mine.actor(), public_id=row.public_id, at=NOW + 28 * HOUR)


def test_cancelling_late_keeps_only_what_is_charged_on_hold_over_the_lots_in_their_order(
    mine: Tenant, market: Market
) -> None:
    make_lot(mine.organisation, 30, "First", origin=Origin.GRANT, expires_at=NOW + 90 * DAY)
    row = reserve(mine, market, gpus=8, start=30, hours=8)
    cancel_reservation(actor=mine.actor(), public_id=row.public_id, at=NOW)
    kept = 2 * 8 * PRICE
    legs = Hold.objects.get(pk=row.hold_id).legs.order_by("position").values_list("amount", "released")
    assert [amount - released for amount, released in legs] == [30 * MICRO, kept - 30 * MICRO]
    assert balance(mine.organisation.pk, NOW).held == kept
    told = Event.objects.get(type="reservation.cancelled").data
    assert told["charged_microcredits"] == kept
    assert drift() == []


def test_what_has_started_is_not_cancelled_and_a_stranger_finds_nothing_to_cancel(
    mine: Tenant, theirs: Tenant, market: Market
) -> None:
    row = reserve(mine, market)
    with pytest.raises(WrongState):
        cancel_reservation(actor=mine.actor(), public_id=row.public_id, at=NOW)
    with pytest.raises(NotFound):
        cancel_reservation(actor=theirs.actor(), public_id=row.public_id, at=NOW - HOUR)
    with pytest.raises(WrongState):
        cancel_for_operator(actor=staff(), row=row, reason="x", at=NOW)


def test_staff_take_a_promise_back_at_no_cost_with_a_reason(mine: Tenant, market: Market) -> None:
    row = reserve(mine, market, start=1)
    with pytest.raises(Rejected):
        cancel_for_operator(actor=staff(), row=row, reason=" ", at=NOW)
    cancelled = cancel_for_operator(actor=staff(), row=row, reason="The cooling fails.", at=NOW)
    assert (cancelled.cancel_reason, cancelled.billed_until) == ("The cooling fails.", cancelled.starts_at)
    assert balance(mine.organisation.pk, NOW).available == 1_000 * MICRO


def test_the_same_key_reserves_once_and_another_wish_under_it_is_refused(mine: Tenant, market: Market) -> None:
    assert reserve(mine, market, key="k").pk == reserve(mine, market, key="k").pk
    with pytest.raises(IdempotencyMismatch):
        reserve(mine, market, key="k", gpus=9)
    assert Hold.objects.count() == 1


def test_the_same_key_at_once_reserves_once(committed: None) -> None:
    tenant, market = make_tenant(credit=10_000), make_market()
    offer_on(market)
    answers = at_once(*[lambda: reserve(tenant, market, key="k")] * 4)
    assert len({answer.pk for answer in answers}) == 1
    assert Hold.objects.count() == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT clusters_reserved_peak(%s, %s, %s)", [market.pool.pk, NOW, NOW + HOUR])
        assert cursor.fetchone() == (8000,)


def test_what_is_reserved_outlives_its_offer_which_keeps_pool_and_class(mine: Tenant, market: Market) -> None:
    row, offer = reserve(mine, market), offer_on(market)
    Offer.objects.filter(pk=offer.pk).update(state=OfferState.WITHDRAWN)
    request = launch(mine, market, gpus=1, offer_id=offer.public_id)
    assert place_order(actor=mine.actor(), request=request, at=NOW).workload.reservation_id == row.pk
    with pytest.raises(OfferNotFound):
        reserve(mine, market, start=5)
    operator = operator_of(market)
    other = replace(wish_of(offer, NOW), capacity_class=CapacityClass.SPOT, max_milli_gpus=8000)
    with pytest.raises(OfferInWrongState, match="not over"):
        change_offer(actor=operator, public_id=offer.public_id, wish=other, at=NOW)
