# SPDX-License-Identifier: Apache-2.0
"""The local groups: the demo has a payment sandbox of its own, others when asked."""

from pathlib import Path

import pytest

from aion.local import layout
from aion.local.layout import Group

NAMES = ("AION_STRIPE_API_BASE", "AION_STRIPE_SECRET_KEY", "AION_STRIPE_WEBHOOK_SECRET")


@pytest.fixture(autouse=True)
def nothing_inherited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Give groups a folder of the test's own and an environment without payments."""
    monkeypatch.setattr(layout, "STATE", tmp_path)
    for name in (*NAMES, "AION_PAYMENT_SANDBOX", "AION_PORT"):
        monkeypatch.delenv(name, raising=False)


def test_the_demo_keeps_its_own_key_and_secret_from_one_start_to_the_next() -> None:
    first, second = (Group("demo").load().environment() for _ in range(2))
    assert {name: first[name] for name in NAMES} == {name: second[name] for name in NAMES}
    assert first["AION_STRIPE_API_BASE"].startswith("http://127.0.0.1:")
    assert first["AION_STRIPE_SECRET_KEY"].startswith("sk_test_")
    assert first["AION_STRIPE_WEBHOOK_SECRET"].startswith("whsec_")
    assert Group("demo").load().webhook_url == "http://127.0.0.1:8000/webhooks/stripe"


@pytest.mark.parametrize("name", ["test", "replay", "bench"])
def test_another_group_has_payments_when_it_asks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(Group(name).load().environment()) & set(NAMES) == set()
    monkeypatch.setenv("AION_PAYMENT_SANDBOX", "yes")
    assert set(NAMES) < set(Group(name).load().environment())
