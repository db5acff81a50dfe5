# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document is true: generated requests get no 500 and only documented answers."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.worlds import Market, Tenant

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def probe_of(operation: Any, key: str) -> Any:
    """Return a property test of one operation."""

    @settings(
        max_examples=10,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(data=st.data())
    def probe(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy())
        response = case.call(headers={"Authorization": f"Bearer {key}"})
        case.validate_response(response, checks=CHECKS)

    return probe


@pytest.fixture
def kept_connection() -> Iterator[None]:
    """Keep the test's transaction: outside the test client, each answer would close its connection."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.timeout(400)
@pytest.mark.usefixtures("kept_connection")
def test_generated_requests_get_only_documented_answers(mine: Tenant, market: Market) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/openapi.yaml", get_wsgi_application())
    key = mine.key()
    tried = 0
    for result in schema.get_all_operations():
        probe_of(result.ok(), key)()
        tried += 1
    assert tried >= 15
