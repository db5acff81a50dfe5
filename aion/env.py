# SPDX-License-Identifier: Apache-2.0
"""Typed readers of the environment: a missing or wrong value stops the process with a sentence."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import conninfo_to_dict

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}
CACHE_DATABASE = 1
CACHE_PATIENCE_SECONDS = 0.25


def text(name: str, *, default: str | None = None) -> str:
    """Return the variable ``name``. Raises ImproperlyConfigured when it is unset and has no default."""
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"Set the environment variable {name}; see docs/operations.md.")
    return value


def secret(name: str, *, default: str | None = None) -> str:
    """Return a secret from ``name`` or from the file that ``name_FILE`` points to."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE points to a file that cannot be read: {error}.") from error
    value = text(name, default=default)
    if len(value) < 16 and value != default:
        raise ImproperlyConfigured(f"{name} is too short to be a secret: use at least 16 characters.")
    return value


def flag(name: str, *, default: bool) -> bool:
    """Return a boolean. Raises ImproperlyConfigured for anything that is not yes or no."""
    value = os.environ.get(name)
    if value is None:
        return default
    if value.lower() in TRUE:
        return True
    if value.lower() in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be yes or no, not {value!r}.")


def number(name: str, *, default: int, minimum: int = 0) -> int:
    """Return an integer of at least ``minimum``."""
    value = os.environ.get(name)
    if value is None:
        return default
    try:
        result = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None
    if result < minimum:
        raise ImproperlyConfigured(f"{name} must be at least {minimum}, not {result}.")
    return result


def choice(name: str, *, default: str, among: Collection[str]) -> str:
    """Return one of ``among``. Raises ImproperlyConfigured for anything else."""
    value = os.environ.get(name, default)
    if value not in among:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(among)}, not {value!r}.")
    return value


def words(name: str, *, default: str) -> list[str]:
    """Return a comma-separated list without empty entries."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def database(name: str) -> dict[str, Any]:
    """Return Django's settings of the PostgreSQL that the URL ``name`` points to, read by libpq's own parser."""
    url = text(name)
    try:
        parts = conninfo_to_dict(url)
    except Exception as error:
        raise ImproperlyConfigured(f"{name} is not a PostgreSQL address: {error}") from error
    known = {"dbname", "user", "password", "host", "port"}
    if not parts.get("dbname"):
        raise ImproperlyConfigured(f"{name} names no database: postgresql://user@host/DATABASE.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts["dbname"],
        "USER": parts.get("user", ""),
        "PASSWORD": parts.get("password", ""),
        "HOST": parts.get("host", ""),
        "PORT": str(parts.get("port", "")),
        "OPTIONS": {key: value for key, value in parts.items() if key not in known},
    }


def cache(name: str, *, broker: str) -> dict[str, Any]:
    """Return Django's settings of the cache that processes share: the one ``name`` points to, or the broker's own.

    A broker that is neither Redis nor Valkey has none: each process then counts for itself. Raises ImproperlyConfigured
    for an address that is no Redis.
    """
    given = os.environ.get(name, "")
    address = _redis_address(given or broker)
    if address is None and given:
        raise ImproperlyConfigured(f"{name} is no address of Redis or Valkey: redis://host:6379/1, unix:///path?db=1.")
    if address is None:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    if not given:  # another database than the broker's queues stand in
        address += f"{'&' if '?' in address else '?'}db={CACHE_DATABASE}"
    return {
        "BACKEND": "aion.cache.SharedCache",
        "LOCATION": [address],
        "KEY_PREFIX": "aion",
        "OPTIONS": {
            "serializer": "aion.cache.JsonSerializer",
            "socket_connect_timeout": CACHE_PATIENCE_SECONDS,
            "socket_timeout": CACHE_PATIENCE_SECONDS,
        },
    }


def _redis_address(url: str) -> str | None:
    """Return ``url`` as the client of Redis writes it; Celery has a scheme of its own for sockets."""
    parts = urlsplit(url)
    if parts.scheme == "redis+socket":
        return f"unix://{parts.path}"
    return url if parts.scheme in {"redis", "rediss", "unix"} else None
