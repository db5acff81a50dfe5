# SPDX-License-Identifier: Apache-2.0
"""Doorbells of purchases: one call each; every one may run twice. Without a processor they do nothing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from celery import shared_task
from django.db.models import Q

from aion import clock
from billing.purchases.models import Payment
from billing.purchases.payments.connect import configured
from billing.purchases.payments.gateway import GatewayDown, GatewayRefused
from billing.purchases.services import disputes, inbox, papers, payouts, recharge, refunds, syncing
from billing.purchases.states import PaymentState

log = structlog.get_logger(__name__)
STALE = timedelta(minutes=5)
NEVER_OPENED = timedelta(hours=1)


def _asked(act: Callable[[], int]) -> int:
    """Do nothing without a processor, and leave it to the next time when it does not answer."""
    if not configured():
        return 0
    try:
        return act()
    except (GatewayDown, GatewayRefused) as error:
        log.warning("payment processor", error=type(error).__name__)
        return 0


@shared_task(name="purchases.process_events")
def process_events(**_: Any) -> int:
    """Look at the events that wait."""
    return _asked(lambda: inbox.process_due(at=clock.now()))


@shared_task(name="purchases.sweep_events")
def sweep_events(**_: Any) -> int:
    """Fetch events that were never delivered."""
    return _asked(lambda: inbox.sweep(at=clock.now()))


@shared_task(name="purchases.sweep_payments")
def sweep_payments(**_: Any) -> int:
    """Look up payments of which nothing was heard for a while."""
    return _asked(lambda: look_up(at=clock.now()))


def look_up(*, at: datetime) -> int:
    """Look up unsettled payments, least lately seen first; return how many."""
    quiet = Q(checked_at=None, created_at__lte=at - STALE) | Q(checked_at__lte=at - STALE)
    rows = list(Payment.objects.unsettled().filter(quiet).order_by("checked_at")[:200])
    for payment in rows:
        if payment.state == PaymentState.CREATED and payment.created_at <= at - NEVER_OPENED:
            syncing.give_up(payment_id=payment.pk, at=at)
        try:
            syncing.sync_payment(payment_id=payment.pk, at=at)
        except GatewayRefused as error:  # one that the processor does not know must not keep the others waiting
            Payment.objects.filter(pk=payment.pk).update(checked_at=at, problem=error.code)
    return len(rows)


@shared_task(name="purchases.send_refunds")
def send_refunds(**_: Any) -> int:
    """Send refunds whose answer is missing, and ask for papers that could not be had before."""
    papers.catch_up(at=clock.now())
    return _asked(lambda: refunds.send_due(at=clock.now()))


@shared_task(name="purchases.tend_disputes")
def tend_disputes(**_: Any) -> int:
    """Freeze what came back to disputed lots, and collect what is owed from them."""
    return disputes.tend(at=clock.now())


@shared_task(name="purchases.recharge_low_balances")
def recharge_low_balances(**_: Any) -> int:
    """Buy credit for those who asked for it."""
    return _asked(lambda: recharge.recharge_low(at=clock.now()))


@shared_task(name="purchases.compare_payouts")
def compare_payouts(**_: Any) -> int:
    """Compare payouts with payments; return how many do not add up."""
    return _asked(lambda: len(payouts.compare(at=clock.now())))
