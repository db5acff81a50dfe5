# SPDX-License-Identifier: Apache-2.0
"""The drill of docs/operations.md: books that are restored to an instant are the books of that instant."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aion.local.layout import ROOT, Group
from aion.local.postgres import Postgres, ensure_database
from tests.local.cluster import migrated_cluster

pytestmark = [pytest.mark.local, pytest.mark.timeout(400)]
# Everything that is money, by names that a repeated step gives again; ids and keys are drawn when a row is written.
BOOKS = {
    "accounts": "SELECT label, organisation_id, kind, debits, credits, held FROM billing_ledgeraccount ORDER BY 1, 2",
    "transfers": """SELECT t.kind, t.amount, d.label, c.label, t.usage_day, t.effective_at, t.sku_id
                    FROM billing_transfer t JOIN billing_ledgeraccount d ON d.id = t.debit_account_id
                    JOIN billing_ledgeraccount c ON c.id = t.credit_account_id ORDER BY 5, 6, 7, 3, 4, 1, 2""",
    "carries": "SELECT organisation_id, sku_id, carry FROM billing_ratingcarry ORDER BY 1, 2",
    "legs": "SELECT hold_id, position, amount, captured, released FROM billing_holdleg ORDER BY 1, 2",
    "records": "SELECT hour, meter_id, start_second, seconds, exact FROM billing_usagerecord ORDER BY 1, 2, 3",
    "days": "SELECT run_id, day, milli_gpu_seconds, exact FROM billing_usageday ORDER BY 1, 2",
    "hours": "SELECT project_id, sku_id, hour, milli_gpu_seconds, exact FROM billing_usagehour ORDER BY 1, 2, 3",
}
KEYS = "SELECT public_id, idempotency_key, created_at FROM billing_transfer ORDER BY id"


class Server:
    """A PostgreSQL of its own, beside the one that the suite uses."""

    def __init__(self, name: str) -> None:
        self.group = Group(f"drill-{name}")
        self.group.directory.mkdir(parents=True, exist_ok=True)
        self.group.sockets.mkdir(mode=0o755, exist_ok=True)
        self.postgres = Postgres(self.group)
        if self.postgres.user is not None:
            os.chown(self.group.sockets, self.postgres.user.pw_uid, self.postgres.user.pw_gid)
        self.log = self.group.directory / "server.log"
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "aion") -> str:
        """Return the address of a database; the one in the environment is the suite's."""
        return f"postgresql://aion@/{database}?host={self.group.sockets}"

    @property
    def home(self) -> Path:
        """Return the folder that data, archive and backups stand in."""
        return self.postgres.data.parent

    def folder(self, name: str) -> Path:
        """Return an empty folder that the server may write to."""
        path = self.home / name
        path.mkdir(mode=0o700)
        if self.postgres.user is not None:
            os.chown(path, self.postgres.user.pw_uid, self.postgres.user.pw_gid)
        return path

    def start(self, **options: str) -> None:
        """Start and wait until it takes writes: after a restore, until it has reached its target."""
        options["fsync"] = "off"  # the drill kills a process, not a machine: what is written stays written
        words = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self.process = subprocess.Popen(
            [*self.postgres.command(), *words], stdout=self.log.open("ab"), stderr=subprocess.STDOUT, cwd="/",
            **self.postgres.identity(),
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            try:
                if self.ask("SELECT pg_is_in_recovery()", "postgres") == [(False,)]:
                    break
            except psycopg.OperationalError:
                assert self.process.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() < deadline, self.log.read_text()[-2000:]
            time.sleep(0.05)
        ensure_database(self.url())

    def tool(self, name: str, *arguments: str) -> None:
        """Run one of PostgreSQL's own tools against this server, as its user."""
        done = subprocess.run(
            [str(self.postgres.bin / name), "-h", str(self.group.sockets), "-U", "aion", *arguments],
            capture_output=True, text=True, cwd="/", check=False, **self.postgres.identity(),
        )  # fmt: skip
        assert done.returncode == 0, f"{name}: {done.stderr[-600:]}"

    def ask(self, query: str, database: str = "aion") -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            return connection.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]

    def books(self, database: str = "aion") -> dict[str, list[tuple[Any, ...]]]:
        """Return everything that is money."""
        return {name: self.ask(query, database) for name, query in BOOKS.items()}

    def python(self, *arguments: str, database: str = "aion") -> str:
        """Run Python with the product's settings on this database."""
        environment = {
            **os.environ,
            "DATABASE_URL": self.url(database),
            "DJANGO_SETTINGS_MODULE": "tests.settings",
        }
        done = subprocess.run(
            [sys.executable, *arguments], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
        return done.stdout

    def write(self, *steps: Any) -> None:
        """Let the bookkeeper take some steps."""
        self.python("-m", "tests.local.bookkeeper", json.dumps(steps))

    def reconciled(self, database: str = "aion") -> bool:
        """Run the reconciler, which exits 1 on drift."""
        answer: dict[str, Any] = json.loads(
            self.python("manage.py", "reconcile_ledger", "--json", database=database).splitlines()[-1]
        )
        return bool(answer["reconciled"])

    def archive_all(self) -> None:
        """Close the current segment of the log and wait until the archive has it."""
        self.ask("SELECT pg_switch_wal()")
        ((wanted,),) = self.ask("SELECT pg_walfile_name(pg_current_wal_lsn() - 1)")
        deadline = time.monotonic() + 30
        archived = f"SELECT coalesce(last_archived_wal, '') >= '{wanted}' FROM pg_stat_archiver"
        while self.ask(archived) != [(True,)]:
            assert time.monotonic() < deadline, "the archive does not fill"
            time.sleep(0.05)

    def kill(self) -> None:
        """End the server as a power cut would."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(30)


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give servers by name that begin migrated; nothing of them is left."""
    made: list[Server] = []
    for name, value in migrated_cluster().items():
        monkeypatch.setenv(name, value)

    def make(name: str) -> Server:
        _remove(Server(name))
        server = Server(name)
        made.append(server)
        return server

    yield make
    for server in made:
        server.kill()
        _remove(server)


def _remove(server: Server) -> None:
    for path in (server.group.directory, server.group.sockets, server.postgres.outside):
        shutil.rmtree(path, ignore_errors=True)


def test_books_restored_to_an_instant_are_those_of_that_instant_and_lead_to_the_same_end(
    servers: Any, record_property: Any
) -> None:
    began = time.monotonic()
    first = servers("first")
    first.postgres.prepare()
    archive = first.folder("archive")
    first.start(archive_mode="on", wal_level="replica", archive_command=f"test ! -f {archive}/%f && cp %p {archive}/%f")
    first.write(["migrate"], ["open"], ["post", 0, 4])
    base = first.folder("base")
    first.tool("pg_basebackup", "-D", str(base), "--checkpoint=fast", "--wal-method=none")
    first.write(["post", 4, 4], ["lot", "After the backup", 2])
    ((instant,),) = first.ask("SELECT clock_timestamp()")
    books, keys = first.books(), first.ask(KEYS)
    later = [["post", 8, 4], ["lot", "After the instant", 3], ["post", 12, 2]]
    first.write(*later)
    final = first.books()
    first.archive_all()
    first.kill()

    lost = time.monotonic()
    second = servers("second")
    shutil.move(base, second.postgres.data)
    (second.postgres.data / "recovery.signal").touch()
    second.start(
        restore_command=f"cp {archive}/%f %p",
        recovery_target_time=instant.isoformat(),
        recovery_target_action="promote",
    )
    restored = time.monotonic()
    assert second.books() == books
    assert second.ask(KEYS) == keys
    assert second.reconciled()
    assert books != final
    proven = time.monotonic()

    second.write(["post", 4, 4], *later, ["reconcile"])
    assert second.books() == final
    figures = {"drill": time.monotonic() - began, "restore": restored - lost, "restore and proof": proven - lost}
    for name, seconds in figures.items():
        record_property(name, round(seconds, 1))
    sys.stderr.write(f"{ {name: round(seconds, 1) for name, seconds in figures.items()} }\n")


def test_a_dump_brings_back_the_books_with_every_rule_that_guards_them(servers: Any) -> None:
    server = servers("dump")
    server.postgres.prepare()
    server.start()
    server.write(["migrate"], ["open"], ["post", 0, 3])
    file = server.folder("dumps") / "books.dump"
    server.tool("pg_dump", "--format=custom", f"--file={file}", "aion")
    server.tool("createdb", "--template=template0", "copy")
    server.tool("pg_restore", "--exit-on-error", "--dbname=copy", str(file))
    assert server.books("copy") == server.books()
    assert server.reconciled("copy")
    for catalogue in (
        "SELECT tgname, tgrelid::regclass::text, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2",
        "SELECT conname, conrelid::regclass::text, contype, convalidated FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2",
        "SELECT inhrelid::regclass::text, inhparent::regclass::text FROM pg_inherits ORDER BY 1, 2",
        "SELECT indexname, tablename FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
    ):
        assert server.ask(catalogue, "copy") == server.ask(catalogue)
    for change in (
        "UPDATE billing_transfer SET amount = 1",
        "DELETE FROM billing_usagerecord",
        "TRUNCATE billing_transfer CASCADE",
        "UPDATE billing_ledgeraccount SET credits = credits + 1 WHERE kind = 'lot'",
    ):
        with pytest.raises(psycopg.Error), psycopg.connect(server.url("copy")) as connection:
            connection.execute(change)
    assert server.python("manage.py", "migrate", "--check", "--no-input", database="copy") == ""
    server.python("-m", "tests.local.bookkeeper", json.dumps([["post", 3, 2]]), database="copy")
    server.write(["post", 3, 2])
    assert server.books("copy") == server.books()
