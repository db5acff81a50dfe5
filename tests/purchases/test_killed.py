# SPDX-License-Identifier: Apache-2.0
"""kill -9 of whoever works on payments, at any moment, at a processor of its own: the books end where they must."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from psycopg.conninfo import make_conninfo

from billing.purchases.models import Dispute, Payment, Refund
from billing.purchases.payments import connect
from billing.purchases.services import refunds
from tests.billing.books import drift
from tests.purchases.scenes import buy, credited, staff, with_identity
from tests.sandbox.server import KEY, SECRET, RunningSandbox, running_sandbox
from tests.worlds import Tenant, make_tenant

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("AION_PAYMENT_KILLS", "4"))
SEED = int(os.environ.get("AION_DELIVERY_SEED", "2026"))
PAYMENTS = 12
pytestmark = pytest.mark.timeout(120 + 20 * KILLS)


@pytest.fixture
def sandbox(settings: Any) -> Iterator[RunningSandbox]:
    """Run a processor and let the product speak to it."""
    connect.gateway.cache_clear()
    with running_sandbox() as running:
        settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRETS = KEY, [SECRET]
        settings.STRIPE_API_BASE = running.base_url
        yield running
    connect.gateway.cache_clear()


def worker(sandbox: RunningSandbox, at: datetime) -> subprocess.Popen[bytes]:
    """Start a worker on the test's own database and wait until it is loaded."""
    parts = connection.get_connection_params()
    known = {name: parts[name] for name in ("host", "port", "user", "password", "dbname") if parts.get(name)}
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": make_conninfo(**known),
        "AION_STRIPE_SECRET_KEY": KEY,
        "AION_STRIPE_WEBHOOK_SECRET": SECRET,
        "AION_STRIPE_API_BASE": sandbox.base_url,
    }
    started = subprocess.Popen(
        [sys.executable, "-m", "tests.purchases.events_worker", at.isoformat()],
        cwd=ROOT, env=env, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert started.stdout is not None
    assert started.stdout.readline() == b"ready\n"
    return started


def happen(tenant: Tenant, sandbox: RunningSandbox, chance: random.Random) -> None:
    """Let payments be bought, paid, disputed and refunded at the processor, while nobody here listens."""
    sandbox.control("webhooks", drop=10_000)
    for _ in range(PAYMENTS):
        payment = buy(tenant, chance.randint(10, 500))
        sandbox.control("pay", session=payment.session_id)
        session = sandbox.v1.checkout.sessions.retrieve(payment.session_id, {"expand": ["payment_intent"]})
        what = chance.choice(["nothing", "won", "lost", "desk"])
        if what in {"won", "lost"}:
            dispute = sandbox.control("disputes/open", charge=session.payment_intent.latest_charge)
            sandbox.control(f"disputes/{'win' if what == 'won' else 'lose'}", dispute=dispute["id"])
        elif what == "desk":
            sandbox.v1.refunds.create({"payment_intent": session.payment_intent.id, "amount": payment.gross_cents // 3})


def truth(sandbox: RunningSandbox) -> int:
    """Return captured − refunded − lost in gross cents, as the processor alone has it."""
    intents = sandbox.v1.payment_intents.list({"limit": 100}).data
    back = [one.amount for one in sandbox.v1.refunds.list({"limit": 100}).data if one.status == "succeeded"]
    lost = [one.amount for one in sandbox.v1.disputes.list({"limit": 100}).data if one.status == "lost"]
    return sum(int(one.amount_received) for one in intents) - sum(back) - sum(lost)


def test_killed_at_any_moment_the_credit_is_captured_less_refunded_less_lost(
    committed: None, sandbox: RunningSandbox, settings: Any
) -> None:
    settings.FOUR_EYES_LIMIT_MICROCREDITS = 10**15
    chance = random.Random(SEED)
    tenant = make_tenant("mine", credit=0)
    with_identity(tenant)
    happen(tenant, sandbox, chance)
    at, killed = datetime.now(UTC) + timedelta(minutes=10), 0
    while killed < KILLS or not Refund.objects.filter(found=False, state="succeeded").exists():
        before = Payment.objects.filter(state="paid").count()
        started = worker(sandbox, at)
        step = chance.randint(0, 2)
        while started.poll() is None and Payment.objects.filter(state="paid").count() < before + step:
            time.sleep(0.01)  # a worker says nothing while it works
        started.kill()
        killed += started.wait() != 0
        at += timedelta(minutes=10)
        free = Payment.objects.filter(state="paid", disputes=None, refunds=None).first()
        if free is not None:
            refunds.request_refund(actor=staff(), payment_id=free.pk, credits_=5, reason="chaos", at=at)
        if started.returncode == 0:
            happen(tenant, sandbox, chance)
    assert worker(sandbox, at).wait() == 0
    assert set(Payment.objects.values_list("state", flat=True)) == {"paid"}
    gross, net = booked()
    assert (gross, net * 10_000) == (truth(sandbox), credited(tenant))
    assert drift() == []


def booked() -> tuple[int, int]:
    """Return captured − refunded − lost of our own rows, gross and net, in cents."""
    rows = [
        Payment.objects.filter(state="paid"),
        Refund.objects.filter(state="succeeded"),
        Dispute.objects.filter(state="lost"),
    ]
    sums = [one.aggregate(gross=Sum("gross_cents", default=0), net=Sum("net_cents", default=0)) for one in rows]
    got, back, lost = sums
    return got["gross"] - back["gross"] - lost["gross"], got["net"] - back["net"] - lost["net"]
