# SPDX-License-Identifier: Apache-2.0
"""Two people approve, then the ledger moves once; what was approved stays; what was paid is paid once."""

from typing import Any

import pytest
from django.db import Error, transaction

from aion.actor import system
from aion.audit.models import AuditEvent
from aion.errors import NotFound, Rejected
from aion.events.models import Event
from billing.errors import FourEyesNeeded
from billing.models import LedgerAccount, Transfer
from billing.services.metering import Window
from billing.settlement.errors import NotInTurn, PayoutNotPossible
from billing.settlement.models import Payout, SettlementStatement
from billing.settlement.services.approvals import approve_settlement, reject_settlement
from billing.settlement.services.payouts import confirm_payout, record_payout, reject_payout
from billing.states import AccountKind
from tests.billing.books import correct, on_platform, staff
from tests.settlement.scenes import APRIL, HOUR, MARCH, approve, contradictions, over, settle, share, statement, use
from tests.worlds import NOW, PRICE, Market, Tenant, make_meter

AT = over(MARCH)
SHARE_OF_AN_HOUR = 2_116_500


@pytest.fixture
def meter(mine: Tenant, market: Market) -> Any:
    share(market)
    found = make_meter(mine, market)
    use(Window(NOW, found.pk, 3600))
    settle(MARCH)
    return found


def payable(market: Market) -> int:
    account = LedgerAccount.objects.get(kind=AccountKind.PAYABLE, organisation=market.site.operator)
    return account.credits - account.debits


def pay(market: Market, reference: str = "BANK-1") -> Payout:
    recorded = record_payout(
        actor=staff(), organisation_id=market.site.operator.pk, bank_reference=reference, at=AT + HOUR
    )
    return confirm_payout(actor=staff(), public_id=recorded.public_id, at=AT + HOUR)


def test_a_settlement_is_owed_when_two_people_approved_it_and_not_before(meter: Any, market: Market) -> None:
    one = statement(market)
    first, second = staff(), staff()
    assert approve_settlement(actor=first, public_id=one.public_id, at=AT).state == "checked"
    assert not Transfer.objects.filter(kind="settlement").exists()
    with pytest.raises(FourEyesNeeded):
        approve_settlement(actor=first, public_id=one.public_id, at=AT)
    assert approve_settlement(actor=second, public_id=one.public_id, at=AT).state == "approved"
    assert (payable(market), on_platform(AccountKind.COMMISSION)) == (SHARE_OF_AN_HOUR, PRICE - SHARE_OF_AN_HOUR)
    assert on_platform(AccountKind.CLEARING) == 0
    with pytest.raises(NotFound):
        approve_settlement(actor=staff(), public_id=one.public_id, at=AT)
    one.refresh_from_db()
    assert (one.first_by, one.decided_by) == (first.label, second.label)
    assert Event.objects.filter(type="settlement.approved", organisation=market.site.operator).count() == 1
    assert contradictions() == []


def test_who_prepared_a_settlement_by_hand_cannot_approve_it_and_one_other_can(mine: Tenant, market: Market) -> None:
    share(market)
    use(Window(NOW, make_meter(mine, market).pk, 3600))
    preparer = staff()
    settle(MARCH, actor=preparer)
    one = statement(market)
    with pytest.raises(FourEyesNeeded):
        approve_settlement(actor=preparer, public_id=one.public_id, at=AT)
    assert approve_settlement(actor=staff(), public_id=one.public_id, at=AT).state == "approved"


def test_the_system_approves_nothing(meter: Any, market: Market) -> None:
    with pytest.raises(Rejected):
        approve_settlement(actor=system("test"), public_id=statement(market).public_id, at=AT)
    assert statement(market).state == "draft"


def test_the_database_refuses_an_approval_by_one_person(meter: Any, market: Market) -> None:
    for change in (
        {"state": "approved"},
        {"state": "checked", "first_by_id": 1},
        {"state": "approved", "first_by_id": 1, "decided_by_id": 1},
    ):
        with transaction.atomic():
            if change["state"] == "checked":
                SettlementStatement.objects.update(**change)
                continue
        with pytest.raises(Error), transaction.atomic():
            SettlementStatement.objects.update(**change)


@pytest.mark.parametrize("change", [{"state": "draft"}, {"state": "rejected"}, {"decided_by": "x"}, {"reason": "x"}])
def test_an_approved_settlement_never_changes(meter: Any, market: Market, change: dict[str, str]) -> None:
    approve(statement(market))
    with pytest.raises(Error), transaction.atomic():
        SettlementStatement.objects.update(**change)
    with pytest.raises(NotFound):
        reject_settlement(actor=staff(), public_id=statement(market).public_id, reason="r", at=AT)


def test_a_rejected_settlement_is_computed_anew_as_a_draft_with_what_came_meanwhile(meter: Any, market: Market) -> None:
    one = statement(market)
    approve_settlement(actor=staff(), public_id=one.public_id, at=AT)
    correct(meter, NOW, 1800, at=AT)
    with pytest.raises(Rejected):
        reject_settlement(actor=staff(), public_id=one.public_id, reason=" ", at=AT)
    (anew,) = reject_settlement(actor=staff(), public_id=one.public_id, reason="a wrong reading", at=AT)
    one.refresh_from_db()
    assert (one.state, one.reason, one.charged) == ("rejected", "a wrong reading", PRICE)
    assert (anew.revision, anew.state, anew.charged, anew.first_by_id) == (2, "draft", PRICE // 2, None)
    approve(anew)
    assert payable(market) == SHARE_OF_AN_HOUR // 2
    assert contradictions() == []


def test_rejecting_a_month_computes_the_later_ones_anew_that_were_built_on_it(meter: Any, market: Market) -> None:
    use(Window(NOW + HOUR, meter.pk, 1800), at=AT + HOUR)
    settle(APRIL)
    late = over(APRIL)
    with pytest.raises(NotInTurn):
        approve_settlement(actor=staff(), public_id=statement(market, APRIL).public_id, at=late)
    anew = reject_settlement(actor=staff(), public_id=statement(market).public_id, reason="r", at=late)
    assert [(one.month, one.revision, one.charged) for one in anew] == [(MARCH, 2, PRICE * 3 // 2), (APRIL, 2, 0)]
    for one in anew:
        approve(one, at=late)
    assert contradictions() == []


def test_a_correction_that_outweighs_a_month_takes_back_from_what_is_payable(meter: Any, market: Market) -> None:
    approve(statement(market))
    correct(meter, NOW, 0, at=AT + HOUR)
    settle(APRIL)
    approve(statement(market, APRIL))
    back = Transfer.objects.filter(kind="settlement", debit_account__kind=AccountKind.PAYABLE).get()
    assert (back.amount, back.credit_account.kind, payable(market)) == (SHARE_OF_AN_HOUR, "clearing", 0)
    assert (on_platform(AccountKind.CLEARING), on_platform(AccountKind.COMMISSION)) == (0, 0)
    with pytest.raises(PayoutNotPossible, match="Nothing is owed"):
        pay(market)
    assert contradictions() == []


def test_a_payout_pays_all_that_is_owed_once_with_two_people_and_its_reference(meter: Any, market: Market) -> None:
    approve(statement(market))
    first = staff()
    operator = market.site.operator.pk
    asked = record_payout(actor=first, organisation_id=operator, bank_reference="  BANK  1 ", at=AT)
    assert (asked.amount, asked.bank_reference) == (SHARE_OF_AN_HOUR, "BANK 1")
    with pytest.raises(PayoutNotPossible):
        record_payout(actor=first, organisation_id=operator, bank_reference="BANK 2", at=AT)
    with pytest.raises(FourEyesNeeded):
        confirm_payout(actor=first, public_id=asked.public_id, at=AT)
    assert payable(market) == SHARE_OF_AN_HOUR
    confirm_payout(actor=staff(), public_id=asked.public_id, at=AT)
    assert (payable(market), statement(market).state) == (0, "paid")
    with pytest.raises(NotFound):
        confirm_payout(actor=staff(), public_id=asked.public_id, at=AT)
    moved = Transfer.objects.get(kind="payout")
    assert (moved.debit_account.kind, moved.credit_account.kind, moved.amount) == (
        "payable", "funding", SHARE_OF_AN_HOUR,
    )  # fmt: skip
    told = Event.objects.get(type="settlement.paid")
    assert (told.organisation_id, told.data["bank_reference"]) == (operator, "BANK 1")
    assert contradictions() == []


def test_a_bank_reference_pays_once(meter: Any, market: Market) -> None:
    approve(statement(market))
    pay(market)
    use(Window(NOW + HOUR, meter.pk, 3600), at=AT + HOUR)
    settle(APRIL)
    approve(statement(market, APRIL))
    with pytest.raises(PayoutNotPossible, match="recorded before"):
        pay(market)
    pay(market, "BANK-2")
    assert (payable(market), Payout.objects.count()) == (0, 2)


def test_a_payout_that_was_recorded_wrongly_is_taken_back_and_its_reference_is_free_again(
    meter: Any, market: Market
) -> None:
    approve(statement(market))
    asked = record_payout(actor=staff(), organisation_id=market.site.operator.pk, bank_reference="BANK-1", at=AT)
    reject_payout(actor=staff(), public_id=asked.public_id, reason="another account", at=AT)
    assert (statement(market).payout, payable(market)) == (None, SHARE_OF_AN_HOUR)
    assert pay(market).state == "approved"
    assert statement(market).state == "paid"


@pytest.mark.parametrize("reference", ["", "   "])
def test_a_payout_needs_a_reference(meter: Any, market: Market, reference: str) -> None:
    approve(statement(market))
    with pytest.raises(Rejected):
        record_payout(actor=staff(), organisation_id=market.site.operator.pk, bank_reference=reference, at=AT)
    assert Payout.objects.count() == 0


def test_each_act_is_on_the_record_of_the_operator(meter: Any, market: Market) -> None:
    approve(statement(market))
    pay(market)
    acts = AuditEvent.objects.filter(organisation_id=market.site.operator.pk).order_by("pk")
    assert list(acts.values_list("action", flat=True)) == [
        "share.proposed", "share.agreed", "settlement.prepared", "settlement.checked", "settlement.approved",
        "payout.recorded", "payout.confirmed",
    ]  # fmt: skip
