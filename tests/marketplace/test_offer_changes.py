# SPDX-License-Identifier: Apache-2.0
"""Offers on sale change by what operators propose and staff approve: dated prices with notice, and facts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from aion import clock
from aion.actor import Actor
from aion.audit.models import AuditEvent
from aion.errors import Forbidden, NotFound, Rejected
from aion.events.models import Event
from aion.tenancy.roles import Role
from billing.errors import FourEyesNeeded
from billing.models import Price
from billing.queries import Buyer
from clusters.models import Pool, Site
from marketplace import queries
from marketplace.errors import ChangeWaits, OfferInWrongState, OfferNotPublishable, PriceAnnounced
from marketplace.models import Offer, OfferChange
from marketplace.queries import Allowance, CatalogueWish
from marketplace.services import offer_changes, offers
from marketplace.services.orders import estimate, extend_order, place_order
from tests.billing.staffing import make_staff, words
from tests.marketplace.operators import STAFF, make_member, make_pool, wish_for
from tests.worlds import MICRO, NOW, PRICE, Market, Tenant, browser, launch

pytestmark = pytest.mark.django_db
DATE = NOW + timedelta(days=10)


@pytest.fixture
def member() -> Tenant:
    return make_member()


@pytest.fixture
def offer(member: Tenant) -> Offer:
    """Return an offer on sale at 2 credits an hour."""
    return sell(member)


def sell(member: Tenant, *, at: datetime = NOW, **fields: Any) -> Offer:
    actor = member.actor(Role.OPERATOR)
    made = offers.create_offer(actor=actor, wish=wish_for(make_pool(member.organisation), **fields), at=at)
    proposed = offers.propose_offer(actor=actor, public_id=made.public_id, at=at)
    return offers.approve_offer(actor=STAFF, offer=proposed, at=at)


def ask(member: Tenant, offer: Offer, micro: int | None = 3 * MICRO, on: datetime = DATE, at: datetime = NOW) -> Any:
    return offer_changes.propose_price(
        actor=member.actor(Role.OPERATOR), offer_id=offer.public_id, micro_per_gpu_hour=micro, valid_from=on,
        reason="Power is dearer.", at=at,
    )  # fmt: skip


def approve(change: OfferChange, at: datetime = NOW, actor: Actor = STAFF) -> OfferChange:
    return offer_changes.approve_change(actor=actor, change=change, reason="Fits.", at=at)


def price_at(offer: Offer, at: datetime) -> int:
    line = queries.priced_offer(public_id=offer.public_id, at=at, buyer=Buyer(), allowance=Allowance())
    assert line is not None
    return line.micro_per_gpu_hour


def test_an_approved_price_is_announced_with_its_date_and_holds_from_there_on(member: Tenant, offer: Offer) -> None:
    change = ask(member, offer)
    assert Event.objects.filter(type="offer.change_approved").count() == 0
    approve(change)
    before, line = DATE - timedelta(seconds=1), None
    for at, micro in ((NOW, 2 * MICRO), (before, 2 * MICRO), (DATE, 3 * MICRO), (DATE + timedelta(days=99), 3 * MICRO)):
        line = queries.priced_offer(public_id=offer.public_id, at=at, buyer=Buyer(), allowance=Allowance())
        assert line is not None
        told = (DATE, 3 * MICRO) if at < DATE else (None, None)
        assert (line.micro_per_gpu_hour, line.announced_from, line.announced_micro) == (micro, *told)
    versions = Price.objects.filter(book__code=offer.public_id).order_by("pk")
    assert [(one.micro_per_gpu_hour, one.valid.lower, one.valid.upper) for one in versions] == [
        (2 * MICRO, NOW, DATE), (3 * MICRO, DATE, None)
    ]  # fmt: skip
    event = Event.objects.get(organisation=member.organisation, type="offer.change_approved")
    assert (event.data["change"], event.data["kind"]) == (change.public_id, "price")
    acts = AuditEvent.objects.filter(subject_id=change.public_id).order_by("pk")
    assert [one.action for one in acts] == ["offer_change.proposed", "offer_change.approved"]
    assert acts[1].changes["own_price"] == ["2.000000", "3.000000"]


def test_the_catalogue_sorts_and_filters_by_the_price_of_the_moment(member: Tenant, offer: Offer) -> None:
    dear = sell(member, own_micro_per_gpu_hour=2_500_000)
    approve(ask(member, offer))
    for at, order in ((NOW, [offer, dear]), (DATE, [dear, offer])):
        cheap = [one for one in order if price_at(one, at) <= 2_500_000]
        for most, wanted in ((None, order), (2_500_000, cheap)):
            wish = CatalogueWish(sort="price", max_micro=most)
            page = queries.catalogue_page(wish=wish, at=at, buyer=Buyer(), allowance=Allowance(), number=1, size=9)
            assert [line.offer.pk for line in page.lines] == [one.pk for one in wanted]
            assert page.count == len(wanted)


def test_a_run_keeps_the_price_it_started_with_also_when_it_is_extended(
    member: Tenant, offer: Offer, mine: Tenant
) -> None:
    approve(ask(member, offer))
    market = Market(offer, offer.pool, offer.pool.cluster.site, offer.pool.cluster, offer.sku, None)
    order = place_order(actor=mine.actor(), request=launch(mine, market, gpus=1), at=NOW)
    assert estimate(actor=mine.actor(), request=launch(mine, market), at=DATE).price.micro_per_gpu_hour == 3 * MICRO
    extend_order(actor=mine.actor(), workload_id=order.workload.public_id, extra_seconds=3600, at=DATE)
    order.workload.refresh_from_db()
    assert (order.workload.micro_per_gpu_hour, order.workload.worst_case) == (2 * MICRO, 4 * MICRO)


def test_the_list_price_is_taken_and_left_on_a_date(member: Tenant) -> None:
    listed = sell(member, own_micro_per_gpu_hour=None)
    approve(ask(member, listed, micro=3 * MICRO))
    assert [price_at(listed, at) for at in (NOW, DATE)] == [PRICE, 3 * MICRO]
    later = DATE + timedelta(days=30)
    approve(ask(member, listed, micro=None, on=later, at=DATE), at=DATE)
    assert [price_at(listed, at) for at in (NOW, DATE, later)] == [PRICE, 3 * MICRO, PRICE]
    wish = CatalogueWish(sort="price", max_micro=PRICE)
    for at, found in ((DATE, 0), (later, 1)):
        page = queries.catalogue_page(wish=wish, at=at, buyer=Buyer(), allowance=Allowance(), number=1, size=9)
        assert page.count == found


@pytest.mark.parametrize(
    ("micro", "days", "field"),
    [
        (3 * MICRO, -1, "valid_from"),
        (3 * MICRO, 0, "valid_from"),
        (3 * MICRO, 8, "valid_from"),
        (None, 8, "valid_from"),
        (MICRO, 0, "valid_from"),
        (MICRO, 367, "valid_from"),
        (2 * MICRO, 10, "price"),
        (0, 10, "price"),
        (10**12 + 1, 10, "price"),
    ],
)
def test_a_price_without_notice_in_the_past_or_the_same_is_refused(
    member: Tenant, offer: Offer, micro: int | None, days: int, field: str
) -> None:
    with pytest.raises(Rejected) as refused:
        ask(member, offer, micro, NOW + timedelta(days=days))
    assert (refused.value.field, OfferChange.objects.count()) == (field, 0)


def test_a_cut_needs_no_notice_and_a_rise_that_staff_leave_lying_is_proposed_anew(member: Tenant, offer: Offer) -> None:
    soon = NOW + timedelta(hours=1)
    rise = ask(member, offer)
    with pytest.raises(Rejected, match="days of notice"):
        approve(rise, at=DATE - timedelta(days=6))
    assert OfferChange.objects.get(pk=rise.pk).state == "proposed"
    offer_changes.reject_change(actor=STAFF, change=rise, reason="Too late.", at=NOW)
    cut = ask(member, offer, MICRO, soon)
    with pytest.raises(Rejected, match="in the future"):
        approve(cut, at=soon)
    approve(cut)
    assert [price_at(offer, at) for at in (NOW, soon)] == [2 * MICRO, MICRO]


def test_one_price_waits_and_one_is_announced(member: Tenant, offer: Offer) -> None:
    change = ask(member, offer)
    with pytest.raises(ChangeWaits):
        ask(member, offer)
    approve(change)
    with pytest.raises(PriceAnnounced):
        ask(member, offer, 4 * MICRO, DATE + timedelta(days=30))
    ask(member, offer, 4 * MICRO, DATE + timedelta(days=30), at=DATE)


def test_the_database_refuses_two_prices_of_an_offer_at_one_time(member: Tenant, offer: Offer) -> None:
    approve(ask(member, offer))
    book = Offer.objects.get(pk=offer.pk).price_book
    day = timedelta(days=1)
    for start, end in ((NOW, DATE), (DATE - day, DATE + day), (DATE + day, None), (NOW - day, NOW + day)):
        with pytest.raises(IntegrityError, match="one_price_in_force"), transaction.atomic():
            Price.objects.create(book=book, sku=offer.sku, valid=(start, end), micro_per_gpu_hour=MICRO)
    Price.objects.create(book=book, sku=offer.sku, valid=(NOW - day, NOW), micro_per_gpu_hour=MICRO)
    for fields in (
        {"kind": "price", "valid_from": None},
        {"kind": "facts", "valid_from": DATE},
        {"kind": "price", "valid_from": DATE, "micro_per_gpu_hour": 0},
        {"kind": "price", "valid_from": DATE, "state": "approved"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            OfferChange.objects.create(
                organisation=member.organisation, offer=offer, reason="x", asked_at=NOW, **fields
            )
    with pytest.raises(IntegrityError, match="announced_price_has_a_date"), transaction.atomic():
        Offer.objects.filter(pk=offer.pk).update(announced_from=None)


def test_an_announced_price_outlives_a_withdrawal_and_is_not_changed_by_it(member: Tenant, offer: Offer) -> None:
    waiting = offer_changes.propose_facts(
        actor=member.actor(Role.OPERATOR), offer_id=offer.public_id, facts={"title": "B"}, reason="x", at=NOW
    )
    approve(ask(member, offer))
    actor = member.actor(Role.OPERATOR)
    offers.withdraw_own_offer(actor=actor, public_id=offer.public_id, at=NOW)
    assert OfferChange.objects.get(pk=waiting.pk).state == "withdrawn"
    with pytest.raises(PriceAnnounced):
        offers.change_offer(actor=actor, public_id=offer.public_id,
                            wish=wish_for(offer.pool, own_micro_per_gpu_hour=MICRO), at=NOW)  # fmt: skip
    offers.change_offer(actor=actor, public_id=offer.public_id, wish=wish_for(offer.pool, max_seconds=7200), at=NOW)
    offers.propose_offer(actor=actor, public_id=offer.public_id, at=NOW)
    offers.approve_offer(actor=STAFF, offer=offer, at=NOW)
    assert [price_at(offer, at) for at in (NOW, DATE)] == [2 * MICRO, 3 * MICRO]
    later = DATE + timedelta(hours=1)
    offers.withdraw_own_offer(actor=actor, public_id=offer.public_id, at=later)
    offers.change_offer(actor=actor, public_id=offer.public_id,
                        wish=wish_for(offer.pool, own_micro_per_gpu_hour=MICRO), at=later)  # fmt: skip
    offers.propose_offer(actor=actor, public_id=offer.public_id, at=later)
    offers.approve_offer(actor=STAFF, offer=offer, at=later)
    assert price_at(offer, later) == MICRO


def test_facts_change_when_staff_approve_and_not_before(member: Tenant, offer: Offer) -> None:
    actor = member.actor(Role.OPERATOR)
    facts = {"storage_class": "NVMe", "local_disk_gib": 15_000, "max_milli_gpus": 32_000, "title": offer.title}
    change = offer_changes.propose_facts(actor=actor, offer_id=offer.public_id, facts=facts, reason="New disks", at=NOW)
    assert set(change.facts) == {"storage_class", "local_disk_gib", "max_milli_gpus"}
    offer.refresh_from_db()
    assert (offer.storage, offer.max_milli_gpus) == ("", 64_000)
    approve(change)
    offer.refresh_from_db()
    assert (offer.storage, offer.disk_gib, offer.max_milli_gpus) == ("NVMe", 15_000, 32_000)
    assert price_at(offer, NOW) == 2 * MICRO
    assert AuditEvent.objects.get(action="offer_change.approved").changes["max_milli_gpus"] == [64_000, 32_000]


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({}, None),
        ({"title": " "}, "title"),
        ({"max_milli_gpus": 64_001}, "max_gpus"),
        ({"max_seconds": 1}, "max_hours"),
        ({"storage_class": "x" * 61}, "storage_class"),
        ({"local_disk_gib": -1}, "local_disk_gib"),
        ({"own_micro_per_gpu_hour": 1}, None),
    ],
)
def test_facts_that_make_no_sense_name_their_field(member: Tenant, offer: Offer, facts: Any, field: str | None) -> None:
    with pytest.raises(Rejected) as refused:
        offer_changes.propose_facts(
            actor=member.actor(Role.OPERATOR), offer_id=offer.public_id, facts=facts, reason="x", at=NOW
        )
    assert refused.value.field == field


def test_facts_are_checked_again_when_they_are_approved(member: Tenant, offer: Offer) -> None:
    change = offer_changes.propose_facts(
        actor=member.actor(Role.OPERATOR),
        offer_id=offer.public_id,
        facts={"max_milli_gpus": 60_000},
        reason="x",
        at=NOW,
    )
    Pool.objects.filter(pk=offer.pool_id).update(milli_gpus=8000)
    with pytest.raises(Rejected, match="has 8 in all"):
        approve(change)
    Pool.objects.filter(pk=offer.pool_id).update(milli_gpus=64_000)
    Site.objects.filter(pk=offer.pool.cluster.site_id).update(backup_code="?")
    with pytest.raises(OfferNotPublishable):
        approve(change)
    assert OfferChange.objects.get(pk=change.pk).state == "proposed"


def test_who_proposed_does_not_approve_and_a_decision_falls_once(member: Tenant, offer: Offer) -> None:
    change, proposer = ask(member, offer), member.actor(Role.OPERATOR)
    with pytest.raises(FourEyesNeeded):
        approve(change, actor=proposer)
    with pytest.raises(Rejected, match="Write why"):
        offer_changes.reject_change(actor=STAFF, change=change, reason=" ", at=NOW)
    offer_changes.reject_change(actor=STAFF, change=change, reason="Too dear.", at=NOW)
    assert Event.objects.get(type="offer.change_rejected").data["reason"] == "Too dear."
    for act in (
        lambda: approve(change),
        lambda: offer_changes.reject_change(actor=STAFF, change=change, reason="x", at=NOW),
        lambda: offer_changes.withdraw_change(actor=proposer, public_id=change.public_id, at=NOW),
    ):
        with pytest.raises(OfferInWrongState):
            act()
    draft = offers.create_offer(actor=proposer, wish=wish_for(make_pool(member.organisation)), at=NOW)
    offers.propose_offer(actor=proposer, public_id=draft.public_id, at=NOW)
    with pytest.raises(FourEyesNeeded):
        offers.approve_offer(actor=proposer, offer=draft, at=NOW)


def test_only_its_operator_changes_an_offer_and_only_while_it_is_on_sale(
    member: Tenant, offer: Offer, mine: Tenant
) -> None:
    other = make_member()
    with pytest.raises(NotFound):
        ask(other, offer)
    with pytest.raises(Forbidden):
        ask(mine, offer)
    change = ask(member, offer)
    with pytest.raises(NotFound):
        offer_changes.withdraw_change(actor=other.actor(Role.OPERATOR), public_id=change.public_id, at=NOW)
    offers.withdraw_own_offer(actor=member.actor(Role.OPERATOR), public_id=offer.public_id, at=NOW)
    with pytest.raises(OfferInWrongState):
        ask(member, offer)
    with pytest.raises(OfferInWrongState):
        approve(change)


def day(days: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"


def test_the_pages_propose_say_what_is_wrong_and_withdraw(member: Tenant) -> None:
    offer, client = sell(member, at=clock.now()), browser(member, Role.OPERATOR)
    page = f"/o/{member.organisation.slug}/offers/{offer.public_id}/"
    assert "New price" in client.get(page).content.decode()
    assert f'value="{day(9)}"' in client.get(f"{page}price/").content.decode()
    for wrong, said in (
        ({"price": "3", "valid_from": day(3), "reason": "x"}, "days of notice"),
        ({"price": "0", "valid_from": day(12), "reason": "x"}, "greater than or equal to 0.000001"),
        ({"price": "3", "valid_from": "soon", "reason": "x"}, "Write a day as year-month-day"),
        ({"price": "3", "valid_from": day(12), "reason": ""}, "This field is required"),
    ):
        refused = client.post(f"{page}price/", wrong)
        assert (refused.status_code, said in refused.content.decode()) == (422, True), wrong
        assert 'aria-invalid="true"' in refused.content.decode()
    right = {"price": "3", "valid_from": day(12), "reason": "Power"}
    assert client.post(f"{page}price/", right).status_code == 302
    waits = client.post(f"{page}price/", right)
    assert (waits.status_code, "A change waits" in waits.content.decode()) == (409, True)
    change = OfferChange.objects.get()
    withdraw = f"/o/{member.organisation.slug}/offer-changes/{change.public_id}/withdraw/"
    assert "Withdraw this proposal?" in client.get(withdraw).content.decode()
    client.post(withdraw)
    assert OfferChange.objects.get().state == "withdrawn"
    terms = {"title": "Ours", "min_gpus": "1", "max_gpus": "65", "max_hours": "48", "reason": "x"}
    assert "The pool has 64 in all" in client.post(f"{page}revise/", terms).content.decode()
    assert client.post(f"{page}revise/", {**terms, "max_gpus": "8", "storage_class": "NVMe"}).status_code == 302
    assert "storage class" in client.get(page).content.decode()


def test_staff_decide_and_the_catalogue_shows_the_announced_price(member: Tenant, api: Any, mine: Tenant) -> None:
    now = clock.now()
    offer = sell(member, at=now)
    change = ask(member, offer, on=now + timedelta(days=12), at=now)
    staff, _person = make_staff("first")
    front = staff.get("/admin/").content.decode()
    assert "marketplace/offerchange/?state__exact=proposed" in front
    path = reverse("admin:marketplace_offerchange_approve_one", args=[change.pk])
    assert "2.00 → 3.00" in staff.get(path).content.decode()
    assert words(staff.post(path, {"confirmed": "yes", "reason": "Fits"})) == [f"{change}: approved"]
    assert "2.00 → 3.00" in staff.get("/admin/marketplace/offer/").content.decode()
    for address in ("/prices/", f"/prices/{offer.public_id}/", "/prices/calculator/"):
        assert Client().get(address).status_code == 200
    assert "3.00 cr/h" in Client().get("/prices/").content.decode()
    assert "announced" in Client().get(f"/prices/{offer.public_id}/").content.decode()
    shown = api(mine.key()).get(f"/api/v1/offers/{offer.public_id}").json()
    assert (shown["price_per_gpu_hour"], shown["announced_price"]["price_per_gpu_hour"]) == ("2.000000", "3.000000")


def test_the_api_proposes_prices_and_facts_and_withdraws(member: Tenant, api: Any) -> None:
    offer, client = sell(member, at=clock.now()), api(member.key(Role.OPERATOR))
    one = f"/api/v1/operator-offers/{offer.public_id}"
    body = {"price_microcredits_per_gpu_hour": 3 * MICRO, "valid_from": f"{day(12)}T00:00:00Z", "reason": "Power"}
    late = client.post(f"{one}/prices", {**body, "valid_from": f"{day(1)}T00:00:00Z"}, format="json")
    assert (late.status_code, late.json()["field"]) == (422, "valid_from")
    made = client.post(f"{one}/prices", body, format="json")
    assert (made.status_code, made.json()["price_microcredits_before"]) == (201, 2 * MICRO)
    assert client.post(f"{one}/prices", body, format="json").json()["code"] == "offer_change_waits"
    for wrong in ({}, {**body, "reason": ""}, {**body, "price_microcredits_per_gpu_hour": 0}, {**body, "colour": 1}):
        assert client.post(f"{one}/prices", wrong, format="json").status_code == 422
    revised = client.post(f"{one}/revise", {"storage_class": "NVMe", "reason": "x"}, format="json").json()
    assert revised["facts"] == {"storage_class": ["", "NVMe"]}
    changes = "/api/v1/offer-changes"
    assert {row["kind"] for row in client.get(changes).json()["items"]} == {"price", "facts"}
    assert client.post(f"{changes}/{revised['id']}/withdraw").json()["state"] == "withdrawn"
    assert client.post(f"{changes}/{revised['id']}/withdraw").json()["code"] == "offer_in_wrong_state"
    assert client.get(one).json()["announced_price"] is None
