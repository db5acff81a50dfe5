# SPDX-License-Identifier: Apache-2.0
"""A web process is ready before its first request."""

import gc
from collections.abc import Iterator

import pytest
from django.urls import clear_url_caches, get_resolver

from aion.startup import warm_up


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """Let this process collect again what it keeps."""
    yield
    gc.unfreeze()


def test_what_start_up_made_is_out_of_later_collections() -> None:
    gc.unfreeze()
    warm_up()
    frozen = gc.get_freeze_count()
    assert frozen > 100_000
    assert len(gc.get_objects()) < frozen / 10


def test_every_route_is_there_before_anybody_asks() -> None:
    clear_url_caches()
    warm_up()
    assert "urlconf_module" in vars(get_resolver())
    assert "url_patterns" in vars(get_resolver())
