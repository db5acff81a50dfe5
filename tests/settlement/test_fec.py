# SPDX-License-Identifier: Apache-2.0
"""The accounting entries file, read again by the rules of its format."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import Error, transaction
from django.db.backends.postgresql.psycopg_any import DateRange
from django.test import Client

from aion.actor import system
from aion.audit.models import AuditEvent
from aion.errors import Rejected
from billing.invoicing.states import DocumentType, Process
from billing.models import Transfer
from billing.services.metering import Window
from billing.services.takebacks import refund_lot
from billing.settlement.models import AccountMapping
from billing.settlement.services.fec import COLUMNS, ENCODING, export_fec, file_name
from billing.settlement.services.payouts import confirm_payout, record_payout
from billing.states import Origin
from tests.billing.books import staff
from tests.invoicing.scenes import FRENCH, Lenient, ask_for, identify, issue
from tests.settlement.scenes import HOUR, MARCH, approve, over, settle, share, statement, use
from tests.worlds import MICRO, NOW, Market, make_lot, make_meter, make_tenant

AT = over(MARCH)


def file_of(year: int, at: datetime = AT) -> str:
    return b"".join(export_fec(actor=system("test"), year=year, at=at)).decode(ENCODING)


def read(text: str) -> list[dict[str, str]]:
    """Read the file and check every rule of the format that a file alone can break."""
    assert text.endswith("\r\n")
    head, *rows = text.removesuffix("\r\n").split("\r\n")
    assert tuple(head.split("\t")) == COLUMNS
    assert len(COLUMNS) == 18
    found = [dict(zip(COLUMNS, row.split("\t"), strict=True)) for row in rows]
    sums: dict[str, int] = defaultdict(int)
    days = []
    for row in found:
        for name in ("JournalCode", "JournalLib", "EcritureNum", "CompteNum", "CompteLib", "PieceRef", "EcritureLib"):
            assert row[name], (name, row)
        for name in ("EcritureDate", "PieceDate", "ValidDate"):
            assert datetime.strptime(row[name], "%Y%m%d").replace(tzinfo=UTC)
        assert row["CompteNum"][:3].isdigit()
        debit, credit = (cents(row[name]) for name in ("Debit", "Credit"))
        assert (debit > 0) != (credit > 0)
        assert bool(row["CompAuxNum"]) == bool(row["CompAuxLib"])
        sums[row["EcritureNum"]] += debit - credit
        days.append(row["EcritureDate"])
    assert set(sums.values()) <= {0}
    assert list(sums) == [str(number) for number in range(1, len(sums) + 1)]
    assert days == sorted(days)
    return found


def cents(text: str) -> int:
    whole, _, rest = text.partition(",")
    assert len(rest) == 2
    assert "." not in text
    return int(whole) * 100 + int(rest)


def balances(rows: list[dict[str, str]]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for row in rows:
        found[row["CompteNum"]] += cents(row["Debit"]) - cents(row["Credit"])
    return dict(found)


@pytest.fixture
def year(market: Market) -> Any:
    """Let a customer buy, use and be refunded, and the operator be settled and paid."""
    share(market)
    tenant = make_tenant(credit=0)
    lot = make_lot(tenant.organisation, 100, at=NOW)
    make_lot(tenant.organisation, 5, "RAISE", origin=Origin.GRANT, at=NOW)
    use(*[Window(NOW + number * HOUR, make_meter(tenant, market).pk, 3600) for number in range(6)])
    refund_lot(actor=staff(), public_id=lot.public_id, amount=30 * MICRO, reason="asked", key="k", at=NOW + 9 * HOUR)
    settle(MARCH)
    approve(statement(market))
    asked = record_payout(actor=staff(), organisation_id=market.site.operator.pk, bank_reference="BANK-1", at=AT)
    confirm_payout(actor=staff(), public_id=asked.public_id, at=AT)
    return tenant


def test_the_file_of_a_year_follows_the_rules_of_its_format_and_says_what_the_ledger_says(year: Any) -> None:
    identify(year.organisation, FRENCH, confirmed=False)
    paid: dict[str, Any] = {"process": Process.PAID, "at": NOW}
    invoice = issue(ask_for(year.organisation, 10_000, **paid), Lenient(), NOW)
    note: dict[str, Any] = {"type": DocumentType.CREDIT_NOTE, "corrects": invoice, "reason": "asked"}
    issue(ask_for(year.organisation, 3_000, **paid, **note), Lenient(), NOW)
    found = balances(read(file_of(2026)))
    used = sum(Transfer.objects.filter(kind="usage", debit_account__origin="purchase").values_list("amount", flat=True))
    assert found["419100"] == -(10_000 - 3_000 - used // 10_000)
    assert found["706000"] == -(used // 10_000)
    assert (found["411000"], found["512000"], found["445710"]) == (0, 8_400 - 1_269, -1_400)
    assert (found["604000"], found["401000"]) == (1_269, 0)


def test_free_credit_is_no_entry_of_the_books(market: Market) -> None:
    tenant = make_tenant(credit=0)
    make_lot(tenant.organisation, 50, origin=Origin.GRANT, at=NOW)
    use(Window(NOW, make_meter(tenant, market).pk, 3600))
    assert read(file_of(2026)) == []


def test_what_is_below_a_cent_is_carried_and_never_lost(market: Market) -> None:
    tenant = make_tenant(credit=0)
    make_lot(tenant.organisation, 10, at=NOW)
    meter = make_meter(tenant, market)
    for number in range(30):
        hour = NOW + number * HOUR
        use(Window(hour, meter.pk, 3), at=NOW + timedelta(days=number + 2))
    used = sum(Transfer.objects.filter(kind="usage").values_list("amount", flat=True))
    assert balances(read(file_of(2026)))["706000"] == -(used // 10_000)


def test_the_next_year_begins_with_the_balances_of_this_one(year: Any) -> None:
    before = balances(read(file_of(2026)))
    rows = read(file_of(2027, datetime(2027, 2, 1, tzinfo=UTC)))
    assert {(row["JournalCode"], row["EcritureNum"], row["EcritureDate"]) for row in rows} == {("AN", "1", "20270101")}
    after = balances(rows)
    kept = {account: value for account, value in before.items() if account[0] not in "67" and value}
    result = sum(value for account, value in before.items() if account[0] in "67")
    assert after == {**kept, "110000": result}


def test_an_account_changes_on_a_day_and_earlier_entries_keep_theirs(year: Any) -> None:
    old = AccountMapping.objects.get(account_kind="clearing", transfer_kind="")
    AccountMapping.objects.filter(pk=old.pk).update(valid=DateRange(old.valid.lower, date(2026, 3, 5)))
    AccountMapping.objects.create(
        account_kind="clearing", number="706100", name="Calcul", valid=DateRange(date(2026, 3, 5), None)
    )
    use(Window(NOW + 20 * HOUR, make_meter(year, make_market_of(year)).pk, 3600), at=NOW + timedelta(days=9))
    found = balances(read(file_of(2026)))
    assert found["706100"] < 0
    assert found["706000"] < 0


def make_market_of(_: Any) -> Market:
    from tests.worlds import make_market

    return make_market()


def test_two_accounts_for_one_time_are_refused_by_the_database(db: None) -> None:
    for number in ("706100", "X6", "906000"):
        with pytest.raises(Error), transaction.atomic():
            AccountMapping.objects.create(
                account_kind="clearing", number=number, name="x", valid=DateRange(date(2026, 6, 1), None)
            )


@pytest.mark.parametrize("wrong", [2025, 2027, 0, 99999])
def test_a_year_without_books_is_refused(db: None, wrong: int, tmp_path: Path) -> None:
    with pytest.raises(Rejected):
        export_fec(actor=system("test"), year=wrong, at=AT)
    with pytest.raises(CommandError):
        call_command("export_fec", year=99999, out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_command_and_the_page_of_staff_write_the_same_file_and_it_is_on_the_record(
    year: Any, staff_browser: Client, tmp_path: Path, capsys: Any
) -> None:
    call_command("export_fec", year=2026, out=tmp_path)
    written = (tmp_path / file_name(2026)).read_bytes()
    answer = staff_browser.get("/admin/fec/2026/")
    assert b"".join(answer.streaming_content) == written  # type: ignore[attr-defined]  # it streams
    assert file_name(2026) in answer["Content-Disposition"]
    assert AuditEvent.objects.filter(action="accounts.exported").count() == 2
    read(written.decode(ENCODING))
