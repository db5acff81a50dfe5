# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL that has been migrated already, for tests that start a server of their own and are not about that.

It is made once for a state of the migrations, from a dump of what the suite's own migration from nothing has made. The
data of a stopped server are then copied by whoever starts one: the product's own `migrate` runs on them and finds
nothing to do. One demo begins with nothing at all, as people do: that of ``test_demo_survives``.
"""

import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from aion.local import layout
from aion.local.layout import Group
from aion.local.postgres import Postgres, wait_for_database
from tests.database import as_template, digest

VARIABLE = "AION_LOCAL_CLUSTER"


def migrated_cluster() -> dict[str, str]:
    """Return the variable that names the prepared data; nothing where the suite was given a server."""
    if os.environ.get("DATABASE_URL") != _own("test").database_url():
        return {}
    with (layout.STATE / "prepared.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        group = _own("prepared")
        group.directory.mkdir(exist_ok=True)
        group.sockets.mkdir(mode=0o755, exist_ok=True)
        server, stamp = Postgres(group, durable=False), group.directory / "digest"
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != digest():
            stamp.unlink(missing_ok=True)
            shutil.rmtree(server.data, ignore_errors=True)
            _make(group, server)
            stamp.write_text(digest(), encoding="utf-8")
    return {VARIABLE: str(server.data)}


def _own(name: str) -> Group:
    """Return a group that runs its own server, though the environment names the suite's."""

    class Own(Group):
        own_database = True  # type: ignore[assignment]

    return Own(name)


def _make(group: Group, server: Postgres) -> None:
    """Copy the suite's migrated database into the one that every new database of this server begins as."""
    server.prepare()
    with _running(group, server), as_template() as name:
        dump = subprocess.Popen(
            [server.bin / "pg_dump", "--format=custom", "--host", _own("test").sockets, "--username=aion", name],
            stdout=subprocess.PIPE, cwd="/", **server.identity(),
        )  # fmt: skip
        subprocess.run(
            [server.bin / "pg_restore", "--exit-on-error", "--host", group.sockets, "--username=aion",
             "--dbname=template1"],
            stdin=dump.stdout, check=True, cwd="/", **server.identity(),
        )  # fmt: skip
        assert dump.wait() == 0


@contextmanager
def _running(group: Group, server: Postgres) -> Iterator[None]:
    with (group.directory / "log").open("wb") as log:
        process = subprocess.Popen(server.command(), cwd="/", stdout=log, stderr=log, **server.identity())
        try:
            wait_for_database(group)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait() == 0
