# SPDX-License-Identifier: Apache-2.0
"""The database of each worker: migrated once, and copied by the workers that come later and by later runs."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
import psycopg
from django.db import connection
from django.test.utils import setup_databases
from psycopg import sql

ROOT = Path(__file__).resolve().parents[1]
APPS = ("aion", "billing", "clusters", "marketplace")
PREFIX = "aion_template_"
LOCK = 4_117_023  # any number that nothing else locks by


def make_database() -> Any:
    """Make the test database and return what ``teardown_databases`` wants."""
    template = PREFIX + digest()
    with _server() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{PREFIX}%"])
        templates = {name for (name,) in cursor.fetchall()}
        mine = str(connection.creation._get_test_db_name())
        if template in templates:
            _drop(cursor, mine)
            _copy(cursor, template, mine)
        made = setup_databases(
            verbosity=0, interactive=False, keepdb=template in templates, serialized_aliases=frozenset()
        )
        if template not in templates:
            connection.close()
            for old in templates:
                _drop(cursor, old)
            _copy(cursor, mine, template)
    return made


def digest() -> str:
    """Return what changes whenever a migration does."""
    found = hashlib.sha256(django.__version__.encode())
    for app in APPS:
        for path in sorted((ROOT / app).rglob("migrations/**/*")):
            if path.suffix in {".py", ".sql"}:
                found.update(path.read_bytes())
    return found.hexdigest()[:16]


@contextmanager
def as_template() -> Iterator[str]:
    """Yield the name of the migrated database that the others are copied from; nobody copies it meanwhile."""
    with _server() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        yield PREFIX + digest()


@contextmanager
def _server() -> Iterator[psycopg.Cursor[Any]]:
    """Yield a cursor on the server's own database; closing it gives the lock back."""
    settings = connection.get_connection_params() | {"dbname": "postgres"}
    known = {name: settings[name] for name in ("host", "port", "user", "password", "dbname") if name in settings}
    with psycopg.connect(**known, autocommit=True) as server, server.cursor() as cursor:
        yield cursor


def _copy(cursor: psycopg.Cursor[Any], source: str, name: str) -> None:
    cursor.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(source)))


def _drop(cursor: psycopg.Cursor[Any], name: str) -> None:
    cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
