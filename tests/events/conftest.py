# SPDX-License-Identifier: Apache-2.0
"""Fixtures of events."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aion.events.models import Event, WebhookDelivery, WebhookEndpoint
from aion.events.services.emission import emit, fan_out
from aion.events.services.endpoints import create_endpoint
from tests.events.receiver import Receiver, receiving
from tests.worlds import NOW, Tenant


@pytest.fixture
def private(settings: Any) -> None:
    """Let webhooks go to loopback, as the demo does."""
    settings.WEBHOOKS_ALLOW_PRIVATE = True


@pytest.fixture
def receiver(private: None) -> Iterator[Receiver]:
    """Serve a well-behaved receiver."""
    with receiving() as one:
        yield one


@pytest.fixture
def happen(db: None) -> Callable[..., Event]:
    """Return a function that emits one event."""
    count = iter(range(1_000_000))

    def emitted(tenant: Tenant, type: str = "credit.low", **data: Any) -> Event:
        event = emit(organisation_id=tenant.organisation.pk, type=type, data=data, key=f"test:{next(count)}", at=NOW)
        assert event is not None
        return event

    return emitted


@pytest.fixture
def endpoint_of(db: None) -> Callable[..., tuple[WebhookEndpoint, str]]:
    """Return a function that creates an endpoint."""

    def created(tenant: Tenant, url: str = "https://hooks.example/", **fields: Any) -> tuple[WebhookEndpoint, str]:
        # What happened before, such as the lot of the world, is none of its business.
        Event.objects.filter(fanned_out_at=None).update(fanned_out_at=NOW)
        return create_endpoint(actor=tenant.actor(), url=url, at=NOW, **fields)

    return created


@pytest.fixture
def delivery_of(happen: Callable[..., Event]) -> Callable[..., WebhookDelivery]:
    """Return a function that emits an event and fans it out to one endpoint."""

    def delivery(tenant: Tenant, endpoint: WebhookEndpoint, **fields: Any) -> WebhookDelivery:
        event = happen(tenant, **fields)
        fan_out(at=NOW)
        row: WebhookDelivery = WebhookDelivery.objects.get(event=event, endpoint=endpoint)
        return row

    return delivery
