# SPDX-License-Identifier: Apache-2.0
"""The worked example of docs/settlement.md: every number in its block is computed here."""

import re
from pathlib import Path

from aion.figures import number
from aion.money import EXACT_DIVISOR, decimal_string
from billing.models import LedgerAccount
from billing.services.metering import Window
from billing.settlement.models import SettlementStatement
from billing.settlement.services.payouts import confirm_payout, record_payout
from billing.states import AccountKind
from tests.billing.books import correct, staff
from tests.settlement.scenes import APRIL, HOUR, MARCH, approve, contradictions, over, settle, share, statement, use
from tests.worlds import NOW, Market, Tenant, make_meter

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settlement.md"
BLOCK = re.compile(r"^```example (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def words(*rows: SettlementStatement) -> str:
    sums = (sum(getattr(row, name) for row in rows) for name in ("charged", "share", "commission"))
    charged, part, kept = (decimal_string(value) for value in sums)
    return f"{charged} charged, {part} share, {kept} commission"


def test_the_document_says_what_the_code_does(mine: Tenant, market: Market) -> None:
    (found,) = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    agreed = share(market)
    meter = make_meter(mine, market)
    use(Window(NOW, meter.pk, 3600), Window(NOW + HOUR, meter.pk, 1))
    settle(MARCH)
    march = approve(statement(market))

    def payable() -> str:
        account = LedgerAccount.objects.get(kind=AccountKind.PAYABLE, organisation=market.site.operator)
        return decimal_string(account.credits - account.debits)

    said = {
        "agreed share": f"{number(agreed.percent, 2)} %",
        "March: one GPU for an hour at 2.49, and one second more": words(march),
        "carried": f"{int(march.exact) % EXACT_DIVISOR}/{EXACT_DIVISOR} micro-credit",
        "payable after approval": payable(),
    }
    asked = record_payout(
        actor=staff(), organisation_id=market.site.operator.pk, bank_reference="BANK-1", at=over(MARCH)
    )
    confirm_payout(actor=staff(), public_id=asked.public_id, at=over(MARCH))
    said["payable after the payout"] = payable()
    correct(meter, NOW, 3000, at=over(MARCH) + HOUR)
    settle(APRIL)
    april = approve(statement(market, APRIL))
    said["told in April: 600 seconds of that hour were wrong"] = words(april)
    said["payable after approval of April"] = payable()
    said["settled in all"] = words(march, april)
    assert found[0] == "a-month-and-its-correction"
    assert dict(line.split(" = ") for line in found[1].splitlines()) == said
    assert contradictions() == []
