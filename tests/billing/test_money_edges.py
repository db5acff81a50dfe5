# SPDX-License-Identifier: Apache-2.0
"""Credits, statement, charges and months as customers see them, on the page and over the API."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from aion.money import EXACT_DIVISOR
from billing import queries
from billing.models import LedgerAccount, MonthStatement, Transfer
from billing.services.ledger import reverse_transfer
from billing.services.metering import Window, post_windows
from billing.services.statements import close_for
from tests.worlds import LONG_AGO, MICRO, NOW, PRICE, Market, Tenant, browser, count, make_lot, make_meter, text

DAY = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def page_of(mine: Tenant) -> Any:
    client = browser(mine)
    return lambda path="", query=None: client.get(f"/o/{mine.organisation.slug}/{path}", query or {})


def charge(tenant: Tenant, market: Market, *seconds: int, at: datetime = NOW) -> None:
    """Post windows of one batch, each in an hour of its own."""
    meter = make_meter(tenant, market)
    windows = [Window(NOW + timedelta(hours=index), meter.pk, one) for index, one in enumerate(seconds)]
    post_windows(windows=windows, source="test", at=at)


def test_a_lot_says_in_words_what_it_may_be_used_for(mine: Tenant, market: Market, page_of: Any) -> None:
    make_lot(
        mine.organisation,
        5,
        "Narrow",
        sku_codes=[market.sku.code],
        site_codes=["par-1"],
        programme_codes=["RAISE"],
        min_level=3,
    )
    narrow = page_of("credits/").context["live_lots"][0]
    assert narrow.usable_for == [
        "only for H100",
        "only at par-1",
        "only in the programme RAISE",
        "only from the residency level EU operated on",
    ]
    assert page_of("credits/").context["live_lots"][1].usable_for == ["everything"]


def test_a_used_up_lot_is_kept_apart(mine: Tenant, market: Market, page_of: Any) -> None:
    lot = make_lot(mine.organisation, 1, "Small", sku_codes=[market.sku.code])
    charge(mine, market, 3600)
    context = page_of("credits/").context
    assert [row.lot.public_id for row in context["old_lots"]] == [lot.public_id]
    assert [row.lot.label for row in context["live_lots"]] == ["Credit"]


def test_the_statement_and_its_csv_follow_the_same_filters(mine: Tenant, market: Market, page_of: Any) -> None:
    lot = make_lot(mine.organisation, 2, "Small", sku_codes=[market.sku.code])
    charge(mine, market, 3600)
    filters: list[tuple[dict[str, str], list[str]]] = [
        ({"kind": "usage"}, ["usage", "usage"]),
        ({"lot": lot.public_id}, ["usage", "purchase"]),
        ({"from": "2026-03-02", "to": "2026-03-02"}, ["usage", "usage"]),
        ({"to": "2026-03-01"}, ["purchase", "purchase"]),
        ({"q": "small"}, ["purchase"]),
        ({"q": Transfer.objects.first().public_id}, ["usage"]),
        ({"kind": "usage", "lot": lot.public_id}, ["usage"]),
        ({"q": "%"}, []),
    ]
    for query, kinds in filters:
        shown = [entry.kind for entry in page_of("credits/", query).context["page"]]
        lines = text(page_of("credits/statement.csv", query)).splitlines()[1:]
        assert (shown, [line.split(",")[3] for line in lines]) == (kinds, kinds), query


@pytest.mark.parametrize(
    ("query", "wrong", "file"),
    [
        ({"from": "yesterday"}, ["from"], 422),
        ({"to": "2026-02-31"}, ["to"], 422),
        ({"as_of": "9999-99-99"}, ["as_of"], 200),
        ({"known": "x"}, ["known"], 200),
        ({"kind": "theft"}, [], 422),
        ({"lot": "lot_0000000000000000"}, [], 200),
        ({"lot": "\x00"}, [], 200),
        ({"q": "\x00"}, [], 200),
        ({"page": "-3"}, [], 200),
        ({"from": "0001-01-01", "to": "9999-12-30", "as_of": "9999-12-30"}, ["from", "to", "as_of"], 422),
        ({"from": "1970-01-01", "to": "9998-12-31", "as_of": "9998-12-31"}, [], 200),
    ],
)
def test_a_wrong_filter_is_named_by_the_page_and_refused_for_a_file(
    mine: Tenant, page_of: Any, query: dict[str, str], wrong: list[str], file: int
) -> None:
    answer = page_of("credits/", query)
    assert (answer.status_code, answer.context["wrong"]) == (200, wrong)
    assert page_of("credits/statement.csv", query).status_code == file


def test_a_strangers_lot_filters_to_nothing(mine: Tenant, theirs: Tenant, page_of: Any, api: Any) -> None:
    lot = LedgerAccount.objects.get(organisation=theirs.organisation).public_id
    assert list(page_of("credits/", {"lot": lot}).context["page"]) == []
    assert api(mine.key()).get("/api/v1/ledger-entries", {"lot": lot}).json()["items"] == []


def test_the_api_filters_entries_by_lot_and_both_times(mine: Tenant, market: Market, api: Any) -> None:
    charge(mine, market, 3600, at=NOW + timedelta(days=3))
    lot = LedgerAccount.objects.get(organisation=mine.organisation).public_id
    client = api(mine.key())

    def kinds(**query: str) -> list[str]:
        return [one["kind"] for one in client.get("/api/v1/ledger-entries", query).json()["items"]]

    assert kinds(lot=lot) == ["usage", "purchase"]
    assert kinds(lot="lot_0") == []
    assert kinds(created_after="2026-03-05T10:00:00Z") == ["usage"]
    assert kinds(created_before="2026-03-05T10:00:00Z") == ["purchase"]
    assert kinds(effective_after="2026-03-02T11:00:00Z", effective_before="2026-03-02T11:00:01Z") == ["usage"]


def test_the_balance_now_and_in_the_past_as_it_was_known(mine: Tenant, market: Market, api: Any, page_of: Any) -> None:
    charge(mine, market, 3600, at=NOW + timedelta(days=3))
    client = api(mine.key())

    def credit(**query: str) -> tuple[int, Any]:
        shown = client.get("/api/v1/balance", query).json()
        return shown["credit_microcredits"], shown["available_microcredits"]

    whole, less = 1000 * MICRO, 1000 * MICRO - PRICE
    assert credit() == (less, less)
    assert credit(effective_at="2026-03-02T11:00:00Z") == (whole, None)
    assert credit(effective_at="2026-03-02T11:00:01Z") == (less, None)
    assert credit(effective_at="2026-03-03T00:00:00Z", known_at="2026-03-04T00:00:00Z") == (whole, None)
    assert page_of("credits/", {"as_of": "2026-03-02"}).context["past"].credit == less
    assert page_of("credits/", {"as_of": "2026-03-02", "known": "2026-03-04"}).context["past"].credit == whole
    assert page_of("credits/", {"as_of": "2026-03-01"}).context["past"].credit == whole


@pytest.mark.parametrize("query", [{"effective_at": "soon"}, {"known_at": "2026-02-30T00:00:00Z"}])
def test_a_balance_at_no_instant_is_refused(mine: Tenant, api: Any, query: dict[str, str]) -> None:
    answer = api(mine.key()).get("/api/v1/balance", query)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, list(query))


def test_a_charge_leads_to_pod_second_and_price(mine: Tenant, market: Market, page_of: Any, api: Any) -> None:
    charge(mine, market, 1000, 1801)
    entry = Transfer.objects.get(kind="usage")
    context = page_of(f"credits/entries/{entry.public_id}/").context
    exact = 2801 * 1000 * PRICE
    assert (context["charge"].records, context["charge"].exact) == (2, exact)
    assert (context["charge"].charged, context["charge"].carried) == (exact // EXACT_DIVISOR, exact % EXACT_DIVISOR)
    assert [(price.pk, micro) for price, micro in context["prices"]] == [(market.price.pk, PRICE)]
    assert [row.window_end for row in context["page"]] == [
        NOW + timedelta(seconds=1000),
        NOW + timedelta(hours=1, seconds=1801),
    ]
    items = api(mine.key()).get(f"/api/v1/ledger-entries/{entry.public_id}/usage").json()["items"]
    assert [(one["window_start"], one["window_end"], one["seconds"], one["charge_exact"]) for one in items] == [
        ("2026-03-02T10:00:00Z", "2026-03-02T10:16:40Z", 1000, 1000 * 1000 * PRICE),
        ("2026-03-02T11:00:00Z", "2026-03-02T11:30:01Z", 1801, 1801 * 1000 * PRICE),
    ]
    assert {(one["price_id"], one["price_book"], one["price_valid_from"]) for one in items} == {
        (market.price.pk, "list", LONG_AGO.isoformat().replace("+00:00", "Z"))
    }


def test_what_was_carried_from_an_earlier_charge_is_said(mine: Tenant, market: Market, page_of: Any) -> None:
    charge(mine, market, 1801)
    charge(mine, market, 1799)
    entry = Transfer.objects.filter(kind="usage").latest("pk")
    context = page_of(f"credits/entries/{entry.public_id}/").context
    assert context["charge"].carried == 1799 * 1000 * PRICE - context["charge"].charged * EXACT_DIVISOR
    assert context["carried"] == abs(context["charge"].carried)


def test_every_lot_that_paid_stands_beside_the_charge(mine: Tenant, market: Market, page_of: Any) -> None:
    make_lot(mine.organisation, 2, "Small", sku_codes=[market.sku.code])
    charge(mine, market, 3600)
    entry = Transfer.objects.filter(kind="usage").earliest("pk")
    beside = page_of(f"credits/entries/{entry.public_id}/").context["beside"]
    assert sorted((one.debit_account.label, one.amount) for one in beside) == [
        ("Credit", PRICE - 2 * MICRO),
        ("Small", 2 * MICRO),
    ]


def test_an_entry_that_is_no_usage_explains_itself(mine: Tenant, page_of: Any, api: Any) -> None:
    bought = Transfer.objects.get(organisation=mine.organisation)
    back = reverse_transfer(actor=mine.actor(), transfer=bought, reason="paid twice", at=NOW)
    page = page_of(f"credits/entries/{back.public_id}/")
    assert page.context["why"] == "An earlier entry was taken back: the same amount, the other way round."
    assert bought.public_id in page.content.decode()
    assert "charge" not in page.context
    assert api(mine.key()).get(f"/api/v1/ledger-entries/{bought.public_id}/usage").json()["items"] == []


def test_a_closed_month_is_shown_with_its_lines(mine: Tenant, market: Market, page_of: Any, api: Any) -> None:
    charge(mine, market, 3600)
    close_for(organisation_id=mine.organisation.pk, month=date(2026, 3, 1), at=NOW + timedelta(days=40))
    meter = make_meter(mine, market)
    late = [Window(NOW, meter.pk, 1800), Window(NOW + timedelta(days=30), meter.pk, 3600)]
    post_windows(windows=late, source="test", at=NOW + timedelta(days=34))
    close_for(organisation_id=mine.organisation.pk, month=date(2026, 4, 1), at=NOW + timedelta(days=70))
    april, march = queries.month_statements(mine.actor())
    client = api(mine.key())
    listed = client.get("/api/v1/month-statements").json()["items"]
    assert [(one["month"], one["amount_microcredits"]) for one in listed] == [
        ("2026-04-01", PRICE + PRICE // 2),
        ("2026-03-01", PRICE),
    ]
    lines = client.get(f"/api/v1/month-statements/{april.public_id}").json()["lines"]
    assert [(one["kind"], one["usage_month"], one["gpu_seconds"]) for one in lines] == [
        ("usage", "2026-04-01", "3600.000"),
        ("correction", "2026-03-01", "1800.000"),
    ]
    assert [one.pk for one in page_of("statements/").context["page"]] == [april.pk, march.pk]
    assert "Correction" in page_of(f"statements/{april.public_id}/").content.decode()
    rows = text(page_of(f"statements/{april.public_id}/lines.csv")).splitlines()
    assert rows[1:] == [
        f"usage,2026-04,Main,{market.sku.code},2.490000,3600.000,2.490000",
        f"correction,2026-03,Main,{market.sku.code},2.490000,1800.000,1.245000",
    ]


def test_money_pages_cost_the_same_queries_with_3_rows_and_with_30(
    mine: Tenant, market: Market, page_of: Any, api: Any
) -> None:
    client = api(mine.key())

    def add(number: int) -> None:
        for _ in range(number):
            make_lot(mine.organisation, 1, sku_codes=[market.sku.code])
            charge(mine, market, 3600)
        month = date(2026, 1, 1) if number == 3 else date(2026, 2, 1)
        close_for(organisation_id=mine.organisation.pk, month=month, at=NOW)

    def counts() -> list[int]:
        entry = Transfer.objects.filter(kind="usage").latest("pk").public_id
        closed = MonthStatement.objects.latest("pk").public_id
        pages = ("credits/", f"credits/entries/{entry}/", "statements/", f"statements/{closed}/")
        paths = ("balance", "forecast", "month-statements", f"ledger-entries/{entry}/usage", "ledger-entries")
        return [
            *(count(lambda path=path: page_of(path)) for path in pages),
            *(count(lambda path=path: client.get(f"/api/v1/{path}")) for path in paths),
        ]

    add(3)
    counts()
    few = counts()
    add(27)
    assert (counts(), max(few[4:]) <= 8) == (few, True)
