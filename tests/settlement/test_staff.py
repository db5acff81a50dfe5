# SPDX-License-Identifier: Apache-2.0
"""The staff side of settlement: two people agree, approve and pay through the pages, and every refusal is shown."""

from functools import partial
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from billing.services.metering import Window
from billing.settlement.models import Payout, SettlementStatement, ShareAgreement
from billing.settlement.tasks import read_gauge, settle_months
from tests.billing import staffing
from tests.billing.staffing import make_staff
from tests.settlement.scenes import MARCH, member, settle, share, statement, use
from tests.worlds import NOW, Market, Tenant, make_meter


@pytest.fixture
def first(db: None) -> Client:
    return make_staff("first")[0]


@pytest.fixture
def second(db: None) -> Client:
    return make_staff("second")[0]


press = partial(staffing.press, of="settlement")


def test_a_share_is_proposed_and_agreed_on_the_pages(first: Client, second: Client, market: Market) -> None:
    path = reverse("admin:settlement_shareagreement_add")
    given = {"organisation": member(market).pk, "share": "85.5", "first_month": "2026-12-02", "reason": "agreed"}
    assert first.post(path, given).context["adminform"].form.errors["first_month"]
    assert first.post(path, {**given, "share": "101", "first_month": "2026-12-01"}).status_code == 200
    assert ShareAgreement.objects.count() == 0
    assert first.post(path, {**given, "first_month": "2026-12-01"}).status_code == 302
    one = ShareAgreement.objects.get()
    assert one.share_basis_points == 8_550
    (refusal,) = press(first, "shareagreement", "agree", one.pk)
    assert "another member of staff must agree" in refusal
    press(second, "shareagreement", "agree", one.pk)
    one.refresh_from_db()
    assert one.state == "approved"


def test_a_settlement_is_approved_rejected_and_paid_on_the_pages(
    first: Client, second: Client, mine: Tenant, market: Market
) -> None:
    share(market)
    use(Window(NOW, make_meter(mine, market).pk, 3600))
    settle(MARCH)
    press(first, "settlementstatement", "reject", statement(market).pk, reason="look again")
    one = statement(market)
    press(first, "settlementstatement", "approve", one.pk)
    assert "must approve it" in press(first, "settlementstatement", "approve", one.pk)[0]
    press(second, "settlementstatement", "approve", one.pk)
    content = second.get(reverse("admin:settlement_settlementstatement_change", args=[one.pk])).content.decode()
    assert "pay-one" in content or "/pay" in content
    press(first, "settlementstatement", "pay", one.pk, bank_reference="BANK-9")
    payout = Payout.objects.get()
    assert "must confirm it" in press(first, "payout", "confirm", payout.pk)[0]
    press(second, "payout", "confirm", payout.pk)
    one.refresh_from_db()
    payout.refresh_from_db()
    assert (one.state, one.payout_id, payout.bank_reference) == ("paid", payout.pk, "BANK-9")


@pytest.mark.parametrize(
    "model", ["shareagreement", "settlementstatement", "payout", "gaugealert", "networkthreshold", "accountmapping"]
)
def test_each_list_opens(first: Client, mine: Tenant, market: Market, model: str) -> None:
    share(market)
    settle(MARCH)
    assert first.get(reverse(f"admin:settlement_{model}_changelist")).status_code == 200


def test_the_queue_on_the_first_page_counts_what_waits(first: Client, market: Market) -> None:
    share(market)
    settle(MARCH)
    queues = {str(one["title"]): one for one in first.get("/admin/").context["queues"]}
    assert queues["Settlements"]["count"] == 1
    assert first.get(queues["Settlements"]["link"]).status_code == 200


def test_the_schedule_settles_once_and_waits_for_open_months(mine: Tenant, market: Market) -> None:
    share(market)
    assert settle_months() == 1
    assert (settle_months(), read_gauge()) == (0, 0)
    assert SettlementStatement.objects.count() == 1


def test_the_command_says_what_it_settled_and_refuses_what_is_no_month(mine: Tenant, market: Market) -> None:
    share(market)
    said = StringIO()
    call_command("settle_month", "2026-03", stdout=said)
    assert said.getvalue() == "2026-03 is settled: 1 settlements written now, 0 stood already.\n"
    for wrong in ("March", "2999-01"):
        with pytest.raises(CommandError):
            call_command("settle_month", wrong)
