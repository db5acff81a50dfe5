# SPDX-License-Identifier: Apache-2.0
"""Money that goes back: never more than came, never credit that was spent, and never on one person's word alone."""

from datetime import timedelta
from typing import Any

import pytest

from aion.tenancy.models import Organisation
from billing.errors import FourEyesNeeded
from billing.invoicing.models import Document
from billing.invoicing.services.issuing import issue_document
from billing.models import LedgerAccount
from billing.purchases.errors import RefundRefused
from billing.purchases.models import Dispute, Payment, Refund
from billing.purchases.payments.gateway import RefundSeen
from billing.purchases.services import disputes, papers, refunds
from billing.queries import balance
from billing.services.holds import place_hold, release_hold
from billing.states import AccountKind
from tests.billing.books import drift
from tests.invoicing.scenes import CLERK, Lenient
from tests.purchases.scenes import bought, bought_lots, credited, deliver, intent_of, spend, staff
from tests.purchases.twin import Twin
from tests.worlds import MICRO, NOW, Market, Tenant, purpose_of


def refund(payment: Payment, credits_: int, **fields: Any) -> Refund:
    """Return a refund that a member of staff asked for."""
    wanted = {
        "actor": staff(),
        "payment_id": payment.pk,
        "credits_": credits_,
        "reason": "A mistake",
        "at": NOW,
    }
    return refunds.request_refund(**{**wanted, **fields})


def test_a_refund_takes_the_credit_then_sends_the_money_and_asks_for_a_credit_note(buyer: Tenant, twin: Twin) -> None:
    payment = bought(buyer, twin, 100)
    made = refund(payment, 40)
    assert (made.state, made.gross_cents, bought_lots(buyer)) == ("sending", 4_800, [(100, 60)])
    assert refunds.send_due(at=NOW) == 1
    made.refresh_from_db()
    assert (made.state, credited(buyer), made.document_id) == ("succeeded", 60 * MICRO, None)
    issue_document(actor=CLERK, document_id=payment.document_id or 0, at=NOW, checks=Lenient())
    assert [papers.catch_up(at=NOW), papers.catch_up(at=NOW)] == [1, 0]
    made.refresh_from_db()
    note = Document.objects.get(pk=made.document_id or 0)
    assert (note.type, note.net_cents, note.gross_cents, note.corrects_id) == ("381", 4_000, 4_800, payment.document_id)
    assert drift() == []


@pytest.mark.parametrize("credits_", [0, -1, 71, 101])
def test_only_what_is_neither_spent_nor_refunded_goes_back(buyer: Tenant, twin: Twin, credits_: int) -> None:
    payment = bought(buyer, twin, 100)
    spend(payment, 20)
    refund(payment, 10)
    with pytest.raises(RefundRefused, match="At most 70 credits"):
        refund(payment, credits_)
    assert bought_lots(buyer) == [(100, 70)]


def test_the_parts_of_a_payment_are_the_whole_to_the_cent(buyer: Tenant, twin: Twin) -> None:
    payment = bought(buyer, twin, 100)
    Payment.objects.filter(pk=payment.pk).update(vat_cents=1_937, gross_cents=11_937, captured_cents=11_937)
    twin.payments[payment.intent_id or ""] = twin.payments[payment.intent_id or ""].__class__(
        "paid", intent=payment.intent_id or "", captured_cents=11_937
    )
    for credits_ in (33, 33, 33, 1):
        refund(payment, credits_)
        refunds.send_due(at=NOW)
    assert sum(Refund.objects.values_list("gross_cents", flat=True)) == 11_937
    assert set(Refund.objects.values_list("state", flat=True)) == {"succeeded"}


def test_above_the_limit_a_second_person_sends_it(buyer: Tenant, twin: Twin, settings: Any) -> None:
    settings.FOUR_EYES_LIMIT_MICROCREDITS = 50 * MICRO
    payment = bought(buyer, twin, 100)
    first = staff()
    made = refund(payment, 60, actor=first)
    assert (made.state, refunds.send_due(at=NOW), bought_lots(buyer)) == ("waiting", 0, [(100, 100)])
    with pytest.raises(FourEyesNeeded):
        refunds.approve_refund(actor=first, public_id=made.public_id, at=NOW)
    assert refunds.approve_refund(actor=staff(), public_id=made.public_id, at=NOW).state == "sending"
    refunds.send_due(at=NOW)
    assert (credited(buyer), bought_lots(buyer)) == (40 * MICRO, [(100, 40)])


def test_small_refunds_do_not_add_up_past_the_limit(buyer: Tenant, twin: Twin, settings: Any) -> None:
    settings.FOUR_EYES_LIMIT_MICROCREDITS = 50 * MICRO
    payment = bought(buyer, twin, 100)
    assert [refund(payment, 30).state, refund(payment, 30).state] == ["sending", "waiting"]


def test_a_rejected_refund_moves_nothing(buyer: Tenant, twin: Twin, settings: Any) -> None:
    settings.FOUR_EYES_LIMIT_MICROCREDITS = 1
    payment = bought(buyer, twin, 100)
    made = refund(payment, 60)
    refunds.reject_refund(actor=staff(), public_id=made.public_id, reason="No", at=NOW)
    assert (refunds.send_due(at=NOW), credited(buyer)) == (0, 100 * MICRO)
    assert refund(payment, 100).state == "waiting"


def test_no_answer_sends_once_under_the_same_key(buyer: Tenant, twin: Twin) -> None:
    payment = bought(buyer, twin, 100)
    refund(payment, 40)
    twin.down = 1
    assert refunds.send_due(at=NOW) == 0
    assert refunds.send_due(at=NOW) == 0  # not before the pause
    assert refunds.send_due(at=NOW + refunds.FIRST_PAUSE) == 1
    assert len(twin.payments[payment.intent_id or ""].refunds) == 1
    assert credited(buyer) == 60 * MICRO


def test_what_the_processor_refuses_puts_the_credit_back(buyer: Tenant, twin: Twin) -> None:
    payment = bought(buyer, twin, 100)
    intent = payment.intent_id or ""
    made = refund(payment, 40)
    twin.refund(intent=intent, cents=12_000, refund="", key="desk")
    refunds.send_due(at=NOW)
    made.refresh_from_db()
    assert (made.state, made.problem) == ("failed", "amount_too_large")
    deliver(twin)
    assert (credited(buyer), bought_lots(buyer)[0][1], drift()) == (0, 0, [])


def test_a_refund_made_at_the_processors_desk_is_taken_over(buyer: Tenant, twin: Twin) -> None:
    payment = bought(buyer, twin, 100)
    spend(payment, 90)
    twin.refund(intent=payment.intent_id or "", cents=2_400, refund="", key="desk")
    deliver(twin)
    deliver(twin)
    made = Refund.objects.get()
    assert (made.found, made.net_cents, made.state, credited(buyer)) == (True, 2_000, "succeeded", 80 * MICRO)
    assert balance(buyer.organisation.pk, NOW).owed == 10 * MICRO


def test_a_refund_that_bounces_gives_the_credit_back(buyer: Tenant, twin: Twin) -> None:
    payment = bought(buyer, twin, 100)
    made = refund(payment, 40)
    refunds.send_due(at=NOW)
    seen = twin.payments[payment.intent_id or ""].refunds[0]
    refunds.settle(payment=payment, seen=RefundSeen(seen.id, seen.cents, "failed", made.public_id), at=NOW)
    assert (Refund.objects.get().state, credited(buyer)) == ("failed", 100 * MICRO)


def test_a_dispute_freezes_the_lot_and_a_won_one_thaws_it(buyer: Tenant, twin: Twin) -> None:
    payment = bought(buyer, twin, 100)
    intent = intent_of(twin, payment)
    dispute = twin.dispute(intent, 12_000)
    deliver(twin)
    assert (bought_lots(buyer), LedgerAccount.objects.get(kind=AccountKind.DISPUTED).public_id) == (
        [(100, 0)],
        "acc_disputed",
    )
    with pytest.raises(RefundRefused, match="disputes"):
        refund(payment, 10)
    twin.close_dispute(intent, dispute, "won")
    deliver(twin)
    assert (bought_lots(buyer)[0][1], Dispute.objects.get().state, credited(buyer)) == (100, "won", 100 * MICRO)
    assert drift() == []


def test_a_lost_dispute_debits_the_lot_the_rest_is_owed_and_work_stops(buyer: Tenant, twin: Twin) -> None:
    payment = bought(buyer, twin, 100)
    intent = intent_of(twin, payment)
    spend(payment, 70)
    dispute = twin.dispute(intent, 12_000)
    twin.close_dispute(intent, dispute, "lost")
    deliver(twin)
    assert (credited(buyer), bought_lots(buyer)[0][1]) == (0, 0)
    assert balance(buyer.organisation.pk, NOW).owed == 70 * MICRO
    frozen = Organisation.objects.get(pk=buyer.organisation.pk)
    assert (frozen.state, payment.public_id in frozen.frozen_reason) == ("frozen", True)
    assert drift() == []


def test_what_running_work_gives_back_is_frozen_too(buyer: Tenant, twin: Twin, market: Market) -> None:
    payment = bought(buyer, twin, 100)
    intent = intent_of(twin, payment)
    hold = place_hold(purpose=purpose_of(buyer, market), amount=60 * MICRO, reference="run", at=NOW)
    dispute = twin.dispute(intent, 12_000)
    deliver(twin)
    assert bought_lots(buyer) == [(100, 0)]
    release_hold(hold_id=hold.pk, at=NOW)
    disputes.tend(at=NOW)
    assert bought_lots(buyer)[0][1] == 0
    twin.close_dispute(intent, dispute, "lost")
    deliver(twin)
    assert (credited(buyer), balance(buyer.organisation.pk, NOW).owed) == (0, 0)


def test_what_comes_back_to_a_lost_lot_pays_the_debt(buyer: Tenant, twin: Twin, market: Market) -> None:
    payment = bought(buyer, twin, 100)
    intent = intent_of(twin, payment)
    hold = place_hold(purpose=purpose_of(buyer, market), amount=60 * MICRO, reference="run", at=NOW)
    twin.close_dispute(intent, twin.dispute(intent, 12_000), "lost")
    deliver(twin)
    assert balance(buyer.organisation.pk, NOW).owed == 60 * MICRO
    release_hold(hold_id=hold.pk, at=NOW)
    disputes.tend(at=NOW + timedelta(minutes=1))
    assert (balance(buyer.organisation.pk, NOW).owed, bought_lots(buyer)[0][1], drift()) == (0, 0, [])
