# SPDX-License-Identifier: Apache-2.0
"""The counts of rate limits, shared by all processes. Nothing else stands in the cache."""

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import structlog
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)
# So long nobody asks a server that did not answer: each request would wait for it anew.
PAUSE_SECONDS = 5.0


class JsonSerializer:
    """Keeps numbers and lists as text: what comes from another machine is never unpickled."""

    def dumps(self, value: Any) -> str:
        """Write ``value``."""
        return json.dumps(value)

    def loads(self, data: bytes) -> Any:
        """Read what was written."""
        return json.loads(data)


class OpenClient(RedisCacheClient):
    """Django's client of Redis, which answers for a server that is down as if nothing were counted yet."""

    # Django makes a cache for each thread and request; the connections are the process's.
    pools: ClassVar[dict[tuple[str, ...], dict[int, Any]]] = {}
    down_until: ClassVar[float] = 0.0

    def __init__(self, servers: Any, **options: Any) -> None:
        """Take the connections that other threads have opened."""
        super().__init__(servers, **options)
        self._pools = self.pools.setdefault(tuple(servers), {})

    def _ask(self, ask: Callable[[], Any], *, instead: Any) -> Any:
        if time.monotonic() < OpenClient.down_until:
            return instead
        try:
            return ask()
        except RedisError as error:
            OpenClient.down_until = time.monotonic() + PAUSE_SECONDS
            log.warning("the cache is down: no rate is limited", error=type(error).__name__, seconds=PAUSE_SECONDS)
            return instead

    def add(self, key: Any, value: Any, timeout: Any) -> Any:
        """Set unless it is there."""
        return self._ask(partial(super().add, key, value, timeout), instead=True)

    def get(self, key: Any, default: Any) -> Any:
        """Return the value."""
        return self._ask(partial(super().get, key, default), instead=default)

    def set(self, key: Any, value: Any, timeout: Any) -> Any:
        """Set."""
        return self._ask(partial(super().set, key, value, timeout), instead=None)

    def touch(self, key: Any, timeout: Any) -> Any:
        """Let it live longer."""
        return self._ask(partial(super().touch, key, timeout), instead=False)

    def delete(self, key: Any) -> Any:
        """Forget it."""
        return self._ask(partial(super().delete, key), instead=False)

    def get_many(self, keys: Any) -> Any:
        """Return several."""
        return self._ask(partial(super().get_many, keys), instead={})

    def has_key(self, key: Any) -> Any:
        """Tell whether it is there."""
        return self._ask(partial(super().has_key, key), instead=False)

    def incr(self, key: Any, delta: Any) -> Any:
        """Count on."""
        return self._ask(partial(super().incr, key, delta), instead=delta)

    def set_many(self, data: Any, timeout: Any) -> Any:
        """Set several."""
        return self._ask(partial(super().set_many, data, timeout), instead=None)

    def delete_many(self, keys: Any) -> Any:
        """Forget several."""
        return self._ask(partial(super().delete_many, keys), instead=None)

    def clear(self) -> Any:
        """Forget all of the database."""
        return self._ask(super().clear, instead=False)


class SharedCache(RedisCache):
    """Django's cache in Redis or Valkey; one that is down stops nobody."""

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        """Use the client that fails open."""
        super().__init__(server, params)
        self._class = OpenClient
