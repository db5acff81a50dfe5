# SPDX-License-Identifier: Apache-2.0
"""One checking process for all tests of invoicing that need the real rules: they take seconds to compile."""

from collections.abc import Iterator

import pytest

from billing.invoicing.checks.client import Checker


@pytest.fixture(scope="session")
def checker() -> Iterator[Checker]:
    """Return the real checks."""
    real = Checker()
    yield real
    real.close()
