# SPDX-License-Identifier: Apache-2.0
"""The catalogue against a plain Python reading of the same rows: every filter, every order, every page."""

import csv
import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from django.utils import translation
from django.utils.html import escape

from aion import figures
from aion.residency.policy import Level, Policy, decide
from aion.tenancy.models import Organisation
from billing.models import PriceBook, Promotion, Sku
from billing.queries import Buyer
from billing.services.catalogue import put_own_price
from billing.services.pricing import publish_price
from clusters.models import Pool
from clusters.services.topology import ensure_flavour
from marketplace import queries
from marketplace.api.serializers import OfferOut
from marketplace.models import Offer
from marketplace.portal.offers import rows
from marketplace.portal.offers.buyers import Viewer
from marketplace.portal.offers.rows import line_of, places_for, row_of
from marketplace.queries import Allowance, CatalogueWish, PricedOffer
from marketplace.queries.catalogue import SORTS
from marketplace.states import CapacityClass, OfferState
from tests.marketplace.operators import STAFF, make_member, make_pool, offer_of
from tests.worlds import LONG_AGO, MICRO, NOW, Market, Tenant, browser, count, make_market, text

pytestmark = pytest.mark.django_db
PLACES: tuple[dict[str, Any], ...] = (
    {},
    {"country_id": "DE", "storage_code": "DE", "support_from": "US", "g_co2e_per_kwh": 380},
    {"country_id": "NO", "storage_code": "NO", "backup_code": "NO", "failover_code": "NO", "g_co2e_per_kwh": 20},
    {"non_eu_max_holder_pct": Decimal(30), "pue": Decimal("1.05")},
    {"certificate": "SNC/valid", "pue": Decimal("1.40")},
)
KINDS = (("NVIDIA", "gpu", 80), ("AMD", "gpu", 192), ("VSora", "npu", 288), ("SiPearl", "cpu", 256))


@pytest.fixture
def offers() -> list[Offer]:
    """Return thirty offers of five members, a third of them at an own price, some not on sale."""
    dice = random.Random(11)
    members = [make_member().organisation for _ in PLACES]
    made = []
    for number in range(30):
        place = number % len(PLACES)
        vendor, kind, memory = KINDS[dice.randrange(len(KINDS))]
        flavour = ensure_flavour(
            code=f"f-{number % 9}", name=f"{vendor} {number % 9}", product="x", per_node=8, vendor=vendor, kind=kind,
            memory_gib=memory,
        )  # fmt: skip
        pool = make_pool(members[place], gpus=8 * dice.randint(1, 9), flavour=flavour,
                         listed=MICRO * dice.randint(1, 5), **PLACES[place])  # fmt: skip
        offer = offer_of(
            members[place], pool=pool, capacity_class=dice.choice(list(CapacityClass)), position=dice.randint(1, 4),
            state=OfferState.DRAFT if number % 10 == 9 else OfferState.PUBLISHED,
        )  # fmt: skip
        if number % 3 == 0:
            offer.own_micro_per_gpu_hour = dice.randint(1, 5_000_000)
            offer.price_book_id = put_own_price(
                actor=STAFF, code=offer.public_id, name="own", operator_id=members[place].pk, sku=offer.sku,
                micro_per_gpu_hour=offer.own_micro_per_gpu_hour, at=LONG_AGO,
            )  # fmt: skip
            offer.save()
        made.append(offer)
    return made


def oracle(wish: CatalogueWish, buyer: Buyer, allowance: Allowance) -> list[str]:
    """Return the ids that fit, in order, one row after the other."""
    lines = queries.priced(
        list(Offer.objects.on_sale()), at=NOW, buyer=buyer, allowance=allowance, wanted=wish.milli_gpus
    )
    kept = [line for line in lines if fits(line, wish)]
    if wish.free_only and allowance.milli_gpus is not None and allowance.milli_gpus < wish.milli_gpus:
        return []
    kept.sort(key=lambda line: line.offer.pk)
    kept.sort(key=lambda line: line.offer.position)
    if wish.sort != "position":
        kept.sort(key=KEYS[wish.sort.lstrip("-")], reverse=wish.sort.startswith("-"))
    return [line.offer.public_id for line in kept]


KEYS = {
    "price": lambda line: line.micro_per_gpu_hour,
    "memory": lambda line: line.offer.pool.flavour.memory_gib,
    "carbon": lambda line: line.offer.pool.cluster.site.g_co2e_per_kwh,
    "pue": lambda line: line.offer.pool.cluster.site.pue,
}


def fits(line: PricedOffer, wish: CatalogueWish) -> bool:
    offer, flavour, site = line.offer, line.offer.pool.flavour, line.offer.pool.cluster.site
    words = (offer.title, flavour.name, site.name, offer.organisation.name)
    return all(
        (
            not wish.text or any(wish.text.lower() in one.lower() for one in words),
            wish.vendor in {"", flavour.vendor},
            wish.kind in {"", flavour.kind},
            flavour.memory_gib >= wish.memory_min,
            wish.country in {"", site.country_id},
            wish.capacity_class in {"", offer.capacity_class},
            not wish.level or decide(Policy(Level[wish.level]), site.facts()).allowed,
            wish.max_micro is None or line.micro_per_gpu_hour <= wish.max_micro,
            not wish.free_only or min(line.free_milli_gpus, offer.max_milli_gpus) >= wish.milli_gpus,
        )
    )


def wishes(number: int) -> CatalogueWish:
    dice = random.Random(number)

    def maybe(choices: Any, otherwise: Any) -> Any:
        return dice.choice(list(choices)) if dice.random() < 0.3 else otherwise

    return CatalogueWish(
        text=maybe(["offer", "NVIDIA", "operated 1", "%"], ""),
        vendor=maybe([one[0] for one in KINDS], ""),
        kind=maybe(["gpu", "npu", "cpu", "qpu"], ""),
        memory_min=maybe([81, 192, 300], 0),
        country=maybe(["FR", "DE", "NO"], ""),
        capacity_class=maybe(CapacityClass, ""),
        level=maybe([level.name for level in Level], ""),
        max_micro=maybe([MICRO, 3 * MICRO], None),
        milli_gpus=maybe([8000, 40_000], 1000),
        free_only=dice.random() < 0.3,
        sort=dice.choice(list(SORTS)),
    )


def test_filters_order_and_pages_are_those_of_a_plain_reading(offers: list[Offer], mine: Tenant) -> None:
    Promotion.objects.create(code="off", name="x", valid=(LONG_AGO, NOW + timedelta(days=1)), basis_points_off=1234,
                             sku_codes=[offers[0].sku.code])  # fmt: skip
    book = PriceBook.objects.create(code="startups", name="Start-ups", audience="startup")
    for sku in Sku.objects.filter(code__in=["f-1", "f-2"]):
        publish_price(actor=STAFF, book=book, sku=sku, micro_per_gpu_hour=777_777, valid_from=LONG_AGO, at=NOW)
    for number in range(120):
        wish = wishes(number)
        buyer = Buyer(mine.organisation.pk, mine.organisation.kind) if number % 2 else Buyer()
        allowance = Allowance(16_000) if number % 3 == 0 else Allowance()
        expected = oracle(wish, buyer, allowance)
        found, size = [], 10
        for page in range(1, 5):
            got = queries.catalogue_page(wish=wish, at=NOW, buyer=buyer, allowance=allowance, number=page, size=size)
            if got.number != page:
                break
            found += [line.offer.public_id for line in got.lines]
            assert got.count == len(expected)
        assert found == expected, wish
        everything = queries.catalogue_lines(wish=wish, at=NOW, buyer=buyer, allowance=allowance)
        assert [line.offer.public_id for line in everything] == expected


def test_what_is_not_on_sale_is_nowhere(offers: list[Offer], mine: Tenant, api: Any) -> None:
    drafts = {offer.public_id for offer in offers if offer.state == OfferState.DRAFT}
    client, key = Client(), api(mine.key())
    listed = key.get("/api/v1/offers?limit=200").json()
    assert listed["count"] == len(offers) - len(drafts) == len(listed["items"])
    assert drafts.isdisjoint(one["id"] for one in listed["items"])
    for one in drafts:
        assert client.get(f"/prices/{one}/").status_code == 404
        assert key.get(f"/api/v1/offers/{one}").status_code == 404
        assert one not in text(client.get("/prices.csv"))


def test_a_page_says_what_it_filters_and_a_wrong_value_is_said_beside_its_field(offers: list[Offer]) -> None:
    client = Client()
    page = client.get("/prices/?vendor=AMD&sort=-price&page=999")
    lines = page.context["found"].lines
    assert {line.offer.pool.flavour.vendor for line in lines} == {"AMD"}
    assert [line.micro_per_gpu_hour for line in lines] == sorted(
        (line.micro_per_gpu_hour for line in lines), reverse=True
    )
    assert '<option value="AMD" selected>' in page.content.decode()
    wrong = client.get("/prices/?vendor=Nobody&max_price=x&memory=-1&sort=mood")
    assert (wrong.status_code, wrong.content.decode().count('aria-invalid="true"')) == (200, 3)
    assert wrong.context["found"].count == 27
    assert "Nothing fits" in client.get("/prices/?kind=qpu").content.decode()


def test_the_csv_holds_what_the_page_would_on_all_pages(offers: list[Offer]) -> None:
    rows = list(csv.DictReader(StringIO(text(Client().get("/prices.csv?country=NO&sort=price")))))
    prices = [Decimal(row["credits_per_gpu_hour"]) for row in rows]
    assert (len(rows), prices) == (6, sorted(prices))
    assert {row["country"] for row in rows} == {"NO"}


def test_the_api_filters_sorts_and_pages(offers: list[Offer], mine: Tenant, api: Any) -> None:
    client = api(mine.key())
    first = client.get("/api/v1/offers?sort=price&limit=10&residency_level=EU_RESIDENT").json()
    second = client.get("/api/v1/offers?sort=price&limit=10&residency_level=EU_RESIDENT&page=2").json()
    assert (first["next"], first["previous"], second["previous"]) == (2, None, 1)
    prices = [one["price_microcredits_per_gpu_hour"] for one in first["items"] + second["items"]]
    assert prices == sorted(prices)
    assert {one["residency_level"] for one in first["items"]}.isdisjoint({"EEA_RESIDENT"})
    one = first["items"][0]
    assert set(one["availability"]) == {"level", "available_milli_gpus", "free_milli_gpus", "limit_milli_gpus",
                                        "by_quota", "as_of", "stale"}  # fmt: skip
    assert {"capacity_class", "local_disk_gib_per_node", "storage_class", "carbon", "kind"} <= set(one)
    assert client.get(f"/api/v1/offers/{one['id']}").json() == one
    for wrong in ("sort=mood", "page=0", "colour=red", "residency_level=MARS", "limit=201"):
        assert client.get(f"/api/v1/offers?{wrong}").status_code == 422, wrong


def test_an_offers_page_is_public_and_shows_hardware_and_versions(market: Market) -> None:
    Pool.objects.filter(pk=market.pool.pk).update(storage_class="NVMe, replicated")
    page = Client().get(f"/prices/{market.offer.public_id}/").content.decode()
    assert "NVMe, replicated" in page
    assert "in force" in page
    assert f"?offer={market.offer.public_id}" in page


def test_the_number_of_queries_does_not_grow_with_the_offers(mine: Tenant, api: Any) -> None:
    make_market()
    client, key = browser(mine), api(mine.key())
    paths = ("/prices/", "/prices/?sort=price&level=EU_OWNED&free=on", "/prices/?for=list")
    key.get("/api/v1/offers")  # a key's first use is written down
    few = [count(lambda path=path: client.get(path)) for path in paths]
    few.append(count(lambda: key.get("/api/v1/offers?sort=price")))
    members = [make_member().organisation for _ in range(4)]
    for number in range(24):
        offer_of(members[number % 4], state=OfferState.PUBLISHED)
    many = [count(lambda path=path: client.get(path)) for path in paths]
    many.append(count(lambda: key.get("/api/v1/offers?sort=price")))
    assert (Organisation.objects.count() > 4, many) == (True, few)


def test_a_line_is_shown_as_the_framework_itself_would_show_it(offers: list[Offer]) -> None:
    Offer.objects.filter(pk=offers[0].pk).update(announced_micro_per_gpu_hour=5, announced_from=NOW + timedelta(1))
    lines = queries.priced(list(Offer.objects.on_sale()), at=NOW)
    assert any(line.announced_from for line in lines)
    quick = OfferOut(lines, many=True).data
    for line, shown in zip(lines, quick, strict=True):
        by_framework = {}
        for name, field in OfferOut().fields.items():
            value = field.get_attribute(line)
            inner = getattr(field, "fields", {})
            by_framework[name] = (
                {key: one.to_representation(one.get_attribute(value)) if one.get_attribute(value) is not None else None
                 for key, one in inner.items()}
                if inner
                else None if value is None else field.to_representation(value)
            )  # fmt: skip
        assert shown == by_framework


def test_a_row_is_written_anew_for_whatever_it_shows_and_kept_for_the_rest(offers: list[Offer], mine: Tenant) -> None:
    Offer.objects.filter(pk=offers[0].pk).update(announced_micro_per_gpu_hour=5, announced_from=NOW + timedelta(1))
    Promotion.objects.create(code="off", name="x", valid=(LONG_AGO, NOW + timedelta(days=1)), basis_points_off=1234)
    lines = queries.priced(list(Offer.objects.on_sale()), at=NOW, allowance=Allowance(2000))
    owner = places_for(Viewer([], mine.organisation, Buyer(), Allowance(), True), mine.organisation.slug)
    everybody = places_for(Viewer([], None, Buyer(), Allowance()), "")
    rows.written.cache_clear()
    for _ in range(2):
        for places in (owner, everybody):
            for language in ("en-gb", "fr"):
                with translation.override(language):
                    for line in lines:
                        plain = rows.written.__wrapped__(line_of(line), places, language)
                        assert row_of(line, places) == plain
    assert rows.written.cache_info()[:2] == (4 * len(lines), 4 * len(lines))
    dearer = replace(lines[0], price=replace(lines[0].price, micro_per_gpu_hour=77_000_000))
    assert ("77.00" in row_of(dearer, owner), "77.00" in row_of(lines[0], owner)) == (True, False)


def test_a_row_says_all_that_its_line_knows(offers: list[Offer], mine: Tenant) -> None:
    Offer.objects.filter(pk=offers[0].pk).update(announced_micro_per_gpu_hour=5_000_000, announced_from=NOW)
    line = next(
        one
        for one in queries.priced(list(Offer.objects.on_sale()), at=NOW - timedelta(days=1), allowance=Allowance(2000))
        if one.offer.pk == offers[0].pk
    )
    places = places_for(Viewer([], mine.organisation, Buyer(), Allowance(), True), "a&b")
    row, offer, site = row_of(line, places), line.offer, line.offer.pool.cluster.site
    flavour = offer.pool.flavour
    for shown in (
        f'href="/prices/{offer.public_id}/?for=a%26b">{escape(offer.title)}</a>',
        f"{flavour.memory_gib} GiB · {flavour.vendor}",
        f'{escape(site.name)}<span class="sub">{escape(offer.organisation.name)} · {site.country_id}',
        f">{offer.get_capacity_class_display()}<",
        f">{site.g_co2e_per_kwh}<",
        f">{site.pue}<",
        f"{figures.credits(line.micro_per_gpu_hour)}</strong>",
        "5.00 cr/h valid from <time",
        f"/o/{mine.organisation.slug}/launch/?offer={offer.public_id}",
    ):
        assert shown in row, (shown, row)
