# SPDX-License-Identifier: Apache-2.0
"""The usage export: FOCUS columns, exact against the ledger, in bounded memory, for its own tenant only."""

import csv as csv_module
import io
import itertools
import resource
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aion.actor import Actor, Scope, Via, system
from aion.errors import Rejected
from billing import export
from billing.export import csv, parquet
from billing.export.columns import COLUMNS, NAMES, Kind, RowKind
from billing.export.rows import Period, focus_rows
from billing.models import Transfer
from billing.services.expiry import GRACE, expire_lots
from billing.services.ledger import reverse_transfer
from billing.services.metering import Window, post_windows
from billing.services.statements import close_month
from billing.states import Origin
from tests.worlds import MICRO, NOW, PRICE, Market, Tenant, make_lot, make_market, make_meter, make_tenant

MARCH = Period(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
APRIL = Period(datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC))
FOCUS_12 = {
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingAccountType", "BillingCurrency",
    "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency",
    "ChargePeriodEnd", "ChargePeriodStart", "ConsumedQuantity", "ConsumedUnit", "ContractedCost",
    "ContractedUnitPrice", "EffectiveCost", "InvoiceId", "InvoiceIssuerName", "ListCost", "ListUnitPrice",
    "PricingCategory", "PricingCurrency", "PricingCurrencyContractedUnitPrice", "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName", "RegionId",
    "RegionName", "ResourceId", "ResourceName", "ResourceType", "ServiceCategory", "ServiceName",
    "ServiceSubcategory", "SkuId", "SkuMeter", "SkuPriceId", "SubAccountId", "SubAccountName", "SubAccountType",
}  # fmt: skip


def owner(tenant: Tenant) -> Actor:
    return system("test", organisation_id=tenant.organisation.pk)


def rows_of(tenant: Tenant, period: Period = MARCH) -> list[dict[str, Any]]:
    return [dict(zip(NAMES, row, strict=True)) for row in focus_rows(owner(tenant), period=period)]


def total(rows: list[dict[str, Any]], *kinds: RowKind, column: str = "EffectiveCost") -> Decimal:
    return sum((row[column] for row in rows if row["x_RowKind"] in (kinds or tuple(RowKind))), Decimal(0))


def charged(tenant: Tenant, period: Period = MARCH) -> Decimal:
    rows = Transfer.objects.filter(
        organisation=tenant.organisation, usage_day__gte=period.start, usage_day__lt=period.end
    )
    sums = {
        kind: rows.filter(kind=kind).aggregate(total=Sum("amount"))["total"] or 0 for kind in ("usage", "correction")
    }
    return Decimal(sums["usage"] - sums["correction"]) / MICRO


def post(*windows: Window, at: datetime = NOW + timedelta(days=1)) -> None:
    post_windows(windows=windows, source="test", at=at)


CHARGED = (RowKind.USAGE, RowKind.ROUNDING, RowKind.CORRECTION, RowKind.RESTATEMENT)


def test_the_columns_are_those_of_focus_in_their_order_and_our_own_behind_them() -> None:
    theirs = [name for name in NAMES if not name.startswith("x_")]
    own = [name for name in NAMES if name.startswith("x_")]
    assert set(theirs) == FOCUS_12 | {"HostProviderName", "ServiceProviderName"}
    assert list(NAMES) == sorted(theirs) + own
    assert all(column.source for column in COLUMNS)


def test_a_run_and_day_is_one_row_with_its_seconds_hours_and_price(mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market, milli_gpus=8_000)
    post(Window(NOW, meter.pk, 3600), Window(NOW + timedelta(hours=1), meter.pk, 1800))
    (row,) = [row for row in rows_of(mine) if row["x_RowKind"] == "usage"]
    wanted = {
        "ChargeCategory": "Usage",
        "ChargePeriodStart": datetime(2026, 3, 2, tzinfo=UTC),
        "ChargePeriodEnd": datetime(2026, 3, 3, tzinfo=UTC),
        "BillingPeriodStart": MARCH.start,
        "BillingPeriodEnd": MARCH.end,
        "ConsumedQuantity": Decimal(43_200),
        "ConsumedUnit": "GPU-Seconds",
        "PricingQuantity": Decimal(12),
        "PricingUnit": "GPU-Hours",
        "EffectiveCost": Decimal(12 * PRICE) / MICRO,
        "ContractedCost": Decimal(12 * PRICE) / MICRO,
        "ListCost": Decimal(12 * PRICE) / MICRO,
        "ContractedUnitPrice": Decimal(PRICE) / MICRO,
        "BilledCost": Decimal(0),
        "SkuId": market.sku.code,
        "SkuPriceId": f"price-{market.price.pk}",
        "RegionId": market.site.code,
        "RegionName": market.site.name,
        "HostProviderName": market.site.operator.name,
        "ServiceProviderName": "AION Marketplace",
        "SubAccountId": mine.project.public_id,
        "ResourceId": meter.run.workload_ref,
        "x_MilliGpuSeconds": 43_200_000,
        "x_PodCount": 1,
        "x_ResidencyPolicy": "EU_RESIDENT",
    }
    assert {name: row[name] for name in wanted} == wanted


def test_a_purchase_is_billed_at_once_and_its_usage_costs_without_being_billed_again(
    mine: Tenant, market: Market
) -> None:
    make_lot(mine.organisation, 100, at=NOW)
    post(Window(NOW, make_meter(mine, market).pk, 3600))
    rows = rows_of(mine)
    assert (total(rows, RowKind.PURCHASE, column="BilledCost"), total(rows, RowKind.PURCHASE)) == (100, 0)
    assert (total(rows, column="BilledCost"), total(rows)) == (100, Decimal(PRICE) / MICRO)


def test_usage_that_a_grant_pays_stands_at_cost_beside_a_negative_credit(market: Market) -> None:
    tenant = make_tenant(credit=0)
    lot = make_lot(tenant.organisation, 100, origin=Origin.GRANT)
    post(Window(NOW, make_meter(tenant, market).pk, 3600))
    rows = rows_of(tenant)
    cost = Decimal(PRICE) / MICRO
    usage, credit = total(rows, RowKind.USAGE, column="BilledCost"), total(rows, RowKind.CREDIT, column="BilledCost")
    assert (usage, credit, total(rows, RowKind.USAGE), total(rows)) == (cost, -cost, cost, 0)
    assert [row["x_CreditLotId"] for row in rows if row["x_RowKind"] == "credit"] == [lot.public_id]


def test_usage_that_nothing_paid_is_billed(market: Market) -> None:
    poor = make_tenant(credit=1)
    post(Window(NOW, make_meter(poor, market).pk, 3600))
    rows = rows_of(poor)
    assert (total(rows, column="BilledCost"), total(rows)) == (
        Decimal(PRICE - MICRO) / MICRO,
        Decimal(PRICE) / MICRO,
    )


def test_what_expires_unspent_costs_only_if_it_was_bought(market: Market) -> None:
    tenant = make_tenant(credit=0)
    for origin in (Origin.PURCHASE, Origin.GRANT):
        make_lot(tenant.organisation, 7, origin=origin, at=NOW, expires_at=NOW + timedelta(days=2))
    expire_lots(at=NOW + timedelta(days=10))
    rows = [row for row in rows_of(tenant) if row["x_RowKind"] == "expiry"]
    assert sorted((row["EffectiveCost"], row["x_CreditAmount"]) for row in rows) == [(0, -7), (7, -7)]
    assert {(row["ChargeCategory"], row["BilledCost"]) for row in rows} == {("Adjustment", 0)}


def test_a_reversed_purchase_takes_its_price_back_as_a_correction(mine: Tenant) -> None:
    lot = make_lot(mine.organisation, 100, at=NOW)
    bought = Transfer.objects.get(credit_account=lot)
    reverse_transfer(actor=owner(mine), transfer=bought, reason="sent twice", at=NOW)
    rows = rows_of(mine)
    assert [(row["BilledCost"], row["ChargeClass"]) for row in rows if row["x_RowKind"] == "reversal"] == [
        (-100, "Correction")
    ]
    assert total(rows, column="BilledCost") == 0


def test_goodwill_for_an_expired_lot_moves_between_two_lots_and_bills_nothing(market: Market) -> None:
    tenant = make_tenant("moved", credit=0)
    lot = make_lot(tenant.organisation, 10, at=NOW, expires_at=NOW + timedelta(days=1))
    meter = make_meter(tenant, market)
    post(Window(NOW, meter.pk, 3600))
    over = lot.expires_at + GRACE
    expire_lots(at=over)
    post(Window(NOW, meter.pk, -1800, revision=1), at=over)
    moved = [row for row in rows_of(tenant) if row["x_RowKind"] == "refund"]
    amount = Decimal(PRICE // 2) / MICRO
    assert sorted((row["BilledCost"], row["x_CreditAmount"]) for row in moved) == [(0, -amount), (0, amount)]


def test_a_late_change_of_a_closed_month_is_a_correction_in_the_next_and_leaves_the_closed_one_alone(
    mine: Tenant, market: Market
) -> None:
    meter = make_meter(mine, market)
    post(Window(NOW, meter.pk, 3600))
    close_month(actor=owner(mine), month=MARCH.start.date(), at=datetime(2026, 4, 5, tzinfo=UTC))
    before = total(rows_of(mine), *CHARGED)
    post(Window(NOW + timedelta(hours=1), meter.pk, 1800), at=datetime(2026, 4, 6, tzinfo=UTC))
    pending = total(rows_of(mine, APRIL), *CHARGED)
    close_month(actor=owner(mine), month=APRIL.start.date(), at=datetime(2026, 5, 5, tzinfo=UTC))
    late = Decimal(PRICE // 2) / MICRO
    (row,) = [row for row in rows_of(mine, APRIL) if row["x_RowKind"] == "correction"]
    assert (row["ChargeClass"], row["BillingPeriodStart"], row["ChargePeriodStart"]) == (
        "Correction",
        APRIL.start,
        MARCH.start,
    )
    assert (pending, row["EffectiveCost"], total(rows_of(mine), *CHARGED)) == (late, late, before)
    both = Period(MARCH.start, APRIL.end)
    assert total(rows_of(mine, both), *CHARGED) == charged(mine, both) == before + late


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lots=st.lists(st.tuples(st.sampled_from(list(Origin)), st.integers(1, 20)), max_size=4),
    prices=st.lists(st.integers(1, 9_999_999), min_size=1, max_size=2),
    batches=st.lists(
        st.lists(
            st.tuples(
                st.integers(0, 3), st.integers(0, 71), st.integers(1, 3600), st.sampled_from([1, 333, 1000, 7001])
            ),
            min_size=1,
            max_size=6,
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_the_effective_cost_of_any_usage_is_what_the_ledger_charged_each_day_and_in_all(
    db: None, lots: Any, prices: Any, batches: Any
) -> None:
    tenant = make_tenant(credit=0, roles=())
    markets = [make_market(price=price) for price in prices]
    for origin, amount in lots:
        make_lot(tenant.organisation, amount, origin=origin)
    meters: dict[Any, int] = {}
    for batch in batches:
        windows = []
        for number, hour, seconds, milli in batch:
            key = (number, milli)
            if key not in meters:
                meters[key] = make_meter(tenant, markets[number % len(markets)], milli_gpus=milli).pk
            windows.append(Window(NOW + timedelta(hours=hour), meters[key], seconds))
        post(*windows)
    rows = rows_of(tenant)
    for day in range(2, 7):
        one = Period(datetime(2026, 3, day, tzinfo=UTC), datetime(2026, 3, day + 1, tzinfo=UTC))
        assert total(rows_of(tenant, one), *CHARGED) == charged(tenant, one)
    assert total(rows, *CHARGED) == charged(tenant)
    free = Transfer.objects.filter(organisation=tenant.organisation, kind="usage").exclude(
        debit_account__origin__in=["", "purchase"]
    )
    assert total(rows, RowKind.CREDIT) == -Decimal(free.aggregate(total=Sum("amount"))["total"] or 0) / MICRO
    owed = Transfer.objects.filter(organisation=tenant.organisation, debit_account__kind="receivable")
    used = (*CHARGED, RowKind.CREDIT)
    assert total(rows, *used, column="BilledCost") == Decimal(owed.aggregate(total=Sum("amount"))["total"] or 0) / MICRO
    assert all(row["BilledCost"] >= 0 for row in rows if row["x_RowKind"] == "usage")


def test_every_value_is_one_that_its_column_allows(market: Market) -> None:
    tenant = make_tenant(credit=1)
    make_lot(tenant.organisation, 1, origin=Origin.GRANT, at=NOW)
    make_lot(tenant.organisation, 1, at=NOW, expires_at=NOW + timedelta(days=1))
    post(
        *(Window(NOW + timedelta(hours=hour), make_meter(tenant, market, milli_gpus=333).pk, 1801) for hour in range(9))
    )
    expire_lots(at=NOW + timedelta(days=10))
    kinds = {Kind.TEXT: str, Kind.DECIMAL: Decimal, Kind.INTEGER: int, Kind.INSTANT: datetime}
    rows = rows_of(tenant)
    wrong = [
        (column.name, row[column.name])
        for row in rows
        for column in COLUMNS
        for value in [row[column.name]]
        if (value is None and not column.nullable)
        or (value is not None and not isinstance(value, kinds[column.kind]))
        or (value is not None and column.allowed and value not in column.allowed)
    ]
    assert wrong == []
    assert {row["x_RowKind"] for row in rows} >= {"usage", "credit", "purchase", "grant"}


def test_a_parquet_file_reads_back_as_the_same_rows(mine: Tenant, market: Market) -> None:
    make_lot(mine.organisation, 5, at=NOW)
    post(*(Window(NOW + timedelta(hours=hour), make_meter(mine, market, milli_gpus=333).pk, 1801) for hour in range(5)))
    data = b"".join(export.export_pieces(owner(mine), period=MARCH, form="parquet"))
    table = pq.read_table(io.BytesIO(data))
    assert table.column_names == list(NAMES)
    assert table.to_pylist() == rows_of(mine)
    assert [(field.name, field.type, field.nullable) for field in table.schema] == [
        (column.name, parquet.TYPES[column.kind], column.nullable) for column in COLUMNS
    ]


def test_a_csv_file_says_the_same_as_the_rows(mine: Tenant, market: Market) -> None:
    post(Window(NOW, make_meter(mine, market, milli_gpus=333).pk, 1801))
    text = b"".join(export.export_pieces(owner(mine), period=MARCH, form="csv")).decode()
    read = list(csv_module.DictReader(io.StringIO(text)))
    rows = rows_of(mine)
    assert [Decimal(row["EffectiveCost"]) for row in read] == [row["EffectiveCost"] for row in rows]
    assert [row["ChargePeriodStart"] for row in read] == ["2026-03-02T00:00:00Z"] * len(rows)


def test_an_organisation_without_usage_gets_the_columns_alone(theirs: Tenant) -> None:
    assert b"".join(export.export_pieces(owner(theirs), period=MARCH, form="csv")).decode() == ",".join(NAMES) + "\r\n"
    data = b"".join(export.export_pieces(owner(theirs), period=MARCH, form="parquet"))
    assert (pq.read_table(io.BytesIO(data)).num_rows, pq.read_schema(io.BytesIO(data)).names) == (0, list(NAMES))


def test_a_cell_that_a_spreadsheet_would_run_is_quoted_and_a_negative_number_is_not() -> None:
    row: list[Any] = [None] * len(COLUMNS)
    row[NAMES.index("ResourceName")] = "=HYPERLINK(1)"
    row[NAMES.index("EffectiveCost")] = Decimal("-1.500000")
    read = next(csv_module.DictReader(io.StringIO(b"".join(csv.csv_pieces([row])).decode())))
    assert (read["ResourceName"], read["EffectiveCost"]) == ("'=HYPERLINK(1)", "-1.5")


def test_nobody_sees_a_strangers_rows(mine: Tenant, theirs: Tenant, market: Market) -> None:
    for tenant in (mine, theirs):
        make_lot(tenant.organisation, 5, at=NOW)
        post(Window(NOW, make_meter(tenant, market).pk, 3600))
    rows = rows_of(mine)
    assert {row["BillingAccountId"] for row in rows} == {mine.organisation.public_id}
    assert (len(rows), total(rows, *CHARGED)) == (2, Decimal(PRICE) / MICRO)
    nobody = Actor(None, None, "", frozenset(Scope), Via.SYSTEM)
    assert list(focus_rows(nobody, period=MARCH)) == []


def test_a_key_that_may_not_read_credits_gets_usage_without_purchases(mine: Tenant, market: Market) -> None:
    make_lot(mine.organisation, 5, at=NOW)
    post(Window(NOW, make_meter(mine, market).pk, 3600))
    narrow = Actor(None, mine.organisation.pk, "", frozenset({Scope.USAGE_READ}), Via.API)
    kinds = NAMES.index("x_RowKind")
    assert [row[kinds] for row in focus_rows(narrow, period=MARCH)] == ["usage"]


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [("yesterday", "", "from"), ("2026-03-01", "2026-02-30", "to"), ("2026-03-02", "2026-03-02", "to"),
     ("2025-01-01", "2026-03-01", "to"), ("0001-01-01", "0001-01-02", "from")],
)  # fmt: skip
def test_a_wrong_period_is_refused_with_the_field_that_is_wrong(first: str, last: str, field: str) -> None:
    with pytest.raises(Rejected) as refused:
        export.period_of(first, last, at=NOW)
    assert refused.value.field == field


def test_without_dates_the_export_is_this_month_up_to_today() -> None:
    assert export.period_of("", "", at=NOW) == Period(MARCH.start, datetime(2026, 3, 3, tzinfo=UTC))


def test_the_api_streams_both_forms_and_refuses_others_before_the_first_byte(
    mine: Tenant, market: Market, api: Any
) -> None:
    post(Window(NOW, make_meter(mine, market).pk, 3600))
    client = api(mine.key())
    address = "/api/v1/exports/focus?from=2026-03-01&to=2026-04-01"
    answers = {form: client.get(f"{address}&format={form}") for form in ("csv", "parquet", "xlsx")}
    assert {form: answer.status_code for form, answer in answers.items()} == {"csv": 200, "parquet": 200, "xlsx": 422}
    assert answers["csv"]["Content-Disposition"] == 'attachment; filename="focus_2026-03-01_2026-04-01.csv"'
    assert pq.read_table(io.BytesIO(answers["parquet"].getvalue())).num_rows == 1
    assert len(answers["csv"].getvalue().splitlines()) == 2
    assert (answers["xlsx"].json()["code"], answers["xlsx"].json()["field"]) == ("invalid", "format")
    long = client.get("/api/v1/exports/focus?from=2024-01-01&to=2026-04-01")
    assert (long.status_code, long.json()["details"]) == (422, {"max_days": 400})


def test_the_command_writes_the_month_of_one_organisation(mine: Tenant, market: Market, tmp_path: Path) -> None:
    post(Window(NOW, make_meter(mine, market).pk, 3600))
    out = tmp_path / "march.parquet"
    options = {"organisation": "mine", "month": "2026-03", "format": "parquet", "out": str(out)}
    call_command("export_focus", *(f"--{name}={value}" for name, value in options.items()), stdout=io.StringIO())
    assert pq.read_table(out).to_pylist() == rows_of(mine)
    with pytest.raises(CommandError, match="no organisation"):
        call_command("export_focus", "--organisation=nobody", "--month=2026-03", f"--out={out}")
    with pytest.raises(CommandError, match="no month"):
        call_command("export_focus", "--organisation=mine", "--month=2026-13", f"--out={out}")
    assert list(tmp_path.iterdir()) == [out]


ROWS = 200_000


@pytest.fixture
def many(mine: Tenant, market: Market) -> Iterator[Tenant]:
    """Give the tenant 200,000 rows of run and day, made by SQL."""
    meter = make_meter(mine, market)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO billing_run (organisation_id, project_id, workload_ref, name, site_code, sku_id, price_id,
                micro_per_gpu_hour, opened_at)
            SELECT organisation_id, project_id, 'wl_many' || n, 'many-' || n, site_code, sku_id, price_id,
                   micro_per_gpu_hour, opened_at
            FROM billing_run, generate_series(1, %s) n WHERE id = %s
            """,
            [ROWS // 20, meter.run_id],
        )
        cursor.execute(
            """
            INSERT INTO billing_usageday (organisation_id, run_id, day, milli_gpu_seconds, exact)
            SELECT organisation_id, id, %s + n * interval '1 day', 3600000, 3600000 * micro_per_gpu_hour
            FROM billing_run, generate_series(0, 19) n WHERE workload_ref LIKE 'wl_many%%'
            """,
            [MARCH.start],
        )
        cursor.execute("ANALYZE billing_run, billing_usageday")
    yield mine


def passed(rows: Iterable[list[Any]], write: Any, *, ahead: int, to: io.BytesIO | None = None) -> tuple[int, list[Any]]:
    """Write ``rows`` and return how many there were and the last; never more than ``ahead`` were read for one piece."""
    reads, last = [0], []

    def counted() -> Iterator[list[Any]]:
        nonlocal read, last
        for last in rows:
            read += 1
            yield last

    read = 0
    for piece in write(counted()):
        reads.append(read)
        if to is not None:
            to.write(piece)
    assert max(after - earlier for earlier, after in itertools.pairwise(reads)) == ahead
    return read, last


def test_two_hundred_thousand_rows_pass_through_little_memory(many: Tenant) -> None:
    before, held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, io.BytesIO()
    read, row = passed(focus_rows(owner(many), period=MARCH), parquet.parquet_pieces, ahead=parquet.ROW_GROUP, to=held)
    passed(itertools.repeat(row, ROWS), csv.csv_pieces, ahead=csv.ROWS_A_PIECE)
    assert (read >= ROWS, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000) == (True, True)
    file = pq.ParquetFile(held)
    groups = [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)]
    assert (max(groups), sum(groups)) == (parquet.ROW_GROUP, read)
