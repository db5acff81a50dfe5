# SPDX-License-Identifier: Apache-2.0
"""Operators write and propose offers, staff decide; what stands in the catalogue has its facts and its price."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from aion.actor import Actor
from aion.audit.models import AuditEvent
from aion.errors import Forbidden, NotFound, Rejected
from aion.events.models import Event
from aion.tenancy.roles import Role
from billing.models import Price, PriceBook, Promotion
from billing.queries import Buyer, offer_prices
from clusters.models import Site
from marketplace.errors import OfferExists, OfferInWrongState, OfferNotPublishable
from marketplace.models import Offer
from marketplace.services import offers
from marketplace.services.orders import estimate, place_order
from marketplace.states import OfferState
from tests.marketplace.operators import STAFF, make_member, make_pool, offer_of, wish_for
from tests.worlds import LONG_AGO, MICRO, NOW, PRICE, Market, Tenant, browser, launch

pytestmark = pytest.mark.django_db


@pytest.fixture
def member() -> Tenant:
    return make_member()


def proposed(member: Tenant, **fields: Any) -> Offer:
    actor = member.actor(Role.OPERATOR)
    offer = offers.create_offer(actor=actor, wish=wish_for(make_pool(member.organisation), **fields), at=NOW)
    return offers.propose_offer(actor=actor, public_id=offer.public_id, at=NOW)


def on_sale(offer: Offer) -> bool:
    return bool(Offer.objects.on_sale().filter(pk=offer.pk).exists())


def test_an_offer_is_written_proposed_and_approved_and_its_operator_hears_of_it(member: Tenant) -> None:
    offer = proposed(member)
    assert (offer.state, on_sale(offer)) == (OfferState.PROPOSED, False)
    offer = offers.approve_offer(actor=STAFF, offer=offer, at=NOW)
    assert (offer.state, on_sale(offer), offer.price_book.operator) == ("published", True, member.organisation)
    assert offer_prices(wanted=[(offer.sku_id, offer.price_book_id)], at=NOW)[
        offer.sku_id, offer.price_book_id
    ].micro_per_gpu_hour == (2 * MICRO)
    told = Event.objects.get(organisation=member.organisation, type="offer.approved")
    assert told.data["offer"] == offer.public_id
    acts = AuditEvent.objects.filter(subject_id=offer.public_id).order_by("pk").values_list("action", flat=True)
    assert list(acts) == ["offer.created", "offer.proposed", "offer.published"]


def test_a_rejected_offer_says_why_and_can_be_proposed_again(member: Tenant) -> None:
    offer = proposed(member)
    with pytest.raises(Rejected):
        offers.reject_offer(actor=STAFF, offer=offer, reason=" ", at=NOW)
    offer = offers.reject_offer(actor=STAFF, offer=offer, reason="Too dear.", at=NOW)
    assert (offer.state, offer.decision_reason) == ("rejected", "Too dear.")
    assert Event.objects.get(type="offer.rejected").data["reason"] == "Too dear."
    actor = member.actor(Role.OPERATOR)
    wish = wish_for(offer.pool, own_micro_per_gpu_hour=MICRO)
    offers.change_offer(actor=actor, public_id=offer.public_id, wish=wish, at=NOW)
    again = offers.propose_offer(actor=actor, public_id=offer.public_id, at=NOW)
    assert (again.state, again.own_micro_per_gpu_hour, again.decision_reason) == ("proposed", MICRO, "")


@pytest.mark.parametrize("fact", ["storage_code", "backup_code", "failover_code", "support_from", "telemetry_code",
                                  "transit", "operator_seat", "non_eu_max_holder_pct", "non_eu_total_pct"])  # fmt: skip
def test_an_offer_is_not_published_while_a_residency_fact_is_missing_and_it_is_named(member: Tenant, fact: str) -> None:
    offer = proposed(member)
    unknown = None if fact.startswith("non_eu") else "?"
    Site.objects.filter(pk=offer.pool.cluster.site_id).update(**{fact: unknown})
    offer = Offer.objects.get(pk=offer.pk)
    with pytest.raises(OfferNotPublishable) as refused:
        offers.approve_offer(actor=STAFF, offer=offer, at=NOW)
    name = str(Site._meta.get_field(fact).verbose_name)
    assert refused.value.details["reasons"] == [name]
    assert name in refused.value.detail
    offer.refresh_from_db()
    assert (offer.state, on_sale(offer)) == (OfferState.PROPOSED, False)


def test_without_an_own_price_the_list_price_must_be_there(member: Tenant) -> None:
    pool = make_pool(member.organisation, listed=None)
    actor = member.actor(Role.OPERATOR)
    offer = offers.create_offer(actor=actor, wish=wish_for(pool, own_micro_per_gpu_hour=None), at=NOW)
    offer = offers.propose_offer(actor=actor, public_id=offer.public_id, at=NOW)
    with pytest.raises(OfferNotPublishable, match="no price in force"):
        offers.approve_offer(actor=STAFF, offer=offer, at=NOW)


def test_another_members_offer_is_not_there_and_who_is_no_member_offers_nothing(member: Tenant, mine: Tenant) -> None:
    offer, other = proposed(member), make_member()
    for act in (offers.propose_offer, offers.withdraw_own_offer):
        with pytest.raises(NotFound):
            act(actor=other.actor(Role.OPERATOR), public_id=offer.public_id, at=NOW)
    with pytest.raises(Rejected, match="one of your pools"):
        offers.create_offer(actor=other.actor(Role.OPERATOR), wish=wish_for(offer.pool), at=NOW)
    for act in (
        lambda actor: offers.create_offer(actor=actor, wish=wish_for(offer.pool), at=NOW),
        lambda actor: offers.propose_offer(actor=actor, public_id=offer.public_id, at=NOW),
    ):
        with pytest.raises(Forbidden, match="Only members"):
            act(mine.actor())
        with pytest.raises(Forbidden):
            act(member.actor(Role.VIEWER))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"own_micro_per_gpu_hour": 0}, "price"),
        ({"own_micro_per_gpu_hour": 10**12 + 1}, "price"),
        ({"max_milli_gpus": 64_001}, "max_gpus"),
        ({"min_milli_gpus": 9_000, "max_milli_gpus": 8_000}, "max_gpus"),
        ({"max_seconds": 599}, "max_hours"),
        ({"capacity_class": "free"}, "capacity_class"),
    ],
)
def test_what_makes_no_sense_is_refused_beside_its_field(member: Tenant, fields: Any, field: str) -> None:
    with pytest.raises(Rejected) as refused:
        offers.create_offer(
            actor=member.actor(Role.OPERATOR), wish=wish_for(make_pool(member.organisation), **fields), at=NOW
        )
    assert refused.value.field == field


def test_a_pool_has_one_offer_of_each_class(member: Tenant) -> None:
    offer, actor = proposed(member), member.actor(Role.OPERATOR)
    with pytest.raises(OfferExists):
        offers.create_offer(actor=actor, wish=wish_for(offer.pool), at=NOW)
    spot = offers.create_offer(actor=actor, wish=wish_for(offer.pool, capacity_class="spot"), at=NOW)
    with pytest.raises(OfferExists):
        offers.change_offer(actor=actor, public_id=spot.public_id, wish=wish_for(offer.pool), at=NOW)


def test_what_is_on_sale_or_proposed_does_not_change(member: Tenant) -> None:
    offer, actor = proposed(member), member.actor(Role.OPERATOR)
    for _ in range(2):
        with pytest.raises(OfferInWrongState):
            offers.change_offer(actor=actor, public_id=offer.public_id, wish=wish_for(offer.pool), at=NOW)
        with pytest.raises(OfferInWrongState):
            offers.propose_offer(actor=actor, public_id=offer.public_id, at=NOW)
        if offer.state == OfferState.PROPOSED:
            offer = offers.approve_offer(actor=STAFF, offer=offer, at=NOW)
    with pytest.raises(OfferInWrongState):
        offers.approve_offer(actor=STAFF, offer=offer, at=NOW)
    with pytest.raises(OfferInWrongState):
        offers.reject_offer(actor=STAFF, offer=offer, reason="x", at=NOW)


def test_a_new_price_is_a_new_version_and_never_touches_what_runs(member: Tenant, mine: Tenant) -> None:
    offer, actor = offers.approve_offer(actor=STAFF, offer=proposed(member), at=NOW), member.actor(Role.OPERATOR)
    market = Market(offer, offer.pool, offer.pool.cluster.site, offer.pool.cluster, offer.sku, None)
    order = place_order(actor=mine.actor(), request=launch(mine, market), at=NOW)
    assert order.workload.micro_per_gpu_hour == 2 * MICRO
    later = NOW + timedelta(hours=1)
    offers.withdraw_own_offer(actor=actor, public_id=offer.public_id, at=later)
    wish = wish_for(offer.pool, own_micro_per_gpu_hour=3 * MICRO)
    offers.change_offer(actor=actor, public_id=offer.public_id, wish=wish, at=later)
    offer = offers.propose_offer(actor=actor, public_id=offer.public_id, at=later)
    offers.approve_offer(actor=STAFF, offer=offer, at=later)
    order.workload.refresh_from_db()
    assert order.workload.micro_per_gpu_hour == 2 * MICRO
    assert estimate(actor=mine.actor(), request=launch(mine, market), at=later).price.micro_per_gpu_hour == 3 * MICRO
    versions = Price.objects.filter(book=offer.price_book).order_by("pk")
    assert [(one.micro_per_gpu_hour, one.valid.lower) for one in versions] == [(2 * MICRO, NOW), (3 * MICRO, later)]


def test_an_operators_price_comes_before_list_and_class_and_a_promotion_still_lowers_it(member: Tenant) -> None:
    offer = offers.approve_offer(actor=STAFF, offer=proposed(member), at=NOW)
    book = PriceBook.objects.create(code="startups", name="Start-ups", audience="startup")
    Price.objects.create(book=book, sku=offer.sku, valid=(LONG_AGO, None), micro_per_gpu_hour=MICRO)
    key, buyer = (offer.sku_id, offer.price_book_id), Buyer(None, "startup")
    found = offer_prices(wanted=[key, (offer.sku_id, None)], at=NOW, buyer=buyer)
    assert (found[key].micro_per_gpu_hour, found[offer.sku_id, None].micro_per_gpu_hour) == (2 * MICRO, MICRO)
    assert (found[key].own, found[offer.sku_id, None].list_micro) == (True, PRICE)
    Promotion.objects.create(
        code="tenth", name="x", valid=(LONG_AGO, NOW + timedelta(days=1)), basis_points_off=1000, sku_codes=[]
    )
    assert offer_prices(wanted=[key], at=NOW, buyer=buyer)[key].micro_per_gpu_hour == 1_800_000


def test_the_database_refuses_a_book_for_a_class_and_an_operator(member: Tenant) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        PriceBook.objects.create(code="both", name="x", audience="startup", operator=member.organisation)


def test_staff_take_an_offer_off_sale_and_the_operator_reads_why(member: Tenant) -> None:
    offer = offers.approve_offer(actor=STAFF, offer=proposed(member), at=NOW)
    offers.take_off_sale(actor=STAFF, offer=offer, reason="The certificate expired.", at=NOW)
    assert not on_sale(offer)
    assert Event.objects.get(type="offer.withdrawn").data["reason"] == "The certificate expired."
    with pytest.raises(OfferInWrongState):
        offers.take_off_sale(actor=STAFF, offer=offer, reason="x", at=NOW)


def test_the_pages_write_propose_and_withdraw_and_keep_what_was_typed(member: Tenant) -> None:
    pool, client, base = (
        make_pool(member.organisation),
        browser(member, Role.OPERATOR),
        f"/o/{member.organisation.slug}/offers/",
    )
    assert "No offers yet" in client.get(base).content.decode()
    form = {"pool": pool.public_id, "title": "Mine", "capacity_class": "spot", "price": "1.75", "min_gpus": "1",
            "max_gpus": "65", "max_hours": "48"}  # fmt: skip
    refused = client.post(f"{base}new/", form)
    assert refused.status_code == 422
    assert "The pool has 64 in all" in refused.content.decode()
    assert 'value="Mine"' in refused.content.decode()
    assert client.post(f"{base}new/", {**form, "max_gpus": "8"}).status_code == 302
    offer = Offer.objects.get(organisation=member.organisation)
    assert (offer.own_micro_per_gpu_hour, offer.max_milli_gpus, offer.max_seconds) == (1_750_000, 8000, 48 * 3600)
    page = f"{base}{offer.public_id}/"
    assert 'value="1.75"' in client.get(page).content.decode()
    assert client.post(page, {**form, "max_gpus": "16", "title": "Ours"}).status_code == 302
    client.post(f"{page}propose/")
    assert "AION is looking at it" in client.get(page).content.decode()
    assert "To sell it again" in client.get(f"{page}withdraw/").content.decode()
    client.post(f"{page}withdraw/")
    offer.refresh_from_db()
    assert (offer.state, offer.title, offer.max_milli_gpus) == ("withdrawn", "Ours", 16_000)


def test_a_stranger_to_the_consortium_reads_so_on_the_form(mine: Tenant) -> None:
    client, pool = browser(mine), make_pool(mine.organisation)
    form = {"pool": pool.public_id, "title": "Mine", "capacity_class": "spot", "min_gpus": "1", "max_gpus": "8",
            "max_hours": "48"}  # fmt: skip
    refused = client.post(f"/o/{mine.organisation.slug}/offers/new/", form)
    assert refused.status_code == 403
    assert "Only members of the consortium" in refused.content.decode()


def test_the_api_writes_changes_proposes_and_withdraws(member: Tenant, api: Any) -> None:
    pool, client = make_pool(member.organisation), api(member.key(Role.OPERATOR))
    path = "/api/v1/operator-offers"
    body = {"pool": pool.public_id, "title": "Mine", "own_price_microcredits_per_gpu_hour": 1_500_000}
    made = client.post(path, body, format="json")
    assert (made.status_code, made.json()["state"], made.json()["own_price_per_gpu_hour"]) == (201, "draft", "1.500000")
    one = f"{path}/{made.json()['id']}"
    changed = client.patch(one, {"own_price_microcredits_per_gpu_hour": None}, format="json").json()
    assert (changed["own_price_per_gpu_hour"], changed["title"]) == (None, "Mine")
    assert client.post(f"{one}/propose").json()["state"] == "proposed"
    assert client.patch(one, {"title": "x"}, format="json").json()["code"] == "offer_in_wrong_state"
    assert client.post(f"{one}/withdraw").json()["state"] == "withdrawn"
    assert client.post(f"{one}/withdraw").status_code == 409
    assert client.post(path, body, format="json").json()["code"] == "offer_exists"
    assert [row["id"] for row in client.get(path).json()["items"]] == [made.json()["id"]]


def test_staff_decide_on_several_offers_at_once_and_read_each_refusal(member: Tenant, staff_browser: Any) -> None:
    good, bad = proposed(member), proposed(member)
    Site.objects.filter(pk=bad.pool.cluster.site_id).update(backup_code="?")
    rows = {"action": "approve", "_selected_action": [good.pk, bad.pk], "confirmed": "yes", "reason": "Checked."}
    answer = staff_browser.post("/admin/marketplace/offer/", rows, follow=True).content.decode()
    assert "Residency facts of" in answer
    assert "backup in" in answer
    assert {Offer.objects.get(pk=one.pk).state for one in (good,)} == {"published"}
    assert Offer.objects.get(pk=bad.pk).state == "proposed"
    act = AuditEvent.objects.get(action="offer.published", subject_id=good.public_id)
    assert (act.reason, act.via) == ("Checked.", "admin")
    shown = staff_browser.get(f"/admin/marketplace/offer/{bad.pk}/change/").content.decode()
    buttons = re.findall(rf'href="(/admin/marketplace/offer/{bad.pk}/[^"]+)"', shown)
    assert ([one for one in buttons if "withdraw" in one], len([one for one in buttons if "approve" in one])) == ([], 1)
    (reject,) = [one for one in buttons if "reject" in one]
    staff_browser.post(reject, {"confirmed": "yes", "reason": "No backup site."})
    assert Offer.objects.get(pk=bad.pk).decision_reason == "No backup site."


def test_an_actor_without_organisation_sees_no_offers(member: Tenant) -> None:
    offer_of(member.organisation)
    nobody = Actor(None, None, "", frozenset(), STAFF.via)
    assert list(Offer.objects.visible_to(nobody)) == []


def test_what_loses_its_facts_is_taken_off_sale_at_night_and_its_operator_reads_why(member: Tenant) -> None:
    kept, lost = (offers.approve_offer(actor=STAFF, offer=proposed(member), at=NOW) for _ in range(2))
    assert offers.recheck_offers(at=NOW) == 0
    Site.objects.filter(pk=lost.pool.cluster.site_id).update(storage_code="US")
    assert offers.recheck_offers(at=NOW) == 1
    assert (on_sale(kept), on_sale(lost)) == (True, False)
    assert "LOC_STORAGE_NOT_EEA" in Event.objects.get(type="offer.withdrawn").data["reason"]


def test_an_order_is_no_smaller_than_the_operator_sells(member: Tenant, mine: Tenant) -> None:
    offer = offers.approve_offer(actor=STAFF, offer=proposed(member, min_milli_gpus=4000), at=NOW)
    market = Market(offer, offer.pool, offer.pool.cluster.site, offer.pool.cluster, offer.sku, None)
    with pytest.raises(Rejected, match="at least 4 GPUs"):
        estimate(actor=mine.actor(), request=launch(mine, market, gpus=3), at=NOW)
    assert estimate(actor=mine.actor(), request=launch(mine, market, gpus=4), at=NOW).amount == 8 * MICRO
