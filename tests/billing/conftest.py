# SPDX-License-Identifier: Apache-2.0
"""Two members of staff."""

import pytest
from django.test import Client

from tests.billing.staffing import make_staff


@pytest.fixture
def first(db: None) -> Client:
    return make_staff("first")[0]


@pytest.fixture
def second(db: None) -> Client:
    return make_staff("second")[0]
