# SPDX-License-Identifier: Apache-2.0
"""Deliveries twice, late, out of order, never; and a death at any statement: credits = captured − refunded − lost."""

import os
import random
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from aion.errors import DomainError
from billing.purchases.models import Payment
from billing.purchases.services import disputes, inbox, refunds
from billing.purchases.states import Method
from billing.purchases.tasks import STALE, look_up
from tests.billing.books import drift
from tests.purchases.scenes import buy, credited, deserved, intent_of, spend, staff
from tests.purchases.twin import Twin
from tests.worlds import MICRO, NOW, Tenant

DELIVERIES = int(os.environ.get("AION_DELIVERIES", "500"))
SEED = int(os.environ.get("AION_DELIVERY_SEED", "2026"))


class Killed(BaseException):
    """The process died here."""


class Death:
    """Dies at the n-th statement, before or after it was executed; what was not committed is gone."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        """Execute, or die."""
        self.left -= 1
        if self.left == 0:
            raise Killed
        return execute(sql, *arguments)


def alive(act: Callable[[], Any], chance: random.Random) -> bool:
    """Run ``act``, and one time in four die in it; tell whether it lived."""
    if chance.random() > 0.25:
        act()
        return True
    try:
        with transaction.atomic(), connection.execute_wrapper(Death(chance.randint(1, 60))):
            act()
    except Killed:
        return False
    return True


class Company:
    """A tenant that buys, spends and is disputed at random, at a processor that delivers at random."""

    def __init__(self, tenant: Tenant, twin: Twin, chance: random.Random) -> None:
        self.tenant, self.twin, self.chance = tenant, twin, chance
        self.staff = staff()
        self.delivered = 0

    def payments(self) -> list[Payment]:
        """Return all payments that have a page."""
        return list(Payment.objects.exclude(session_id=None).order_by("pk"))

    def buy(self) -> None:
        """Open a page."""
        method = self.chance.choice([Method.CARD, Method.SEPA_DEBIT])
        buy(self.tenant, self.chance.randint(10, 2_000), method)

    def move_money(self) -> None:
        """Let the bank do something to a payment."""
        payment = self.chance.choice(self.payments())
        intent = intent_of(self.twin, payment)
        seen = self.twin.payments[intent]
        if seen.state in {"open", "processing"}:
            if self.chance.random() < 0.3 and seen.state == "open":
                self.twin.set(intent, "processing")
            elif self.chance.random() < 0.15:
                self.twin.set(intent, "failed", "card_declined")
            else:
                self.twin.pay(intent, payment.gross_cents)
        elif seen.state == "paid":
            self.money_back(payment, intent)

    def money_back(self, payment: Payment, intent: str) -> None:
        """Dispute, decide a dispute, or refund: here, or at the processor's desk."""
        seen = self.twin.payments[intent]
        pending = [one for one in seen.disputes if one.state == "open"]
        if pending:
            self.twin.close_dispute(intent, pending[0].id, self.chance.choice(["won", "lost"]))
        elif not seen.disputes and not seen.refunds and self.chance.random() < 0.4:
            self.twin.dispute(intent, payment.gross_cents)
        elif not seen.disputes and self.chance.random() < 0.3:
            gone = sum(one.cents for one in seen.refunds)
            part = self.chance.randint(1, max(1, payment.gross_cents // 3))
            if gone + part <= payment.gross_cents:
                self.twin.refund(intent=intent, cents=part, refund="", key=f"desk{self.chance.random()}")
        else:
            try:
                refunds.request_refund(
                    actor=self.staff,
                    payment_id=payment.pk,
                    credits_=self.chance.randint(1, 200),
                    reason="chaos",
                    at=NOW,
                )
            except DomainError:
                return

    def spend(self) -> None:
        """Use some credit."""
        rows = Payment.objects.exclude(lot=None).select_related("lot").order_by("pk")
        filled = [one for one in rows if one.lot.available > 10 * MICRO]
        if filled:
            spend(self.chance.choice(filled), self.chance.randint(1, 9))

    def deliver(self) -> None:
        """Deliver any event there ever was: again, too late, before an earlier one; a tenth never."""
        if self.twin.log:
            event = self.chance.choice(self.twin.log[-40:])
            self.delivered += 1
            if self.chance.random() > 0.1:
                inbox.receive(body=event.id.encode(), signature="good", at=NOW)

    def work(self) -> None:
        """Do what the tasks do, at a processor that sometimes gives no answer."""
        self.twin.down = self.chance.choice([0, 0, 0, 1])
        act = self.chance.choice(
            [
                lambda: inbox.process_due(at=NOW, limit=5),
                lambda: refunds.send_due(at=NOW),
                lambda: disputes.tend(at=NOW),
            ]
        )
        alive(act, self.chance)
        self.twin.down = 0


def settle(company: Company) -> None:
    """Let banks decide what is on its way and the sweeps find everything; time goes on until nothing waits."""
    for payment in company.payments():
        intent = intent_of(company.twin, payment)
        if company.twin.payments[intent].state == "processing":
            company.twin.set(intent, "failed", "insufficient_funds")
    at = NOW + STALE
    for _ in range(40):
        at += inbox.LONGEST_PAUSE
        inbox.sweep(at=at)
        inbox.process_due(at=at, limit=10_000)
        refunds.send_due(at=at, limit=10_000)
        look_up(at=at)
        disputes.tend(at=at)
        if not Payment.objects.filter(refunds__state="sending").exists() and inbox.process_due(at=at) == 0:
            break


@pytest.mark.parametrize("part", range(max(1, DELIVERIES // 500)))
def test_whatever_is_delivered_credits_are_captured_less_refunded_less_lost(
    buyer: Tenant, twin: Twin, settings: Any, part: int
) -> None:
    settings.FOUR_EYES_LIMIT_MICROCREDITS = 10**15
    chance = random.Random(SEED + part)
    company = Company(buyer, twin, chance)
    company.buy()
    while company.delivered < min(DELIVERIES, 500):
        step = chance.choices(
            [company.buy, company.move_money, company.spend, company.deliver, company.work], [3, 14, 6, 40, 30]
        )[0]
        step()
    settle(company)
    assert Payment.objects.filter(state="paid").count() > 5
    assert credited(buyer) == deserved(buyer, twin), f"repeat with AION_DELIVERY_SEED={SEED + part}"
    assert drift() == []
