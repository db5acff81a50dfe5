# SPDX-License-Identifier: Apache-2.0
"""Reserved capacity at its edges: portal, API and staff call one service, and say the same."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from aion import clock
from aion.audit.models import AuditEvent
from aion.periods import floor_hour
from aion.tenancy.models import Project
from aion.tenancy.roles import Role
from billing.queries import Buyer
from clusters.models import Reservation, Workload
from marketplace.models import Order
from marketplace.queries import CatalogueWish, catalogue_page, priced_offer
from marketplace.queries.availability import Allowance
from marketplace.services.orders import place_order
from marketplace.states import CapacityClass
from tests.marketplace.reserving import HOUR, offer_on, reserve
from tests.worlds import NOW, PRICE, Market, Tenant, browser, count, launch, make_lot

BUYER = Buyer()


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that moves the clock of all edges to so many hours after NOW."""

    def move(hours: float = 0) -> None:
        monkeypatch.setattr(clock, "now", lambda: NOW + hours * HOUR)

    move()
    return move


def form_for(tenant: Tenant, market: Market, **fields: Any) -> dict[str, Any]:
    return {
        "offer": offer_on(market).public_id, "gpus": "8", "project": tenant.project.public_id,
        "start_day": "2026-03-02", "start_hour": "12", "end_day": "2026-03-03", "end_hour": "0", **fields,
    }  # fmt: skip


def body_for(tenant: Tenant, market: Market, **fields: Any) -> dict[str, Any]:
    return {
        "offer": offer_on(market).public_id, "gpus": 8, "project": tenant.project.public_id,
        "starts_at": "2026-03-02T12:00:00Z", "ends_at": "2026-03-03T00:00:00Z", **fields,
    }  # fmt: skip


def test_in_the_catalogue_a_reserved_offer_is_reserved_and_the_others_are_launched(
    mine: Tenant, market: Market
) -> None:
    offer, client = offer_on(market), browser(mine)
    page = client.get("/prices/").content.decode()
    assert f"/o/mine/reservations/new/?offer={offer.public_id}" in page
    assert f"/o/mine/launch/?offer={offer.public_id}" not in page
    assert f"/o/mine/launch/?offer={market.offer.public_id}" in page
    assert (
        f"/o/mine/reservations/new/?offer={offer.public_id}"
        in client.get(f"/prices/{offer.public_id}/").content.decode()
    )
    shown = [one.offer.public_id for one in client.get("/o/mine/launch/").context["offers"]]
    assert shown == [market.offer.public_id]


def test_a_person_sees_the_quote_confirms_it_launches_and_reads_what_is_used(
    mine: Tenant, market: Market, now: Any
) -> None:
    client, amount = browser(mine), 8 * 12 * PRICE
    first = client.get(f"/o/mine/reservations/new/?offer={offer_on(market).public_id}")
    assert (first.status_code, first.context["quote"].amount) == (200, 24 * PRICE)
    form = form_for(mine, market)
    quoted = client.get("/o/mine/reservations/quote/", form)
    assert (quoted.context["quote"].amount, f'value="{amount}"' in quoted.content.decode()) == (amount, True)
    without_script = client.post("/o/mine/reservations/new/", form)
    assert (without_script.status_code, Reservation.objects.count()) == (200, 0)
    answer = client.post("/o/mine/reservations/new/", {**form, "agreed": str(amount), "key": "k"})
    row = Reservation.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/o/mine/reservations/{row.public_id}/")
    client.post("/o/mine/reservations/new/", {**form, "agreed": str(amount), "key": "k"})
    assert Reservation.objects.count() == 1
    now(2)
    page = client.get(f"/o/mine/reservations/{row.public_id}/")
    assert f"launch/?offer={row.offer_ref}" in page.content.decode()
    launched = client.post(
        "/o/mine/launch/",
        {"offer": row.offer_ref, "project": mine.project.public_id, "gpus": "4", "hours": "2", "name": "on-it",
         "image": "registry.example/a:1"},
    )  # fmt: skip
    assert launched.status_code == 302
    workload = Workload.objects.get()
    assert row.public_id in client.get(f"/o/mine/workloads/{workload.public_id}/").content.decode()
    assert client.get(f"/o/mine/reservations/{row.public_id}/").context["free"] == 4000
    assert row.title in client.get("/o/mine/reservations/").content.decode()


def test_what_is_refused_stands_beside_its_field(mine: Tenant, market: Market, now: Any) -> None:
    client = browser(mine)
    for fields, field in (
        ({"start_hour": "9"}, "start_day"),
        ({"end_day": "2026-03-01"}, "end_day"),
        ({"gpus": "65"}, "gpus"),
        ({"start_day": "x"}, "start_day"),
    ):
        answer = client.post("/o/mine/reservations/new/", {**form_for(mine, market, **fields), "agreed": str(10**15)})
        assert (answer.status_code in {409, 422}, list(answer.context["form"].errors)) == (True, [field]), fields
    cheap = client.post("/o/mine/reservations/new/", {**form_for(mine, market), "agreed": "1"})
    assert (cheap.status_code, list(cheap.context["form"].errors)) == (409, ["__all__"])
    assert client.get("/o/mine/reservations/new/?offer=off_x").status_code == 404
    assert client.get(f"/o/mine/reservations/new/?offer={market.offer.public_id}").status_code == 404


def test_a_launch_without_a_reservation_says_what_to_do(mine: Tenant, market: Market, now: Any) -> None:
    answer = browser(mine).post(
        "/o/mine/launch/",
        {"offer": offer_on(market).public_id, "project": mine.project.public_id, "gpus": "1", "hours": "1",
         "name": "x", "image": "registry.example/a:1"},
    )  # fmt: skip
    assert answer.status_code == 409
    assert "reserve GPUs for it first" in answer.content.decode()
    assert not Order.objects.exists()


def test_cancelling_asks_with_what_it_costs(mine: Tenant, market: Market, now: Any) -> None:
    row, client = reserve(mine, market, start=30, hours=10), browser(mine)
    asked = client.get(f"/o/mine/reservations/{row.public_id}/cancel/")
    assert (asked.context["hours"], asked.context["charged"]) == (3, 8 * 3 * PRICE)
    assert client.post(f"/o/mine/reservations/{row.public_id}/cancel/").status_code == 302
    row.refresh_from_db()
    assert row.state == "cancelled"
    again = client.post(f"/o/mine/reservations/{row.public_id}/cancel/", follow=True).content.decode()
    assert "can be cancelled before it starts, and once" in again


def test_the_api_quotes_confirms_once_a_key_reads_and_cancels(mine: Tenant, market: Market, api: Any, now: Any) -> None:
    client, body = api(mine.key(at=NOW)), body_for(mine, market)
    quote = client.post("/api/v1/reservation-quotes", body, format="json").json()
    assert (quote["amount_microcredits"], quote["hours"], quote["refusal"]) == (8 * 12 * PRICE, 12, None)
    assert quote["cancellation"][0] == {"hours_before": 72, "percent_charged": 0}
    sent = {**body, "agreed_microcredits": quote["amount_microcredits"]}
    made = [
        client.post("/api/v1/reservations", sent, format="json", headers={"Idempotency-Key": "k"}) for _ in range(2)
    ]
    assert [answer.status_code for answer in made] == [201, 201]
    one = made[0].json()
    assert (made[1].json(), Reservation.objects.count()) == (one, 1)
    assert (one["state"], one["amount"], one["price_id"]) == ("confirmed", "239.040000", market.price.pk)
    assert [item["id"] for item in client.get("/api/v1/reservations").json()["items"]] == [one["id"]]
    assert client.get(f"/api/v1/reservations/{one['id']}").json() == one
    late = client.post("/api/v1/reservations", {**sent, "agreed_microcredits": 1}, format="json")
    assert (late.status_code, late.json()["code"]) == (409, "price_changed")
    cancelled = client.post(f"/api/v1/reservations/{one['id']}/cancel").json()
    assert cancelled["state"] == "cancelled"
    answer = client.post(f"/api/v1/reservations/{one['id']}/cancel")
    assert (answer.status_code, answer["Content-Type"]) == (409, "application/problem+json")


def test_over_the_api_a_launch_without_a_reservation_is_a_problem_with_its_own_code(
    mine: Tenant, market: Market, api: Any, now: Any
) -> None:
    body = {
        "project": mine.project.public_id, "offer": offer_on(market).public_id, "name": "x",
        "image": "registry.example/a:1", "gpus": "1", "max_duration_seconds": 3600,
    }  # fmt: skip
    client = api(mine.key(at=NOW))
    answer = client.post("/api/v1/workloads", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "reservation_needed")
    row = reserve(mine, market)
    launched = client.post("/api/v1/workloads", body, format="json").json()
    assert (launched["reservation"], launched["held_microcredits"]) == (row.public_id, 0)


def test_availability_for_me_leaves_out_what_others_have_reserved(mine: Tenant, theirs: Tenant, market: Market) -> None:
    make_lot(theirs.organisation, 10_000)
    reserve(theirs, market, gpus=40, hours=2)
    spot = offer_on(market, CapacityClass.SPOT, title="Spot")
    request = launch(theirs, market, gpus=8, hours=1, offer_id=offer_on(market).public_id)
    own = place_order(actor=theirs.actor(), request=request, at=NOW).workload
    Workload.objects.filter(pk=own.pk).update(state="running", started_at=NOW)

    def free(offer: Any, hours: float) -> int:
        line = priced_offer(public_id=offer.public_id, at=NOW + hours * HOUR, buyer=BUYER, allowance=Allowance())
        assert line is not None
        return line.availability.mine // 1000

    offers = (market.offer, spot, offer_on(market))
    assert [free(offer, 1) for offer in offers] == [24, 56, 24]
    assert [free(offer, 2) for offer in offers] == [56, 56, 56]
    for gpus, kinds in ((24, 3), (25, 1), (57, 0)):
        wish = CatalogueWish(free_only=True, milli_gpus=gpus * 1000)
        page = catalogue_page(wish=wish, at=NOW, buyer=BUYER, allowance=Allowance(), number=1, size=9)
        assert len(page.lines) == kinds, gpus


def test_the_pages_take_the_same_number_of_queries_for_many(mine: Tenant, market: Market, api: Any, now: Any) -> None:
    make_lot(mine.organisation, 100_000)
    row, client, key = reserve(mine, market, gpus=1), browser(mine), api(mine.key(at=NOW))
    paths = ("/o/mine/reservations/", f"/o/mine/reservations/{row.public_id}/", "/prices/", "/o/mine/")

    def counts() -> list[int]:
        return [
            *(count(lambda path=path: client.get(path)) for path in paths),
            count(lambda: key.get("/api/v1/reservations")),
            count(lambda: key.get("/api/v1/workloads")),
        ]

    on_it = launch(mine, market, gpus=0.25, offer_id=offer_on(market).public_id)
    market.pool.fractions = True
    market.pool.save()
    place_order(actor=mine.actor(), request=on_it, at=NOW)
    counts()  # a key's first call also writes that it was used
    few = counts()
    for number in range(5):
        reserve(mine, market, gpus=1, start=number)
    for _ in range(3):
        again = launch(mine, market, gpus=0.25, offer_id=offer_on(market).public_id)
        place_order(actor=mine.actor(), request=again, at=NOW)
    assert counts() == few


def test_staff_read_reservations_and_cancel_one_with_a_reason(
    mine: Tenant, market: Market, staff_browser: Client
) -> None:
    real = clock.now()
    row = reserve(mine, market, at=real, starts_at=floor_hour(real) + timedelta(days=1))
    page = staff_browser.get("/admin/clusters/reservation/").content.decode()
    assert row.public_id in page
    address = f"/admin/clusters/reservation/{row.pk}/cancel/"
    assert staff_browser.get(address).status_code == 200
    staff_browser.post(address, {"confirmed": "yes", "reason": "The cooling fails."})
    row.refresh_from_db()
    assert (row.state, row.cancel_reason) == ("cancelled", "The cooling fails.")
    assert AuditEvent.objects.get(action="reservation.cancelled").reason == "The cooling fails."
    assert staff_browser.get("/admin/clusters/reservation/add/").status_code == 403


def test_staff_cannot_make_a_pool_smaller_than_what_is_promised_of_it(
    mine: Tenant, market: Market, staff_browser: Client
) -> None:
    real = clock.now()
    reserve(mine, market, gpus=8, hours=1, at=real, starts_at=floor_hour(real) + timedelta(days=1))
    address = f"/admin/clusters/pool/{market.pool.pk}/change/"
    form = staff_browser.get(address).context["adminform"].form
    sent = {name: form[name].value() or "" for name in form.fields} | {"change_reason": "smaller"}
    refused = staff_browser.post(address, {**sent, "reservable_milli_gpus": "7000"})
    assert (refused.status_code, "8 GPUs of it are reserved" in refused.content.decode()) == (200, True)
    assert staff_browser.post(address, {**sent, "reservable_milli_gpus": "8000"}).status_code == 302


def test_a_project_that_is_for_others_only_reserves_for_them_alone(mine: Tenant, market: Market, now: Any) -> None:
    Project.objects.filter(pk=mine.project.pk).update(restricted=True)
    answer = browser(mine, Role.DEVELOPER).post(
        "/o/mine/reservations/new/", {**form_for(mine, market), "agreed": str(10**15)}
    )
    assert (answer.status_code, Reservation.objects.count()) == (422, 0)
