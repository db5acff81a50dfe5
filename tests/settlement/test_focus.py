# SPDX-License-Identifier: Apache-2.0
"""The usage export says what FOCUS 1.2 asks for, in every kind of row; the checker finds each thing it looks for."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from aion.actor import system
from billing import export
from billing.export.columns import NAMES, RowKind
from billing.export.focus import SPECIFICATION, Level, check_csv
from billing.export.rows import Period
from billing.models import Transfer
from billing.services.expiry import GRACE, expire_lots
from billing.services.ledger import reverse_transfer
from billing.services.metering import Window
from billing.services.statements import close_month
from billing.services.takebacks import refund_lot
from billing.states import Origin
from tests.billing.books import correct, staff
from tests.settlement.scenes import HOUR, MARCH, over, use
from tests.worlds import MICRO, NOW, Market, Tenant, make_lot, make_meter, make_tenant

SPRING = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))


def everything(market: Market) -> Tenant:
    """Return a tenant to whom all that an export tells of has happened."""
    tenant = make_tenant(credit=0)
    grant = make_lot(tenant.organisation, 5, "RAISE", origin=Origin.GRANT, at=NOW)
    bought = make_lot(tenant.organisation, 100, at=NOW)
    make_lot(tenant.organisation, 7, at=NOW, expires_at=NOW + timedelta(days=10), sku_codes=["another"])
    wrong = make_lot(tenant.organisation, 3, at=NOW)
    meter = make_meter(tenant, market, milli_gpus=3_333)
    use(Window(NOW, meter.pk, 3600), Window(NOW + HOUR, meter.pk, 1))
    reverse_transfer(actor=staff(), transfer=Transfer.objects.get(credit_account=wrong), reason="twice", at=NOW)
    refund_lot(actor=staff(), public_id=bought.public_id, amount=MICRO, reason="asked", key="k", at=NOW + HOUR)
    expire_lots(at=NOW + timedelta(days=11) + GRACE)
    close_month(actor=system("test"), month=MARCH, at=over(MARCH))
    use(Window(NOW + 2 * HOUR, meter.pk, 7), at=over(MARCH) + HOUR)
    correct(meter, NOW, 3000, at=over(MARCH) + HOUR)
    close_month(
        actor=system("test"), month=datetime(2026, 4, 1, tzinfo=UTC).date(), at=over(MARCH) + timedelta(days=40)
    )
    assert grant.pk
    return tenant


def exported(tenant: Tenant) -> str:
    actor = system("test", organisation_id=tenant.organisation.pk)
    return b"".join(export.export_pieces(actor, period=SPRING, form="csv")).decode()


def test_every_kind_of_row_says_what_the_specification_asks_for(market: Market) -> None:
    text = exported(everything(market))
    kinds = {row["x_RowKind"] for row in csv.DictReader(StringIO(text))}
    assert kinds >= set(RowKind) - {RowKind.RECLAIM, RowKind.ROUNDING}
    assert check_csv(StringIO(text)) == []


def test_usage_that_nothing_paid_and_an_empty_export_pass_too(market: Market) -> None:
    poor = make_tenant(credit=0)
    assert check_csv(StringIO(exported(poor))) == []
    use(Window(NOW, make_meter(poor, market).pk, 3599))
    assert check_csv(StringIO(exported(poor))) == []


def test_each_mandatory_column_of_the_specification_is_exported() -> None:
    mandatory = {name for name, spec in SPECIFICATION.items() if spec.level == Level.MANDATORY}
    assert len(mandatory) == 21
    assert mandatory <= set(NAMES)
    assert set(SPECIFICATION) <= set(NAMES)


@pytest.fixture
def line(mine: Tenant, market: Market) -> Iterator[dict[str, str]]:
    """Return one row of usage that is right."""
    use(Window(NOW, make_meter(mine, market).pk, 3600))
    rows = csv.DictReader(StringIO(exported(mine)))
    yield next(row for row in rows if row["x_RowKind"] == "usage")


def written(row: dict[str, str]) -> StringIO:
    out = StringIO()
    sheet = csv.DictWriter(out, list(row))
    sheet.writeheader()
    sheet.writerow(row)
    return StringIO(out.getvalue())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"BilledCost": ""}, "BilledCost must not be null"),
        ({"BilledCost": "one"}, "BilledCost must be a number"),
        ({"BilledCost": "NaN"}, "BilledCost must be a plain number"),
        ({"ChargeCategory": "Gift"}, "ChargeCategory must not be 'Gift'"),
        ({"ChargeClass": "correction"}, "ChargeClass must not be 'correction'"),
        ({"ChargePeriodStart": "2026-03-02"}, "ChargePeriodStart must be an instant in UTC"),
        ({"ChargePeriodEnd": "2026-03-02T00:00:00Z"}, "ChargePeriodEnd must come after ChargePeriodStart"),
        ({"ListUnitPrice": "-1"}, "ListUnitPrice must not be below 0"),
        ({"ListCost": "7"}, "ListCost must be ListUnitPrice x PricingQuantity"),
        ({"PricingUnit": ""}, "PricingUnit must not be null where PricingQuantity is not"),
        ({"SubAccountId": ""}, "SubAccountName must be null where SubAccountId is"),
        ({"SkuPriceId": ""}, "SkuPriceId must not be null for usage and purchases"),
        ({"ConsumedQuantity": "", "ConsumedUnit": ""}, "ConsumedQuantity must not be null for usage"),
        ({"ChargeCategory": "Credit"}, "ConsumedQuantity must be null for what is no usage"),
        ({"ChargeCategory": "Purchase"}, "a purchase is never usage-based"),
        ({"ServiceCategory": "Storage"}, "ServiceSubcategory does not belong to ServiceCategory"),
    ],
)
def test_the_checker_finds_what_is_wrong_and_says_where(
    line: dict[str, str], change: dict[str, str], said: str
) -> None:
    assert check_csv(written(line)) == []
    found = check_csv(written({**line, **change}))
    assert any(one.startswith(f"line 2: {said}") for one in found), found


def test_the_checker_finds_columns_that_are_missing_or_unknown(line: dict[str, str]) -> None:
    without = {name: value for name, value in line.items() if name != "EffectiveCost"}
    assert check_csv(written({**without, "Colour": "red"})) == [
        "the mandatory column EffectiveCost is missing",
        "the column Colour is none of FOCUS and has no x_ before it",
    ]


def test_the_command_checks_what_it_wrote(mine: Tenant, market: Market, tmp_path: Path, monkeypatch: Any) -> None:
    use(Window(NOW, make_meter(mine, market).pk, 3600))
    out = tmp_path / "focus.csv"
    said = StringIO()
    asked: dict[str, Any] = {"organisation": "mine", "month": "2026-03", "out": out, "check": True, "stdout": said}
    call_command("export_focus", **asked)
    assert "as FOCUS 1.2 asks for" in said.getvalue()
    monkeypatch.setattr("billing.management.commands.export_focus.check_csv", lambda _: ["line 2: wrong"])
    with pytest.raises(CommandError, match="line 2: wrong"):
        call_command("export_focus", **asked)
    with pytest.raises(CommandError, match="CSV"):
        call_command("export_focus", **{**asked, "format": "parquet"})
