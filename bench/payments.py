# SPDX-License-Identifier: Apache-2.0
"""payments.webhook: how long a signed delivery waits for its answer, the first time and again."""

import hashlib
import hmac
import json
import time
from functools import partial
from typing import Any

from django.test import Client, override_settings

from bench.measure import Series, say, timed

DELIVERIES = 400
WARM = 20
SECRET = "whsec_bench"  # signs only what this bench sends to itself
GOAL = 200


def webhook(sizes: list[int]) -> None:
    """Say p95 of an event that is new and of one that was stored before: signature, one row, a bell, the answer."""
    from billing.purchases.models import ProcessorEvent
    from billing.purchases.payments import connect

    assert sizes is not None
    client = Client()
    bodies = [_event(number) for number in range(WARM + DELIVERIES)]
    own = {"STRIPE_SECRET_KEY": "sk_test_bench", "STRIPE_WEBHOOK_SECRETS": [SECRET], "STRIPE_API_BASE": ""}
    with override_settings(**own):
        connect.gateway.cache_clear()
        for name in ("new", "again"):
            series = Series([timed(partial(_deliver, client, body)) for body in bodies])
            del series.spent[:WARM]
            say(f"payments.webhook.{name}", 1000 * series.percentile(0.95), "ms at p95", clock="wall", size=DELIVERIES,
                workers=1, median_of=DELIVERIES, goal=GOAL,
                baseline=f"median {1000 * series.median('wall'):.1f} ms")  # fmt: skip
    connect.gateway.cache_clear()
    assert ProcessorEvent.objects.count() == len(bodies)


def _event(number: int) -> bytes:
    session = {"id": f"cs_test_{number}", "object": "checkout.session", "metadata": {"payment": f"pay_{number}"}}
    event = {
        "id": f"evt_{number}",
        "object": "event",
        "type": "checkout.session.completed",
        "livemode": False,
        "created": int(time.time()),
        "data": {"object": session},
    }
    return json.dumps(event).encode()


def _deliver(client: Client, body: bytes) -> Any:
    at = int(time.time())
    signature = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    signed = {"Stripe-Signature": f"t={at},v1={signature}"}
    answer = client.post("/webhooks/stripe", body, content_type="application/json", headers=signed)
    assert answer.status_code == 200, (answer.status_code, answer.content)
    return answer
