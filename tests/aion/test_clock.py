# SPDX-License-Identifier: Apache-2.0
"""The clock: real, unless a replay set a virtual one, and the portal says so."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from aion import clock

MAY = datetime(2020, 5, 14, 9, 30, tzinfo=UTC)
SENTENCE = "A month is being replayed: the portal's clock reads 14 May 2020."


@pytest.fixture
def virtual(db: Any, settings: Any) -> None:
    settings.VIRTUAL_CLOCK = True


def test_without_a_replay_there_is_no_virtual_instant_and_nothing_is_asked(
    db: None, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        assert clock.virtual_now() is None
        assert (datetime.now(UTC) - clock.now()).total_seconds() < 5


def test_a_virtual_instant_is_what_now_reads_until_it_is_released(virtual: None) -> None:
    assert clock.virtual_now() is None
    clock.set_virtual(MAY)
    assert (clock.virtual_now(), clock.now()) == (MAY, MAY)
    clock.release()
    assert clock.virtual_now() is None
    assert clock.now().year > 2020


def test_every_page_says_that_a_month_is_being_replayed(virtual: None) -> None:
    clock.set_virtual(MAY)
    for path in ("/prices/", "/accounts/login/", "/nowhere/"):
        assert SENTENCE in " ".join(Client().get(path).content.decode().split()), path
    clock.release()
    assert "is being replayed" not in Client().get("/prices/").content.decode()
