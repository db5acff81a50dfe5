# SPDX-License-Identifier: Apache-2.0
"""What comes in and goes out: refunds, disputes, fees, payouts, and a balance that is always their sum."""

from typing import Any

import pytest
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sandbox.scenes import DAY, GOOD_IBAN, charge_of, paid_session, session_params
from tests.sandbox.server import RunningSandbox, running_sandbox


def refund(sandbox: RunningSandbox, session: Any, **more: Any) -> Any:
    return sandbox.v1.refunds.create({"payment_intent": session.payment_intent.id, **more})


@pytest.mark.parametrize(("amount", "fee"), [(50, 26), (2_000, 55), (2_500, 63), (9_999_999, 150_025)])
def test_the_fee_is_one_and_a_half_percent_and_25_cents(sandbox: RunningSandbox, amount: int, fee: int) -> None:
    line = charge_of(sandbox, paid_session(sandbox, amount)).balance_transaction
    assert (line.amount, line.fee, line.net, line.fee_details[0].amount) == (amount, fee, amount - fee, fee)


def test_a_refund_gives_back_part_and_then_the_rest(sandbox: RunningSandbox) -> None:
    session = paid_session(sandbox)
    first, second = refund(sandbox, session, amount=1_000), refund(sandbox, session, reason="requested_by_customer")
    charge = charge_of(sandbox, session)
    assert (first.status, first.amount, second.amount) == ("succeeded", 1_000, 1_500)
    assert (charge.amount_refunded, charge.refunded) == (2_500, True)
    listed = sandbox.v1.refunds.list({"charge": charge.id})
    assert [one.id for one in listed.data] == [second.id, first.id]
    lines = [sandbox.v1.balance_transactions.retrieve(one.balance_transaction) for one in (first, second)]
    assert [(line.type, line.amount, line.fee) for line in lines] == [("refund", -1_000, 0), ("refund", -1_500, 0)]
    types = sandbox.delivered()
    assert (types.count("refund.created"), types.count("charge.refunded")) == (2, 2)


def test_more_than_what_is_left_is_never_given_back(sandbox: RunningSandbox) -> None:
    session = paid_session(sandbox, 2_000)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        refund(sandbox, session, amount=7_500)
    assert (refused.value.code, refused.value.param) == ("amount_too_large", "amount")
    refund(sandbox, session, amount=1_500)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        refund(sandbox, session, amount=501)
    assert refused.value.code == "amount_too_large"
    refund(sandbox, session, amount=500)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        refund(sandbox, session, amount=1)
    assert (refused.value.http_status, refused.value.code) == (400, "charge_already_refunded")
    assert charge_of(sandbox, session).amount_refunded == 2_000


def test_what_was_not_paid_cannot_be_refunded(sandbox: RunningSandbox) -> None:
    session = paid_session(sandbox, iban=GOOD_IBAN)
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        refund(sandbox, session)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.v1.refunds.create({"charge": session.payment_intent.latest_charge})
    assert refused.value.code == "charge_not_captured"


def test_a_refund_to_a_bank_account_takes_days_and_may_come_back(sandbox: RunningSandbox) -> None:
    session = paid_session(sandbox, iban=GOOD_IBAN)
    sandbox.control("settle", id=session.payment_intent.id)
    first, second = refund(sandbox, session, amount=600), refund(sandbox, session, amount=700)
    assert (first.status, charge_of(sandbox, session).amount_refunded) == ("pending", 1_300)
    failed = sandbox.control("fail", id=second.id)
    assert (failed["status"], charge_of(sandbox, session).amount_refunded) == ("failed", 600)
    sandbox.control("clock", advance=3 * DAY)
    assert sandbox.v1.refunds.retrieve(first.id).status == "succeeded"
    types = sandbox.delivered()
    assert (types.count("refund.updated"), types.count("refund.failed")) == (2, 1)


@pytest.mark.parametrize("won", [True, False])
def test_a_dispute_takes_the_money_and_gives_it_again_when_won(sandbox: RunningSandbox, won: bool) -> None:
    session = paid_session(sandbox)
    charge = charge_of(sandbox, session)
    opened = sandbox.control("disputes/open", charge=charge.id)
    (dispute,) = sandbox.v1.disputes.list({"payment_intent": session.payment_intent.id}).data
    assert (dispute.id, dispute.status, dispute.amount, charge_of(sandbox, session).disputed) == (
        opened["id"], "needs_response", 2_500, True,
    )  # fmt: skip
    with pytest.raises(stripe.InvalidRequestError) as refused:
        refund(sandbox, session)
    assert refused.value.code == "charge_disputed"
    sandbox.control("disputes/win" if won else "disputes/lose", dispute=dispute.id)
    dispute = sandbox.v1.disputes.retrieve(dispute.id)
    moved = [(line.amount, line.fee) for line in dispute.balance_transactions]
    assert (dispute.status, moved) == (("won", [(-2_500, 1_500), (2_500, 0)]) if won else ("lost", [(-2_500, 1_500)]))
    told = [one for one in sandbox.delivered() if one.startswith("charge.dispute")]
    names = {"created", "funds_withdrawn", "closed"} | ({"funds_reinstated"} if won else set())
    assert sorted(told) == sorted(f"charge.dispute.{name}" for name in names)


def test_a_seller_gives_a_dispute_up_once(sandbox: RunningSandbox) -> None:
    charge = charge_of(sandbox, paid_session(sandbox))
    dispute = sandbox.control("disputes/open", charge=charge.id, amount=900, reason="duplicate")
    assert sandbox.v1.disputes.close(dispute["id"]).status == "lost"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        sandbox.v1.disputes.close(dispute["id"])
    with pytest.raises(AssertionError, match="already closed"):
        sandbox.control("disputes/win", dispute=dispute["id"])


def test_a_disputed_debit_is_lost_at_once(sandbox: RunningSandbox) -> None:
    session = paid_session(sandbox, iban=GOOD_IBAN)
    sandbox.control("settle", id=session.payment_intent.id)
    charge = charge_of(sandbox, sandbox.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]}))
    assert sandbox.control("disputes/open", charge=charge.id, reason="debit_not_authorized")["status"] == "lost"
    assert "charge.dispute.closed" in sandbox.delivered()


def test_a_payout_takes_everything_available_and_its_lines_add_up(sandbox: RunningSandbox) -> None:
    sessions = [paid_session(sandbox, amount) for amount in (2_000, 3_000)]
    refund(sandbox, sessions[0], amount=500)
    with pytest.raises(AssertionError, match="balance_insufficient"):
        sandbox.control("payouts")
    sandbox.control("clock", advance=2 * DAY)
    paid_session(sandbox, 9_000)
    payout = sandbox.v1.payouts.retrieve(sandbox.control("payouts")["id"])
    lines = sandbox.v1.balance_transactions.list({"payout": payout.id}).data
    assert (payout.status, payout.amount) == ("paid", 2_000 - 55 + 3_000 - 70 - 500)
    assert sorted((line.type, line.net) for line in lines) == [
        ("charge", 1_945), ("charge", 2_930), ("payout", -payout.amount), ("refund", -500),
    ]  # fmt: skip
    balance = sandbox.v1.balance.retrieve()
    assert (balance.available[0].amount, balance.pending[0].amount) == (0, 9_000 - 160)
    assert [one.id for one in sandbox.v1.payouts.list({"status": "paid"}).data] == [payout.id]
    assert "payout.paid" in sandbox.delivered()


ACTS = st.lists(
    st.tuples(st.sampled_from(["pay", "refund", "dispute", "win", "lose", "payout"]), st.integers(50, 5_000)),
    max_size=14,
)


@settings(max_examples=15)
@given(ACTS)
def test_whatever_happens_the_balance_is_what_came_less_what_went(acts: list[tuple[str, int]]) -> None:
    """Refusals count too: they must change nothing."""
    with running_sandbox() as sandbox:
        expected, paid_out = 0, 0
        charges: list[str] = []
        disputes: list[tuple[str, int]] = []
        for act, amount in acts:
            try:
                if act == "pay":
                    session = sandbox.v1.checkout.sessions.create(session_params(amount))
                    sandbox.control("pay", session=session.id)
                    intent = sandbox.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
                    charges.append(intent.payment_intent.latest_charge)
                    expected += amount - ((amount * 15 + 500) // 1000 + 25)
                elif act == "refund" and charges:
                    expected -= sandbox.v1.refunds.create({"charge": charges[-1], "amount": amount}).amount
                elif act == "dispute" and charges:
                    dispute = sandbox.control("disputes/open", charge=charges[-1])
                    disputes.append((dispute["id"], dispute["amount"]))
                    expected -= dispute["amount"] + 1_500
                elif act in {"win", "lose"} and disputes:
                    sandbox.control(f"disputes/{act}", dispute=disputes[-1][0])
                    expected += disputes[-1][1] if act == "win" else 0
                elif act == "payout":
                    paid_out += sandbox.control("payouts", pending=True)["amount"]
            except (stripe.InvalidRequestError, AssertionError):
                continue
        balance = sandbox.v1.balance.retrieve()
        assert balance.available[0].amount + balance.pending[0].amount + paid_out == expected
