# SPDX-License-Identifier: Apache-2.0
"""A processor in memory in the place of the real one, and a tenant that can be invoiced."""

from collections.abc import Iterator
from typing import Any

import pytest

from billing.purchases.payments import connect
from tests.purchases.scenes import with_identity
from tests.purchases.twin import Twin
from tests.worlds import Tenant, make_tenant


@pytest.fixture
def twin(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Twin]:
    """Put a processor in memory where services look for one."""
    settings.STRIPE_SECRET_KEY = "sk_test_twin"
    made = Twin()
    connect.gateway.cache_clear()
    services = ("checkout", "syncing", "refunds", "inbox", "recharge", "payouts")
    for module in (*(f"services.{name}" for name in services), "portal.views"):
        monkeypatch.setattr(f"billing.purchases.{module}.gateway", lambda: made)
    yield made
    connect.gateway.cache_clear()


@pytest.fixture
def nothing_sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Collect the bells that would ring."""
    rung: list[Any] = []
    monkeypatch.setattr("billing.purchases.services.inbox.nudge", lambda name, **_: rung.append(name))
    return rung


@pytest.fixture
def buyer(db: None) -> Tenant:
    """Return a French company with its legal details and no credit."""
    tenant = make_tenant("mine", credit=0)
    with_identity(tenant)
    return tenant
