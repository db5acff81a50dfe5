# SPDX-License-Identifier: Apache-2.0
"""Commands say in one sentence what happened, or why not, and then exit 1."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from aion import clock
from billing.models import LedgerAccount, MonthStatement, Reconciliation, Transfer, UsageRecord
from billing.services.metering import Window, post_windows
from billing.services.partitions import months
from billing.states import Origin
from tests.worlds import MICRO, NOW, Market, Tenant, make_lot, make_meter, make_user

MARCH_CLOSES = datetime(2026, 4, 4, tzinfo=UTC)


def run(*words: str) -> str:
    said = StringIO()
    call_command(*words, stdout=said)
    return said.getvalue().strip()


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> object:
    def travel(moment: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: moment)

    return travel


def use_something(tenant: Tenant, market: Market) -> None:
    post_windows(windows=[Window(NOW, make_meter(tenant, market).pk, 60)], source="test", at=NOW + timedelta(hours=1))


def test_a_month_closes_once_and_says_how_many(mine: Tenant, market: Market, at: object) -> None:
    use_something(mine, market)
    at(MARCH_CLOSES)  # type: ignore[operator]
    assert run("close_month", "2026-03") == "2026-03 is closed: 1 statements written now, 0 stood already."
    assert run("close_month", "2026-03") == "2026-03 is closed: 0 statements written now, 1 stood already."
    assert MonthStatement.objects.count() == 1


def test_a_month_that_is_not_over_or_no_month_is_refused_with_a_sentence(db: None, at: object) -> None:
    at(MARCH_CLOSES - timedelta(seconds=1))  # type: ignore[operator]
    with pytest.raises(CommandError, match=r"2026-03 closes from 2026-04-04 00:00 UTC on"):
        run("close_month", "2026-03")
    with pytest.raises(CommandError, match="write it as 2026-05"):
        run("close_month", "March")


def test_records_are_dropped_with_consent_and_after_the_close_only(mine: Tenant, market: Market, at: object) -> None:
    use_something(mine, market)
    oldest = months()[0]
    assert (oldest.year, oldest.month) == (2026, 3)
    with pytest.raises(CommandError, match="repeat with --yes"):
        run("drop_usage_month", "2026-03")
    with pytest.raises(CommandError, match="close it first"):
        run("drop_usage_month", "2026-03", "--yes")
    at(MARCH_CLOSES)  # type: ignore[operator]
    run("close_month", "2026-03")
    assert run("drop_usage_month", "2026-03", "--yes").startswith("The usage records of 2026-03 are dropped")
    assert UsageRecord.objects.count() == 0


def test_lots_expire_after_their_grace(mine: Tenant, at: object) -> None:
    make_lot(mine.organisation, 5, expires_at=NOW)
    at(NOW + timedelta(days=5))  # type: ignore[operator]
    assert [run("expire_lots"), run("expire_lots")] == ["1 lot expired.", "0 lots expired."]


def test_two_members_of_staff_take_back_a_large_grant(mine: Tenant) -> None:
    lot = make_lot(mine.organisation, settings.FOUR_EYES_LIMIT_MICROCREDITS // MICRO + 1, origin=Origin.GRANT)
    entry = Transfer.objects.get(credit_account=lot).public_id
    for email in ("a@aion.example", "b@aion.example"):
        make_user(email, is_staff=True)

    def words(second: str) -> tuple[str, ...]:
        return ("take_back", entry, "--asked-by", "a@aion.example", "--approved-by", second, "--reason", "mistake")

    with pytest.raises(CommandError, match="different people"):
        run(*words("a@aion.example"))
    with pytest.raises(CommandError, match="no active member of staff"):
        run(*words("owner@mine.example"))
    assert run(*words("b@aion.example")).startswith(f"{entry} is reversed by tr_")
    assert LedgerAccount.objects.get(pk=lot.pk).available == 0


def test_the_reconcilers_result_is_kept(mine: Tenant) -> None:
    assert run("reconcile_ledger").endswith("The ledger reconciles.")
    kept = Reconciliation.objects.get()
    assert (kept.contradictions, kept.failed, kept.checks > 10) == (0, [], True)
