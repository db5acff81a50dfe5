# SPDX-License-Identifier: Apache-2.0
"""One sandbox for each test."""

from collections.abc import Iterator

import pytest

from tests.sandbox.server import RunningSandbox, running_sandbox


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    """Return a sandbox that starts empty."""
    with running_sandbox() as running:
        yield running
